"""Networks: the tasks they are trained on, their weights and what gradient flow conserves of them.

- `losses`: losses of the end-to-end matrix, with first and second derivatives
- `tasks`: linear regression, on random or real data
- `completion`: matrix completion, and what its flow conserves
- `weights`: end-to-end matrix, gradients and Hessians
- `initializations`: random starts
- `conserved`: the imbalances
"""

from .completion import Completion, mask_invariants
from .conserved import imbalances
from .initializations import gaussian, residual
from .losses import Factorization, Loss, LpRegression
from .tasks import Regression
from .weights import end_to_end, gradient, hessian, hessian_vector_product

__all__ = [
    "Completion",
    "Factorization",
    "Loss",
    "LpRegression",
    "Regression",
    "end_to_end",
    "gaussian",
    "gradient",
    "hessian",
    "hessian_vector_product",
    "imbalances",
    "mask_invariants",
    "residual",
]
