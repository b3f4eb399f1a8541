"""The book's own tools: checks of claims, interactive figures and the house style.

- `claims`: `check` prints a measured number beside the claimed one
- `explorers`: figures with sliders that need no kernel
- `laboratory`: a network that trains while one looks at it
- `style`: the look of the figures
"""

from typing import TYPE_CHECKING

from .._later import later
from .claims import ClaimError, check

# matplotlib and the widgets take longer to import than all the rest of the library.
if TYPE_CHECKING:
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

__getattr__, __dir__ = later(
    __name__,
    __all__,
    explorers=["Explorer", "explore"],
    laboratory=["Laboratory"],
    style=["plot_curves", "plot_training", "use_style"],
)
