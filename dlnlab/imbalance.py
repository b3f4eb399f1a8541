r"""Imbalance of neighbouring layers: what gradient flow conserves, and what it guarantees of the rate.

The bounds are on the least eigenvalue of T (see `dlnlab.operators`). Our order of the product is
:math:`W_L \cdots W_1`; the source's, :math:`W_1 \cdots W_L`, is used where a function says so.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import elementwise

from ._validation import Array, positive, real_array, weight_list
from .exact import balanced_chain_time, imbalanced_pair, sigmoid
from .operators import preconditioner_eigenvalue

__all__ = [
    "balanced_chain_time",
    "chain_level",
    "imbalanced_pair",
    "imbalances",
    "margin",
    "preconditioner_eigenvalue",
    "scalar_rate_bound",
    "scalar_rate_lower_bound",
    "sigmoid",
    "two_layer_rate_bound",
]


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
    return [
        np.swapaxes(above, -1, -2) @ above - below @ np.swapaxes(below, -1, -2)
        for below, above in pairwise(weights)
    ]


def chain_level(product: Array, cumulative: Array) -> Array:
    """Return the t >= 0 with prod_l (t + c_l) = product^2, for c >= 0 of shape (..., L) with minimum 0."""
    depth = cumulative.shape[-1]
    log_square = 2 * np.log(np.where(product > 0, product, 1.0))
    high = log_square / depth
    others = np.sort(cumulative, axis=-1)[..., 1:]
    low = log_square - np.log(np.exp(high)[..., None] + others).sum(axis=-1)
    # On the logarithm, on which the root is simple however small it is.
    root = elementwise.find_root(
        lambda x, target, *c: np.log(np.exp(x) + np.stack(c)).sum(axis=0) - target,
        (low - 1e-9, high + 1e-9),
        args=(log_square, *np.moveaxis(np.broadcast_to(cumulative, (*product.shape, depth)), -1, 0)),
    )
    return np.where(product > 0, np.exp(root.x), 0.0)


def margin(W: ArrayLike, target: ArrayLike) -> Array:
    r"""Return what the least singular value cannot fall below along a flow that starts at W.

    Parameters
    ----------
    W, target : array_like of shape (..., m, d)
        The end-to-end matrix at the start, and the minimiser of the squared loss.

    Returns
    -------
    ndarray of shape (...)
        :math:`[\sigma_{\min}(M) - \|W - M\|_F]_+`; for scalars :math:`[|y| - |y - w|]_+`.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Min, Vidal & Mallada (2023), section 3.

    Examples
    --------
    >>> float(margin([[0.5]], [[2.0]]))
    0.5
    """
    W, M = real_array("W", W, min_ndim=2), real_array("target", target, min_ndim=2)
    if W.shape[-2:] != M.shape[-2:]:
        raise ValueError(f"target must end in the shape {W.shape[-2:]} of W, got {M.shape}")
    least = np.linalg.svd(M, compute_uv=False)[..., -1]
    return np.asarray(np.maximum(least - np.linalg.norm(W - M, axis=(-2, -1)), 0.0))


def _chain(w0: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Return the cumulative imbalances c of scalar chains, and their margins."""
    w0, y = real_array("w0", w0, min_ndim=1), real_array("target", target)
    squares = w0**2
    c = squares - squares.min(axis=-1, keepdims=True)
    return c, margin(w0.prod(axis=-1)[..., None, None], y[..., None, None])


def scalar_rate_bound(w0: ArrayLike, target: ArrayLike) -> Array:
    r"""Return :math:`\alpha^*`, the least that :math:`\lambda_{\min}(T)` can be along the flow of a chain.

    Parameters
    ----------
    w0 : array_like of shape (..., L)
        The weights of scalar chains :math:`w = w_1 \cdots w_L` at the start.
    target : array_like
        y; the loss is any increasing function of |y - w|.

    Returns
    -------
    ndarray of shape (...)
        :math:`\sum_l \prod_{j \ne l} (t + c_j)`, with :math:`c_l = w_l(0)^2 - \min_j w_j(0)^2` and t the root
        of :math:`\prod_l (t + c_l) = m^2`, m the margin :math:`\max(0, |y| - |y - w(0)|)`.

    Raises
    ------
    ValueError
        If an argument is not finite and real.

    Notes
    -----
    For two layers this is :math:`\sqrt{d^2 + 4m^2}`, d the imbalance.

    References
    ----------
    Min, Vidal & Mallada (2023), section 3, for any depth and zero margin included.

    Examples
    --------
    >>> float(scalar_rate_bound([2.0, 0.0], target=1.0))
    4.0
    """
    c, m = _chain(w0, target)
    c, m = np.broadcast_arrays(c, m[..., None])
    level = chain_level(m[..., 0], c)
    shifted = level[..., None] + c
    depth = shifted.shape[-1]
    others = np.where(np.eye(depth, dtype=bool), 1.0, shifted[..., None, :])
    return others.prod(axis=-1).sum(axis=-1)


