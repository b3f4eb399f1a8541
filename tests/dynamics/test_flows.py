import pickle
import warnings

import numpy as np
import pytest
import scipy
from conftest import random_weights
from scipy.linalg import expm

import dlnlab
from dlnlab import (
    Factorization,
    LpRegression,
    Regression,
    balanced,
    end_to_end,
    end_to_end_flow,
    first_below,
    gaussian,
    gradient,
    gradient_descent,
    gradient_flow,
    imbalances,
)


@pytest.mark.parametrize("batch", [(), (3,)])
def test_flow_of_one_layer_is_the_linear_ode(rng, batch):
    task = Regression.gaussian(rng=rng)
    start = rng.standard_normal((*batch, 1, 5))
    path = gradient_flow([start], task, 2.0, times=[0.0, 0.7, 2.0])
    for t, w in zip(path.times, path.weights[0], strict=True):
        exact = task.minimizer + (start - task.minimizer) @ expm(-2 * t * task.covariance)
        np.testing.assert_allclose(w, exact, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(path.loss, task.value(path.weights[0]))


def test_flow_of_two_balanced_scalar_layers_is_the_sigmoid():
    """Saxe, McClelland & Ganguli (2014), equation 8, for the loss (y - w)^2 / 2."""
    y, w0 = 3.0, 0.01
    layer = np.full((1, 1), np.sqrt(w0))
    path = gradient_flow([layer, layer], Factorization([[y]]), 3.0, times=np.linspace(0, 3, 13))
    growth = np.exp(2 * y * path.times)
    exact = y * growth / (growth - 1 + y / w0)
    np.testing.assert_allclose(end_to_end(path.weights).ravel(), exact, rtol=1e-10)


def test_flow_of_two_imbalanced_scalar_layers():
    """With w1^2 - w2^2 = d the limit solves w1 w2 = y on that hyperbola."""
    d, y = 1.5, 2.0
    w1, w2 = np.sqrt(d + 0.01), 0.1
    path = gradient_flow([[[w1]], [[w2]]], Factorization([[y]]), 20.0)
    w1_squared = (d + np.sqrt(d**2 + 4 * y**2)) / 2
    np.testing.assert_allclose(path.weights[0][-1].item() ** 2, w1_squared, rtol=1e-10)


@pytest.mark.parametrize("depth", range(1, 13))
@pytest.mark.parametrize("with_readout", [False, True])
def test_flow_conserves_the_imbalances(rng, depth, with_readout):
    weights = random_weights(rng, depth, max_width=8, batch=(2,), outputs=3 if with_readout else 1)
    task = Regression(rng.standard_normal((30, weights[0].shape[-1])), rng.standard_normal(30))
    readout = rng.standard_normal(3) if with_readout else None
    path = gradient_flow(weights, task, 1.0, readout=readout)
    size = max(np.square(weight).sum(axis=(-2, -1)).max() for weight in weights)
    for D in imbalances(path.weights):
        assert np.abs(D - D[0]).max() < 1e-8 * size
    assert (np.diff(path.loss, axis=0) < 1e-12).all()


def test_flow_agrees_with_many_small_steps(rng):
    """Richardson's extrapolation of gradient descent, an independent integrator."""
    task = Regression.gaussian(rng=rng)
    weights = random_weights(rng, 3, max_width=5, outputs=1)
    weights[0] = rng.standard_normal((weights[0].shape[0], 5)) / 3
    ends = []
    for steps in (2000, 4000, 8000):
        path = gradient_descent(weights, task, 1.0 / steps, steps, record_every=steps)
        ends.append(end_to_end([layer[-1] for layer in path.weights]))
    first = [2 * ends[1] - ends[0], 2 * ends[2] - ends[1]]
    extrapolated = (4 * first[1] - first[0]) / 3
    flow = gradient_flow(weights, task, 1.0)
    np.testing.assert_allclose(end_to_end(flow.weights)[-1], extrapolated, atol=1e-8)


def test_end_to_end_flow_is_the_flow_of_balanced_layers(rng):
    matrix, target = rng.standard_normal((2, 2, 3))
    layers = balanced([3, 4, 3, 2], matrix, rng=rng)
    times = np.linspace(0, 1, 5)
    deep = gradient_flow(layers, Factorization(target), 1.0, times=times)
    flat = end_to_end_flow(matrix, Factorization(target), 3, 1.0, times=times)
    np.testing.assert_allclose(end_to_end(deep.weights), flat.weights[0], atol=1e-8)
    np.testing.assert_allclose(deep.loss, flat.loss, atol=1e-8)


def test_flow_records_what_is_asked(rng):
    task = Regression.gaussian(rng=rng)
    weights = gaussian([5, 4, 1], 0.5, rng=rng, batch=(2,))
    path = gradient_flow(
        weights, task, 1.0, dense=True, observables={"norm": lambda W: np.square(W[0]).sum(axis=(-2, -1))}
    )
    np.testing.assert_allclose(path.observables["norm"], np.square(path.weights[0]).sum(axis=(-2, -1)))
    middle = gradient_flow(weights, task, 1.0, times=[0.5])
    for at_time, layer in zip(path.solution(0.5), middle.weights, strict=True):
        np.testing.assert_allclose(at_time, layer[0], atol=1e-9)
    assert path.solution([0.1, 0.2])[0].shape == (2, 2, 4, 5)


@pytest.mark.parametrize("method", ["RK45", "LSODA", "Radau", "BDF"])
def test_flow_by_other_integrators(rng, method):
    task = Regression.gaussian(rng=rng)
    weights = gaussian([5, 3, 1], 0.5, rng=rng)
    reference = gradient_flow(weights, task, 2.0, times=[2.0])
    other = gradient_flow(weights, task, 2.0, times=[2.0], method=method, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(other.weights[0], reference.weights[0], atol=1e-6)


class Repulsion:
    """A loss whose flow escapes to infinity in finite time: value -W^4 / 4."""

    def value(self, W):
        return -(W**4).sum(axis=(-2, -1)) / 4

    def gradient(self, W):
        return -(W**3)


def test_flow_that_blows_up_is_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeError, match=r"integrator DOP853 failed after time 0\.[45]"):
            gradient_flow([[[1.0]]], Repulsion(), 1.0)


def test_descent_is_its_formula(rng):
    task = Regression.gaussian(rng=rng)
    weights = gaussian([5, 4, 3, 2], 0.4, rng=rng)
    readout = rng.standard_normal(2)
    path = gradient_descent(weights, task, 0.01, 3, readout=readout)
    for step in range(3):
        layers = [layer[step] for layer in path.weights]
        parts = gradient(layers, task, readout)
        for k in range(3):
            np.testing.assert_allclose(path.weights[k][step + 1], layers[k] - 0.01 * parts[k], atol=1e-14)
    np.testing.assert_array_equal(path.times, [0, 1, 2, 3])


def test_descent_of_a_batch_is_each_alone(rng):
    task = Regression.gaussian(rng=rng)
    weights = gaussian([5, 3, 1], [0.2, 0.5], rng=rng, batch=(3, 2))
    rates = np.array([[0.01], [0.02], [0.03]])
    together = gradient_descent(weights, task, rates, 20, record_every=7)
    np.testing.assert_array_equal(together.times, [0, 7, 14, 20])
    for i, j in np.ndindex(3, 2):
        alone = gradient_descent([layer[i, j] for layer in weights], task, rates[i, 0], 20, record_every=7)
        np.testing.assert_allclose(together.loss[:, i, j], alone.loss, rtol=1e-12)


def test_descent_freezes_and_flags_what_diverges(rng):
    task = Regression.gaussian(rng=rng)
    weights = gaussian([5, 5, 5, 1], 0.5, rng=rng)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = gradient_descent(weights, task, [0.01, 10.0], 300)
    np.testing.assert_array_equal(path.diverged, [False, True])
    assert np.isfinite(path.loss).all()
    assert all(np.isfinite(layer).all() for layer in path.weights)
    np.testing.assert_array_equal(path.weights[0][-1, 1], path.weights[0][-2, 1])
    steady = gradient_descent(weights, task, 0.01, 300)
    np.testing.assert_allclose(path.loss[:, 0], steady.loss, rtol=1e-12)


task = Factorization([[1.0]])
one = [np.ones((1, 1))]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: gradient_flow(one, task, -1.0), "duration must be positive"),
        (lambda: gradient_flow(one, task, np.inf), "duration must be finite"),
        (lambda: gradient_flow(one, task, 1.0, times=[0.5, 0.2]), "times must increase within"),
        (lambda: gradient_flow(one, task, 1.0, times=[2.0]), "times must increase within"),
        (lambda: gradient_flow(one, task, 1.0, rtol=0.0), "rtol must be positive"),
        (lambda: gradient_flow(one, task, 1.0, rtol=1e-15), "rtol must be at least 2.22e-14 and below 1"),
        (lambda: gradient_flow(one, task, 1.0, rtol=1.0), "rtol must be at least 2.22e-14 and below 1"),
        (lambda: gradient_flow(one, task, 1.0, method="Euler"), "method must be one of"),
        (lambda: gradient_flow(one, task, 1.0, method=scipy.integrate.RK45), "method must be one of"),
        (lambda: gradient_flow(one, task, 1.0, observables={"a": 1}), r"observables\['a'\] must be a func"),
        (lambda: gradient_flow([], task, 1.0), "weights must be a non-empty list"),
        (lambda: gradient_descent(one, task, 0.0, 1), "learning_rate must be positive"),
        (lambda: gradient_descent(one, task, 0.1, -1), "steps must be a whole number"),
        (lambda: gradient_descent(one, task, 0.1, 1.5), "steps must be a whole number"),
        (lambda: gradient_descent(one, task, 0.1, 1, record_every=0), "record_every must be a whole"),
        (
            lambda: gradient_descent([np.ones((3, 1, 1))], task, [0.1, 0.2], 1),
            "learning_rate, weights must have batch axes that broadcast",
        ),
        (lambda: gradient_descent([np.full((1, 1), 1e200)], task, 0.1, 1), "weights must have a finite loss"),
        (lambda: end_to_end_flow(np.eye(1), task, 0, 1.0), "depth must be a whole number"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def test_a_gradient_that_overflows_is_an_error():
    loss = LpRegression(np.eye(2), np.ones(2), 8)
    with pytest.raises(ValueError, match="weights must have a finite gradient"):
        gradient_flow([[[1e60, 1e60]]], loss, 1.0)


def test_an_interpolant_can_be_stored_and_does_not_extrapolate():
    path = gradient_flow(one, task, 1.0, dense=True)
    copy = pickle.loads(pickle.dumps(path))
    np.testing.assert_array_equal(copy.solution(0.5)[0], path.solution(0.5)[0])
    np.testing.assert_allclose(path.solution([0.0, 1.0])[0], path.weights[0][[0, -1]], rtol=1e-12)
    for t in (-0.1, 1.1, [0.5, 5.0]):
        with pytest.raises(ValueError, match=r"t must lie within \[0, 1\]"):
            path.solution(t)


def test_a_threshold_has_no_axis_of_time():
    with pytest.raises(ValueError, match="threshold must have at most the batch axes"):
        first_below([3.0, 2.0, 1.0], [3.0, 2.0, 1.0])


def test_descent_of_several_outputs_on_one_target_is_refused(rng):
    with pytest.raises(ValueError, match=r"loss\.value must return real numbers of shape"):
        gradient_descent([rng.standard_normal((2, 1))], Regression([[1.0]], [1.0]), 3.0, 60)


def test_a_loss_is_looked_at_with_the_batch_that_the_rates_make():
    class Summed:
        def value(self, W):
            return np.sum(W**2) / 2

        def gradient(self, W):
            return W

    for run in (
        lambda: gradient_descent([[[2.0]]], Summed(), [0.1, 0.2], 2),
        lambda: dlnlab.descend([[2.0]], Summed(), dlnlab.rules.plain([0.1, 0.2]), 2),
    ):
        with pytest.raises(ValueError, match=r"loss\.value must return real numbers of shape"):
            run()


def test_an_observable_is_looked_at_before_the_work():
    weights = [np.ones((2, 1)), np.ones((3, 2)), np.ones((1, 3))]
    with pytest.raises(ValueError, match=r"observables\['D'\] must return an array of real numbers"):
        gradient_flow(weights, task, 1.0, observables={"D": imbalances})
