import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnlab import extremal_network, imbalances, operator_matrix, three_layer_rate_bound


@given(
    widths=st.tuples(*[st.integers(1, 7)] * 4),
    spread=st.sampled_from([0.0, 1.0]),
    low_rank=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_has_the_imbalances_and_attains_the_bound(widths, spread, low_rank, seed):
    m, h1, h2, n = widths
    rng = np.random.default_rng(seed)
    shapes = [(h1, m), (h2, h1), (n, h2)]
    weights = [np.exp(spread * rng.standard_normal()) * rng.standard_normal(shape) for shape in shapes]
    if low_rank:  # eigenvalues of the imbalances that are double, or exactly zero
        weights = [np.linalg.svd(W)[1][0] * np.outer(W[:, 0], W[0]) for W in weights]
    D = imbalances(weights)
    extremal = extremal_network(D, m, n)
    assert [W.shape for W in extremal] == shapes
    size = max(np.abs(D_k).max() for D_k in D)
    for found, wanted in zip(imbalances(extremal), D, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-9 * size)
    values = np.linalg.eigvalsh(operator_matrix(extremal))
    bound = three_layer_rate_bound(weights)
    assert values[0] == pytest.approx(bound, rel=1e-8, abs=1e-9 * max(values[-1], size**2))


def test_double_eigenvalues_are_no_trouble():
    """Balanced layers: the least network with these imbalances is the zero one."""
    for W in extremal_network([np.zeros((3, 3)), np.zeros((2, 2))], inputs=2, outputs=1):
        assert not W.any()
    layers = extremal_network([np.eye(3), 2 * np.eye(3)], inputs=3, outputs=3)
    np.testing.assert_allclose(imbalances(layers)[0], np.eye(3), atol=1e-12)
    assert np.linalg.eigvalsh(operator_matrix(layers))[0] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: extremal_network([np.eye(2)], 1, 1), "imbalances must be a list of two matrices"),
        (
            lambda: extremal_network([np.eye(2), [[0.0, 1.0], [0.0, 0.0]]], 1, 1),
            r"imbalances\[1\] must be a sym",
        ),
        (
            lambda: extremal_network([np.eye(2), np.ones((2, 3))], 1, 1),
            r"imbalances\[1\] must be a symmetric",
        ),
        (lambda: extremal_network([np.eye(2), np.eye(2)], 0, 1), "inputs must be a whole number"),
        # A hidden layer that is larger than its only input, in two directions, needs an output for each.
        (lambda: extremal_network([-np.eye(2), np.eye(2)], 1, 1), "which no such network has"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
