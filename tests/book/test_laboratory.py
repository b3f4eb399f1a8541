"""The laboratory in Python; what it does in a page is looked at in Chromium, in tests/test_laboratory.py."""

import numpy as np
import pytest

import dlnlab as dl
from dlnlab.book import laboratory


def test_a_run_is_gradient_descent():
    lab = dl.Laboratory("diabetes", depth=3, width=4, scale=0.4, learning_rate=0.05, seed=3)
    start, readout = lab.drawn()
    assert readout is None
    lab.run(300)
    lab.run(200)
    task = dl.Regression.diabetes()
    path = dl.gradient_descent(start, task, 0.05, 500)
    gap = task.excess_risk(dl.end_to_end(path.weights)[:, 0])
    np.testing.assert_array_equal(lab.history["step"], np.arange(501))
    np.testing.assert_allclose(lab.history["excess_risk"], gap, rtol=1e-12)
    np.testing.assert_allclose(lab.history["sharpness"], dl.sharpness(path.weights, task), rtol=1e-7)


@pytest.mark.parametrize("start", laboratory.STARTS)
def test_starts(start):
    lab = dl.Laboratory(depth=4, width=3, start=start, scale=0.5, seed=7)
    weights, readout = lab.drawn()
    imbalances = dl.imbalances(weights)
    if start == "residual":
        assert np.linalg.norm(readout) == pytest.approx(1.0)
        noise = np.concatenate([W - np.eye(5) for W in weights]).ravel()
        assert noise.std() == pytest.approx(0.5 / np.sqrt(4 * 5), rel=0.3)
        return
    assert [W.shape for W in weights] == [(3, 5), (3, 3), (3, 3), (1, 3)]
    assert dl.end_to_end(weights)[0] @ laboratory.tasks()["gaussian"].cross_moment > 0
    if start == "balanced":
        assert max(np.abs(D).max() for D in imbalances) < 1e-15
        assert dl.structure(weights).alignment == pytest.approx(1.0)
    if start == "imbalanced":
        norms = [np.sum(W**2) for W in weights]
        np.testing.assert_allclose(norms, 0.25 * np.arange(1, 5))
    if start == "gaussian":
        assert np.concatenate([W.ravel() for W in weights]).std() == pytest.approx(0.5, rel=0.3)


def test_the_numbers_of_a_seed_are_gaussian():
    """By their first four moments, each within four standard errors; and another seed gives others."""
    z = np.fromiter(laboratory._gaussians(5), float, 20_000)
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(z**power) - moment) < 4 * np.sqrt(variance / len(z))
    other = np.fromiter(laboratory._gaussians(6), float, 20_000)
    assert abs(np.mean(z * other)) < 4 / np.sqrt(len(z))
    skipped = laboratory._gaussians(5, skip=3)
    np.testing.assert_array_equal([next(skipped) for _ in range(5)], z[3:8])


def test_label_noise_has_the_covariance_of_the_gradient():
    """With new noise of standard deviation s in the labels, the gradient's covariance is 4 s^2 Sigma / n."""
    task = dl.Regression.diabetes()
    noisy = laboratory._NoisyLabels(task, 0.5, seed=0, step=0)
    w = np.zeros(10)
    kicks = np.array([noisy.gradient(w) - task.gradient(w) for _ in range(20_000)])
    found, wanted = kicks.T @ kicks / len(kicks), 4 * 0.5**2 * task.covariance / len(task.y)
    error = np.sqrt((np.outer(np.diag(wanted), np.diag(wanted)) + wanted**2) / len(kicks))
    assert (np.abs(found - wanted) < 5 * error).all()  # 55 numbers: a chance of 3e-5 to miss one


def test_noise_goes_on_where_it_was():
    labs = [dl.Laboratory("diabetes", noise=0.5, seed=2) for _ in range(2)]
    labs[0].run(20)
    labs[1].run(8)
    labs[1].run(12)
    for name in labs[0].history.dtype.names:
        np.testing.assert_allclose(labs[0].history[name], labs[1].history[name], rtol=1e-12)


