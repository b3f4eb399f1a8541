"""Which solution a flow reaches: the hypotheses of norm, rank and volume, and the limits themselves.

- `norms`: what mirror flows minimise, and the least nuclear norm as the rival
- `ranks`: the effective rank
- `limits`: where the flow of balanced layers ends, in closed form or by integration
"""

from .limits import diagonal_limit, flow_endpoint, polar_flow
from .norms import hyperbolic_entropy, mirror_minimizer, nuclear_completion
from .ranks import effective_rank

__all__ = [
    "diagonal_limit",
    "effective_rank",
    "flow_endpoint",
    "hyperbolic_entropy",
    "mirror_minimizer",
    "nuclear_completion",
    "polar_flow",
]
