"""Figures of the experiments of Marion & Chizat (2024), from the tables of `dlnlab.run_sweep`."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .._validation import Array, number
from ..dynamics.trajectories import Trajectory
from ..flatness.hessians import sharpness
from ..flatness.minima import critical_learning_rate, minimal_sharpness, minimal_sharpness_bounds
from ..networks.tasks import Regression, regression
from ..networks.weights import end_to_end
from .storage import Table

# Learned to excess risk at most this, a run is shown among the minimisers.
_LEARNED = 1e-6


_FIELDS = {"depth", "learning_rate", "scale", "initial_sharpness", "sharpness", "excess_risk"}
_FIELDS |= {"squared_distance", "regressor", "diverged"}


def _shades(n: int) -> Array:
    # The middle of the colour map can be seen on light and on dark pages.
    return plt.get_cmap("viridis")(np.linspace(0.1, 0.75, n))


def _runs(table: Any, task: Regression | None = None) -> Table:
    """Return a table, which must have the fields of those of `run_sweep`, and rows, and fit a task."""
    fields = getattr(getattr(table, "dtype", None), "names", None) or ()
    if not set(fields) >= _FIELDS or table.ndim != 1 or len(table) == 0:
        raise ValueError(f"table must be one of run_sweep with at least one row, got {type(table).__name__}")
    if table["diverged"].all():
        raise ValueError("table must have a run that does not diverge, got none")
    features = table["regressor"].shape[-1]
    if task is not None and len(task.minimizer) != features:
        raise ValueError(f"task must have {features} features as in table, got {len(task.minimizer)}")
    return table


def _rates(table: Table) -> list[tuple[float, Table, Array]]:
    """Return the table learning rate by learning rate, each with its colour."""
    rates = np.unique(table["learning_rate"])
    return [
        (rate, table[table["learning_rate"] == rate], shade)
        for rate, shade in zip(rates, _shades(len(rates)), strict=True)
    ]


def _quartiles(table: Table, by: str, value: Array, chosen: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return the values of a column and, for each, the quartiles of the chosen rows (3, values)."""
    settings = np.unique(table[by])
    groups = [value[chosen & (table[by] == setting)] for setting in settings]
    quartiles = [np.quantile(group, [0.25, 0.5, 0.75]) if len(group) else [np.nan] * 3 for group in groups]
    return settings, np.transpose(quartiles)


def _band(axes: Axes, x: Array, quartiles: Array, **style: Any) -> None:
    axes.plot(x, quartiles[1], marker="o", markersize=3.5, **style)
    axes.fill_between(x, quartiles[0], quartiles[2], color=style["color"], alpha=0.2, linewidth=0)


