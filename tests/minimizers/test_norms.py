import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq, linprog

from dlnlab import Completion, hyperbolic_entropy, mirror_minimizer, nuclear_completion


@pytest.fixture
def problem():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((6, 12))
    return X, X @ (2 * np.eye(12)[2] - np.eye(12)[7])


def flow_limit(X, y, alpha, depth):
    """The limit of u^D - v^D by integration of u and v themselves."""
    d = X.shape[1]

    def velocity(_, state):
        u, v = state[:d], state[d:]
        g = depth * X.T @ (X @ (u**depth - v**depth) - y) / len(y)
        return np.concatenate([-g * u ** (depth - 1), g * v ** (depth - 1)])

    path = solve_ivp(velocity, (0, 3000), np.full(2 * d, alpha), method="LSODA", rtol=1e-11, atol=1e-13)
    u, v = path.y[:d, -1], path.y[d:, -1]
    return u**depth - v**depth


@pytest.mark.parametrize(("depth", "alpha"), [(2, 0.1), (2, 1.0), (3, 0.3), (3, 1.0), (4, 0.5)])
def test_the_flow_of_a_diagonal_network_ends_at_the_mirror_minimiser(problem, depth, alpha):
    X, y = problem
    found = mirror_minimizer(X, y, alpha, depth=depth)
    np.testing.assert_allclose(found, flow_limit(X, y, alpha, depth), atol=1e-7)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_the_minimiser_has_least_entropy(problem, depth):
    X, y = problem
    w = mirror_minimizer(X, y, 0.3, depth=depth)
    np.testing.assert_allclose(X @ w, y, atol=1e-9)
    null = np.linalg.svd(X)[2][6:]
    others = w + 0.1 * np.random.default_rng(0).standard_normal((200, 6)) @ null
    least = hyperbolic_entropy(w, 0.3, depth=depth)
    assert (hyperbolic_entropy(others, 0.3, depth=depth) > least).all()
    # Near the minimum the excess is quadratic.
    near = w + 1e-3 * null
    assert (hyperbolic_entropy(near, 0.3, depth=depth) - least < 1e-4).all()


@pytest.mark.parametrize("depth", [2, 3, 4, 7])
def test_entropy_is_the_integral_of_the_inverse(depth):
    alpha, w = 0.4, 0.7
    p = None if depth == 2 else depth / (depth - 2)

    def inverse(omega):
        if depth == 2:
            return np.arcsinh(omega / 2)
        return brentq(lambda z: (1 - z) ** -p - (1 + z) ** -p - omega, 0, 1 - 1e-9, xtol=1e-14)

    expected = quad(lambda omega: inverse(omega / alpha**depth), 0, w, epsabs=1e-12)[0]
    assert hyperbolic_entropy([w], alpha, depth=depth) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("depth", [3, 4, 5, 8])
def test_entropy_of_tiny_and_huge_scales(depth):
    """Two terms of the expansions of both ends; rounding alone would say NaN there."""
    w = np.array([[1.0], [3.0], [1e4]])
    for alpha in (1e-3, 1e-5, 1e-8):
        expected = w[:, 0] - depth / 2 * w[:, 0] ** (2 / depth) * alpha ** (depth - 2)
        left = np.abs(hyperbolic_entropy(w, alpha, depth=depth) - expected)
        assert (left <= depth * alpha**depth + 1e-15 * w[:, 0]).all()
    quadratic = w[:, 0] ** 2 * (depth - 2) / (4 * depth)
    scaled = hyperbolic_entropy(w, 1e7, depth=depth) * 1e7**depth
    np.testing.assert_allclose(scaled, quadratic, rtol=1e-14)
    # So small that squares of w / alpha^D leave float64.
    tiny = hyperbolic_entropy(1e90 * w, 1e30, depth=8) * 1e60
    np.testing.assert_allclose(tiny, w[:, 0] ** 2 * 6 / 32, rtol=1e-14)
    assert hyperbolic_entropy([1.0], 1e10, depth=20) == pytest.approx(2.25e-201, rel=1e-14, abs=0)


def test_entropy_and_minimiser_name_scales_that_float64_cannot_hold():
    for alpha in (1e-80, 1e80):
        with pytest.raises(ValueError, match="alpha must leave alpha"):
            hyperbolic_entropy([1.0], alpha, depth=5)
    for alpha in (1e-80, 5e-324, 1e200):
        with pytest.raises(ValueError, match="alpha must leave"):
            mirror_minimizer([[1.0, 2.0]], [1.0], alpha)


