import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnlab import (
    Factorization,
    end_to_end,
    gradient_flow,
    imbalances,
    margin,
    operator_matrix,
    preconditioner_eigenvalue,
    scalar_rate_bound,
    square_rate_bound,
    three_layer_rate_bound,
    two_layer_rate_bound,
)


@pytest.mark.parametrize(
    ("n", "h", "m"), [(2, 3, 2), (3, 3, 1), (1, 4, 4), (3, 5, 2), (2, 2, 2), (4, 2, 3), (3, 1, 3)]
)
def test_two_layer_bound_is_never_above_the_truth(rng, n, h, m):
    size = (2000, 1, 1)
    W1 = rng.standard_normal((2000, h, m)) * rng.lognormal(size=size)
    W2 = rng.standard_normal((2000, n, h)) * rng.lognormal(size=size)
    truth = preconditioner_eigenvalue([W1, W2])
    bound = two_layer_rate_bound([W1, W2])
    size = np.square(W1).sum(axis=(1, 2)) + np.square(W2).sum(axis=(1, 2))
    assert (bound <= truth + 1e-12 * size).all()
    if h >= max(n, m):
        assert np.median(bound / truth) > 0.5


def test_two_layer_bound_with_a_margin_holds_along_the_flow(rng):
    target = np.diag([2.0, 1.5])
    weights = [0.5 * rng.standard_normal((200, 3, 2)), 0.5 * rng.standard_normal((200, 2, 3))]
    W = end_to_end(weights)
    least_singular = margin(W, target)
    np.testing.assert_allclose(least_singular, np.maximum(1.5 - np.linalg.norm(W - target, axis=(1, 2)), 0))
    path = gradient_flow(weights, Factorization(target), 3.0, times=np.linspace(0, 3, 31), rtol=1e-9)
    least = preconditioner_eigenvalue(path.weights).min(axis=0)
    assert (two_layer_rate_bound(weights, least_singular) <= least + 1e-8).all()


def test_two_layer_bound_is_sharp_for_scalars(rng):
    w = rng.standard_normal((2, 500, 1, 1))
    truth = (w**2).sum(axis=(0, 2, 3))
    np.testing.assert_allclose(two_layer_rate_bound([w[0], w[1]]), truth, rtol=1e-10)


def random_three(rng, m, h1, h2, n, batch, spread):
    """Gaussian layers of independent log-normal sizes."""
    sizes = np.exp(spread * rng.standard_normal((3, batch, 1, 1)))
    shapes = [(h1, m), (h2, h1), (n, h2)]
    return [
        size * rng.standard_normal((batch, *shape)) / np.sqrt(shape[1])
        for size, shape in zip(sizes, shapes, strict=True)
    ]


def least_and_largest(weights):
    values = np.linalg.eigvalsh(operator_matrix(weights))
    return values[:, 0], values[:, -1]


@given(
    widths=st.tuples(*[st.integers(1, 8)] * 4),
    spread=st.sampled_from([0.0, 1.5]),
    seed=st.integers(0, 2**32 - 1),
)
def test_three_layer_bounds_are_never_above_the_truth(widths, spread, seed):
    m, h1, h2, n = widths
    weights = random_three(np.random.default_rng(seed), m, h1, h2, n, 40, spread)
    least, largest = least_and_largest(weights)
    smallest = np.linalg.svd(end_to_end(weights), compute_uv=False)[:, -1]
    without, with_margin = three_layer_rate_bound(weights), three_layer_rate_bound(weights, smallest)
    assert (without <= with_margin * (1 + 1e-12)).all()
    assert (with_margin <= least * (1 + 1e-7) + 1e-12 * largest).all()


def test_three_layer_bound_of_wide_networks_is_half_the_truth(rng):
    """One output: the sheet of reference numbers has medians .58 at hidden widths 5 and 20."""
    for h in (5, 20):
        weights = random_three(rng, 1, h, h, 1, 2000, 0.0)
        weights = [W * np.sqrt(W.shape[-1]) for W in weights]
        ratio = three_layer_rate_bound(weights) / least_and_largest(weights)[0]
        assert np.median(ratio) == pytest.approx(0.58, abs=0.03)


