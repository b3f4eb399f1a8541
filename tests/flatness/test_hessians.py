import itertools
from functools import reduce

import numpy as np
import pytest
from conftest import random_weights
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

import dlnlab as dl


def random_task(rng, d, condition=1.0, size=1.0):
    """A task whose covariance has the given condition number and whose minimiser the given norm."""
    frame = np.linalg.qr(rng.standard_normal((3 * d, d)))[0]
    X = np.sqrt(3 * d) * frame * np.geomspace(1, np.sqrt(condition), d)
    X = X @ np.linalg.qr(rng.standard_normal((d, d)))[0]
    w = rng.standard_normal(d)
    return dl.Regression(X, X @ (size * w / np.linalg.norm(w)))


def dense(weights, task, readout=None):
    return np.linalg.eigvalsh(dl.hessian(weights, task, readout))[..., -1]


def moved_to_minimum(weights, task, readout=None):
    """Change the first layer so that the end-to-end regressor is the minimiser."""
    p = np.ones(1) if readout is None else readout
    q = reduce(lambda q, W: W.T @ q, weights[:0:-1], p)
    first = weights[0] + np.outer(q, task.minimizer - weights[0].T @ q) / (q @ q)
    return [first, *weights[1:]]


def sharpness_at_minimum(weights, task, readout=None):
    """2 lambda_max of Sigma^(1/2) J J^T Sigma^(1/2), J the Jacobian of the regressor; for searches."""
    q, rows = np.ones(1) if readout is None else readout, []
    for W in reversed(weights):
        rows.append(q)
        q = W.T @ q
    kernel, P = 0.0, np.eye(len(q))
    for W, q_k in zip(weights, reversed(rows), strict=True):
        kernel = kernel + (q_k @ q_k) * P.T @ P
        P = W @ P
    return 2 * np.linalg.eigvals(task.covariance @ kernel).real.max()


@given(
    seed=st.integers(0, 2**32 - 1),
    depth=st.integers(1, 40),
    batch=st.sampled_from([(), (3,), (2, 2)]),
    with_readout=st.booleans(),
    condition=st.sampled_from([1.0, 1e3, 1e8]),
    scale=st.sampled_from([None, 0.1, 1.0]),
)
def test_sharpness_is_the_largest_eigenvalue(seed, depth, batch, with_readout, condition, scale):
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, depth, 3, batch, None if with_readout else 1, scale)
    readout = rng.standard_normal(weights[-1].shape[-2]) if with_readout else None
    task = random_task(rng, weights[0].shape[-1], condition)
    result = dl.sharpness(weights, task, readout)
    assert result.shape == batch
    np.testing.assert_allclose(result, dense(weights, task, readout), rtol=1e-8, atol=1e-300)


@given(seed=st.integers(0, 2**32 - 1), depth=st.integers(1, 8), with_readout=st.booleans())
def test_sharpness_at_and_near_minimisers(seed, depth, with_readout):
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, depth, 5, (), None if with_readout else 1)
    readout = rng.standard_normal(weights[-1].shape[-2]) if with_readout else None
    task = random_task(rng, weights[0].shape[-1], 20)
    flat = moved_to_minimum(weights, task, readout)
    for distance in (0, 1e-12, 1e-7, 1e-3):
        near = [layer + distance * rng.standard_normal(layer.shape) for layer in flat]
        np.testing.assert_allclose(dl.sharpness(near, task, readout), dense(near, task, readout), rtol=1e-8)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e12, 1e30])
def test_sharpness_of_tiny_and_huge_weights(rng, scale):
    """Two layers scale simply: where the loss is quartic, and where the second-order part is all."""
    task = random_task(rng, 3, 5)
    weights = [scale * layer for layer in dl.gaussian([3, 3, 1], 1.0, rng=rng)]
    np.testing.assert_allclose(dl.sharpness(weights, task), dense(weights, task), rtol=1e-8)