def test_the_minimiser_does_not_depend_on_units():
    X, y = np.random.default_rng(0).standard_normal((2, 3)), np.array([1.0, 2.0])
    for unit in (1e200, 1e-200):
        np.testing.assert_allclose(mirror_minimizer(unit * X, unit * y, 0.5), mirror_minimizer(X, y, 0.5))


def test_targets_of_zero_are_fitted_by_zero():
    assert mirror_minimizer([[1.0, 2.0]], [0.0], 0.5, depth=3).tolist() == [0, 0]


def test_large_scales_give_the_euclidean_norm_and_small_ones_the_sum_of_moduli(problem):
    X, y = problem
    np.testing.assert_allclose(mirror_minimizer(X, y, 100.0), np.linalg.pinv(X) @ y, atol=1e-7)
    np.testing.assert_allclose(mirror_minimizer(X, y, 100.0, depth=3), np.linalg.pinv(X) @ y, atol=1e-7)
    least = linprog(np.ones(24), A_eq=np.hstack([X, -X]), b_eq=y).fun
    assert np.abs(mirror_minimizer(X, y, 1e-3, depth=3)).sum() == pytest.approx(least, abs=1e-5)
    excess = [np.abs(mirror_minimizer(X, y, alpha)).sum() - least for alpha in (1e-3, 1e-6, 1e-12)]
    np.testing.assert_allclose(excess, [0.0860, 0.0562, 0.0176], atol=1e-4)


@pytest.mark.parametrize("seed", range(40))
def test_the_minimiser_is_found_where_its_docstring_says(seed):
    """It fits, and the inverse of h_D of it is in the span of the data."""
    rng = np.random.default_rng(seed)
    n, depth = rng.integers(1, 5), rng.integers(3, 12)
    # With weak directions, in which nu is large.
    X = rng.standard_normal((n, n + seed % 8)) * 10.0 ** rng.uniform(-4, 0, (n, 1))
    y, distance, p = rng.standard_normal(n), 10.0 ** rng.uniform(-4, 1), depth / (depth - 2)
    size = np.linalg.norm(np.linalg.pinv(X) @ y)
    alpha = (distance**p * size) ** (1 / depth)
    w = mirror_minimizer(X, y, alpha, depth=depth)
    assert np.linalg.norm(X @ w - y) <= 2e-11 * np.linalg.norm(X, 2) * size
    zeta = [
        brentq(lambda z, size: (1 - z) ** -p - (1 + z) ** -p - size, 1e-9 - 1, 1 - 1e-9, size, xtol=1e-15)
        for size in w / alpha**depth
    ]
    np.testing.assert_allclose(np.linalg.pinv(X) @ X @ zeta, zeta, atol=1e-8)


def test_rounding_is_reported(problem):
    with pytest.raises(RuntimeError, match="alpha is too small"):
        mirror_minimizer(*problem, 1e-8, depth=4)


def test_data_that_not_every_target_fits():
    with pytest.raises(ValueError, match="X must have rank 2"):
        mirror_minimizer([[1.0, 2.0], [2.0, 4.0]], [1.0, 1.0], 0.1)


@pytest.mark.parametrize("penalty", [1.0, 0.1, 0.01])
def test_nuclear_completion_meets_the_conditions_of_optimality(rng, penalty):
    task = Completion(rng.random((8, 6)) < 0.6, rng.standard_normal((8, 2)) @ rng.standard_normal((2, 6)))
    W = nuclear_completion(task, [1.0, penalty], tolerance=1e-9)[1]
    # -G is penalty times a subgradient of the nuclear norm: of spectral norm one, and aligned with W.
    G = -task.gradient(W)
    assert np.linalg.norm(G, 2) <= penalty * (1 + 1e-6)
    assert np.sum(G * W) == pytest.approx(penalty * np.linalg.norm(W, "nuc"), rel=1e-6)


def test_nuclear_completion_of_everything_shrinks_singular_values(rng):
    M = rng.standard_normal((5, 4))
    U, s, Vt = np.linalg.svd(M, full_matrices=False)
    W = nuclear_completion(Completion(np.ones((5, 4), dtype=bool), M), [0.5], tolerance=1e-10)[0]
    np.testing.assert_allclose(W, (U * np.maximum(s - 0.5, 0)) @ Vt, atol=1e-8)


def test_nuclear_completion_ends_at_any_penalty(rng):
    task = Completion(rng.random((5, 4)) < 0.6, rng.standard_normal((5, 4)))
    W = nuclear_completion(task, [1.0, 1e-3, 1e-15], tolerance=1e-9)
    misfit = np.linalg.norm(task.gradient(W), axis=(1, 2))
    assert misfit[2] < 1e-12 < misfit[1] < misfit[0]
