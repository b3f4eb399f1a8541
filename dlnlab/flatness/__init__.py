"""Flat minima: sharpness, its least value, and where gradient flow from tiny weights ends.

- `hessians`: the sharpness at any weights (`curvature` and `lanczos` do its work)
- `minima`: the least sharpness and the least trace of all minimisers, and the critical learning rate
- `alignment`: how far layers are from rank one, equal norms and alignment
- `arclength`: gradient flow from tiny weights to its end
"""

from .alignment import Structure, epsilon, structure
from .arclength import flow_to_minimum
from .hessians import sharpness
from .minima import (
    balanced_sharpness,
    critical_learning_rate,
    hessian_trace,
    minimal_sharpness,
    minimal_sharpness_bounds,
    minimal_trace,
)

__all__ = [
    "Structure",
    "balanced_sharpness",
    "critical_learning_rate",
    "epsilon",
    "flow_to_minimum",
    "hessian_trace",
    "minimal_sharpness",
    "minimal_sharpness_bounds",
    "minimal_trace",
    "sharpness",
    "structure",
]
