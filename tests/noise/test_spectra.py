from math import inf

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import ks_2samp, norm

from dlnlab.noise import dyson, dyson_matrix, heat_roots

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
