"""The experiments have the sizes of the paper; small versions of them show what it claims."""

import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import dlnlab as dl
from dlnlab import experiments, figures

TASK = experiments.regression_task()


def steps_of(grids):
    return sum(len(grid) * grid.steps for grid in grids)


def test_all_experiments_take_60_7_million_steps():
    underdetermined = experiments.underdetermined_grids(experiments.underdetermined_task())
    assert steps_of(underdetermined) == 38_520_000
    assert steps_of(experiments.perceptron_grids(TASK)) == 13_200_000
    assert steps_of(experiments.residual_grids(TASK)) == 4_000_000
    assert steps_of(experiments.depth_grids(TASK)) == 5_000_000


def test_tasks_are_normalised():
    for task, shape in ((TASK, (50, 5)), (experiments.underdetermined_task(), (15, 20))):
        assert task.X.shape == shape
        assert np.linalg.norm(task.minimizer) == pytest.approx(1)


@pytest.fixture(scope="module")
def perceptrons():
    return dl.run_sweep(experiments.perceptron_grids(TASK, 2))


def test_no_learned_run_is_sharper_than_two_over_the_learning_rate(perceptrons):
    learned = perceptrons[~perceptrons["diverged"] & (perceptrons["excess_risk"] <= 1e-6)]
    assert len(learned) > 20
    assert (learned["sharpness"] * learned["learning_rate"] < 2).all()
    assert (learned["sharpness"] >= dl.minimal_sharpness(TASK, 10)).all()


def test_above_the_critical_learning_rate_nothing_is_learned(perceptrons):
    above = perceptrons["learning_rate"] > dl.critical_learning_rate(TASK, 10)
    assert (perceptrons["excess_risk"][above & ~perceptrons["diverged"]] > 1e-6).all()
    assert (perceptrons["excess_risk"][~above & (perceptrons["scale"] < 0.3)] < 1e-6).all()


def test_trajectories_start_from_the_draws_of_the_sweep():
    start = dl.run_sweep(dl.Grid(TASK, [10], [0.02], [0.35], 2, 0))
    for rate, path in experiments.trajectories(TASK, 2, points=4).items():
        assert path.loss.shape == (5, 2)
        assert path.times[-1] == {0.02: 10_000, 0.1: 4_000}[rate]
        first = dl.end_to_end([layer[0] for layer in path.weights], [1.0])
        np.testing.assert_allclose(first, start["regressor"], rtol=1e-12)


def test_figures_show_the_tables(perceptrons):
    """Curves have the table's medians, lines are where the theory puts them."""
    figure = figures.plot_sharpness_by_scale(perceptrons, TASK, 10)
    axes = figure.axes[0]
    labels = [line.get_label() for line in axes.lines]
    curve = axes.lines[labels.index(r"$\eta = 0.02$")]
    rows = perceptrons[(perceptrons["learning_rate"] == 0.02) & (perceptrons["scale"] == 0.25)]
    assert curve.get_ydata()[0] == pytest.approx(np.median(rows["sharpness"]))
    assert [100.0, 100.0] in [list(line.get_ydata()) for line in axes.lines]
    fraction = figures.plot_divergence_by_scale(perceptrons).axes[0].lines[0].get_ydata()
    assert fraction[0] == 0
    assert 0 <= fraction[-1] <= 1
    assert len(figures.plot_distance_by_scale(perceptrons).axes[0].lines) == 5
    plt.close("all")


def test_figures_of_depth_and_trajectories():
    grids = experiments.depth_grids(TASK, 1)
    lines = figures.plot_distance_by_rate(dl.run_sweep(grids), TASK).axes[0].lines
    verticals = [line.get_xdata()[0] for line in lines if len(set(line.get_xdata())) == 1]
    assert verticals == pytest.approx([dl.critical_learning_rate(TASK, depth) for depth in (5, 10, 20, 40)])
    figure = figures.plot_trajectories(experiments.trajectories(TASK, 1, points=2), TASK, 10)
    assert [axes.get_title() for axes in figure.axes[:2]] == [
        r"$\eta = 0.02$: 1 of 1 runs",
        r"$\eta = 0.1$: 1 of 1 runs",
    ]
    plt.close("all")


def test_figure_of_the_generalisation_gap():
    """On fresh data the gap is what it says."""
    task = experiments.underdetermined_task()
    regressor, noise = task.source
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200_000, 20))
    y = X @ regressor + noise * rng.standard_normal(200_000)
    w = task.minimizer
    assert task.generalization_gap(w) == pytest.approx(np.mean((y - X @ w) ** 2) - task.risk(w), rel=0.02)
    table = dl.run_sweep([dl.Grid(task, [5], [0.004], [0.1, 0.3], 2, 100)])
    points = figures.plot_generalization(table, task).axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(table["sharpness"]))
    plt.close("all")


def test_reproduction_asks_for_a_folder():
    script = Path(__file__).parents[1] / "tools" / "reproduce.py"
    run = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert run.returncode == 2
    assert "folder" in run.stderr
