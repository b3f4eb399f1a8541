import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnlab import balanced, end_to_end, gaussian, imbalanced, imbalances, residual


def test_gaussian_has_the_scale_asked_for(rng):
    weights = gaussian([60, 50, 40], [0.1, 2.0], rng=rng, batch=(2,))
    for layer in weights:
        assert layer[0].std() == pytest.approx(0.1, rel=0.05)
        assert layer[1].std() == pytest.approx(2.0, rel=0.05)
    assert [layer.shape for layer in weights] == [(2, 50, 60), (2, 40, 50)]


def test_same_seed_same_weights():
    first, again = (gaussian([3, 3], 1.0, rng=np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])


def test_residual_layers_are_close_to_the_identity(rng):
    weights = residual(40, 9, 0.5, rng=rng)
    noise = np.stack(weights) - np.eye(40)
    assert len(weights) == 9
    assert noise.std() == pytest.approx(0.5 / np.sqrt(9 * 40), rel=0.05)


@given(
    widths=st.lists(st.integers(2, 6), min_size=2, max_size=6),
    batch=st.sampled_from([(), (2,)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_balanced_factors_the_matrix_without_imbalance(widths, batch, seed):
    rng = np.random.default_rng(seed)
    rank = min(widths)
    matrix = rng.standard_normal((*batch, widths[-1], rank)) @ rng.standard_normal((*batch, rank, widths[0]))
    weights = balanced(widths, matrix, rng=rng)
    np.testing.assert_allclose(end_to_end(weights), matrix, atol=1e-10)
    for D in imbalances(weights):
        np.testing.assert_allclose(D, 0, atol=1e-11)


@given(
    width=st.integers(1, 5), depth=st.integers(2, 6), rank=st.integers(0, 5), seed=st.integers(0, 2**32 - 1)
)
def test_imbalanced_has_homogeneous_imbalance(width, depth, rank, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((width, rank)) @ rng.standard_normal((rank, width))
    c = rng.exponential(size=depth)
    c[rng.integers(depth)] = 0.0
    weights = imbalanced([width] * (depth + 1), matrix, c, rng=rng)
    np.testing.assert_allclose(end_to_end(weights), matrix, atol=1e-9)
    for D, difference in zip(imbalances(weights), np.diff(c), strict=True):
        np.testing.assert_allclose(D, difference * np.eye(width), atol=1e-9)


generator = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: gaussian([3], 1.0, rng=generator), "widths must list"),
        (lambda: gaussian([3, 0], 1.0, rng=generator), r"widths\[1\] must be a whole number"),
        (lambda: gaussian([3, 2.0], 1.0, rng=generator), r"widths\[1\] must be a whole number"),
        (lambda: gaussian([3, 2], -1.0, rng=generator), "scale must be at least zero"),
        (lambda: gaussian([3, 2], np.nan, rng=generator), "scale must be finite"),
        (lambda: gaussian([3, 2], [1, 2, 3], rng=generator, batch=(2,)), "scale must fit the batch"),
        (lambda: gaussian([3, 2], 1.0, rng=generator, batch=2), "batch must be a tuple"),
        (lambda: gaussian([3, 2], 1.0, rng=np.random.RandomState(0)), "rng must be a numpy"),
        (lambda: residual(3, -1, 1.0, rng=generator), "depth must be a whole number"),
        (lambda: balanced([2, 1, 2], np.eye(2), rng=generator), "widths must not be below the rank"),
        (lambda: balanced([3, 2], np.eye(2), rng=generator), r"matrix must have shape \(..., 2, 3\)"),
        (lambda: imbalanced([1, 1, 1], [[1.0]], [1.0, 2.0], rng=generator), "the least of them 0"),
        (lambda: imbalanced([1, 1, 1], [[1.0]], [0.0], rng=generator), "cumulative must hold 2"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
