"""A laboratory for deep linear networks, a room a session.

Weights are a list of arrays ``[W_1, ..., W_L]``; leading axes, the dots in shapes, are a batch. What
chapters type often stands here; the rest in the rooms, each of which uses only those before it:

- `networks`: tasks, weights, gradients, initialisations, conserved imbalances
- `acceleration`: the preconditioner of balanced layers, its geometry
- `dynamics`: gradient flow, descent with the update `rules`, trajectories, `exact` solutions
- `imbalance`: the operator of the end-to-end flow from any start, bounds of the rate, prescribed imbalances
- `flatness`: sharpness and its least value, alignment, the flow from tiny weights
- `minimizers`: which solution a flow reaches: norms, ranks, limits
- `noise`: in the gradient, in the weights, along the layers of one product
- `experiments`: endpoints, sweeps, the experiments of a paper and their `figures`
- `book`: checks of claims, explorers, the laboratory, house style
"""

from typing import TYPE_CHECKING

from . import acceleration, book, dynamics, experiments, flatness, imbalance, minimizers, networks, noise
from ._later import later
from .acceleration import (
    circulation,
    entropy,
    metric,
    orbit_volume,
    power_map,
    precondition,
    precondition_inverse,
    precondition_single,
    spectrum,
    volume_element,
)
from .book import ClaimError, check
from .dynamics import (
    Trajectory,
    balanced_rate,
    descend,
    end_to_end_flow,
    exact,
    first_below,
    gradient_descent,
    gradient_flow,
    rules,
)
from .experiments import Endpoint, Grid, endpoint, run_sweep
from .experiments import sweeps as sweep
from .flatness import (
    Structure,
    balanced_sharpness,
    critical_learning_rate,
    epsilon,
    flow_to_minimum,
    hessian_trace,
    minimal_sharpness,
    minimal_sharpness_bounds,
    minimal_trace,
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
from .minimizers import (
    diagonal_limit,
    effective_rank,
    flow_endpoint,
    hyperbolic_entropy,
    mirror_minimizer,
    nuclear_completion,
    polar_flow,
)
from .networks import (
    Completion,
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
    mask_invariants,
    residual,
)

if TYPE_CHECKING:
    from .book import Laboratory, explore, plot_curves, plot_training, use_style
    from .experiments import figures

__all__ = [
    "ClaimError",
    "Completion",
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
    "balanced_rate",
    "balanced_sharpness",
    "book",
    "check",
    "circulation",
    "critical_learning_rate",
    "descend",
    "diagonal_limit",
    "dynamics",
    "effective_rank",
    "end_to_end",
    "end_to_end_flow",
    "endpoint",
    "entropy",
    "epsilon",
    "exact",
    "experiments",
    "explore",
    "extremal_network",
    "figures",
    "first_below",
    "flatness",
    "flow_endpoint",
    "flow_to_minimum",
    "gaussian",
    "gradient",
    "gradient_descent",
    "gradient_flow",
    "hessian",
    "hessian_trace",
    "hessian_vector_product",
    "hyperbolic_entropy",
    "imbalance",
    "imbalanced",
    "imbalances",
    "margin",
    "mask_invariants",
    "metric",
    "minimal_sharpness",
    "minimal_sharpness_bounds",
    "minimal_trace",
    "minimizers",
    "mirror_minimizer",
    "networks",
    "noise",
    "nuclear_completion",
    "operator_matrix",
    "orbit_volume",
    "plot_curves",
    "plot_training",
    "polar_flow",
    "power_map",
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

__getattr__, __dir__ = later(
    __name__,
    __all__,
    book=["Laboratory", "explore", "plot_curves", "plot_training", "use_style"],
    experiments=["figures"],
)
