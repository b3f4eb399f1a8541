from functools import reduce

import numpy as np
import pytest
from conftest import random_weights
from hypothesis import given
from hypothesis import strategies as st

from dlnlab import (
    Factorization,
    LpRegression,
    Regression,
    end_to_end,
    gradient,
    hessian,
    hessian_vector_product,
)


def product(weights):
    return reduce(lambda below, above: above @ below, weights)


def case(seed, depth, batch, with_readout):
    """Random weights, a loss that fits them, and a readout or None."""
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, depth, batch=batch)
    outputs, inputs = weights[-1].shape[-2], weights[0].shape[-1]
    if with_readout:
        task = Regression(rng.standard_normal((30, inputs)), rng.standard_normal(30))
        return rng, weights, task, rng.standard_normal(outputs)
    return rng, weights, Factorization(rng.standard_normal((outputs, inputs))), None


cases = given(
    seed=st.integers(0, 2**32 - 1),
    depth=st.integers(1, 12),
    batch=st.sampled_from([(), (3,), (2, 1)]),
    with_readout=st.booleans(),
)


@cases
def test_end_to_end_is_the_product(seed, depth, batch, with_readout):
    _, weights, _, readout = case(seed, depth, batch, with_readout)
    expected = product(weights) if readout is None else readout @ product(weights)
    result = end_to_end(weights, readout)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-12)


@cases
def test_gradient_multiplies_what_lies_before_and_behind(seed, depth, batch, with_readout):
    """Layer by layer, with the products formed as matrices."""
    _, weights, loss, readout = case(seed, depth, batch, with_readout)
    row = np.eye(weights[-1].shape[-2]) if readout is None else readout[None, :]
    G = loss.gradient(row @ product(weights))
    for k, part in enumerate(gradient(weights, loss, readout)):
        behind = product([*weights[k + 1 :], row]) if k + 1 < depth else row
        before = product(weights[:k]) if k else np.eye(weights[0].shape[-1])
        expected = np.swapaxes(behind, -1, -2) @ G @ np.swapaxes(before, -1, -2)
        assert part.shape == weights[k].shape
        np.testing.assert_allclose(part, expected, rtol=1e-9, atol=1e-10)


def complex_step(weights, directions, loss_gradient, row, h=1e-30):
    """Derivative of the layers' gradients by a complex step: exact to rounding."""
    moved = [weight + 1j * h * direction for weight, direction in zip(weights, directions, strict=True)]
    parts = []
    G = loss_gradient(row @ product(moved))
    for k in range(len(moved)):
        behind = product([*moved[k + 1 :], row]) if k + 1 < len(moved) else row
        before = product(moved[:k]) if k else np.eye(moved[0].shape[-1])
        parts.append((np.swapaxes(behind, -1, -2) @ G @ np.swapaxes(before, -1, -2)).imag / h)
    return parts


@cases
def test_hessian_vector_product_against_a_complex_step(seed, depth, batch, with_readout):
    rng, weights, loss, readout = case(seed, depth, batch, with_readout)
    directions = [rng.standard_normal(weight.shape) for weight in weights]
    row = np.eye(weights[-1].shape[-2]) if readout is None else readout[None, :]

    def loss_gradient(W):
        if readout is None:
            return W - loss.target
        return 2 * (W - loss.minimizer) @ loss.covariance

    expected = complex_step(weights, directions, loss_gradient, row)
    result = hessian_vector_product(weights, directions, loss, readout)
    for part, reference in zip(result, expected, strict=True):
        np.testing.assert_allclose(part, reference, rtol=1e-9, atol=1e-10 * np.abs(reference).max())


@pytest.mark.parametrize("batch", [(), (4,)])
def test_hessian_is_the_derivative_of_the_gradient(rng, batch):
    weights = random_weights(rng, 3, max_width=4, batch=batch, outputs=2)
    loss = LpRegression(rng.standard_normal((8, weights[0].shape[-1])), rng.standard_normal((8, 2)), 4)
    H = hessian(weights, loss)
    np.testing.assert_allclose(H, np.swapaxes(H, -1, -2), atol=1e-12)
    index, h = 1, 1e-6
    shifted = [[weight.copy() for weight in weights] for _ in range(2)]
    shifted[0][0][..., 0, 1] += h
    shifted[1][0][..., 0, 1] -= h
    plus, minus = (
        np.concatenate([part.reshape(*batch, -1) for part in gradient(moved, loss)], axis=-1)
        for moved in shifted
    )
    np.testing.assert_allclose(H[..., index, :], (plus - minus) / (2 * h), rtol=1e-5, atol=1e-6)