def scalar_rate_lower_bound(w0: ArrayLike, target: ArrayLike) -> Array:
    r"""Return the closed lower bound of `scalar_rate_bound`.

    Parameters
    ----------
    w0, target
        As in `scalar_rate_bound`; at least two layers.

    Returns
    -------
    ndarray of shape (...)
        :math:`\sqrt{(\prod c_{(l)})^2 + (L m^{2-2/L})^2}`, the product over the L - 1 largest c; equal to
        `scalar_rate_bound` for two layers.

    Raises
    ------
    ValueError
        If an argument is not finite and real, or there is one layer only.

    References
    ----------
    Min, Vidal & Mallada (2023), section 3.
    """
    c, m = _chain(w0, target)
    depth = c.shape[-1]
    if depth < 2:
        raise ValueError("w0 must have at least 2 layers, got 1")
    largest = np.sort(c, axis=-1)[..., 1:].prod(axis=-1)
    return np.hypot(largest, depth * m ** (2 - 2 / depth))


def two_layer_rate_bound(W1: ArrayLike, W2: ArrayLike, *, margin: ArrayLike | None = None) -> Array:
    r"""Return the lower bound of :math:`\lambda_{\min}(T)` by imbalance and product, for two layers.

    Parameters
    ----------
    W1, W2 : array_like of shape (..., n, h) and (..., h, m)
        In the source's order, :math:`W = W_1 W_2`; the hidden width h at least max(n, m).
    margin : array_like, optional
        A lower bound of the least singular value of W to use in its place: with one that holds along
        a whole flow, so does the bound, as D does not change.

    Returns
    -------
    ndarray of shape (...)
        :math:`\frac12 ( -D_- + \sqrt{(D_- + \underline D)^2 + 4\sigma_n^2(W)} - D_+ +
        \sqrt{(D_+ + \underline D)^2 + 4\sigma_m^2(W)} )`.

    Raises
    ------
    ValueError
        If the shapes do not fit, or h is below max(n, m), where the bound is not proved.

    Notes
    -----
    With :math:`D = W_1^\top W_1 - W_2 W_2^\top` and eigenvalues in decreasing order,
    :math:`D_+ = [\lambda_1(D)]_+ - [\lambda_n(D)]_+`, :math:`D_- = [\lambda_1(-D)]_+ - [\lambda_m(-D)]_+`,
    :math:`\underline D = [\lambda_n(D)]_+ + [\lambda_m(-D)]_+`. The source prints another pairing, which
    fails.

    References
    ----------
    Min, Vidal & Mallada (2023), theorem for two layers, corrected.
    """
    W1, W2 = real_array("W1", W1, min_ndim=2), real_array("W2", W2, min_ndim=2)
    (n, h), m = W1.shape[-2:], W2.shape[-1]
    if W2.shape[-2] != h:
        raise ValueError(f"W2 must have {h} rows, as many as W1 has columns, got shape {W2.shape}")
    if h < max(n, m):
        raise ValueError(f"W1 must have at least max(n, m) = {max(n, m)} columns, got {h}")
    D = np.swapaxes(W1, -1, -2) @ W1 - W2 @ np.swapaxes(W2, -1, -2)
    above = np.maximum(np.linalg.eigvalsh(D)[..., ::-1], 0.0)
    below = np.maximum(np.linalg.eigvalsh(-D)[..., ::-1], 0.0)
    plus, minus = above[..., 0] - above[..., n - 1], below[..., 0] - below[..., m - 1]
    both = above[..., n - 1] + below[..., m - 1]
    s = np.linalg.svd(W1 @ W2, compute_uv=False)
    if margin is not None:
        s = np.broadcast_to(positive("margin", margin, zero=True)[..., None], s.shape)
    s_n, s_m = (s[..., k - 1] if k <= s.shape[-1] else np.zeros(s.shape[:-1]) for k in (n, m))
    return (np.hypot(minus + both, 2 * s_n) - minus + np.hypot(plus + both, 2 * s_m) - plus) / 2
