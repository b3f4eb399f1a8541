"""Implicit acceleration: what balanced layers do to the gradient of their product.

- `preconditioner`: the operator of the end-to-end flow and its spectrum
- `geometry`: its inverse as a metric, the volume element, circulations of vector fields
"""

from .geometry import circulation, metric, precondition_inverse, volume_element
from .preconditioner import precondition, precondition_single, spectrum

__all__ = [
    "circulation",
    "metric",
    "precondition",
    "precondition_inverse",
    "precondition_single",
    "spectrum",
    "volume_element",
]
