r"""Sweeps: gradient descent over a grid of depths, learning rates, scales and repetitions.

A sweep is cut into chunks of configurations that are trained as one batch (see
`dlnlab.experiments.endpoints`) and spread over processes by joblib. Each finished chunk is a file,
named by a hash of all that determines it, initial weights and code included: a killed sweep goes on from
there, and a changed one never reads what is out of date.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from .._validation import Array, count, function, positive, real_array, weight_list
from ..flatness.hessians import sharpness
from ..networks.tasks import Regression, regression
from ..networks.weights import end_to_end
from . import storage
from .endpoints import Endpoint, endpoint
from .families import Network, perceptron, residual_network
from .storage import Table

__all__ = ["Grid", "Table", "perceptron", "residual_network", "run_sweep"]

# Configurations in a batch: enough to run along memory, few enough to stay in a processor's cache.
_CHUNK = 512


@dataclass(frozen=True)
class Grid:
    """Configurations to train: every depth x learning rate x scale x repetition.

    Attributes
    ----------
    task : Regression
        The task.
    depths : sequence of int
        Numbers of layers.
    learning_rates, scales : sequence of float
        Learning rates and scales of the initialisation.
    repetitions : int
        Draws of the initialisation. Repetition r is the same draw at every scale and learning rate.
    steps : int
        Gradient-descent steps.
    network : callable
        ``network(width, depth, scales, rng)`` returns the layers, (S, d_k, d_{k-1}), and the readout or
        None: `perceptron`, `residual_network` or your own.
    seed : int
        Repetition r of depth L is drawn from ``default_rng([seed, L, r])``.

    Raises
    ------
    ValueError
        If an entry is not admissible.

    Examples
    --------
    >>> task = Regression.gaussian(rng=np.random.default_rng(0))
    >>> len(Grid(task, depths=[3, 5], learning_rates=[0.05], scales=[0.2, 0.5], repetitions=10, steps=1000))
    40
    """

    task: Regression
    depths: Sequence[int]
    learning_rates: Sequence[float]
    scales: Sequence[float]
    repetitions: int
    steps: int
    network: Network = perceptron
    seed: int = 0

    def __post_init__(self) -> None:
        regression(self.task)
        function("network", self.network, "perceptron")
        plain = {
            "learning_rates": positive(
                "learning_rates", real_array("learning_rates", self.learning_rates, ndim=1)
            ),
            "scales": positive("scales", real_array("scales", self.scales, ndim=1), zero=True),
        }
        real_array("depths", self.depths, ndim=1)
        normal = {name: tuple(values.tolist()) for name, values in plain.items()} | {
            "depths": tuple(count(f"depths[{i}]", depth) for i, depth in enumerate(self.depths)),
            "repetitions": count("repetitions", self.repetitions),
            "steps": count("steps", self.steps, minimum=0),
            "seed": count("seed", self.seed, minimum=0),
        }
        for name, value in normal.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """Return the number of configurations."""
        return len(self.depths) * len(self.learning_rates) * len(self.scales) * self.repetitions


@dataclass(frozen=True)
class _Start:
    """Where a chunk starts: initialisations, scale by scale within a repetition."""

    weights: list[Array]
    readout: Array | None
    scales: Array
    repetitions: NDArray[np.int64]


def _drawn(made: Any, depth: int, scales: Array) -> tuple[list[Array], Array | None]:
    """Return what a network made, which must be layers at every scale and a readout or None."""
    if not isinstance(made, tuple) or len(made) != 2:
        raise ValueError(f"network must return the layers and the readout or None, got {type(made).__name__}")
    layers = weight_list(made[0], "network (its layers)")
    if len(layers) != depth or layers[0].shape[:-2] != scales.shape:
        raise ValueError(
            f"network must return {depth} layers of shapes ({len(scales)}, d_k, d_(k-1)), "
            f"got {len(layers)}, the first of shape {layers[0].shape}"
        )
    return layers, None if made[1] is None else real_array("network (its readout)", made[1], ndim=1)


def _draw(grid: Grid, depth: int, repetitions: NDArray[np.int64]) -> _Start:
    scales, width = np.array(grid.scales), len(grid.task.minimizer)
    draws = [
        _drawn(
            grid.network(width, depth, scales.copy(), np.random.default_rng([grid.seed, depth, r])),
            depth,
            scales,
        )
        for r in repetitions
    ]
    if len({p is None for _, p in draws}) > 1:
        raise ValueError("network must return a readout at every repetition, or at none")
    readouts = None if draws[0][1] is None else np.repeat([p for _, p in draws], len(scales), axis=0)
    return _Start(
        weights=[np.concatenate(layer) for layer in zip(*(drawn for drawn, _ in draws), strict=True)],
        readout=readouts,
        scales=np.tile(scales, len(draws)),
        repetitions=np.repeat(repetitions, len(scales)),
    )


def _fields(features: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("depth", np.int64),
            ("learning_rate", np.float64),
            ("scale", np.float64),
            ("repetition", np.int64),
            ("initial_sharpness", np.float64),
            ("sharpness", np.float64),
            ("excess_risk", np.float64),
            ("squared_distance", np.float64),
            ("regressor", np.float64, (features,)),
            ("steps", np.int64),
            ("converged", np.bool_),
            ("diverged", np.bool_),
        ]
    )


def _part(grid: Grid, depth: int, repetitions: NDArray[np.int64], folder: Path | None) -> Table:
    """Return the table of one chunk, from its file where there is one."""
    start, task = _draw(grid, depth, repetitions), grid.task
    if folder is None:
        return _train(grid, depth, start)
    settings = (start, task.covariance, task.minimizer, grid.learning_rates, grid.steps)
    file = storage.file_of(folder, settings)
    rows = len(start.scales) * len(grid.learning_rates)
    table = storage.load(file, _fields(len(task.minimizer)), rows)
    if table is None:
        table = _train(grid, depth, start)
        storage.save(file, table)
    return table


def _train(grid: Grid, depth: int, start: _Start) -> Table:
    """Return the table of one chunk, learning rate by learning rate."""
    task, n_rates = grid.task, len(grid.learning_rates)
    weights = [np.concatenate([layer] * n_rates) for layer in start.weights]
    readout = None if start.readout is None else np.concatenate([start.readout] * n_rates)
    rates = np.repeat(grid.learning_rates, len(start.scales))
    end = endpoint(weights, task, rates, grid.steps, readout)

    table = np.zeros(len(rates), _fields(len(task.minimizer)))
    table["depth"], table["learning_rate"] = depth, rates
    table["scale"], table["repetition"] = np.tile(start.scales, n_rates), np.tile(start.repetitions, n_rates)
    table["initial_sharpness"] = np.tile(sharpness(start.weights, task, start.readout), n_rates)
    table["sharpness"], table["regressor"] = _arrival(end, task, readout)
    table["excess_risk"] = task.excess_risk(table["regressor"])
    table["squared_distance"] = np.square(table["regressor"] - task.minimizer).sum(axis=1)
    table["steps"], table["converged"], table["diverged"] = end.steps, end.converged, end.diverged
    return table


def _arrival(end: Endpoint, task: Regression, readout: Array | None) -> tuple[Array, Array]:
    """Return sharpness and end-to-end regressors at the end, NaN where a network diverged."""
    arrived = np.flatnonzero(~end.diverged)
    final = np.full(len(end.diverged), np.nan)
    regressors = np.full((len(final), len(task.minimizer)), np.nan)
    if len(arrived):
        last = [layer[arrived] for layer in end.weights]
        p = None if readout is None else readout[arrived]
        final[arrived] = sharpness(last, task, p)
        regressors[arrived] = end_to_end(last, np.ones(1) if p is None else p)
    return final, regressors


def _chunks(grid: Grid) -> Iterator[tuple[Grid, int, NDArray[np.int64]]]:
    """Cut a grid into blocks of repetitions that do not move when there are more of them."""
    each = len(grid.learning_rates) * len(grid.scales)
    block = max(1, _CHUNK // each)
    for depth in grid.depths:
        for first in range(0, grid.repetitions, block):
            yield grid, depth, np.arange(first, min(first + block, grid.repetitions))


def _sorted(table: Table) -> Table:
    return table[np.lexsort((table["scale"], table["learning_rate"], table["repetition"]))]


def run_sweep(
    grids: Grid | Sequence[Grid], *, folder: str | os.PathLike[str] | None = None, jobs: int | None = None
) -> Table:
    """Train every configuration of the grids and return one table.

    Parameters
    ----------
    grids : Grid or sequence of Grid
        What to train; tasks of several grids must have the same number of features.
    folder : path, optional
        Keep finished chunks here, and read those that are already there and whole. Sweeps may share a
        folder, at the same time too.
    jobs : int, optional
        Processes, at most 1000, or -1 for all processors. By default what `joblib.parallel_config` says,
        which may be a Dask or Ray cluster, else one.

    Returns
    -------
    structured ndarray
        One row a configuration, sorted by grid, depth, repetition, learning rate and scale, with the fields
        ``depth``, ``learning_rate``, ``scale``, ``repetition``; ``initial_sharpness``, ``sharpness``,
        ``excess_risk``, ``squared_distance`` to the minimiser and the end-to-end ``regressor`` (d,) at the
        end, NaN where it ``diverged``; ``steps`` taken until it left the batch, and ``converged``. The
        table does not depend on the number of processes.

    Raises
    ------
    ValueError
        If the grids do not fit together, ``jobs`` is no whole number, 0 or beyond 1000, or the folder cannot
        be written.

    Examples
    --------
    >>> task = Regression.gaussian(minimizer_norm=1.0, rng=np.random.default_rng(0))
    >>> grid = Grid(task, depths=[3], learning_rates=[0.05, 2.0], scales=[0.5], repetitions=2, steps=1000)
    >>> table = run_sweep(grid)
    >>> table["learning_rate"], table["diverged"]
    (array([0.05, 2.  , 0.05, 2.  ]), array([False,  True, False,  True]))
    """
    if not isinstance(grids, Grid | Sequence) or not grids:
        raise ValueError(f"grids must be a Grid or a list of at least one, got {grids!r}")
    grids = [grids] if isinstance(grids, Grid) else list(grids)
    if not all(isinstance(grid, Grid) for grid in grids):
        raise ValueError(f"grids must be a Grid or a list of at least one, got {grids!r}")
    if len({len(grid.task.minimizer) for grid in grids}) > 1:
        raise ValueError("grids must have tasks of one number of features, for one table of regressors")
    whole = isinstance(jobs, int | np.integer) and not isinstance(jobs, bool | np.timedelta64)
    if jobs is not None and not (whole and 0 < abs(jobs) <= 1000):
        raise ValueError(f"jobs must be a whole number other than 0 and of at most 1000, got {jobs!r}")
    path = None if folder is None else storage.opened(folder)
    work = (joblib.delayed(_part)(*chunk, path) for grid in grids for chunk in _chunks(grid))
    parts = joblib.Parallel(n_jobs=None if jobs is None else int(jobs), return_as="generator")(work)
    silent = bool(os.environ.get("TQDM_DISABLE"))
    tables = []
    with tqdm(total=sum(map(len, grids)), desc="sweep", unit="run", leave=False, disable=silent) as bar:
        for part in parts:
            tables.append(_sorted(part))
            bar.update(len(part))
    return np.concatenate(tables)
