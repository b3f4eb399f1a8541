"""Convergence under imbalance: the operator of the end-to-end flow from any start, and bounds of the rate.

- `operators`: T, its factor and its least eigenvalue
- `chains`: the margin, and bounds for scalar layers
- `matrices`: bounds for two, three and square layers
- `extremal`: three layers with the least rate
- `prescribed`: layers of prescribed imbalance
"""

from .chains import margin, scalar_rate_bound, scalar_rate_lower_bound
from .extremal import extremal_network
from .matrices import square_rate_bound, three_layer_rate_bound, two_layer_rate_bound
from .operators import operator_matrix, preconditioner_eigenvalue, tau, tau_adjoint
from .prescribed import balanced, imbalanced

__all__ = [
    "balanced",
    "extremal_network",
    "imbalanced",
    "margin",
    "operator_matrix",
    "preconditioner_eigenvalue",
    "scalar_rate_bound",
    "scalar_rate_lower_bound",
    "square_rate_bound",
    "tau",
    "tau_adjoint",
    "three_layer_rate_bound",
    "two_layer_rate_bound",
]
