r"""Scalar chains: what their imbalances and the margin guarantee of the rate.

One weight a layer. T is the operator of the end-to-end flow (`dlnlab.imbalance.operators`).
"""

import numpy as np
from numpy.typing import ArrayLike

from .._roots import bracketed_root
from .._validation import Array, common_batch, real_array


def chain_level(product: Array, cumulative: Array) -> Array:
    """Return the t >= 0 with prod_l (t + c_l) = product^2, for c >= 0 of shape (..., L) with minimum 0."""
    depth = cumulative.shape[-1]
    log_square = 2 * np.log(np.where(product > 0, product, 1.0))
    high = log_square / depth
    others = np.sort(cumulative, axis=-1)[..., 1:]
    low = log_square - np.log(np.exp(high)[..., None] + others).sum(axis=-1)
    # On the logarithm, on which the root is simple however small it is.
    root = bracketed_root(
        lambda x: np.log(np.exp(x)[..., None] + cumulative).sum(axis=-1) - log_square, low - 1e-9, high + 1e-9
    )
    return np.where(product > 0, np.exp(root), 0.0)


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
    common_batch(W=(W, 2), target=(M, 2))
    if W.shape[-2:] == (1, 1):  # without the cancellation in |y| - |y - w|
        w, y = W[..., 0, 0] * np.sign(M[..., 0, 0]), np.abs(M[..., 0, 0])
        return np.asarray(np.maximum(np.minimum(w, 2 * y - w), 0.0))
    least = np.linalg.svd(M, compute_uv=False)[..., -1]
    return np.asarray(np.maximum(least - np.linalg.norm(W - M, axis=(-2, -1)), 0.0))


def others_product(values: Array) -> Array:
    """Return, for each of the values along the last axis, the product of all others."""
    itself = np.eye(values.shape[-1], dtype=bool)
    return np.where(itself, 1.0, values[..., None, :]).prod(axis=-1)


def _chain(w0: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Return the cumulative imbalances c of scalar chains, and their margins."""
    w0, y = real_array("w0", w0, min_ndim=1), real_array("target", target)
    common_batch(w0=(w0, 1), target=(y, 0))
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
        y; the loss is any increasing function of :math:`|y - w|`.

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
    return others_product(level[..., None] + c).sum(axis=-1)


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

    Examples
    --------
    >>> float(scalar_rate_lower_bound([2.0, 1.0, 1.0], target=3.0).round(3))
    7.56
    """
    c, m = _chain(w0, target)
    depth = c.shape[-1]
    if depth < 2:
        raise ValueError("w0 must have at least 2 layers, got 1")
    largest = np.sort(c, axis=-1)[..., 1:].prod(axis=-1)
    return np.hypot(largest, depth * m ** (2 - 2 / depth))
