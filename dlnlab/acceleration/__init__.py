"""Implicit acceleration: what balanced layers do to the gradient of their product.

- `preconditioner`: the operator of the end-to-end flow and its spectrum
- `geometry`: its inverse as a metric, volume and entropy of the layers behind a matrix, circulations
"""

from .geometry import (
    circulation,
    entropy,
    metric,
    orbit_volume,
    power_map,
    precondition_inverse,
    volume_element,
)
from .preconditioner import precondition, precondition_single, spectrum

__all__ = [
    "circulation",
    "entropy",
    "metric",
    "orbit_volume",
    "power_map",
    "precondition",
    "precondition_inverse",
    "precondition_single",
    "spectrum",
    "volume_element",
]
