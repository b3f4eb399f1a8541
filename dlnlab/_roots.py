"""Roots of many increasing functions at once."""

from collections.abc import Callable

import numpy as np

from ._validation import Array


def bracketed_root(function: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Return where increasing functions vanish, to rounding, between points that enclose their roots.

    By bisection: `scipy.optimize.elementwise` takes fewer steps, and a newer SciPy than Colab may have.

    Parameters
    ----------
    function : callable
        Takes and returns arrays of the shape of ``low``.
    low, high : ndarray

    Returns
    -------
    ndarray
    """
    middle = (low + high) / 2
    for _ in range(80):  # from any width that is met below the last digit
        below = function(middle) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
        middle = (low + high) / 2
    return middle