def test_sharpness_beyond_the_range_of_floats():
    ones = [np.ones((2, 2, 2)), np.ones((2, 2, 2)), np.ones((2, 1, 2))]
    weights = [layer * np.array([1e-150, 1e150])[:, None, None] for layer in ones]
    np.testing.assert_array_equal(dl.sharpness(weights, dl.Regression(np.eye(2), [1.0, 2.0])), [0, np.inf])


def test_sharpness_of_a_batch_of_readouts(rng):
    weights = dl.residual(4, 6, 1.0, rng=rng, batch=(5,))
    readouts, task = rng.standard_normal((5, 4)), random_task(rng, 4)
    together = dl.sharpness(weights, task, readouts)
    for i, value in enumerate(together):
        alone = dl.sharpness([layer[i] for layer in weights], task, readouts[i])
        np.testing.assert_allclose(value, alone, rtol=1e-9)


def test_sharpness_of_another_loss(rng):
    weights = random_weights(rng, 4, 5, (3,), 1)
    loss = dl.LpRegression(rng.standard_normal((20, weights[0].shape[-1])), rng.standard_normal(20), 4)
    np.testing.assert_allclose(dl.sharpness(weights, loss), dense(weights, loss), rtol=1e-8)


def test_sharpness_of_the_underdetermined(rng):
    task = dl.Regression.gaussian(5, 8, rng=rng)
    weights = dl.gaussian([8, 8, 8, 1], 0.4, rng=rng, batch=(10,))
    np.testing.assert_allclose(dl.sharpness(weights, task), dense(weights, task), rtol=1e-8)


@pytest.mark.parametrize(
    ("seed", "a", "minimal", "balanced", "slide_lower", "upper"),
    [
        (0, 1.0522732044, 21.08151921, 21.08187916, 21.04546409, 21.898394),
        (1, 1.0285216900, 20.83918195, 20.85870292, 20.57043380, 21.591106),
        (2, 1.0497840882, 21.11151258, 21.11507386, 20.99568176, 21.938535),
    ],
)
def test_published_reference_numbers(seed, a, minimal, balanced, slide_lower, upper):
    task = dl.Regression.gaussian(minimizer_norm=1.0, rng=np.random.default_rng(seed))
    np.testing.assert_allclose(task.minimizer @ task.covariance @ task.minimizer, a, rtol=1e-9)
    np.testing.assert_allclose(dl.minimal_sharpness(task, 10), minimal, rtol=1e-9)
    np.testing.assert_allclose(dl.balanced_sharpness(task, 10), balanced, rtol=1e-9)
    np.testing.assert_allclose(dl.minimal_sharpness_bounds(task, 10), (slide_lower, upper), rtol=1e-7)
    np.testing.assert_allclose(dl.critical_learning_rate(task, 10), 2 / minimal, rtol=1e-9)


def rank_one_network(task, depth, width, readout, x=0.0):
    """Aligned rank-one layers at the minimum; x moves norm from the first layer to the others."""
    p = np.ones(1) if readout is None else readout
    d, size = len(task.minimizer), np.linalg.norm(task.minimizer)
    c = (size / np.linalg.norm(p)) ** (1 / depth)
    frames = [task.minimizer / size, *np.eye(width)[np.zeros(depth - 1, int)], p / np.linalg.norm(p)]
    norms = [c * np.exp(-x / 2), *[c * np.exp(x / (2 * (depth - 1)))] * (depth - 1)]
    assert len(frames[0]) == d
    return [n * np.outer(up, down) for n, down, up in zip(norms, frames[:-1], frames[1:], strict=True)]


@pytest.mark.parametrize("depth", [2, 3, 7])
@pytest.mark.parametrize("with_readout", [False, True])
def test_balanced_sharpness_is_that_of_the_balanced_network(rng, depth, with_readout):
    task = random_task(rng, 4, 30, size=2.5)
    readout = np.array([0.6, 1.2]) if with_readout else None
    weights = rank_one_network(task, depth, 3, readout)
    norm = 1.0 if readout is None else np.linalg.norm(readout)
    np.testing.assert_allclose(dl.balanced_sharpness(task, depth, norm), dense(weights, task, readout))