def test_a_setting_changes_the_run():
    lab = dl.Laboratory()
    lab.run(10)
    lab.scale = 0.5
    assert len(lab.history) == 0
    lab.run(5)
    assert lab.history["step"][-1] == 5
    lab.weights = [[[1.0, 0.0, 0.0, 0.0, 0.0]]]
    lab.run(1)
    assert lab.history["excess_risk"][0] == laboratory.tasks()["gaussian"].excess_risk([1.0, 0, 0, 0, 0])


def test_a_run_of_the_page_is_not_mixed_with_one_of_python():
    lab = dl.Laboratory()
    lab.run(3)
    lab.trace = {"steps": [0, 70], "risk": [1.0, 0.1], "sharpness": [2.0, None]}  # as the page sends it
    assert np.isnan(lab.history["sharpness"][-1])
    lab.run(2)
    assert lab.history["step"].tolist() == [3, 4, 5]


def test_a_run_that_diverges_keeps_its_last_weights():
    lab = dl.Laboratory("scalar", depth=3, width=1, scale=2.0, learning_rate=3.0)
    lab.run(100)
    assert np.isfinite(lab.history["excess_risk"]).all()
    assert lab.history["excess_risk"][-1] > 1e10


def test_a_completion_is_trained():
    task = dl.Completion(np.eye(3, dtype=bool), np.diag([1.0, 2.0, 3.0]))
    lab = dl.Laboratory(task, depth=2, start="imbalanced", scale=0.5, learning_rate=0.05)
    start, readout = lab.drawn()
    assert readout is None
    np.testing.assert_allclose(start[1], np.sqrt(2) * start[0])
    lab.run(100)
    path = dl.gradient_descent(start, task, 0.05, 100)
    np.testing.assert_allclose(lab.history["excess_risk"], path.loss, rtol=1e-12)
    hessians = [dl.hessian([W[t] for W in path.weights], task) for t in (0, 100)]
    largest = [np.linalg.eigvalsh(H)[-1] for H in hessians]
    np.testing.assert_allclose(lab.history["sharpness"][[0, 100]], largest, rtol=1e-7)


def test_weights_go_with_the_task_that_they_were_given_for():
    lab = dl.Laboratory("corner", weights=[np.eye(2)])
    lab.task = "gaussian"
    assert lab.weights == []
    lab.run(1)
    assert lab.history["step"].tolist() == [0, 1]


def test_noise_of_entries_has_the_covariance_of_the_gradient():
    """Each seen entry has noise of its own, of the standard deviation that is set; the others have none."""
    task = laboratory.tasks()["corner"]
    noisy = laboratory._NoisyLabels(task, 0.5, seed=0, step=0)
    W = np.zeros((2, 2))
    kicks = np.array([noisy.gradient(W) - task.gradient(W) for _ in range(5000)]).reshape(-1, 4)
    wanted = np.diag(0.25 * task.mask.ravel())
    assert (np.abs(kicks.T @ kicks / 5000 - wanted) < 5 * 0.25 * np.sqrt(2 / 5000)).all()
    assert not kicks[:, 0].any()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"depth": 13}, "depth must be from 1 to 12, got 13"),
        ({"scale": 5.0}, "scale must be from 0.001 to 3.16"),
        ({"start": "zero"}, "start must be one of gaussian, residual"),
        ({"task": "mnist"}, "task must be one of scalar"),
        ({"weights": [np.ones((1, 4))]}, r"\(\.\.\., 5\), got \(1, 4\)"),
        ({"weights": [np.ones((2, 5))]}, "one output"),
        ({"readout": [1.0]}, "readout goes with weights"),
        ({"task": np.eye(2)}, "task must be a Regression, a square Completion or one of scalar"),
        ({"task": dl.Completion.elnino()}, "task must be a Regression, a square Completion"),
        ({"task": "corner", "weights": [np.eye(2)], "readout": [1.0, 0.0]}, "readout must be None"),
        ({"task": "corner", "weights": [np.ones((1, 2))]}, r"\(\.\.\., 2, 2\), got \(1, 2\)"),
    ],
)
def test_what_is_not_admissible_is_named(arguments, told):
    with pytest.raises(ValueError, match=told):
        dl.Laboratory(**arguments)


def test_a_bad_setting_later_is_refused_and_changes_nothing():
    lab = dl.Laboratory(depth=2)
    with pytest.raises(Exception, match="depth must be from 1 to 12"):
        lab.depth = 99
    assert lab.depth == 2
