"""What gradient flow conserves: the imbalance of every pair of neighbouring layers."""

from collections.abc import Sequence
from itertools import pairwise

from numpy.typing import ArrayLike

from .._validation import Array, weight_list


def imbalances(weights: Sequence[ArrayLike]) -> list[Array]:
    r"""Return the imbalance of every pair of neighbouring layers.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}); leading axes are a batch.

    Returns
    -------
    list of ndarray
        :math:`D_k = W_{k+1}^\top W_{k+1} - W_k W_k^\top`, k = 1..L-1, symmetric, of shape
        (..., d_k, d_k); an empty list for one layer. Weights are balanced when all are zero.

    Raises
    ------
    ValueError
        If the layers do not chain or hold anything but finite real numbers.

    References
    ----------
    Du, Hu & Lee (2018), theorem 2.2; Arora, Cohen & Hazan (2018), theorem 1.

    Examples
    --------
    >>> imbalances([[[3.0]], [[2.0]]])
    [array([[-5.]])]
    """
    weights = weight_list(weights)
    return [above.mT @ above - below @ below.mT for below, above in pairwise(weights)]
