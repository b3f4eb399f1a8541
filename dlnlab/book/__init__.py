"""The book's own tools: checks of claims, interactive figures and the house style.

- `claims`: `check` prints a measured number beside the claimed one
- `explorers`: figures with sliders that need no kernel
- `laboratory`: a network that trains while one looks at it
- `style`: the look of the figures
"""

from .claims import ClaimError, check
from .explorers import Explorer, explore
from .laboratory import Laboratory
from .style import plot_curves, plot_training, use_style

__all__ = [
    "ClaimError",
    "Explorer",
    "Laboratory",
    "check",
    "explore",
    "plot_curves",
    "plot_training",
    "use_style",
]
