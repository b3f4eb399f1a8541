r"""Entropy as a force: what noise along the orbits of balanced layers does to their product."""

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, count, number, square_matrix
from ..acceleration import entropy
from ..networks.losses import Loss, fitting_loss


def rebalance(W: ArrayLike, depth: int) -> list[Array]:
    r"""Return balanced layers of a square matrix, :math:`U\Lambda, \Lambda, \dots, \Lambda V^\top`.

    Parameters
    ----------
    W : array_like of shape (..., d, d)
        The end-to-end matrix.
    depth : int
        The number of layers N.

    Returns
    -------
    list of ndarray
        N layers of shape (..., d, d), the first one :math:`\Lambda V^\top` with
        :math:`\Lambda = S^{1/N}`.

    Raises
    ------
    ValueError
        If W is not square or the depth not a whole number.

    Examples
    --------
    >>> rebalance([[4.0]], depth=2)
    [array([[2.]]), array([[2.]])]
    """
    W, depth = square_matrix("W", W), count("depth", depth)
    if depth == 1:
        return [W]
    U, s, Vt = np.linalg.svd(W)
    root = s ** (1 / depth)
    middle = [root[..., None] * np.eye(W.shape[-1])] * (depth - 2)
    return [root[..., None] * Vt, *middle, U * root[..., None, :]]


def entropy_gradient(W: ArrayLike, depth: int) -> Array:
    r"""Return the gradient of the `dlnlab.entropy` in the metric :math:`g^N` of balanced layers.

    Parameters
    ----------
    W : array_like of shape (..., d, d)
        The end-to-end matrix.
    depth : int
        The number of layers N.

    Returns
    -------
    ndarray of shape (..., d, d)
        :math:`U \Sigma' V^\top`, :math:`\Sigma'_i = s_i \sum_{j\ne i} \partial_x h(x_i, x_j) / h(x_i, x_j)`,
        with :math:`x_i = s_i^{2/N}` and :math:`h(x, y) = \sum_{m<N} x^m y^{N-1-m}`:
        noise along the orbits drifts along it, towards larger singular values.

    Raises
    ------
    ValueError
        If W is not square, or of rank d - 2 or below, where the entropy is minus infinity.

    References
    ----------
    Menon & Yu (2025), theorem 12; in this form, which does not cancel, in these notes.

    Examples
    --------
    >>> entropy_gradient([[3.0, 0.0], [0.0, 1.0]], depth=2)  # W over its nuclear norm
    array([[0.75, 0.  ],
           [0.  , 0.25]])
    """
    W, depth = square_matrix("W", W), count("depth", depth)
    U, s, Vt = np.linalg.svd(W)
    x = s ** (2 / depth)
    powers = np.arange(depth)
    left, right = x[..., :, None, None] ** powers, x[..., None, :, None] ** powers[::-1]
    h = (left * right).sum(axis=-1)
    slope = (powers[1:] * x[..., :, None, None] ** powers[:-1] * right[..., 1:]).sum(axis=-1)
    apart = ~np.eye(W.shape[-1], dtype=bool)
    if (h == 0)[..., apart].any():
        raise ValueError("W must have at most one singular value that is zero: the entropy is -infinity")
    force = s * np.where(apart, slope / np.where(h == 0, 1.0, h), 0.0).sum(axis=-1)
    return np.asarray(U * force[..., None, :] @ Vt)


def free_energy(W: ArrayLike, loss: Loss, depth: int, beta: float, *, weight_decay: float = 0.0) -> Array:
    r"""Return the free energy of balanced layers with the product W.

    Parameters
    ----------
    W : array_like of shape (..., d, d)
        The end-to-end matrix.
    loss : Loss
        The energy E of the end-to-end matrix.
    depth : int
        The number of layers N.
    beta : float
        The inverse temperature.
    weight_decay : float
        :math:`\mu`, at least 0.

    Returns
    -------
    ndarray of shape (...)
        :math:`E(W) - \mathcal S(W)/\beta + \frac\mu2 N \sum_i s_i^{2/N}`, the last term being the weight
        decay of all layers.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Menon & Yu (2025).

    Examples
    --------
    >>> from dlnlab import Factorization
    >>> float(free_energy([[4.0]], Factorization([[4.0]]), depth=2, beta=1.0, weight_decay=0.5))
    2.0
    """
    W, depth = square_matrix("W", W), count("depth", depth)
    loss, decay = fitting_loss(loss, W), number("weight_decay", weight_decay, zero=True)
    s = np.linalg.svd(W, compute_uv=False)
    weights = depth * (s ** (2 / depth)).sum(axis=-1)
    return np.asarray(loss.value(W) - entropy(W, depth) / number("beta", beta) + decay / 2 * weights)
