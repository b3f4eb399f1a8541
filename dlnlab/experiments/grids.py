r"""The experiments of Marion & Chizat (2024) on linear networks, in full or with fewer repetitions.

Inputs are standard Gaussian, the noise has variance 1 and targets are scaled to :math:`\|\pi^*\| = 1`.
"""

from collections.abc import Mapping

import numpy as np

from .._validation import count
from ..dynamics.descent import gradient_descent
from ..dynamics.trajectories import Trajectory
from ..networks.tasks import Regression, regression
from .families import Network, perceptron, residual_network
from .sweeps import Grid

# Learning rate: steps, and repetitions as a multiple of those of the first experiment.
_PERCEPTRON = {0.005: (40_000, 1), 0.02: (10_000, 1), 0.07: (4_000, 1), 0.1: (4_000, 1), 0.2: (2_000, 4)}
_UNDERDETERMINED = {0.001: (40_000, 5), 0.004: (10_000, 1), 0.01: (4_000, 1)}
_TRAJECTORIES = {0.02: 10_000, 0.1: 4_000}


def _grids(
    task: Regression, table: Mapping[float, tuple[int, int]], depth: int, scales: np.ndarray, repetitions: int
) -> list[Grid]:
    repetitions = count("repetitions", repetitions)
    return [
        Grid(task, [depth], [rate], scales.tolist(), times * repetitions, steps)
        for rate, (steps, times) in table.items()
    ]


def _task(n_samples: int, n_features: int, seed: int) -> Regression:
    rng = np.random.default_rng(count("seed", seed, minimum=0))
    return Regression.gaussian(n_samples, n_features, minimizer_norm=1.0, rng=rng)


def regression_task(seed: int = 0) -> Regression:
    """Return the overdetermined task: 50 samples of 5 features.

    Parameters
    ----------
    seed : int
        Of the generator that draws it.

    Returns
    -------
    Regression

    Raises
    ------
    ValueError
        If the seed is no whole number of at least 0.

    References
    ----------
    Marion & Chizat (2024), the experiments.

    Examples
    --------
    >>> regression_task().X.shape
    (50, 5)
    """
    return _task(50, 5, seed)


def underdetermined_task(seed: int = 0) -> Regression:
    """Return the underdetermined task: 15 samples of 20 features.

    Parameters
    ----------
    seed : int
        Of the generator that draws it.

    Returns
    -------
    Regression

    Raises
    ------
    ValueError
        If the seed is no whole number of at least 0.

    References
    ----------
    Marion & Chizat (2024), the experiments.

    Examples
    --------
    >>> underdetermined_task().X.shape
    (15, 20)
    """
    return _task(15, 20, seed)


def perceptron_grids(task: Regression, repetitions: int = 20) -> list[Grid]:
    """Return perceptrons of depth 10: 10 scales, 5 learning rates (the last with 4 times the repetitions).

    Parameters
    ----------
    task : Regression
        The task.
    repetitions : int
        Draws of the initialisation; the paper's number by default.

    Returns
    -------
    list of Grid

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments.

    Examples
    --------
    >>> sum(map(len, perceptron_grids(regression_task())))
    1600
    """
    return _grids(task, _PERCEPTRON, 10, np.linspace(0.25, 0.6, 10), repetitions)


def residual_grids(task: Regression, repetitions: int = 20) -> list[Grid]:
    """Return residual networks of depth 10: 10 scales, the perceptrons' learning rates, 4000 steps.

    Parameters
    ----------
    task : Regression
        The task.
    repetitions : int
        Draws of the initialisation; the paper's number by default.

    Returns
    -------
    list of Grid

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments.

    Examples
    --------
    >>> sum(map(len, residual_grids(regression_task())))
    1000
    """
    scales = np.linspace(0, 1.7, 10).tolist()
    return [Grid(task, [10], list(_PERCEPTRON), scales, repetitions, 4_000, residual_network)]


def depth_grids(task: Regression, repetitions: int = 50, network: Network = perceptron) -> list[Grid]:
    """Return networks of depth 5 to 40 at scale 0.25: 25 learning rates, 1000 steps.

    The paper's are perceptrons, of which the deepest do not leave the plateau near 0 in so few steps.

    Parameters
    ----------
    task : Regression
        The task.
    repetitions : int
        Draws of the initialisation; the paper's number by default.
    network : callable
        As in `Grid`.

    Returns
    -------
    list of Grid

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments.

    Examples
    --------
    >>> sum(map(len, depth_grids(regression_task())))
    5000
    """
    rates = np.logspace(-2, -0.3, 25).tolist()
    return [Grid(task, [5, 10, 20, 40], rates, [0.25], repetitions, 1_000, network)]


def underdetermined_grids(task: Regression, repetitions: int = 20) -> list[Grid]:
    """Return perceptrons of depth 5: 9 scales, 3 learning rates (the first with 5 times the repetitions).

    Parameters
    ----------
    task : Regression
        The task.
    repetitions : int
        Draws of the initialisation; the paper's number by default.

    Returns
    -------
    list of Grid

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments.

    Examples
    --------
    >>> sum(map(len, underdetermined_grids(underdetermined_task())))
    1260
    """
    return _grids(task, _UNDERDETERMINED, 5, np.linspace(0.1, 0.36, 9), repetitions)


def trajectories(task: Regression, repetitions: int = 20, points: int = 200) -> dict[float, Trajectory]:
    """Return paths of perceptrons of depth 10 from scale 0.35, by learning rate.

    Parameters
    ----------
    task : Regression
        The task.
    repetitions : int
        Draws of the initialisation, those of `perceptron_grids`.
    points : int
        Recorded steps, evenly spaced.

    Returns
    -------
    dict of float to Trajectory
        Of weights (T, repetitions, ...).

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments.

    Examples
    --------
    >>> paths = trajectories(regression_task(), repetitions=2, points=4)
    >>> {rate: path.loss.shape for rate, path in paths.items()}
    {0.02: (5, 2), 0.1: (5, 2)}
    """
    width, points = len(regression(task).minimizer), count("points", points)
    draws = [
        perceptron(width, 10, np.array([0.35]), np.random.default_rng([0, 10, r]))[0]
        for r in range(count("repetitions", repetitions))
    ]
    weights = [np.concatenate(layer) for layer in zip(*draws, strict=True)]
    return {
        rate: gradient_descent(weights, task, rate, steps, record_every=max(steps // points, 1))
        for rate, steps in _TRAJECTORIES.items()
    }
