import numpy as np
import pytest

import dlnlab as dl


def start(depth, scale, seed=0, width=3):
    """A task and weights on the good side of the saddle at 0."""
    task = dl.Regression.gaussian(30, width, minimizer_norm=1.0, rng=np.random.default_rng(seed))
    weights = dl.gaussian([width] * depth + [1], scale, rng=np.random.default_rng(100 + seed))
    if (dl.end_to_end(weights) @ task.covariance @ task.minimizer).item() < 0:
        weights[-1] = -weights[-1]
    return task, weights


@pytest.mark.parametrize("readout", [None, np.array([0.3, -0.2, 0.9])])
def test_it_ends_where_gradient_flow_ends(readout):
    task, weights = start(3, 0.4)
    if readout is not None:
        weights = dl.residual(3, 4, 0.5, rng=np.random.default_rng(0))
    path = dl.flow_to_minimum(weights, task, readout=readout)
    flow = dl.gradient_flow(weights, task, 60.0, readout=readout, times=[0.0, 60.0])
    for ours, theirs in zip(path.weights, flow.weights, strict=True):
        np.testing.assert_allclose(ours[-1], theirs[-1], atol=1e-8)
    assert (path.loss[-1] - task.min_risk) <= 1e-18
    assert (np.diff(path.times) > 0).all()


def test_the_clock_is_that_of_gradient_flow():
    """Half-way, at the recorded time, the flow in time has the recorded loss."""
    task, weights = start(4, 0.2)
    path = dl.flow_to_minimum(weights, task)
    half = np.searchsorted(-path.loss, -path.loss[0] / 2)
    flow = dl.gradient_flow(weights, task, path.observables["time"][half])
    np.testing.assert_allclose(flow.loss[-1], path.loss[half], rtol=1e-3)


def test_the_balanced_scalar_flow_in_closed_form():
    """Two equal weights u: du/dt = 2u(1 - u^2), so that t = log(u^2 / (1 - u^2)) / 4 + constant."""
    path = dl.flow_to_minimum([[[0.01]], [[0.01]]], dl.Regression([[1.0]], [1.0]))
    u = path.weights[0][:, 0, 0]
    np.testing.assert_allclose(path.times, np.sqrt(2) * (u - 0.01), atol=1e-6)
    inside = u**2 < 0.9
    clock = [np.log(v / (1 - v)) / 4 for v in (u[inside] ** 2, 0.01**2)]
    np.testing.assert_allclose(path.observables["time"][inside], clock[0] - clock[1], atol=2e-3)


def test_tiny_weights_arrive_at_the_balanced_sharpness():
    task, weights = start(10, 1e-4)
    path = dl.flow_to_minimum(weights, task)
    end = [layer[-1] for layer in path.weights]
    np.testing.assert_allclose(dl.sharpness(end, task), dl.balanced_sharpness(task, 10), rtol=1e-7)
    assert path.observables["time"][-1] > 1e20
    for before, after in zip(dl.imbalances(weights), dl.imbalances(end), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-9)


def test_a_singular_covariance():
    """With fewer samples than features the flow ends at zero risk."""
    task = dl.Regression.gaussian(2, 3, minimizer_norm=1.0, rng=np.random.default_rng(0))
    path = dl.flow_to_minimum(dl.gaussian([3, 3, 1], 0.5, rng=np.random.default_rng(1)), task)
    assert path.loss[-1] <= 1e-18


def test_a_start_at_the_minimum_stays():
    path = dl.flow_to_minimum([[[1.0 + 1e-13]], [[1.0]]], dl.Regression([[1.0]], [1.0]))
    assert path.times.tolist() == [0.0]


def test_observables_are_recorded():
    task, weights = start(2, 0.3)
    path = dl.flow_to_minimum(weights, task, observables={"S": lambda layers: dl.sharpness(layers, task)})
    assert path.observables["S"].shape == path.times.shape


def test_a_saddle_is_an_error():
    """Opposite weights of equal size flow into 0."""
    with pytest.raises(RuntimeError, match="saddle: change the sign of the last layer"):
        dl.flow_to_minimum([[[0.1]], [[-0.1]]], dl.Regression([[1.0]], [1.0]))


@pytest.mark.parametrize(
    ("weights", "targets", "named"),
    [
        ([np.ones((2, 1, 1))], [1.0], "weights must be one network"),
        ([np.ones((2, 1))], [1.0], "weights must end in one output"),
        ([[[1.0]]], [0.0], "task must have a minimizer other than 0"),
        ([[[0.0]], [[0.0]]], [1.0], "weights must have a finite gradient other than 0"),
    ],
)
def test_bad_input_is_named(weights, targets, named):
    with pytest.raises(ValueError, match=named):
        dl.flow_to_minimum(weights, dl.Regression([[1.0]], targets))


def test_large_weights_arrive_too():
    """The arc length is as long as the start is far."""
    path = dl.flow_to_minimum([[[3e3]], [[2e3]]], dl.Regression([[1.0]], [1.0]))
    assert path.loss[-1] < 1e-18
    assert path.times[-1] > 1e3


def test_loose_tolerances_arrive_too(rng):
    """Near the end it is the length of the steps that keeps the integrator stable, not their error."""
    task, readout = dl.Regression.gaussian(30, 6, rng=rng), rng.standard_normal(6)
    start = dl.residual(6, 4, 0.3, rng=rng)
    path = dl.flow_to_minimum(start, task, readout=readout, rtol=1e-4)
    assert task.excess_risk(dl.end_to_end([W[-1] for W in path.weights], readout)) < 1e-18
