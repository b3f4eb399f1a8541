"""A laboratory for deep linear networks.

Weights are a list of arrays ``[W_1, ..., W_L]``; leading axes are a batch everywhere.

- Tasks: `Regression`, `Factorization`, `LpRegression`
- Networks: `end_to_end`, `gradient`, `hessian_vector_product`, `hessian`
- Initialisations: `gaussian`, `residual`, `balanced`, `imbalanced`
- Dynamics: `gradient_flow`, `gradient_descent`, `end_to_end_flow`, `descend` with the update `rules`,
  `Trajectory`, `first_below`
- Balanced layers: `imbalances`, `precondition`, `precondition_inverse`, `precondition_single`, `spectrum`,
  `metric`, `volume_element`, `circulation`
- Any layers: `preconditioner_eigenvalue`, `tau`, `tau_adjoint`, `operator_matrix`; `margin`, bounds
  `scalar_rate_bound`, `scalar_rate_lower_bound`, `two_layer_rate_bound`; `exact` solutions
- Book: `check`, `explore`, `use_style`, `plot_curves`, `plot_training`
"""

from . import exact, rules
from .acceleration import (
    circulation,
    metric,
    precondition,
    precondition_inverse,
    precondition_single,
    spectrum,
    volume_element,
)
from .claims import ClaimError, check
from .dynamics import Trajectory, descend, end_to_end_flow, first_below, gradient_descent, gradient_flow
from .imbalance import imbalances, margin, scalar_rate_bound, scalar_rate_lower_bound, two_layer_rate_bound
from .initialization import balanced, gaussian, imbalanced, residual
from .network import end_to_end, gradient, hessian, hessian_vector_product
from .operators import operator_matrix, preconditioner_eigenvalue, tau, tau_adjoint
from .plotting import plot_curves, plot_training, use_style
from .tasks import Factorization, Loss, LpRegression, Regression
from .widgets import explore

__all__ = [
    "ClaimError",
    "Factorization",
    "Loss",
    "LpRegression",
    "Regression",
    "Trajectory",
    "balanced",
    "check",
    "circulation",
    "descend",
    "end_to_end",
    "end_to_end_flow",
    "exact",
    "explore",
    "first_below",
    "gaussian",
    "gradient",
    "gradient_descent",
    "gradient_flow",
    "hessian",
    "hessian_vector_product",
    "imbalanced",
    "imbalances",
    "margin",
    "metric",
    "operator_matrix",
    "plot_curves",
    "plot_training",
    "precondition",
    "precondition_inverse",
    "precondition_single",
    "preconditioner_eigenvalue",
    "residual",
    "rules",
    "scalar_rate_bound",
    "scalar_rate_lower_bound",
    "spectrum",
    "tau",
    "tau_adjoint",
    "two_layer_rate_bound",
    "use_style",
    "volume_element",
]
