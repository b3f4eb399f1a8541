import numpy as np
import pytest

import dlnlab as dl


def perceptrons(rng, scale, n=12, width=4, depth=5):
    return dl.gaussian([width] * depth + [1], scale, rng=rng, batch=(n,))


@pytest.mark.parametrize("with_readout", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 99, 100, 101, 250])
def test_the_same_as_gradient_descent(rng, with_readout, steps):
    task = dl.Regression.gaussian(20, 4, rng=rng)
    if with_readout:
        weights, readout = dl.residual(4, 5, 0.5, rng=rng, batch=(12,)), rng.standard_normal(4)
    else:
        weights, readout = perceptrons(rng, 0.4), None
    rates = np.geomspace(1e-4, 1e-3, 12)
    found = dl.endpoint(weights, task, rates, steps, readout)
    path = dl.gradient_descent(weights, task, rates, steps, readout=readout, record_every=max(steps, 1))
    assert not found.diverged.any()
    assert (found.steps == steps).all()
    for ours, theirs in zip(found.weights, path.weights, strict=True):
        np.testing.assert_allclose(ours, theirs[-1], rtol=1e-11, atol=1e-13)


def test_one_readout_a_network(rng):
    task = dl.Regression.gaussian(20, 3, rng=rng)
    weights, readouts = dl.residual(3, 4, 0.5, rng=rng, batch=(6,)), rng.standard_normal((6, 3))
    together = dl.endpoint(weights, task, 1e-3, 150, readouts)
    for i in range(6):
        alone = dl.endpoint([layer[i : i + 1] for layer in weights], task, 1e-3, 150, readouts[i])
        np.testing.assert_allclose(together.weights[1][i], alone.weights[1][0], rtol=1e-12)


def test_converged_and_diverged_networks_leave(rng):
    """Small rates converge, the middle one is still on its way, large ones overflow."""
    task = dl.Regression.gaussian(50, 4, minimizer_norm=1.0, rng=rng)
    weights = [np.tile(layer[:1], (3, 1, 1)) for layer in perceptrons(rng, 0.5, depth=3)]
    found = dl.endpoint(weights, task, [0.05, 1e-5, 50.0], 3000)
    np.testing.assert_array_equal(found.converged, [True, False, False])
    np.testing.assert_array_equal(found.diverged, [False, False, True])
    assert found.steps[0] < 3000
    assert found.steps[1] == 3000
    assert found.steps[2] == 100
    final = [layer[:2] for layer in found.weights]
    excess = task.excess_risk(dl.end_to_end(final, [1.0])) / task.excess_risk(np.zeros(4))
    assert excess[0] <= 1e-24 < excess[1]
    assert all(np.isnan(layer[2]).all() for layer in found.weights)
    # What leaves early is not disturbed by those who stay.
    alone = dl.endpoint([layer[:1] for layer in weights], task, 0.05, int(found.steps[0]))
    np.testing.assert_allclose(found.weights[0][0], alone.weights[0][0], rtol=1e-12)


def test_the_start_is_left_alone(rng):
    weights = perceptrons(rng, 0.4)
    copies = [layer.copy() for layer in weights]
    dl.endpoint(weights, dl.Regression.gaussian(20, 4, rng=rng), 0.01, 50)
    for layer, copy in zip(weights, copies, strict=True):
        np.testing.assert_array_equal(layer, copy)


TASK = dl.Regression([[1.0, 0.0], [0.0, 1.0]], [1.0, 2.0])
ONE = [np.ones((3, 1, 2))]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: dl.endpoint([np.ones((1, 2))], TASK, 0.1, 1), "weights must have one batch axis"),
        (lambda: dl.endpoint([np.ones((3, 1, 4))], TASK, 0.1, 1), r"weights\[0\] must have 2 columns"),
        (lambda: dl.endpoint([np.ones((3, 2, 2))], TASK, 0.1, 1), "weights must end in one output"),
        (lambda: dl.endpoint(ONE, TASK, -0.1, 1), "learning_rate must be positive"),
        (lambda: dl.endpoint(ONE, TASK, [0.1, 0.1], 1), r"learning_rate must be one number or have shape"),
        (lambda: dl.endpoint(ONE, TASK, 0.1, -1), "steps must be a whole number"),
        (lambda: dl.endpoint(ONE, TASK, 0.1, 1, [1.0, 2.0]), "readout must have shape"),
        (lambda: dl.endpoint(ONE, dl.Factorization([[1.0, 0.0]]), 0.1, 1), "task must be a Regression"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
