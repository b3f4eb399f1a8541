"""Experiments: many runs of gradient descent, those of a paper among them, and their figures.

- `endpoints`: the end of many runs, by the structure of the problem
- `families`: the networks that a sweep draws
- `sweeps`: grids of runs over processes
- `storage`: their finished parts on the disk
- `grids`: the experiments of Marion & Chizat (2024)
- `figures`: their figures
"""

from typing import TYPE_CHECKING

from .._later import later
from .endpoints import Endpoint, endpoint
from .families import perceptron, residual_network
from .grids import (
    depth_grids,
    perceptron_grids,
    regression_task,
    residual_grids,
    trajectories,
    underdetermined_grids,
    underdetermined_task,
)
from .sweeps import Grid, run_sweep

if TYPE_CHECKING:
    from . import figures

__all__ = [
    "Endpoint",
    "Grid",
    "depth_grids",
    "endpoint",
    "figures",
    "perceptron",
    "perceptron_grids",
    "regression_task",
    "residual_grids",
    "residual_network",
    "run_sweep",
    "trajectories",
    "underdetermined_grids",
    "underdetermined_task",
]

__getattr__, __dir__ = later(__name__, __all__, figures=["figures"])
