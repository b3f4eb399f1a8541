r"""Sweeps: gradient descent over a grid of depths, learning rates, scales and repetitions.

A sweep is cut into chunks of configurations that are trained as one batch (see
`dlnlab.experiments.endpoints`) and spread over processes by joblib. Each finished chunk is a file,
named by a hash of all that determines it, initial weights included: a killed sweep goes on from there,
and a changed one never reads what is out of date.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from .._validation import Array, count, positive
from ..flatness.hessians import sharpness
from ..networks.initializations import gaussian, residual
from ..networks.tasks import Regression
from ..networks.weights import end_to_end
from .endpoints import endpoint

Table = NDArray[np.void]
Network = Callable[[int, int, Array, np.random.Generator], tuple[list[Array], Array | None]]

# Configurations in a batch: enough to run along memory, few enough to stay in a processor's cache.
_CHUNK = 512
_PARTIAL = ".partial"


def perceptron(
    width: int, depth: int, scales: Array, rng: np.random.Generator
) -> tuple[list[Array], Array | None]:
    """Draw a multilayer perceptron of constant width and one output, at every scale from the same noise.

    Parameters
    ----------
    width, depth : int
        d and L.
    scales : ndarray of shape (S,)
        Standard deviations of the weights.
    rng : numpy.random.Generator
        Draws the layers in order.

    Returns
    -------
    weights : list of ndarray
        Layers of shape (S, d, d), the last (S, 1, d).
    readout : None
    """
    noise = gaussian([width] * depth + [1], 1.0, rng=rng)
    return [scales[:, None, None] * layer for layer in noise], None


def residual_network(
    width: int, depth: int, scales: Array, rng: np.random.Generator
) -> tuple[list[Array], Array | None]:
    """Draw a residual network and a readout of norm 1, at every scale from the same noise.

    Parameters
    ----------
    width, depth, scales, rng
        As in `perceptron`; layers are I + s N_k / sqrt(L d).

    Returns
    -------
    weights : list of ndarray
        Layers of shape (S, d, d).
    readout : ndarray of shape (d,)
        Uniform on the sphere.
    """
    p = rng.standard_normal(width)
    noise = residual(width, depth, 1.0, rng=rng)
    identity = np.eye(width)
    weights = [identity + scales[:, None, None] * (layer - identity) for layer in noise]
    return weights, p / np.linalg.norm(p)


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
        if not isinstance(self.task, Regression):
            raise ValueError(f"task must be a Regression, got {type(self.task).__name__}")
        if not callable(self.network):
            raise ValueError(f"network must be a function such as perceptron, got {self.network!r}")
        for name in ("depths", "learning_rates", "scales"):
            values = getattr(self, name)
            if np.ndim(values) != 1 or len(values) == 0:
                raise ValueError(f"{name} must be a list of at least one value, got {values!r}")
        for i, depth in enumerate(self.depths):
            count(f"depths[{i}]", depth)
        positive("learning_rates", self.learning_rates)
        positive("scales", self.scales, zero=True)
        count("repetitions", self.repetitions)
        count("steps", self.steps, minimum=0)
        count("seed", self.seed, minimum=0)

    def __len__(self) -> int:
        """Return the number of configurations."""
        return len(self.depths) * len(self.learning_rates) * len(self.scales) * self.repetitions


def _draw(
    grid: Grid, depth: int, repetitions: NDArray[np.int64]
) -> tuple[list[Array], Array, Array | None, NDArray[np.int64]]:
    """Return weights, scales, readouts and repetitions of the initialisations, repetition by repetition."""
    scales = np.asarray(grid.scales, dtype=np.float64)
    width = len(grid.task.minimizer)
    draws = [
        grid.network(width, int(depth), scales, np.random.default_rng([grid.seed, depth, r]))
        for r in repetitions
    ]
    weights = [np.concatenate(layer) for layer in zip(*(drawn for drawn, _ in draws), strict=True)]
    readout = None
    if draws[0][1] is not None:
        readout = np.repeat([p for _, p in draws], len(scales), axis=0)
    return weights, np.tile(scales, len(draws)), readout, np.repeat(repetitions, len(scales))


def _train(grid: Grid, depth: int, repetitions: NDArray[np.int64], folder: Path | None) -> Table:
    """Return the table of one chunk, from its file where there is one."""
    weights, scales, readout, repetition = _draw(grid, depth, repetitions)
    rates = np.asarray(grid.learning_rates, dtype=np.float64)
    task = grid.task
    ingredients = (weights, readout, scales, repetition, task.covariance, task.minimizer, rates, grid.steps)
    file = None if folder is None else folder / f"{joblib.hash(ingredients)}.npy"
    if file is not None and file.exists():
        return np.load(file)

    start = sharpness(weights, task, readout)
    many = [np.concatenate([layer] * len(rates)) for layer in weights]
    p = None if readout is None else np.concatenate([readout] * len(rates))
    learning_rate = np.repeat(rates, len(scales))
    end = endpoint(many, task, learning_rate, grid.steps, p)
    arrived = np.flatnonzero(~end.diverged)
    final = np.full(len(learning_rate), np.nan)
    regressor = np.full((len(learning_rate), len(task.minimizer)), np.nan)
    if len(arrived):
        last = [layer[arrived] for layer in end.weights]
        readouts = None if p is None else p[arrived]
        final[arrived] = sharpness(last, task, readouts)
        regressor[arrived] = end_to_end(last, np.ones(1) if readouts is None else readouts)
    columns = {
        "depth": np.full(len(learning_rate), depth),
        "learning_rate": learning_rate,
        "scale": np.tile(scales, len(rates)),
        "repetition": np.tile(repetition, len(rates)),
        "initial_sharpness": np.tile(start, len(rates)),
        "sharpness": final,
        "excess_risk": task.excess_risk(regressor),
        "squared_distance": np.square(regressor - task.minimizer).sum(axis=1),
        "regressor": regressor,
        "steps": end.steps,
        "converged": end.converged,
        "diverged": end.diverged,
    }
    table = np.empty(
        len(learning_rate), [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
    )
    for name, column in columns.items():
        table[name] = column
    if file is not None:
        _save(file, table)
    return table


def _save(file: Path, table: Table) -> None:
    """Write a table under its name only once all of it is on the disk."""
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=_PARTIAL, delete=False) as partial:
        try:
            np.save(partial, table)
            partial.flush()
            os.fsync(partial.fileno())
            os.replace(partial.name, file)
        except BaseException:
            os.unlink(partial.name)
            raise


def run_sweep(
    grids: Grid | Sequence[Grid], *, folder: str | os.PathLike[str] | None = None, jobs: int | None = None
) -> Table:
    """Train every configuration of the grids and return one table.

    Parameters
    ----------
    grids : Grid or sequence of Grid
        What to train; tasks of several grids must have the same number of features.
    folder : path, optional
        Keep finished chunks here, and read those that are already there. One sweep at a time in a folder.
    jobs : int, optional
        Processes, -1 for all processors. By default what `joblib.parallel_config` says, which may be a
        Dask or Ray cluster, else one.

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
        If the grids do not fit together, or `jobs` is 0.

    Examples
    --------
    >>> task = Regression.gaussian(minimizer_norm=1.0, rng=np.random.default_rng(0))
    >>> grid = Grid(task, depths=[3], learning_rates=[0.05, 2.0], scales=[0.5], repetitions=2, steps=1000)
    >>> table = run_sweep(grid)
    >>> table["learning_rate"], table["diverged"]
    (array([0.05, 2.  , 0.05, 2.  ]), array([False,  True, False,  True]))
    """
    grids = [grids] if isinstance(grids, Grid) else list(grids)
    if not grids or not all(isinstance(grid, Grid) for grid in grids):
        raise ValueError("grids must be a Grid or a list of at least one")
    if len({len(grid.task.minimizer) for grid in grids}) > 1:
        raise ValueError("grids must have tasks of one number of features, for one table of regressors")
    if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0):
        raise ValueError(f"jobs must be a whole number other than 0, got {jobs!r}")
    path = None if folder is None else Path(folder)
    if path is not None:
        path.mkdir(parents=True, exist_ok=True)
        for leftover in path.glob(f"*{_PARTIAL}"):
            with suppress(FileNotFoundError):
                leftover.unlink()

    chunks = []
    for grid in grids:
        each = len(grid.learning_rates) * len(grid.scales)
        parts = min(grid.repetitions, -(-each * grid.repetitions // _CHUNK))
        for depth in grid.depths:
            chunks += [(grid, depth, block) for block in np.array_split(np.arange(grid.repetitions), parts)]
    tables: list[Table] = []
    silent = bool(os.environ.get("TQDM_DISABLE"))
    with tqdm(total=sum(map(len, grids)), desc="sweep", unit="run", leave=False, disable=silent) as bar:
        work = (joblib.delayed(_train)(*chunk, path) for chunk in chunks)
        for table in joblib.Parallel(n_jobs=jobs, return_as="generator")(work):
            tables.append(table)
            bar.update(len(table))
    return np.concatenate(
        [table[np.lexsort((table["scale"], table["learning_rate"], table["repetition"]))] for table in tables]
    )
