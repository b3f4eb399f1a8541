r"""Bounds of the least eigenvalue of T for layers that are matrices, by what gradient flow conserves.

T is the operator of the end-to-end flow (see `dlnlab.imbalance.operators`), :math:`D_k` are the imbalances.
What is bounded by the imbalances alone, or by them and a margin, is bounded along the whole flow. Eigenvalues
:math:`\lambda_1 \ge \lambda_2 \ge \dots` are in decreasing order.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, common_batch, positive, weight_list
from ..networks.conserved import imbalances
from .chains import chain_level, others_product


def _layers(weights: Sequence[ArrayLike], number: int) -> list[Array]:
    layers = weight_list(weights)
    if len(layers) != number:
        raise ValueError(f"weights must have {number} layers, got {len(layers)}")
    return layers


def _margin(margin: ArrayLike, batch: tuple[int, ...]) -> Array:
    """Return the margins of a batch of networks."""
    values = positive("margin", margin, zero=True)
    if values.ndim > len(batch) or common_batch(margin=(values, 0), weights=(np.zeros(batch), 0)) != batch:
        raise ValueError(f"margin must fit the batch axes {batch} of weights, got shape {values.shape}")
    return np.broadcast_to(values, batch)


def _decreasing(matrix: Array) -> Array:
    return np.asarray(np.linalg.eigvalsh(matrix)[..., ::-1], dtype=np.float64)


def _entry(values: Array, k: int) -> Array:
    """Return the k-th of decreasing eigenvalues, minus infinity beyond the last."""
    return values[..., k - 1] if k <= values.shape[-1] else np.full(values.shape[:-1], -np.inf)


def _layer_square(a: Array, b: Array, square: Array) -> Array:
    r"""Return the least x with :math:`(x - b)(x + a) \ge s`: the step from a product to its outer layer."""
    return np.asarray((b - a + np.sqrt((a + b) ** 2 + 4 * square)) / 2)


def two_layer_rate_bound(weights: Sequence[ArrayLike], margin: ArrayLike | None = None) -> Array:
    r"""Return the lower bound of :math:`\lambda_{\min}(T)` by imbalance and product, for two layers.

    Parameters
    ----------
    weights : list of two array_like
        Layers of shape (..., h, m) and (..., n, h), of any widths; leading axes are a batch.
    margin : array_like of shape (...), optional
        A lower bound of the least of the min(n, m) singular values of the product, to use in its place: with
        one that holds along a whole flow, as from `dlnlab.margin`, so does the bound, as D does not change.

    Returns
    -------
    ndarray of shape (...)
        :math:`\frac12 ( -D_- + \sqrt{(D_- + \underline D)^2 + 4\sigma_n^2(W)} - D_+ +
        \sqrt{(D_+ + \underline D)^2 + 4\sigma_m^2(W)} )`, :math:`W = W_2 W_1`.

    Raises
    ------
    ValueError
        If there are not two layers, they do not chain, or the margin is negative.

    Notes
    -----
    With :math:`D = W_2^\top W_2 - W_1 W_1^\top`, :math:`D_+ = [\lambda_1(D)]_+ - [\lambda_n(D)]_+`,
    :math:`D_- = [\lambda_1(-D)]_+ - [\lambda_m(-D)]_+`,
    :math:`\underline D = [\lambda_n(D)]_+ + [\lambda_m(-D)]_+`, and :math:`[\lambda_k]_+ = 0` for k > h.
    :math:`\sigma_k(W)` is zero for k > min(n, m), whatever the margin.

    References
    ----------
    Min, Vidal & Mallada (2023), theorem for two layers, corrected; proved in the book. There the layer of the
    output is called W_1.

    Examples
    --------
    >>> float(two_layer_rate_bound([[[2.0]], [[3.0]]]))
    13.0
    """
    W1, W2 = _layers(weights, 2)
    n, m = W2.shape[-2], W1.shape[-1]
    D = imbalances([W1, W2])[0]
    up, down = _decreasing(D), _decreasing(-D)
    s = np.linalg.svd(W2 @ W1, compute_uv=False)
    if margin is not None:
        s = np.broadcast_to(_margin(margin, s.shape[:-1])[..., None], s.shape)
    s_n, s_m = (s[..., k - 1] if k <= s.shape[-1] else np.zeros(s.shape[:-1]) for k in (n, m))
    outer = _layer_square(np.maximum(down[..., 0], 0), np.maximum(_entry(up, n), 0), np.square(s_n))
    inner = _layer_square(np.maximum(up[..., 0], 0), np.maximum(_entry(down, m), 0), np.square(s_m))
    return outer + inner


def _pairs(values: Array) -> Array:
    """Return the sum of the products of all pairs along the last axis."""
    return (values[..., 1:] * np.cumsum(values, axis=-1)[..., :-1]).sum(axis=-1)


def floor_of_spectrum(alpha: Array, gamma: Array) -> Array:
    r"""Return :math:`q_j = \max(0, \alpha_j, \gamma_j)`: the least that :math:`W_2^\top W_2` can have."""
    q = np.zeros((*alpha.shape[:-1], max(alpha.shape[-1], gamma.shape[-1])))
    for values in (alpha, gamma):
        part = q[..., : values.shape[-1]]
        np.maximum(part, values, out=part)
    return q


def _side(
    gamma: Array, alpha: Array, q: Array, width: int, sigma: Array | None, noise: Array
) -> tuple[Array, Array]:
    r"""Bound the least eigenvalues of :math:`W_3 W_2 W_2^\top W_3^\top` and of :math:`W_3 W_3^\top`.

    `width` is the number of rows of the last layer, `sigma` the margin of the product; differences of
    eigenvalues up to `noise` are rounding errors.
    """
    h = gamma.shape[-1]
    reach = max(h - width + 1, 0)
    floor = q[..., width - 1 : h]
    epsilon = floor - gamma[..., :reach]
    epsilon = np.where(epsilon > noise[..., None], epsilon, 0.0)
    product, layer = (epsilon * floor).sum(axis=-1) + _pairs(epsilon), epsilon.sum(axis=-1)
    if sigma is not None:
        top = np.maximum(np.maximum(gamma[..., 0], alpha[..., -1]), 0.0)
        shifts = top[..., None] - np.stack([np.zeros_like(top), gamma[..., 0], alpha[..., -1]], axis=-1)
        level = chain_level(sigma, shifts)
        rho_product = (top + level) * (level + shifts[..., 1])
        product = np.where(sigma > 0, np.maximum(product, rho_product), product)
        least = np.maximum(-gamma[..., reach - 1], 0.0) if reach else np.zeros_like(top)
        layer = np.maximum(layer, _layer_square(np.maximum(gamma[..., 0], 0.0), least, product))
    return product, layer


def three_layer_rate_bound(weights: Sequence[ArrayLike], margin: ArrayLike | None = None) -> Array:
    r"""Return the best lower bound of :math:`\lambda_{\min}(T)` by the imbalances, for three layers.

    Parameters
    ----------
    weights : list of three array_like
        Layers of shape (..., h1, m), (..., h2, h1) and (..., n, h2), of any widths; leading axes are a batch.
    margin : array_like of shape (...), optional
        A lower bound of the least of the min(n, m) singular values of the product, as from `dlnlab.margin`.

    Returns
    -------
    ndarray of shape (...)
        Without a margin :math:`B_0`, the minimum of :math:`\lambda_{\min}(T)` over all networks with these
        imbalances; with one, :math:`B_m \ge B_0`, which is not optimal in general.

    Raises
    ------
    ValueError
        If there are not three layers, they do not chain, or the margin is negative.

    Notes
    -----
    With :math:`\alpha_j = \lambda_j(D_1)`, :math:`\gamma_j = \lambda_j(-D_2)`,
    :math:`q_j = \max(0, \alpha_j, \gamma_j)`, :math:`\delta_j = [q_j - \alpha_{j-m+1}]_+` and
    :math:`\epsilon_j = [q_j - \gamma_{j-n+1}]_+`,
    :math:`B_0 = \sum_j (\delta_j + \epsilon_j) q_j + e_2(\delta, \epsilon)`, where :math:`e_2` sums the
    products of all pairs. `extremal_network` attains it. For one weight a layer :math:`B_m` is
    `scalar_rate_bound`.

    References
    ----------
    Proved in the book, "Convergence under imbalance". Min, Vidal & Mallada (2023) announce a bound for three
    layers without printing it.

    Examples
    --------
    >>> float(three_layer_rate_bound([[[1.0]], [[0.0]], [[2.0]]]))
    4.0
    """
    layers = _layers(weights, 3)
    (h1, m), (n, h2) = layers[0].shape[-2:], layers[2].shape[-2:]
    D1, D2 = imbalances(layers)
    alpha, gamma = _decreasing(D1), _decreasing(-D2)
    q = floor_of_spectrum(alpha, gamma)
    sigma_n = sigma_m = None
    if margin is not None:
        sigma = _margin(margin, q.shape[:-1])
        sigma_n, sigma_m = (sigma * (k <= min(m, n, h1, h2)) for k in (n, m))
    # Eigenvalues of D are known to rounding in the squared layers, which a large layer would blow up.
    noise = 10 * np.finfo(np.float64).eps * np.max([np.square(W).sum(axis=(-2, -1)) for W in layers], axis=0)
    X, p3 = _side(gamma, alpha, q, n, sigma_n, noise)
    Z, p1 = _side(alpha, gamma, q, m, sigma_m, noise)
    return np.asarray(X + p1 * p3 + Z)


def square_rate_bound(weights: Sequence[ArrayLike]) -> Array:
    r"""Return the lower bound of :math:`\lambda_{\min}(T)` by the imbalances of square layers, of any depth.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d, d); leading axes are a batch.

    Returns
    -------
    ndarray of shape (...)
        :math:`\sum_k \prod_{j \ne k} l_j`, where :math:`l_k`, a lower bound of
        :math:`\sigma_{\min}(W_k)^2`, is the largest of 0, the sums of :math:`\lambda_{\min}(D_i)` from a
        layer below k up to it, and of :math:`\lambda_{\min}(-D_i)` from a layer above k down to it.

    Raises
    ------
    ValueError
        If a layer is not square, or the layers do not chain.

    Notes
    -----
    For three layers this is `three_layer_rate_bound` without a margin, and so optimal.

    References
    ----------
    Proved in the book, "Convergence under imbalance".

    Examples
    --------
    >>> float(square_rate_bound([[[0.0]], [[1.0]], [[2.0]]]))
    4.0
    """
    layers = weight_list(weights)
    for k, layer in enumerate(layers):
        if layer.shape[-2] != layer.shape[-1]:
            raise ValueError(f"weights[{k}] must be square, got shape {layer.shape}")
    D = imbalances(layers)
    least = [np.linalg.eigvalsh(D_k)[..., 0] for D_k in D], [np.linalg.eigvalsh(-D_k)[..., 0] for D_k in D]
    up, down = np.zeros((2, len(layers), *layers[0].shape[:-2]))
    for k in range(1, len(layers)):
        up[k] = np.maximum(up[k - 1] + least[0][k - 1], 0.0)
        down[-1 - k] = np.maximum(down[-k] + least[1][-k], 0.0)
    return others_product(np.moveaxis(np.maximum(up, down), 0, -1)).sum(axis=-1)