def test_three_scalar_layers_are_a_chain(rng):
    w0 = rng.standard_normal((2000, 3))
    y = 1.5 * w0.prod(axis=1)
    chain = list(np.moveaxis(w0, 1, 0)[..., None, None])
    m = margin(w0.prod(axis=1)[:, None, None], y[:, None, None])
    np.testing.assert_allclose(three_layer_rate_bound(chain, m), scalar_rate_bound(w0, y), rtol=1e-9)
    # A chain of product zero has no margin, and its bound is exact there.
    zero = scalar_rate_bound(w0, 0 * y)
    np.testing.assert_allclose(three_layer_rate_bound(chain), zero, rtol=1e-9, atol=1e-12)


def test_a_large_orthogonal_layer_reduces_three_layers_to_two(rng):
    n, h, m, c = 3, 5, 2, 1e6
    W1, W2 = rng.standard_normal((200, n, h)), rng.standard_normal((200, h, m))
    first = np.broadcast_to(np.sqrt(c) * np.eye(m), (200, m, m))
    reduced = three_layer_rate_bound([first, W2, W1]) / c
    np.testing.assert_allclose(reduced, two_layer_rate_bound([W2, W1], margin=0.0), rtol=1e-3, atol=1e-4)


def test_three_layer_bound_holds_along_the_flow(rng):
    target = rng.standard_normal((2, 2)) + 2 * np.eye(2)
    weights = [0.7 * W for W in random_three(rng, 2, 3, 4, 2, 100, 0.5)]
    start = margin(end_to_end(weights), target)
    path = gradient_flow(weights, Factorization(target), 3.0, times=np.linspace(0, 3, 31), rtol=1e-9)
    least = preconditioner_eigenvalue(path.weights).min(axis=0)
    assert (three_layer_rate_bound(weights, start) <= least + 1e-8).all()


@pytest.mark.parametrize(("depth", "d"), [(2, 3), (3, 3), (4, 2), (5, 2)])
def test_square_bound_is_never_above_the_truth(rng, depth, d):
    sizes = np.exp(1.5 * rng.standard_normal((depth, 2000, 1, 1)))
    weights = list(sizes * rng.standard_normal((depth, 2000, d, d)))
    bound, (least, largest) = square_rate_bound(weights), least_and_largest(weights)
    assert (bound <= least + 1e-12 * largest).all()
    assert bound.max() > 0
    if depth == 3:
        np.testing.assert_allclose(bound, three_layer_rate_bound(weights), rtol=1e-9, atol=1e-12)
    if depth == 2:
        two = two_layer_rate_bound(weights, margin=0.0)
        np.testing.assert_allclose(bound, two, rtol=1e-9, atol=1e-12)


def test_square_bound_of_chains_is_the_product_of_imbalances(rng):
    w0 = rng.standard_normal((500, 5))
    chain = list(np.moveaxis(w0, 1, 0)[..., None, None])
    expected = scalar_rate_bound(w0, np.zeros(500))
    np.testing.assert_allclose(square_rate_bound(chain), expected, rtol=1e-9, atol=1e-14)


def test_bounds_depend_on_the_imbalances_alone(rng):
    """Another network with the same imbalances, a little later on the flow, has the same bound."""
    weights = [W[0] for W in random_three(rng, 2, 4, 3, 2, 1, 0.3)]
    path = gradient_flow(weights, Factorization(np.eye(2)), 1.0, times=[0.0, 1.0])
    bounds = three_layer_rate_bound(path.weights)
    assert max(np.abs(np.diff(D, axis=0)).max() for D in imbalances(path.weights)) < 1e-9
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-8, abs=1e-10)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: two_layer_rate_bound([np.eye(2)]), "weights must have 2 layers, got 1"),
        (lambda: two_layer_rate_bound([np.eye(2)] * 2, margin=-1.0), "margin must be at least zero"),
        (lambda: two_layer_rate_bound([np.eye(2)] * 2, margin=[1.0]), "margin must fit the batch axes"),
        (lambda: three_layer_rate_bound([np.eye(2)] * 2), "weights must have 3 layers, got 2"),
        (lambda: three_layer_rate_bound([np.eye(2)] * 3, np.nan), "margin must be finite"),
        (lambda: three_layer_rate_bound([np.eye(2), np.eye(3), np.eye(3)]), r"weights\[1\] must have 2"),
        (lambda: square_rate_bound([np.eye(2), np.ones((3, 2))]), r"weights\[1\] must be square"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
