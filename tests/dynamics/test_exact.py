from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from dlnlab import exact


def integrated(speed, w0, times):
    result = solve_ivp(speed, (0, times[-1]), [w0], t_eval=times, method="DOP853", rtol=1e-12, atol=1e-14)
    return result.y[0]


times = np.linspace(0.0, 3.0, 7)


@pytest.mark.parametrize(("w0", "y"), [(0.01, 2.0), (3.0, 1.0)])
def test_sigmoid_solves_the_balanced_pair(w0, y):
    expected = integrated(lambda t, w: 2 * w * (y - w), w0, times)
    np.testing.assert_allclose(exact.sigmoid(times, w0, y), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("w0", "y", "d"), [(0.0, 2.0, 1.0), (-1.5, 1.0, 0.3), (2.0, -1.0, -4.0), (0.5, 1.0, 0.01)]
)
def test_imbalanced_pair_solves_its_equation(w0, y, d):
    expected = integrated(lambda t, w: np.sqrt(d**2 + 4 * w**2) * (y - w), w0, times)
    np.testing.assert_allclose(exact.imbalanced_pair(times, w0, y, d), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 7])
def test_time_of_balanced_chains_is_the_integral(depth):
    y, w0 = 1.5, 0.2
    for w in (0.2, 0.7, 1.4):
        expected = quad(lambda u: 1 / (depth * u ** (2 - 2 / depth) * (y - u)), w0, w, epsrel=1e-12)[0]
        assert exact.balanced_chain_time(w, w0, y, depth) == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: exact.sigmoid(-1.0, 1.0, 1.0), "times must be at least zero"),
        (lambda: exact.sigmoid(1.0, 0.0, 1.0), "w0 must be positive"),
        (lambda: exact.imbalanced_pair(1.0, 1.0, 1.0, 0.0), "imbalance must not be zero"),
        (lambda: exact.balanced_chain_time(2.0, 0.5, 1.0, 3), "w must lie between w0 and the target"),
        (lambda: exact.balanced_chain_time(0.7, 0.5, 1.0, 0), "depth must be a whole number"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize(("w0", "y"), [(1e-3, 1.0), (1.0, -1.0), (-1e3, 1.0)])
@pytest.mark.parametrize("d", [1e-100, 1e-16, 1e-9, 1e-3, 1.0, 1e3, 1e17])
def test_an_imbalance_of_any_size_keeps_its_digits(w0, y, d):
    """Against 450 digits of the same equation's solution in z = exp(asinh(2w / d))."""
    times = np.array([0.0, 0.1, 1.0, 3.0]) / np.hypot(d, 2.0)
    with localcontext(prec=450):
        upper, start = ((x := 2 * Decimal(v) / Decimal(d)) + (1 + x * x).sqrt() for v in (y, w0))
        rho = (Decimal(d) ** 2 + 4 * Decimal(y) ** 2).sqrt()
        expected = []
        for t in times:
            decay = (upper - start) / (start + 1 / upper) * (-rho * Decimal(t)).exp()
            z = (upper - decay / upper) / (1 + decay)
            expected.append(float(Decimal(d) / 4 * (z - 1 / z)))
    np.testing.assert_allclose(exact.imbalanced_pair(times, w0, y, d), expected, rtol=1e-13)


@pytest.mark.parametrize("depth", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("gap", [1e-5, 1e-6, 1e-9, 1e-13])
def test_the_time_beside_the_target_is_logarithmic(depth, gap):
    """Against quadrature of what is left when the logarithm is taken out."""
    w0, y = 1.0, 2.0
    w, power = y - gap, 2 / depth - 2
    smooth = quad(lambda u: (u**power - y**power) / (y - u), w0, w, epsabs=1e-13, epsrel=1e-12)[0]
    expected = (smooth + y**power * np.log((y - w0) / (y - w))) / depth
    np.testing.assert_allclose(exact.balanced_chain_time(w, w0, y, depth), expected, rtol=1e-9)


def test_a_sigmoid_far_above_its_target():
    np.testing.assert_allclose(exact.sigmoid(0.0, [1e6, 1e10], [1e-6, 1e-10]), [1e6, 1e10])
