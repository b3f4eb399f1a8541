r"""Implicit acceleration: the preconditioner of the end-to-end flow, and its geometry.

Balanced layers :math:`W = W_N \cdots W_1` under gradient flow move their product by
:math:`\dot W = -A_{N,W}(\nabla\ell(W))`. With the full singular value decomposition
:math:`W = USV^\top`, singular values padded by zeros, :math:`A(Z) = U (K \circ U^\top Z V) V^\top` where
:math:`K_{il} = \sum_{j=1}^N s_i^{2(N-j)/N} s_l^{2(j-1)/N}` and :math:`0^0 = 1` (Arora, Cohen & Hazan 2018,
theorem 1). For infinite depth, A stands for the limit of :math:`A_{N,W} / N` throughout.
"""

from math import inf

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, common_batch, count, quiet, real_array


def _depth(depth: float) -> float:
    return inf if isinstance(depth, float) and depth == inf else count("depth", depth)


def _svd(W: Array) -> tuple[Array, Array, Array]:
    """Return the full singular value decomposition, of 2 x 2 matrices in closed form."""
    if W.shape[-2:] != (2, 2):
        U, s, Vt = np.linalg.svd(W)
        return U, s, Vt.mT
    # On the complex plane W acts as x -> z x + y conj(x).
    z = (W[..., 0, 0] + W[..., 1, 1] + 1j * (W[..., 1, 0] - W[..., 0, 1])) / 2
    y = (W[..., 0, 0] - W[..., 1, 1] + 1j * (W[..., 1, 0] + W[..., 0, 1])) / 2
    u, v = (np.angle(z) + np.angle(y)) / 2, (np.angle(y) - np.angle(z)) / 2
    big, small = np.abs(z) + np.abs(y), np.abs(z) - np.abs(y)
    U, V = (np.stack([np.cos(a), -np.sin(a), np.sin(a), np.cos(a)], axis=-1).reshape(W.shape) for a in (u, v))
    U[..., 1] *= np.where(small < 0, -1.0, 1.0)[..., None]
    return U, np.stack([big, np.abs(small)], axis=-1), V


def spectrum(W: ArrayLike, depth: float) -> tuple[Array, Array, Array]:
    r"""Return the eigenvalues and eigenvectors of the preconditioner.

    Parameters
    ----------
    W : array_like of shape (..., m, d)
        The end-to-end matrix, of any shape and rank.
    depth : int or math.inf
        The number of layers N, at least 1.

    Returns
    -------
    eigenvalues : ndarray of shape (..., m, d)
        :math:`K_{il}`; for infinite depth the logarithmic mean of :math:`s_i^2` and :math:`s_l^2`.
    U : ndarray of shape (..., m, m)
    V : ndarray of shape (..., d, d)
        :math:`A(u_i v_l^\top) = K_{il}\, u_i v_l^\top` for their columns.

    Raises
    ------
    ValueError
        If W is not a finite real matrix, or the depth is neither a whole number nor infinite.

    References
    ----------
    Arora, Cohen & Hazan (2018), theorem 1; Menon (2024) for infinite depth.

    Examples
    --------
    >>> spectrum([[2.0, 0.0], [0.0, 1.0]], depth=2)[0]
    array([[4., 3.],
           [3., 2.]])
    """
    W, depth = real_array("W", W, min_ndim=2), _depth(depth)
    U, s, V = _svd(W)
    # What the decomposition cannot tell from zero is zero: a fractional power would blow rounding up.
    s = np.where(s > s[..., :1] * max(W.shape[-2:]) * np.finfo(np.float64).eps, s, 0.0)
    left, right = (
        np.concatenate([s, np.zeros((*s.shape[:-1], size - s.shape[-1]))], axis=-1) for size in W.shape[-2:]
    )
    if depth == inf:
        a, b = np.broadcast_arrays(left[..., :, None] ** 2, right[..., None, :] ** 2)
        zero = (a == 0) | (b == 0)
        x = np.log(np.where(zero, 1.0, a)) - np.log(np.where(zero, 1.0, b))
        # (a - b) / (log a - log b), without cancellation where a is close to b.
        K = np.where(zero, 0.0, b * np.where(x == 0, 1.0, np.expm1(x) / np.where(x == 0, 1.0, x)))
    else:
        powers = np.arange(depth) * 2 / depth
        K = (left[..., None] ** powers)[..., ::-1] @ (right[..., None] ** powers).mT
    return K, U, V


def scaled(name: str, Z: ArrayLike, K: Array, U: Array, V: Array) -> Array:
    """Return Z with its components along u_i v_l^T multiplied by K_il."""
    Z = real_array(name, Z, min_ndim=2, finite=False)
    if Z.shape[-2:] != K.shape[-2:]:
        raise ValueError(f"{name} must end in the shape {K.shape[-2:]} of W, got {Z.shape}")
    common_batch(W=(K, 2), **{name: (Z, 2)})
    with quiet():
        return np.asarray(U @ (K * (U.mT @ Z @ V)) @ V.mT)


def precondition(W: ArrayLike, Z: ArrayLike, depth: float) -> Array:
    r"""Apply the preconditioner :math:`A_{N,W}` of the end-to-end flow of balanced layers.

    Parameters
    ----------
    W : array_like of shape (..., m, d)
        The end-to-end matrix, of any shape and rank.
    Z : array_like of shape (..., m, d)
        What to precondition, as a rule the gradient of the loss at W.
    depth : int or math.inf
        The number of layers N, at least 1; one layer leaves Z as it is.

    Returns
    -------
    ndarray of shape (..., m, d)
        :math:`\sum_{j=1}^N (WW^\top)^{(N-j)/N} Z (W^\top W)^{(j-1)/N}`.

    Raises
    ------
    ValueError
        If the shapes differ, or the depth is neither a whole number nor infinite.

    References
    ----------
    Arora, Cohen & Hazan (2018), theorem 1.

    Examples
    --------
    >>> precondition([[4.0]], [[1.0]], depth=2)
    array([[8.]])
    """
    return scaled("Z", Z, *spectrum(W, depth))


def precondition_single(w: ArrayLike, z: ArrayLike, depth: int) -> Array:
    r"""Apply the preconditioner of a network with one output.

    Parameters
    ----------
    w, z : array_like of shape (..., d)
        The end-to-end regressor, and what to precondition.
    depth : int
        The number of layers N.

    Returns
    -------
    ndarray of shape (..., d)
        :math:`\|w\|^{2-2/N} (z + (N-1) \Pr_w z)` with :math:`\Pr_w z = \langle z, w\rangle w/\|w\|^2`,
        the projection of z onto the direction of w, and 0 at w = 0 (z itself for one layer).

    Raises
    ------
    ValueError
        If the shapes do not broadcast or the depth is not a whole number.

    References
    ----------
    Arora, Cohen & Hazan (2018), claim 2.

    Examples
    --------
    >>> precondition_single([3.0, 4.0], [1.0, 0.0], depth=2).round(12)
    array([6.8, 2.4])
    """
    w, z = real_array("w", w, min_ndim=1), real_array("z", z, min_ndim=1, finite=False)
    if w.shape[-1] != z.shape[-1]:
        raise ValueError(f"z must end in the length {w.shape[-1]} of w, got shape {z.shape}")
    common_batch(w=(w, 1), z=(z, 1))
    depth = count("depth", depth)
    norm = np.linalg.norm(w, axis=-1, keepdims=True)
    unit = w / np.where(norm == 0, 1.0, norm)
    with quiet():
        return norm ** (2 - 2 / depth) * (z + (depth - 1) * (z * unit).sum(axis=-1, keepdims=True) * unit)
