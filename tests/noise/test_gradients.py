import numpy as np
import pytest

from dlnlab import Factorization, Regression, gradient, gradient_descent, hessian_trace, minimal_trace
from dlnlab.noise import Noisy, isotropic, label_noise, minibatch


@pytest.fixture
def task(rng):
    return Regression(rng.standard_normal((8, 3)), rng.standard_normal(8))


def covariance(noise, W, n=200_000, seed=0):
    draws = noise(np.broadcast_to(W, (n, *W.shape)), np.random.default_rng(seed))[:, 0]
    return draws.mean(axis=0), draws.T @ draws / n


def test_label_noise_has_the_mean_and_the_covariance_of_noise_in_the_labels(rng, task):
    W = rng.standard_normal((1, 3))
    mean, found = covariance(label_noise(task, 0.7), W)
    expected = 4 * 0.7**2 * task.covariance / 8
    np.testing.assert_allclose(mean, 0, atol=0.01)
    np.testing.assert_allclose(found, expected, atol=0.02 * np.trace(expected))
    # The same from labels drawn anew.
    xi = 0.7 * np.random.default_rng(1).standard_normal((200_000, 8))
    direct = -2 * xi @ task.X / 8
    np.testing.assert_allclose(direct.T @ direct / len(xi), expected, atol=0.02 * np.trace(expected))


def test_minibatch_of_all_samples_is_silent_and_of_one_is_unbiased(rng, task):
    W = rng.standard_normal((5, 1, 3))
    np.testing.assert_allclose(minibatch(task, 8)(W, rng), 0, atol=1e-12)
    mean, found = covariance(minibatch(task, 2), W[0])
    each = 2 * (task.X @ W[0, 0] - task.y)[:, None] * task.X - task.gradient(W[0, 0])
    expected = each.T @ each / 8 / 2 * (8 - 2) / (8 - 1)
    np.testing.assert_allclose(mean, 0, atol=0.05)
    np.testing.assert_allclose(found, expected, atol=0.02 * np.trace(expected))


def test_a_batch_of_networks_draws_different_samples(rng, task):
    W = np.ones((4, 1, 3))
    noise = minibatch(task, 2)(W, rng)
    assert np.ptp(noise, axis=0).max() > 0.1


def test_noise_enters_the_gradient_and_not_the_loss(rng):
    loss, weights = Factorization(np.eye(2)), [rng.standard_normal((2, 2)) for _ in range(2)]
    noisy = Noisy(loss, lambda W, rng: np.ones_like(W), rng=rng)
    W = weights[1] @ weights[0]
    assert noisy.value(W) == loss.value(W)
    np.testing.assert_array_equal(noisy.gradient(W), loss.gradient(W) + 1)
    shifted = gradient(weights, Factorization(np.eye(2) - 1))
    for found, expected in zip(gradient(weights, noisy), shifted, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)
    path = gradient_descent(weights, Noisy(loss, isotropic(0.0), rng=rng), 0.1, 5)
    np.testing.assert_array_equal(path.loss, gradient_descent(weights, loss, 0.1, 5).loss)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_hessian_trace_against_the_dense_hessian(rng, task, depth):
    from dlnlab import hessian

    widths = [3, 4, 2, 5][: depth + 1]
    weights = [rng.standard_normal(shape) for shape in zip(widths[1:], widths[:-1], strict=True)]
    p = rng.standard_normal(widths[-1])
    assert hessian_trace(weights, task, p) == pytest.approx(np.trace(hessian(weights, task, p)))


@pytest.mark.parametrize("depth", [2, 3])
def test_no_minimiser_has_a_smaller_trace(rng, task, depth):
    least, ratio = minimal_trace(task, depth)
    pi, e = task.minimizer, np.eye(4)[0]
    size = np.linalg.norm(pi) ** (1 / depth)
    for stretch in (1.0, ratio ** ((depth - 1) / (2 * depth)), 3.0):
        first = size * stretch * np.outer(e, pi / np.linalg.norm(pi))
        rest = size * stretch ** (-1 / (depth - 1))
        hidden = [rest * np.outer(e, e)] * (depth - 2)
        trace = hessian_trace([first, *hidden, rest * e[None]], task)
        assert trace >= least * (1 - 1e-12)
        if stretch == ratio ** ((depth - 1) / (2 * depth)):
            assert trace == pytest.approx(least)
            assert np.sum(first**2) / rest**2 == pytest.approx(ratio)


def test_noise_of_another_shape_is_named():
    noisy = Noisy(Factorization([[1.0]]), lambda W, rng: np.zeros((5, 1, 1)), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"noise must return the shape \(1, 1\) of W"):
        noisy.gradient([[1.0]])
