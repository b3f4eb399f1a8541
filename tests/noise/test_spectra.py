from fractions import Fraction
from itertools import pairwise
from math import inf, lcm

import numpy as np
import pytest
from scipy.stats import ks_2samp, norm

from dlnlab.noise import dyson, dyson_matrix, heat_roots

START = [-1.0, 0.0, 0.5]


def heat_polynomial(x0, t):
    """The coefficients of the polynomial whose roots are wanted, highest first, in exact fractions."""
    p = [Fraction(1)]
    for x in x0:
        p = [a - Fraction(x) * b for a, b in zip([*p, 0], [0, *p], strict=True)]
    term, total = p, p
    for k in range(1, len(p) // 2 + 1):
        # The second derivative, as long as the polynomial itself.
        degrees = range(len(p) - 1, -1, -1)
        slopes = [-Fraction(t) / (2 * k) * n * (n - 1) * a for n, a in zip(degrees, term, strict=True)]
        term = [0, 0, *slopes[:-2]]
        total = [a + b for a, b in zip(total, term, strict=True)]
    return total


def zeros_beyond(p, z):
    """The number of zeros larger than z, all being real: Descartes' rule for the polynomial moved by z."""
    p = [a * z.denominator**k for k, a in enumerate(p)]
    # Over one denominator, so that whole numbers are multiplied, which is faster.
    common = lcm(*(a.denominator for a in p))
    p, z = [int(a * common) for a in p], z.numerator
    for end in range(len(p), 1, -1):
        for k in range(1, end):
            p[k] += z * p[k - 1]
    signs = [a > 0 for a in p if a]
    return sum(one != other for one, other in pairwise(signs))


CLUSTERS = [0.0, *[100.0] * 5, 100.001, 101.0]
# As rounding leaves the eigenvalues of a matrix with three, four of each.
NEARLY_EQUAL = [n + k * 2.0**-51 for n in (1, 2, 3) for k in (0, 0, 1, 3)]
STARTS = [
    START,
    np.arange(25.0),
    np.arange(20.0) + 100,
    [1e5 - 1, 1e5, 1e5 + 1],
    CLUSTERS,
    NEARLY_EQUAL,
    [0, 1e-9, 1, 1],
    [0, 1e-7, 1],
    [0, 1e-13, 2e-13, 1],
    [0, 1e-30, 1e-30, 1],
    [0, 1, 2.5, 3, 4.5, 1e14],
]


@pytest.mark.parametrize("x0", STARTS)
def test_heat_roots_are_the_zeros_of_the_heat_polynomial(x0):
    times = np.ptp(x0) ** 2 * 10.0 ** np.array([-34, -26, -23, -22, -18, -15, -11.5, -9.2, -5, -1, 0, 3, 200])
    for t, roots in zip(times, heat_roots(x0, times), strict=True):
        assert (np.diff(roots) >= 0).all()
        p = heat_polynomial(x0, t)
        error = Fraction(1e-14 * np.ptp(roots) + 4e-16 * np.abs(x0).max())
        for larger, root in enumerate(map(Fraction, roots[::-1])):
            assert zeros_beyond(p, root + error) <= larger < zeros_beyond(p, root - error)


def test_heat_roots_do_not_depend_on_units():
    for unit in (1e-100, 1e100):
        scaled = heat_roots(unit * np.array(START), 0.5 * unit**2)
        np.testing.assert_allclose(scaled, unit * heat_roots(START, 0.5), rtol=1e-12)


def test_heat_roots_begin_at_the_start():
    for x0 in (np.arange(400.0), [3.0, 1.0, 1.0], np.ones(6), [7.0], [1e200, 2e200]):
        np.testing.assert_allclose(heat_roots(x0, [[0.0], [0.0]]), np.sort([[x0], [x0]]), rtol=1e-15)
    np.testing.assert_allclose(
        heat_roots([0.0, 0.0], [1e-30, 1.0, 1e-30]) ** 2, [[1e-30] * 2, [1] * 2, [1e-30] * 2]
    )


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
