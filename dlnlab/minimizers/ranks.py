"""The rank of a matrix as a continuous quantity."""

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .._validation import Array, real_array


def effective_rank(W: ArrayLike) -> Array:
    r"""Return the exponential of the entropy of the normalised singular values.

    Parameters
    ----------
    W : array_like of shape (..., m, d)
        Not zero.

    Returns
    -------
    ndarray of shape (...)
        :math:`\exp(-\sum_i p_i \log p_i)` with :math:`p_i = s_i / \sum_j s_j`: between 1 and the rank, and
        equal to the rank where all singular values that are not zero are equal.

    Raises
    ------
    ValueError
        If W is not a finite real matrix, or zero.

    References
    ----------
    Roy & Vetterli (2007), definition 1.

    Examples
    --------
    >>> effective_rank([[[2.0, 0.0], [0.0, 2.0]], [[3.0, 3.0], [3.0, 3.0]]]).round(12)
    array([2., 1.])
    """
    W = real_array("W", W, min_ndim=2)
    largest = np.abs(W).max(axis=(-2, -1), keepdims=True)
    if (largest == 0).any():
        raise ValueError("W must not be zero: its singular values cannot be normalised")
    s = np.linalg.svd(W / largest, compute_uv=False)
    return np.exp(scipy.special.entr(s / s.sum(axis=-1, keepdims=True)).sum(axis=-1))
