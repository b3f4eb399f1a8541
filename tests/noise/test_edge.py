import numpy as np
import pytest
from scipy.optimize import brentq

from dlnlab.noise import landing

CHAINS = ([2.0, 0.7], [0.5, 1.3, -1.1], [1.1, 0.9, 1.4, 0.6])


def shifted(w, product):
    """The chain of the same imbalances, as far from zero, with this product."""

    def gap(u):
        return np.prod(np.sqrt(w**2 + u)) - abs(product)

    return np.sign(w) * np.sqrt(w**2 + brentq(gap, -np.min(w**2), 9.0, xtol=1e-15))


@pytest.mark.parametrize("w", CHAINS)
def test_constants_of_one_real_step_at_the_edge(w):
    """Loss (p - y)^2 / 2; the expansion of the residual, and what the step takes off eta S."""
    w, r = np.array(w), 1e-3
    y, eta = np.prod(w), 2 / (np.prod(w) ** 2 * np.sum(w**-2.0))
    kappa, C = landing(w)
    ends = []
    for sign in (1, -1):
        begin = shifted(w, y + sign * r)
        p = np.prod(begin)
        ends.append(begin - eta * (p - y) * p / begin)
    up, down = (np.prod(end) - y for end in ends)
    c2, c3 = (up + down) / (2 * r**2), ((up - down) / (2 * r) + 1) / r**2
    assert c2**2 + c3 == pytest.approx(C, rel=2e-2)
    edges = [eta * y**2 * np.sum(shifted(end, y) ** -2.0) for end in ends]
    assert (2 - np.mean(edges)) / r**2 == pytest.approx(kappa, rel=1e-3)


def test_only_shares_and_the_target_count():
    w = np.array(CHAINS[2])
    for part, whole in zip(landing(w), landing(3 * w), strict=True):
        assert whole == pytest.approx(part / 3**8)
    batch = landing(np.array([w, 2 * w, -w]))
    np.testing.assert_allclose(batch[1], [landing(v)[1] for v in (w, 2 * w, -w)])


def test_balanced_and_extreme_chains_do_not_cancel():
    for depth in (1, 2, 3, 7):
        kappa, C = landing(np.full(depth, 0.3))
        assert 0 <= kappa < 1e-25 * C + 1e-300
    # Two layers: C = 32 (v_1 v_2)^2 / (y^2 (v_1 + v_2)^4), with v = w^-2, and here y = 1.
    C = landing([1000.0, 0.001])[1]
    assert pytest.approx(32 / (1e6 + 1e-6) ** 4, rel=1e-12, abs=0) == C
    kappa, C = landing([1e-100, 1e100])
    assert np.isfinite(kappa)
    assert 0 <= C < 1e-300


def test_a_weight_that_is_zero_is_refused():
    with pytest.raises(ValueError, match="w must not have a weight that is zero"):
        landing([1.0, 0.0])
