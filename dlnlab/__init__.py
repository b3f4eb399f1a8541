"""A laboratory for deep linear networks, a room a session.

Weights are a list of arrays ``[W_1, ..., W_L]``; leading axes, the dots in shapes, are a batch. What
chapters type often stands here; the rest in the rooms, each of which uses only those before it:

- `networks`: tasks, weights, gradients, initialisations, conserved imbalances
- `acceleration`: the preconditioner of balanced layers, its geometry
- `dynamics`: gradient flow, descent with the update `rules`, trajectories, `exact` solutions
- `imbalance`: the operator of the end-to-end flow from any start, bounds of the rate, prescribed imbalances
- `flatness`: sharpness and its least value, alignment, the flow from tiny weights
- `experiments`: endpoints, sweeps, the experiments of a paper and their `figures`
- `book`: checks of claims, explorers, the laboratory, house style
"""

from . import acceleration, book, dynamics, experiments, flatness, imbalance, networks
from .acceleration import (
    circulation,
    metric,
    precondition,
    precondition_inverse,
    precondition_single,
    spectrum,
    volume_element,
)
from .book import ClaimError, Laboratory, check, explore, plot_curves, plot_training, use_style
from .dynamics import (
    Trajectory,
    descend,
    end_to_end_flow,
    exact,
    first_below,
    gradient_descent,
    gradient_flow,
    rules,
)
from .experiments import Endpoint, Grid, endpoint, figures, run_sweep
from .experiments import sweeps as sweep
from .flatness import (
    Structure,
    balanced_sharpness,
    critical_learning_rate,
    epsilon,
    flow_to_minimum,
    minimal_sharpness,
    minimal_sharpness_bounds,
    sharpness,
    structure,
)
from .imbalance import (
    balanced,
    extremal_network,
    imbalanced,
    margin,
    operator_matrix,
    preconditioner_eigenvalue,
    scalar_rate_bound,
    scalar_rate_lower_bound,
    square_rate_bound,
    tau,
    tau_adjoint,
    three_layer_rate_bound,
    two_layer_rate_bound,
)
from .networks import (
    Factorization,
    Loss,
    LpRegression,
    Regression,
    end_to_end,
    gaussian,
    gradient,
    hessian,
    hessian_vector_product,
    imbalances,
    residual,
)

__all__ = [
    "ClaimError",
    "Endpoint",
    "Factorization",
    "Grid",
    "Laboratory",
    "Loss",
    "LpRegression",
    "Regression",
    "Structure",
    "Trajectory",
    "acceleration",
    "balanced",
    "balanced_sharpness",
    "book",
    "check",
    "circulation",
    "critical_learning_rate",
    "descend",
    "dynamics",
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
    "flatness",
    "flow_to_minimum",
    "gaussian",
    "gradient",
    "gradient_descent",
    "gradient_flow",
    "hessian",
    "hessian_vector_product",
    "imbalance",
    "imbalanced",
    "imbalances",
    "margin",
    "metric",
    "minimal_sharpness",
    "minimal_sharpness_bounds",
    "networks",
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
