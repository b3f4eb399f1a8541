import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import kstest, norm

import dlnlab as dl
from dlnlab import precondition, volume_element
from dlnlab.noise import free_energy, riemannian_brownian, riemannian_langevin

W = np.array([[1.2, 0.4], [-0.5, 0.8]])
UNITS = np.eye(4).reshape(-1, 2, 2)
LOSS = dl.Factorization([[1.0, 0.0], [0.5, -0.7]])


class Nothing:
    """No loss at all."""

    def value(self, W):
        return np.zeros(W.shape[:-2])

    def gradient(self, W):
        return np.zeros_like(W)


def differences(function, h=1e-5):
    """Derivatives of a function of W along the units."""
    return np.array([(function(W + h * unit) - function(W - h * unit)) / (2 * h) for unit in UNITS])


def laplacian_drift(depth):
    """The divergence of the inverse metric."""
    return sum(
        (volume_element(V, depth) * precondition(V, unit, depth) * sign).reshape(2, 2)
        for unit in UNITS
        for sign, V in ((1, W + 1e-5 * unit), (-1, W - 1e-5 * unit))
    ) / (2e-5 * volume_element(W, depth))


def assert_moments(change, h, drift, clock, depth):
    """One step of size h has this drift, within four standard errors, and the noise of the inverse metric."""
    error = change.std(axis=0) / np.sqrt(len(change))
    assert (np.abs(change.mean(axis=0) - h * drift) < 4 * error).all()
    noise = (change - change.mean(axis=0)).reshape(-1, 4) / np.sqrt(h)
    inverse_metric = np.stack([precondition(W, unit, depth).ravel() for unit in UNITS])
    np.testing.assert_allclose(noise.T @ noise / len(noise), 2 * clock * inverse_metric, atol=0.03 * depth)


def test_in_one_dimension_a_root_is_brownian_motion():
    X = riemannian_brownian([[1.0]], 3, 2.0, 0.03, 100, 6000, rng=np.random.default_rng(0))
    deviation = np.sqrt(2 * 0.03 / (3 * 2.0))
    assert kstest(np.cbrt(X[:, 0, 0]), norm(1, deviation).cdf).pvalue > 1e-3


def test_paths_of_too_long_steps_are_given_up():
    X = riemannian_brownian(np.eye(2), 1, 2e-60, 1.0, 1, 400, rng=np.random.default_rng(0))
    given_up = np.isnan(X).all(axis=(1, 2))
    assert 0 < given_up.sum() < 400
    assert np.abs(X[~given_up]).max() <= 1e30


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_small_step_has_the_mean_and_the_covariance_of_the_laplacian(depth):
    """Generator (1 / beta) Laplacian: twice the inverse metric, and its divergence, over beta."""
    rng, beta, h = np.random.default_rng(3), 2.0, 1e-2
    change = riemannian_brownian(W, depth, beta, h, 1, 200_000, rng=rng) - W
    assert_moments(change, h, laplacian_drift(depth) / beta, 1 / beta, depth)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_small_step_at_a_temperature_falls_down_the_free_energy(depth):
    """The gradient of F by differences, in the metric, and Brownian motion at beta / kappa."""
    rng, beta, kappa, decay, h = np.random.default_rng(4), 2.0, 0.6, 0.3, 1e-2
    slope = differences(lambda V: free_energy(V, LOSS, depth, beta, weight_decay=decay)).reshape(2, 2)
    drift = kappa / beta * laplacian_drift(depth) - precondition(W, slope, depth)
    many = np.broadcast_to(W, (200_000, 2, 2))
    options = {"rng": rng, "kappa": kappa, "weight_decay": decay}
    change = riemannian_langevin(many, LOSS, depth, beta, h, 1, **options) - W
    assert_moments(change, h, drift, kappa / beta, depth)


@pytest.mark.parametrize("kappa", [0.0, 1.0])
def test_the_squared_norm_of_the_layers_runs_like_a_clock(kappa):
    """Without a loss it grows at 2 / beta (kappa d^2 + (N - 1) d (d - 1) / 2): volumes are homogeneous."""
    depth, beta, duration = 3, 2.0, 0.02
    start = np.broadcast_to(np.diag([1.5, 1.0, 0.6]), (3000 if kappa else 1, 3, 3))

    def squared(X):
        return depth * np.sum(np.linalg.svd(X, compute_uv=False) ** (2 / depth), axis=-1)

    rng = np.random.default_rng(5)
    end = riemannian_langevin(start, Nothing(), depth, beta, duration, 20, rng=rng, kappa=kappa)
    gain = squared(end) - squared(start)
    clock = 2 / beta * (9 * kappa + 6) * duration
    if kappa == 0:
        np.testing.assert_allclose(gain, clock, rtol=1e-3)
        return
    error = gain.std() / np.sqrt(len(gain))
    assert abs(gain.mean() - clock) < 4 * error
    assert abs(gain.mean() - clock * 9 / 15) > 4 * error  # without entropy


def test_without_noise_it_is_the_flow_of_the_free_energy():
    def downhill(_, w):
        V = w.reshape(2, 2)
        force = dl.noise.entropy_gradient(V, 3) / 5.0 - 3 * 0.1 * V
        return (force - precondition(V, LOSS.gradient(V), 3)).ravel()

    exact = solve_ivp(downhill, (0, 1), W.ravel(), rtol=1e-10, atol=1e-12).y[:, -1].reshape(2, 2)
    options = {"rng": np.random.default_rng(0), "kappa": 0.0, "weight_decay": 0.1}
    found = [riemannian_langevin(W, LOSS, 3, 5.0, 1.0, n, **options) for n in (400, 800)]
    np.testing.assert_allclose(2 * found[1] - found[0], exact, atol=1e-5)


def test_a_path_that_diverges_is_lost_alone():
    starts = np.stack([W, 50 * W])
    options = {"rng": np.random.default_rng(0), "kappa": 0.0}
    together = riemannian_langevin(starts, LOSS, 3, 10.0, 10.0, 500, **options)
    assert np.isnan(together[1]).all()
    np.testing.assert_array_equal(together[0], riemannian_langevin(W, LOSS, 3, 10.0, 10.0, 500, **options))
    assert np.isnan(riemannian_langevin(50 * W, LOSS, 3, 10.0, 10.0, 500, **options)).all()


def test_a_start_without_full_rank_is_refused():
    flat, rng = np.diag([1.0, 0.0]), np.random.default_rng(0)
    with pytest.raises(ValueError, match="W0 must be of full rank"):
        riemannian_brownian(flat, 2, 1.0, 1.0, 10, 10, rng=rng)
    with pytest.raises(ValueError, match="W0 must be of full rank"):
        riemannian_langevin([W, flat], LOSS, 2, 1.0, 1.0, 10, rng=rng)
    with pytest.raises(ValueError, match=r"W0 must be one matrix, got shape \(1, 2, 2\)"):
        riemannian_brownian([W], 2, 1.0, 1.0, 10, 10, rng=rng)


def test_steps_that_are_too_long_give_no_number():
    ends = riemannian_brownian(np.eye(2), 3, 1.0, 1e300, 3, 2, rng=np.random.default_rng(0))
    assert np.isnan(ends).all()
