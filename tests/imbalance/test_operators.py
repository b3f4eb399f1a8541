import numpy as np
import pytest
from conftest import random_weights
from hypothesis import given
from hypothesis import strategies as st

import dlnlab.imbalance.operators
from dlnlab import (
    balanced,
    end_to_end,
    operator_matrix,
    precondition,
    preconditioner_eigenvalue,
    spectrum,
    tau,
    tau_adjoint,
)


def inner(P, Q):
    return sum(np.sum(p * q) for p, q in zip(P, Q, strict=True))


@given(depth=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_tau_adjoint_is_the_derivative_of_the_product_and_adjoint_to_tau(depth, seed):
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, depth, max_width=5)
    V = [rng.standard_normal(W.shape) for W in weights]
    E = rng.standard_normal((weights[-1].shape[0], weights[0].shape[1]))
    moved = [W + 1j * 1e-30 * v for W, v in zip(weights, V, strict=True)]
    product = moved[0]
    for W in moved[1:]:
        product = W @ product
    np.testing.assert_allclose(tau_adjoint(weights, V), product.imag / 1e-30, atol=1e-10)
    assert inner(tau(weights, E), V) == pytest.approx(np.sum(E * tau_adjoint(weights, V)), abs=1e-9)


@given(depth=st.integers(1, 5), batch=st.sampled_from([(), (2,)]), seed=st.integers(0, 2**32 - 1))
def test_operator_matrix_acts_on_stacked_columns(depth, batch, seed):
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, depth, max_width=4, batch=batch)
    E = rng.standard_normal((*batch, weights[-1].shape[-2], weights[0].shape[-1]))
    direct = tau_adjoint(weights, tau(weights, E))
    stacked = np.swapaxes(E, -1, -2).reshape(*batch, -1, 1)
    result = (operator_matrix(weights) @ stacked)[..., 0]
    np.testing.assert_allclose(result, np.swapaxes(direct, -1, -2).reshape(*batch, -1), atol=1e-9)


@given(depth=st.integers(1, 6), batch=st.sampled_from([(), (3,)]), seed=st.integers(0, 2**32 - 1))
def test_eigenvalue_against_the_dense_operator(depth, batch, seed):
    weights = random_weights(np.random.default_rng(seed), depth, max_width=6, batch=batch)
    expected = np.linalg.eigvalsh(operator_matrix(weights))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        preconditioner_eigenvalue(weights), expected[..., 0], rtol=1e-8, atol=1e-10 * scale
    )


def test_eigenvalue_of_scalar_chains(rng):
    w = rng.uniform(0.5, 2, size=(6, 4))
    expected = (w.prod(axis=1, keepdims=True) ** 2 / w**2).sum(axis=1)
    chains = [w[:, k, None, None] for k in range(4)]
    np.testing.assert_allclose(preconditioner_eigenvalue(chains), expected, rtol=1e-12)


def test_large_operators_are_not_formed(rng, monkeypatch):
    weights = random_weights(rng, 3, max_width=6, batch=(2,))
    expected = preconditioner_eigenvalue(weights)
    monkeypatch.setattr(dlnlab.imbalance.operators, "_TOGETHER", 3)
    np.testing.assert_allclose(preconditioner_eigenvalue(weights), expected, rtol=1e-12, atol=1e-12)
    monkeypatch.setattr(dlnlab.imbalance.operators, "_DENSE", 3)
    found = preconditioner_eigenvalue(weights)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(preconditioner_eigenvalue(weights), found)


def test_a_layer_too_narrow_for_the_product_gives_zero_and_converges(rng):
    """The example on which the iteration did not converge: rank 5 of 30."""
    weights = [rng.standard_normal(shape) for shape in ((5, 30), (5, 5), (30, 5))]
    assert 0 <= preconditioner_eigenvalue(weights) < 1e-8


def test_one_layer_keeps_its_batch(rng):
    weights = [rng.standard_normal((4, 2, 3))]
    np.testing.assert_array_equal(operator_matrix(weights), np.broadcast_to(np.eye(6), (4, 6, 6)))
    assert tau(weights, rng.standard_normal((2, 3)))[0].shape == (4, 2, 3)


def test_balanced_layers_give_the_preconditioner_of_the_end_to_end_flow(rng):
    matrix, Z = rng.standard_normal((2, 3, 4))
    weights = balanced([4, 5, 3, 3], matrix, rng=rng)
    W = end_to_end(weights)
    np.testing.assert_allclose(tau_adjoint(weights, tau(weights, Z)), precondition(W, Z, 3), atol=1e-10)
    assert preconditioner_eigenvalue(weights) == pytest.approx(spectrum(W, 3)[0].min(), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: tau([np.eye(2)], np.eye(3)), r"E must have shape \(..., 2, 2\)"),
        (lambda: tau_adjoint([np.eye(2)], [np.eye(3)]), r"directions\[0\] must end in the shape"),
        (lambda: preconditioner_eigenvalue([]), "weights must be a non-empty list"),
        (lambda: operator_matrix([np.ones((2, 3)), np.ones((2, 3))]), r"weights\[1\] must have 2 columns"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize("width", [2, 70])
def test_the_operator_of_zero_layers_is_zero(width):
    assert preconditioner_eigenvalue([np.zeros((width, width))] * 3) == 0