def plot_sharpness_by_scale(
    table: Table, task: Regression, depth: int, *, readout_norm: float = 1.0
) -> Figure:
    """Draw the sharpness at the start and after training, median and quartiles, against the scale.

    Parameters
    ----------
    table : structured ndarray
        Of `run_sweep`; runs that reached an excess risk of 1e-6 are shown.
    task, depth, readout_norm
        Give the band between the bounds of the least sharpness; dotted lines are 2 / learning rate.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments on linear networks.

    Examples
    --------
    >>> from dlnlab import Grid, run_sweep
    >>> task = Regression.gaussian(minimizer_norm=1.0, rng=np.random.default_rng(0))
    >>> table = run_sweep(Grid(task, [2], [0.05, 0.1], [0.3, 0.6], repetitions=2, steps=200))
    >>> plot_sharpness_by_scale(table, task, depth=2).axes[0].get_yscale()
    'log'
    """
    table, (lower, upper) = (
        _runs(table, regression(task)),
        minimal_sharpness_bounds(task, depth, readout_norm),
    )
    figure, axes = plt.subplots(figsize=(6, 4.2))
    first = table[table["learning_rate"] == table["learning_rate"][0]]
    scales, start = _quartiles(first, "scale", first["initial_sharpness"], np.ones(len(first), dtype=bool))
    axes.plot(scales, start[1], color="0.5", linestyle="--", marker="s", markersize=3, label="at the start")
    for rate, rows, shade in _rates(table):
        learned = ~rows["diverged"] & (rows["excess_risk"] <= _LEARNED)
        if learned.any():
            scales, after = _quartiles(rows, "scale", rows["sharpness"], learned)
            _band(axes, scales, after, color=shade, label=rf"$\eta = {rate:g}$")
            axes.axhline(2 / rate, color=shade, linestyle=":", linewidth=1.2)
    axes.axhspan(lower, upper, color="C1", alpha=0.35, linewidth=0, label=r"bounds of $S_{\min}$")
    axes.set(xlabel="scale $s$ of the initialisation", ylabel="sharpness $S$", yscale="log")
    axes.minorticks_off()
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def plot_distance_by_scale(table: Table) -> Figure:
    """Draw the squared distance to the minimiser after training, median and quartiles, against the scale.

    Parameters
    ----------
    table : structured ndarray
        Of `run_sweep`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments on linear networks.

    Examples
    --------
    >>> from dlnlab import Grid, run_sweep
    >>> task = Regression.gaussian(minimizer_norm=1.0, rng=np.random.default_rng(0))
    >>> table = run_sweep(Grid(task, [2], [0.05, 0.1], [0.3, 0.6], repetitions=2, steps=200))
    >>> plot_distance_by_scale(table).axes[0].get_yscale()
    'log'
    """
    table = _runs(table)
    figure, axes = plt.subplots()
    for rate, rows, shade in _rates(table):
        value = np.maximum(rows["squared_distance"], 1e-24)
        scales, quartiles = _quartiles(rows, "scale", value, ~rows["diverged"])
        _band(axes, scales, quartiles, color=shade, label=rf"$\eta = {rate:g}$")
    axes.set(xlabel="scale $s$ of the initialisation", ylabel=r"$\|w - \pi^*\|^2$", yscale="log")
    axes.minorticks_off()
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def plot_divergence_by_scale(table: Table) -> Figure:
    """Draw the fraction of runs whose weights overflow, against the scale.

    Parameters
    ----------
    table : structured ndarray
        Of `run_sweep`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments on linear networks.

    Examples
    --------
    >>> from dlnlab import Grid, run_sweep
    >>> task = Regression.gaussian(minimizer_norm=1.0, rng=np.random.default_rng(0))
    >>> table = run_sweep(Grid(task, [2], [0.05, 0.1], [0.3, 0.6], repetitions=2, steps=200))
    >>> len(plot_divergence_by_scale(table).axes[0].lines)
    2
    """
    table = _runs(table)
    figure, axes = plt.subplots()
    for rate, rows, shade in _rates(table):
        scales = np.unique(rows["scale"])
        fraction = [rows["diverged"][rows["scale"] == scale].mean() for scale in scales]
        axes.plot(scales, fraction, color=shade, marker="o", markersize=3.5, label=rf"$\eta = {rate:g}$")
    axes.set(xlabel="scale $s$ of the initialisation", ylabel="fraction that diverges", ylim=(-0.03, 1.03))
    axes.legend()
    return figure


def plot_trajectories(paths: Mapping[float, Trajectory], task: Regression, depth: int) -> Figure:
    """Draw squared distance and sharpness along the runs that do not diverge, one column a learning rate.

    Parameters
    ----------
    paths : mapping of float to Trajectory
        Of `dlnlab.experiments.trajectories`.
    task, depth
        Give the dashed line, the least sharpness; the dotted one is 2 / learning rate.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments on linear networks.

    Examples
    --------
    >>> from dlnlab import gaussian, gradient_descent
    >>> from dlnlab.experiments import regression_task
    >>> task = regression_task()
    >>> start = gaussian([5, 5, 1], 0.3, rng=np.random.default_rng(0), batch=(2,))
    >>> paths = {rate: gradient_descent(start, task, rate, 50) for rate in (0.02, 0.1)}
    >>> len(plot_trajectories(paths, task, depth=2).axes)
    4
    """
    if not isinstance(paths, Mapping) or not paths:
        raise ValueError(f"paths must map learning rates to trajectories, got {paths!r}")
    if not all(isinstance(path, Trajectory) and not path.diverged.all() for path in paths.values()):
        raise ValueError("paths must map learning rates to trajectories that do not all diverge")
    least, ends = minimal_sharpness(task, depth), (1, len(task.minimizer))
    for rate, path in paths.items():
        number("learning rates of paths", rate)
        if (path.weights[-1].shape[-2], path.weights[0].shape[-1]) != ends or path.diverged.ndim != 1:
            raise ValueError(f"paths must hold batches of networks from {ends[1]} features to one output")
    figure, axes = plt.subplots(2, len(paths), figsize=(6, 4.6), sharex="col", sharey="row", squeeze=False)
    for (rate, path), (top, bottom) in zip(paths.items(), axes.T, strict=True):
        alive = ~path.diverged
        weights = [layer[:, alive] for layer in path.weights]
        distance = np.square(end_to_end(weights, [1.0]) - task.minimizer).sum(axis=-1)
        for axis, values in ((top, np.maximum(distance, 1e-24)), (bottom, sharpness(weights, task))):
            axis.semilogy(path.times, values, color="C0", alpha=0.35, linewidth=0.8)
            axis.minorticks_off()
        bottom.axhline(2 / rate, color="C1", linestyle=":", label=r"$2/\eta$")
        bottom.axhline(least, color="C2", linestyle="--", label=r"$S_{\min}$")
        top.set_title(rf"$\eta = {rate:g}$: {alive.sum()} of {alive.size} runs")
        bottom.set_xlabel("steps")
    axes[0, 0].set_ylabel(r"$\|w - \pi^*\|^2$")
    axes[1, 0].set_ylabel("sharpness $S$")
    axes[1, 0].legend(loc="lower right")
    return figure