@pytest.mark.parametrize("depth", [2, 3, 7])
def test_minimal_sharpness_is_attained(rng, depth):
    """The flattest network of the proof, found by a search, has the sharpness that the library returns."""
    task = random_task(rng, 4, 30, size=0.3)
    search = minimize_scalar(
        lambda x: dense(rank_one_network(task, depth, 3, None, x), task),
        bounds=(-3, 0),
        options={"xatol": 1e-9},
    )
    np.testing.assert_allclose(dl.minimal_sharpness(task, depth), search.fun, rtol=1e-8)


@pytest.mark.parametrize(("d", "depth"), [(2, 2), (2, 3), (3, 2)])
@pytest.mark.parametrize("residual", [False, True])
def test_minimal_sharpness_against_direct_minimisation(rng, d, depth, residual):
    """Minimise the sharpness over all minimisers, parametrised by the other layers."""
    task = random_task(rng, d, 10, size=1.3)
    widths = [d] * (depth + 1) if residual else [*[d] * depth, 1]
    readout = rng.standard_normal(d) if residual else None
    shapes = [(after, before) for before, after in itertools.pairwise(widths)]
    sizes = np.cumsum([np.prod(shape) for shape in shapes])[:-1]

    def value(parameters):
        weights = [p.reshape(s) for p, s in zip(np.split(parameters, sizes), shapes, strict=True)]
        return sharpness_at_minimum(moved_to_minimum(weights, task, readout), task, readout)

    n = sum(np.prod(shape) for shape in shapes)
    runs = [
        minimize(
            value,
            rng.standard_normal(n) * 0.8,
            method="Powell",
            options={"maxiter": 300, "xtol": 1e-5, "ftol": 1e-9},
        )
        for _ in range(3)
    ]
    minimal = dl.minimal_sharpness(task, depth, 1.0 if readout is None else np.linalg.norm(readout))
    best = min(run.fun for run in runs)
    assert minimal * (1 - 1e-9) <= best <= minimal * (1 + 1e-4)


@pytest.mark.parametrize(("n", "d", "depth"), [(2, 4, 2), (2, 3, 3), (1, 3, 3)])
def test_every_interpolator_has_the_same_least_sharpness(rng, n, d, depth):
    """Singular covariance: aligned rank-one networks attain the value, whatever their part in the kernel is,
    and a search over all networks of the interpolator finds nothing flatter."""
    task = dl.Regression(rng.standard_normal((n, d)), rng.standard_normal(n))
    shapes = [(d, d)] * (depth - 1) + [(1, d)]
    sizes = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
    minimal = dl.minimal_sharpness(task, depth)
    for shift in (0.0, 2.0):
        w = task.minimizer + shift * np.linalg.svd(task.X)[2][-1]

        def interpolating(others, changed, w=w):
            q = reduce(lambda q, W: W.T @ q, others[::-1], np.ones(1))
            return [changed + np.outer(q, w - changed.T @ q) / (q @ q), *others]

        def value(parameters):
            weights = [p.reshape(s) for p, s in zip(np.split(parameters, sizes), shapes, strict=True)]
            return sharpness_at_minimum(interpolating(weights[1:], weights[0]), task)

        aligned = [np.outer(np.eye(shape[0])[0], np.eye(d)[0]) for shape in shapes[1:]]
        best = minimize_scalar(
            lambda size, layers=aligned: dl.sharpness(
                interpolating([np.exp(size) * W for W in layers], np.zeros((d, d))), task
            ),
            bounds=(-2, 2),
            options={"xatol": 1e-10},
        )
        assert best.fun == pytest.approx(minimal, rel=1e-8)
        start = 0.8 * rng.standard_normal(sum(np.prod(shape) for shape in shapes))
        found = minimize(value, start, method="Powell", options={"maxiter": 100}).fun
        assert minimal * (1 - 1e-9) <= found


