"""The experiments have the sizes of the paper; small versions of them show what it claims."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import dlnlab as dl
from dlnlab import experiments

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


@pytest.fixture
def reproduce():
    script = Path(__file__).parents[2] / "tools" / "reproduce.py"
    spec = importlib.util.spec_from_file_location("reproduce", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reproduction_draws_every_figure(reproduce, tmp_path, monkeypatch, capsys):
    """The script itself, on the first steps of one repetition."""

    def first_steps(grids):
        return lambda task, repetitions=1, *network: [
            replace(grid, repetitions=1, steps=20) for grid in grids(task, 1, *network)
        ]

    for name in ("perceptron_grids", "residual_grids", "depth_grids", "underdetermined_grids"):
        monkeypatch.setattr(experiments, name, first_steps(getattr(experiments, name)))
    monkeypatch.setattr(experiments.grids, "_TRAJECTORIES", {0.02: 8, 0.1: 8})
    monkeypatch.setattr(sys, "argv", ["reproduce.py", str(tmp_path), "--jobs", "1"])
    # Setting formulas is half of the time, and not what is tested.
    monkeypatch.setitem(matplotlib.rcParams, "text.parse_math", False)
    reproduce.main()
    assert len(list(tmp_path.glob("*.svg"))) == len(list(tmp_path.glob("*.png"))) == 10
    assert "10 figures" in capsys.readouterr().out
    assert list((tmp_path / "runs").glob("*.npz"))


def test_reproduction_asks_for_a_folder(reproduce, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["reproduce.py"])
    with pytest.raises(SystemExit):
        reproduce.main()
    assert "folder" in capsys.readouterr().err
