"""Training dynamics: gradient flow, descent, and what is recorded along them.

- `flows`: gradient flow of the layers, and of their balanced product
- `descent`: gradient descent of the layers, update rules on the product
- `rules`: the update rules
- `trajectories`: paths of the weights
- `exact`: solutions in closed form
"""

from . import exact, rules
from .descent import balanced_rate, descend, gradient_descent
from .flows import end_to_end_flow, gradient_flow
from .trajectories import Trajectory, first_below

__all__ = [
    "Trajectory",
    "balanced_rate",
    "descend",
    "end_to_end_flow",
    "exact",
    "first_below",
    "gradient_descent",
    "gradient_flow",
    "rules",
]