@given(
    seed=st.integers(0, 2**32 - 1),
    d=st.integers(1, 5),
    depth=st.integers(1, 30),
    condition=st.sampled_from([1.0, 10.0, 1e4]),
    size=st.sampled_from([1e-3, 1.0, 50.0]),
    norm=st.sampled_from([0.2, 1.0, 3.0]),
)
def test_bounds_are_in_order(seed, d, depth, condition, size, norm):
    task = random_task(np.random.default_rng(seed), d, condition, size)
    lower, upper = dl.minimal_sharpness_bounds(task, depth, norm)
    minimal, balanced = dl.minimal_sharpness(task, depth, norm), dl.balanced_sharpness(task, depth, norm)
    slack = 1 + 1e-9
    assert lower <= minimal * slack
    assert minimal <= balanced * slack
    assert balanced <= upper * slack


def test_eigenvector_minimisers(rng):
    """Along an eigenvector, deep enough, the lower bound is exact; before, the kink of the problem is."""

    def along(axis):
        X = np.sqrt(3) * np.eye(3) * np.sqrt([3, 1, 0.2])
        return dl.Regression(X, X[:, axis])

    def ratio(axis, depth):
        task = along(axis)
        return dl.minimal_sharpness(task, depth) / dl.minimal_sharpness_bounds(task, depth)[0]

    np.testing.assert_allclose([ratio(1, depth) for depth in (2, 3)], [1.06066, 1], rtol=1e-5)
    np.testing.assert_allclose(
        [ratio(2, depth) for depth in (2, 3, 5, 20)], [2.00446, 1.36638, 1.10120, 1], rtol=1e-5
    )


SINGULAR = dl.Regression([[1.0, 1.0]], [1.0])
PLAIN = dl.Regression([[1.0]], [1.0])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: dl.sharpness([np.eye(2)], SINGULAR), "weights must end in one output"),
        (lambda: dl.sharpness([np.eye(2)], SINGULAR, [1.0]), r"readout must have shape \(2,\)"),
        (lambda: dl.sharpness([[[np.nan]]], PLAIN), r"weights\[0\] must be finite"),
        (lambda: dl.sharpness([[[1.0, 2.0]]], PLAIN), "W must have shape"),
        (lambda: dl.balanced_sharpness(PLAIN, 0), "depth must be a whole number"),
        (lambda: dl.minimal_sharpness_bounds(PLAIN, 2, -1.0), "readout_norm must be positive"),
        (lambda: dl.critical_learning_rate(dl.Factorization([[1.0]]), 2), "task must be a Regression"),
        (lambda: dl.minimal_sharpness(dl.Regression([[1.0]], [0.0]), 2), "minimizer other than 0"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize("scale", [1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("depth", [2, 3])
def test_small_weights_whose_eigenvalues_cluster(rng, depth, scale):
    task = dl.Regression.gaussian(rng=rng)
    weights = dl.gaussian([5] + [10] * (depth - 1) + [1], scale, rng=rng, batch=(50,))
    dense = np.linalg.eigvalsh(dl.hessian(weights, task))[:, -1]
    np.testing.assert_allclose(dl.sharpness(weights, task), dense, rtol=1e-11)


def test_the_sharpness_of_the_searches_is_that_of_the_hessian(rng):
    task = random_task(rng, 3, 10, size=1.3)
    for readout in (None, rng.standard_normal(3)):
        outputs = 1 if readout is None else 3
        weights = [rng.standard_normal(shape) for shape in ((2, 3), (4, 2), (outputs, 4))]
        minimum = moved_to_minimum(weights, task, readout)
        found = sharpness_at_minimum(minimum, task, readout)
        np.testing.assert_allclose(found, dense(minimum, task, readout), rtol=1e-8)


def test_a_loss_that_is_not_convex_is_refused():
    """The Gauss-Newton part would drop its negative curvature."""

    class Saddle:
        H = np.diag([1.0, -1.0])

        def value(self, W):
            return np.einsum("...i,ij,...j->...", W[..., 0, :], self.H, W[..., 0, :]) / 2

        def gradient(self, W):
            return W @ self.H

        def hessian_product(self, W, V):
            return V @ self.H

    with pytest.raises(ValueError, match="task must be convex"):
        dl.sharpness([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0]]], Saddle())
