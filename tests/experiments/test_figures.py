from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

import dlnlab as dl
from dlnlab import experiments, figures

TASK = experiments.regression_task()


def first_steps(grids):
    """A table to draw: after a quarter of the steps many runs have learned."""
    return dl.run_sweep([replace(grid, steps=grid.steps // 4) for grid in grids])


@pytest.fixture(scope="module")
def perceptrons():
    return first_steps(experiments.perceptron_grids(TASK, 1))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


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


def test_figures_of_depth_and_trajectories(monkeypatch):
    grids = experiments.depth_grids(TASK, 1)
    lines = figures.plot_distance_by_rate(first_steps(grids), TASK).axes[0].lines
    verticals = [line.get_xdata()[0] for line in lines if len(set(line.get_xdata())) == 1]
    assert verticals == pytest.approx([dl.critical_learning_rate(TASK, depth) for depth in (5, 10, 20, 40)])
    monkeypatch.setattr(experiments.grids, "_TRAJECTORIES", {0.02: 60, 0.1: 60})
    figure = figures.plot_trajectories(experiments.trajectories(TASK, 1, points=2), TASK, 10)
    assert [axes.get_title() for axes in figure.axes[:2]] == [
        r"$\eta = 0.02$: 1 of 1 runs",
        r"$\eta = 0.1$: 1 of 1 runs",
    ]


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


def test_runs_that_all_diverge_are_no_picture():
    task = dl.Regression.gaussian(12, 3, minimizer_norm=1.0, rng=np.random.default_rng(0))
    table = dl.run_sweep(dl.Grid(task, [2], [50.0], [0.6], 2, 500))
    for draw in (figures.plot_distance_by_scale, lambda rows: figures.plot_generalization(rows, task)):
        with pytest.raises(ValueError, match="table must have a run that does not diverge"):
            draw(table)
    weights = dl.gaussian([3, 3, 1], 0.6, rng=np.random.default_rng(0), batch=(2,))
    with pytest.raises(
        ValueError, match="paths must map learning rates to trajectories that do not all diverge"
    ):
        figures.plot_trajectories({50.0: dl.gradient_descent(weights, task, 50.0, 50)}, task, 2)


def test_what_does_not_belong_together_is_named():
    task = dl.Regression.gaussian(12, 3, minimizer_norm=1.0, rng=np.random.default_rng(0))
    other = dl.Regression.gaussian(12, 4, minimizer_norm=1.0, rng=np.random.default_rng(0))
    table = dl.run_sweep(dl.Grid(task, [2], [0.05], [0.3], 2, 50))
    for draw in (
        figures.plot_distance_by_rate,
        figures.plot_generalization,
        lambda table, task: figures.plot_sharpness_by_scale(table, task, 2),
    ):
        with pytest.raises(ValueError, match="task must have 3 features as in table, got 4"):
            draw(table, other)
    with pytest.raises(ValueError, match="table must be one of run_sweep"):
        figures.plot_distance_by_scale(table[0])
    weights = dl.gaussian([3, 3, 1], 0.3, rng=np.random.default_rng(0), batch=(2,))
    path = dl.gradient_descent(weights, task, 0.1, 3)
    single = dl.gradient_descent([layer[0] for layer in weights], task, 0.1, 3)
    readout = dl.gradient_descent([weights[0]], task, 0.1, 3, readout=[1.0, 2.0, 0.0])
    for paths, fitting in ((path, other), (single, task), (readout, task)):
        with pytest.raises(ValueError, match=r"paths must hold batches of networks from . features to one"):
            figures.plot_trajectories({0.1: paths}, fitting, 2)
    with pytest.raises(ValueError, match="learning rates of paths must be positive"):
        figures.plot_trajectories({0: path}, task, 2)
