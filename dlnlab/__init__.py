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
  `scalar_rate_bound`, `scalar_rate_lower_bound`, `two_layer_rate_bound`, `three_layer_rate_bound`,
  `square_rate_bound`, attained by `extremal_network`; `exact` solutions
- Flat minima: `sharpness`, `minimal_sharpness`, `minimal_sharpness_bounds`, `balanced_sharpness`,
  `critical_learning_rate`; `epsilon`, `structure`
- Flow from tiny weights: `flow_to_minimum`
- Sweeps: `endpoint`, `Grid`, `run_sweep`; the `experiments` of a paper and their `figures`
- Book: `check`, `explore`, `use_style`, `plot_curves`, `plot_training`
"""

from . import exact, experiments, figures, rules, sweep
from .acceleration import (
    circulation,
    metric,
    precondition,
    precondition_inverse,
    precondition_single,
    spectrum,
    volume_element,
)
from .arclength import flow_to_minimum
from .claims import ClaimError, check
from .dynamics import Trajectory, descend, end_to_end_flow, first_below, gradient_descent, gradient_flow
from .endpoints import Endpoint, endpoint
from .extremal import extremal_network
from .imbalance import imbalances, margin, scalar_rate_bound, scalar_rate_lower_bound
from .initialization import balanced, gaussian, imbalanced, residual
from .network import end_to_end, gradient, hessian, hessian_vector_product
from .operators import operator_matrix, preconditioner_eigenvalue, tau, tau_adjoint
from .plotting import plot_curves, plot_training, use_style
from .rate_bounds import square_rate_bound, three_layer_rate_bound, two_layer_rate_bound
from .sharpness import (
    Structure,
    balanced_sharpness,
    critical_learning_rate,
    epsilon,
    minimal_sharpness,
    minimal_sharpness_bounds,
    sharpness,
    structure,
)
from .sweep import Grid, run_sweep
from .tasks import Factorization, Loss, LpRegression, Regression
from .widgets import explore

__all__ = [
    "ClaimError",
    "Endpoint",
    "Factorization",
    "Grid",
    "Loss",
    "LpRegression",
    "Regression",
    "Structure",
    "Trajectory",
    "balanced",
    "balanced_sharpness",
    "check",
    "circulation",
    "critical_learning_rate",
    "descend",
    "end_to_end",
    "end_to_end_flow",
    "endpoint",
    "epsilon",
    "exact",
    "experiments",
    "explore",
    "extremal_network",
    "figures",
    "first_below",
    "flow_to_minimum",
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
    "minimal_sharpness",
    "minimal_sharpness_bounds",
    "operator_matrix",
    "plot_curves",
    "plot_training",
    "precondition",
    "precondition_inverse",
    "precondition_single",
    "preconditioner_eigenvalue",
    "residual",
    "rules",
    "run_sweep",
    "scalar_rate_bound",
    "scalar_rate_lower_bound",
    "sharpness",
    "spectrum",
    "square_rate_bound",
    "structure",
    "sweep",
    "tau",
    "tau_adjoint",
    "three_layer_rate_bound",
    "two_layer_rate_bound",
    "use_style",
    "volume_element",
]
