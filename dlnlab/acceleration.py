"""The preconditioner of the end-to-end flow."""

import numpy as np
from numpy.typing import ArrayLike

from ._validation import Array, count, real_array


def precondition(W: ArrayLike, Z: ArrayLike, depth: int) -> Array:
    r"""Apply the preconditioner of the end-to-end flow of balanced layers.

    Parameters
    ----------
    W : array_like of shape (..., m, d)
        The end-to-end matrix, of any shape and rank.
    Z : array_like of shape (..., m, d)
        What to precondition, as a rule the gradient of the loss at W.
    depth : int
        The number of layers N, at least 1; one layer leaves Z as it is.

    Returns
    -------
    ndarray of shape (..., m, d)
        :math:`A_{N,W}(Z) = \sum_{j=1}^N (WW^\top)^{(N-j)/N} Z (W^\top W)^{(j-1)/N}`.

    Raises
    ------
    ValueError
        If the shapes differ or the depth is not a whole number of at least 1.

    Notes
    -----
    With the full singular value decomposition :math:`W = USV^\top` and singular values padded by zeros,
    :math:`A(Z) = U (K \circ U^\top Z V) V^\top` with
    :math:`K_{il} = \sum_j s_i^{2(N-j)/N} s_l^{2(j-1)/N}` and :math:`0^0 = 1`.

    References
    ----------
    Arora, Cohen & Hazan (2018), theorem 1.

    Examples
    --------
    >>> precondition([[4.0]], [[1.0]], depth=2)
    array([[8.]])
    """
    W, Z = real_array("W", W, min_ndim=2), real_array("Z", Z, min_ndim=2)
    if W.shape[-2:] != Z.shape[-2:]:
        raise ValueError(f"Z must end in the shape {W.shape[-2:]} of W, got {Z.shape}")
    depth = count("depth", depth)
    U, s, Vt = np.linalg.svd(W)
    powers = np.arange(depth) * 2 / depth
    left, right = (
        np.concatenate([s, np.zeros((*s.shape[:-1], size - s.shape[-1]))], axis=-1)[..., None] ** powers
        for size in W.shape[-2:]
    )
    K = left[..., ::-1] @ np.swapaxes(right, -1, -2)
    return U @ (K * (np.swapaxes(U, -1, -2) @ Z @ np.swapaxes(Vt, -1, -2))) @ Vt