def test_many_directions_at_once(rng):
    weights = random_weights(rng, 3, max_width=5, outputs=1)
    task = Regression(rng.standard_normal((9, weights[0].shape[-1])), rng.standard_normal(9))
    directions = [rng.standard_normal((6, *weight.shape)) for weight in weights]
    together = hessian_vector_product(weights, directions, task)
    for i in range(6):
        alone = hessian_vector_product(weights, [direction[i] for direction in directions], task)
        for whole, part in zip(together, alone, strict=True):
            np.testing.assert_allclose(whole[i], part, rtol=1e-12, atol=1e-13)


def test_depth_one_is_the_loss_itself(rng):
    task = Regression.gaussian(rng=rng)
    w = rng.standard_normal((1, 5))
    np.testing.assert_allclose(gradient([w], task)[0], task.gradient(w))
    np.testing.assert_allclose(hessian([w], task), 2 * task.covariance)


def test_arguments_are_left_alone(rng):
    weights = random_weights(rng, 3, outputs=1)
    copies = [weight.copy() for weight in weights]
    task = Regression(rng.standard_normal((9, weights[0].shape[-1])), rng.standard_normal(9))
    end_to_end(weights)[...] = 0
    for part in gradient(weights, task):
        part[...] = 0
    for weight, copy in zip(weights, copies, strict=True):
        np.testing.assert_array_equal(weight, copy)


class OnlyGradient:
    def value(self, W):
        return np.square(W).sum(axis=(-2, -1)) / 2

    def gradient(self, W):
        return W


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: end_to_end([]), "weights must be a non-empty list"),
        (lambda: end_to_end(np.eye(2)), "weights must be a non-empty list"),
        (lambda: end_to_end([np.ones(2)]), r"weights\[0\] must have at least 2 axes"),
        (lambda: end_to_end([np.ones((2, 3)), np.ones((2, 3))]), r"weights\[1\] must have 2 columns"),
        (lambda: end_to_end([np.ones((4, 2, 3)), np.ones((2, 2))]), r"weights\[1\] must have the batch axes"),
        (lambda: end_to_end([np.full((1, 1), np.nan)]), r"weights\[0\] must be finite"),
        (lambda: end_to_end([np.eye(2)], readout=[1.0]), r"readout must have shape \(2,\)"),
        (lambda: gradient([np.eye(2)], Factorization(np.eye(3))), "W must have shape"),
        (lambda: hessian_vector_product([np.eye(2)], [], Factorization(np.eye(2))), "directions must be"),
        (
            lambda: hessian_vector_product([np.eye(2)], [np.eye(2)] * 2, Factorization(np.eye(2))),
            "directions must have 1 layers",
        ),
        (
            lambda: hessian_vector_product([np.eye(2)], [np.eye(3)], Factorization(np.eye(2))),
            r"directions\[0\] must end in the shape",
        ),
        (
            lambda: hessian_vector_product([np.eye(2)], [np.eye(2)], OnlyGradient()),
            "loss must be an object with the method hessian_product",
        ),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def test_products_with_the_hessian_can_be_written(rng):
    weights = [rng.standard_normal((2, 2))]
    directions = [rng.standard_normal((3, 2, 2))]
    (product,) = hessian_vector_product(weights, directions, Factorization(np.eye(2)))
    assert product.shape == (3, 2, 2)
    product += 1.0


@pytest.mark.parametrize("function", [gradient, hessian])
def test_a_regression_needs_one_output(rng, function):
    weights = random_weights(rng, 2, outputs=3)
    task = Regression(rng.standard_normal((5, weights[0].shape[1])), np.ones(5))
    with pytest.raises(ValueError, match=r"loss\.value must return real numbers of shape"):
        function(weights, task)


def test_a_readout_for_each_network_fits_their_path(rng):
    weights, readout = random_weights(rng, 2, outputs=3, batch=(4, 5)), rng.standard_normal((5, 3))
    together = end_to_end(weights, readout)
    for i in range(4):
        np.testing.assert_allclose(together[i], end_to_end([W[i] for W in weights], readout))
    with pytest.raises(ValueError, match="readout must have shape"):
        end_to_end(weights, readout[:4])
