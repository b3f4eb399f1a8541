from math import inf

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import ks_2samp, kstest, norm

from dlnlab import precondition, volume_element
from dlnlab.noise import dyson, dyson_matrix, heat_roots, riemannian_brownian

START = [-1.0, 0.0, 0.5]


def test_heat_roots_against_the_particles_without_noise():
    def repulsion(_, x):
        gaps = x[:, None] - x + np.eye(len(x))
        return (1 / gaps - np.eye(len(x))).sum(axis=1)

    times = [0.0, 0.1, 0.5]
    path = solve_ivp(repulsion, (0, 0.5), START, t_eval=times, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(heat_roots(START, times), path.y.T, atol=1e-9)


def test_heat_roots_from_one_point_are_zeros_of_hermite_polynomials():
    x = np.polynomial.hermite.hermgauss(6)[0]
    np.testing.assert_allclose(heat_roots(np.zeros(6), 0.3), np.sqrt(0.6) * x, atol=1e-10)


def test_without_normal_noise_both_are_the_roots():
    roots = heat_roots(START, 0.5)
    rng = np.random.default_rng(0)
    np.testing.assert_allclose(dyson(START, inf, 0.5, 4000, 1, rng=rng)[0], roots, atol=2e-3)
    samples = dyson_matrix(START, inf, 0.5, 400, 400, rng=rng)
    assert samples.std(axis=0).max() < 0.05
    np.testing.assert_allclose(samples.mean(axis=0), roots, atol=0.02)


@pytest.mark.parametrize("beta", [1.0, 2.0, 4.0])
def test_the_second_moment_grows_as_the_formula_says(beta):
    rng = np.random.default_rng(1)
    expected = 1.25 + 6 * 0.5 + 2 / beta * 3 * 0.5
    for draw in (dyson, dyson_matrix):
        squares = np.square(draw(START, beta, 0.5, 200, 2000, rng=rng)).sum(axis=1)
        z = (squares.mean() - expected) / (squares.std() / np.sqrt(len(squares)))
        assert abs(z) < 4, draw


def test_beta_two_is_brownian_motion_of_the_matrix():
    rng = np.random.default_rng(2)
    real, imaginary = rng.standard_normal((2, 4000, 3, 3))
    H = np.sqrt(0.5) / 2 * (real + real.mT + 1j * (imaginary - imaginary.mT))
    exact = np.linalg.eigvalsh(np.diag(START) + H)
    found = dyson_matrix(START, 2.0, 0.5, 100, 4000, rng=rng)
    for i in range(3):
        assert ks_2samp(found[:, i], exact[:, i]).pvalue > 1e-4
    assert ks_2samp(2 * found[:, 2], exact[:, 2]).pvalue < 1e-4


def test_one_particle_is_brownian():
    x = dyson([0.0], 2.0, 1.0, 10, 4000, rng=np.random.default_rng(0))[:, 0]
    assert abs(x.std() - 1) < 4 / np.sqrt(8000)
    assert norm.cdf(x.mean() * np.sqrt(4000)) > 1e-4


def test_in_one_dimension_a_root_is_brownian_motion():
    X = riemannian_brownian([[1.0]], 3, 2.0, 0.03, 200, 8000, rng=np.random.default_rng(0))
    deviation = np.sqrt(2 * 0.03 / (3 * 2.0))
    assert kstest(np.cbrt(X[:, 0, 0]), norm(1, deviation).cdf).pvalue > 1e-3


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_small_step_has_the_mean_and_the_covariance_of_the_laplacian(depth):
    """Generator (1 / beta) Laplacian: twice the inverse metric, and its divergence, over beta."""
    rng, beta, h = np.random.default_rng(3), 2.0, 1e-2
    W = np.array([[1.2, 0.4], [-0.5, 0.8]])
    drift = np.zeros((2, 2))
    units = np.eye(4).reshape(-1, 2, 2)
    for unit in units:
        nearby = W + 1e-5 * unit, W - 1e-5 * unit
        ahead, behind = (volume_element(V, depth) * precondition(V, unit, depth) for V in nearby)
        drift += (ahead - behind) / 2e-5 / volume_element(W, depth)
    change = (riemannian_brownian(W, depth, beta, h, 1, 200_000, rng=rng) - W) / h
    error = change.std(axis=0) / np.sqrt(len(change))
    assert (np.abs(change.mean(axis=0) - drift / beta) < 4 * error).all()
    noise = (change - change.mean(axis=0)).reshape(-1, 4) * np.sqrt(h)
    inverse_metric = np.stack([precondition(W, unit, depth).ravel() for unit in units])
    np.testing.assert_allclose(noise.T @ noise / len(noise), 2 / beta * inverse_metric, atol=0.03 * depth)


def test_a_start_without_full_rank_is_refused():
    with pytest.raises(ValueError, match="W0 must be one square matrix of full rank"):
        riemannian_brownian(np.diag([1.0, 0.0]), 2, 1.0, 1.0, 10, 10, rng=np.random.default_rng(0))