def plot_distance_by_rate(table: Table, task: Regression) -> Figure:
    """Draw the squared distance after training against the learning rate, one curve a depth.

    Parameters
    ----------
    table : structured ndarray
        Of `run_sweep`, with several depths.
    task : Regression
        Gives the dashed lines, the critical learning rate of every depth.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments on linear networks.

    Examples
    --------
    >>> from dlnlab import Grid, run_sweep
    >>> task = Regression.gaussian(minimizer_norm=1.0, rng=np.random.default_rng(0))
    >>> table = run_sweep(Grid(task, [2], [0.05, 0.1], [0.3, 0.6], repetitions=2, steps=200))
    >>> len(plot_distance_by_rate(table, task).axes[0].lines)
    2
    """
    table = _runs(table, regression(task))
    figure, axes = plt.subplots(figsize=(6, 3.8))
    depths = np.unique(table["depth"])
    for depth, shade in zip(depths, _shades(len(depths)), strict=True):
        rows = table[table["depth"] == depth]
        value = np.where(rows["diverged"], np.inf, np.maximum(rows["squared_distance"], 1e-24))
        rates = np.unique(rows["learning_rate"])
        median = [np.median(value[rows["learning_rate"] == rate]) for rate in rates]
        axes.loglog(rates, median, color=shade, marker="o", markersize=3.5, label=f"depth {depth}")
        axes.axvline(critical_learning_rate(task, int(depth)), color=shade, linestyle="--", linewidth=1)
    axes.set(xlabel=r"learning rate $\eta$", ylabel=r"median of $\|w - \pi^*\|^2$")
    axes.minorticks_off()
    axes.legend()
    return figure


def plot_generalization(table: Table, task: Regression) -> Figure:
    """Draw the generalisation gap of every run that has not diverged against its sharpness.

    Parameters
    ----------
    table : structured ndarray
        Of `run_sweep`, on a task made by `Regression.gaussian`.
    task : Regression
        The task.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments on underdetermined regression.

    Examples
    --------
    >>> from dlnlab import Grid, run_sweep
    >>> task = Regression.gaussian(minimizer_norm=1.0, rng=np.random.default_rng(0))
    >>> table = run_sweep(Grid(task, [2], [0.05, 0.1], [0.3, 0.6], repetitions=2, steps=200))
    >>> plot_generalization(table, task).axes[0].get_xscale()
    'log'
    """
    table = _runs(table, regression(task))
    figure, axes = plt.subplots()
    for rate, rows, shade in _rates(table):
        rows = rows[~rows["diverged"]]
        gap = task.generalization_gap(rows["regressor"])
        axes.scatter(rows["sharpness"], gap, s=9, color=shade, alpha=0.6, label=rf"$\eta = {rate:g}$")
    axes.set(xlabel="sharpness $S$ after training", ylabel="risk on new data $-$ risk", xscale="log")
    axes.minorticks_off()
    axes.legend()
    return figure
