"""Layers of a given product and of prescribed imbalance, balanced ones among them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, generator, positive, real_array, width_list
from .chains import chain_level


def imbalanced(
    widths: Sequence[int], matrix: ArrayLike, cumulative: ArrayLike, *, rng: np.random.Generator
) -> list[Array]:
    r"""Factor a matrix into aligned layers of prescribed imbalance.

    Parameters
    ----------
    widths : list, tuple, range or array of int
        d_0, ..., d_L; none below the rank of the matrix.
    matrix : array_like of shape (..., d_L, d_0)
        The end-to-end matrix.
    cumulative : array_like of shape (L,)
        Cumulative imbalances :math:`c_l \ge 0`, the least of them 0.
    rng : numpy.random.Generator
        Draws the hidden frames, uniformly.

    Returns
    -------
    list of ndarray
        Layers :math:`W_l = U_l \operatorname{diag}(\sqrt{t_i + c_l})\, U_{l-1}^\top` whose product is the
        matrix: :math:`\prod_l (t_i + c_l)` is its i-th squared singular value, the hidden
        :math:`U_l` have r orthonormal columns, r the least width. Hence
        :math:`D_l = (c_{l+1} - c_l)\, U_l U_l^\top`, a multiple of the identity where :math:`d_l = r`.

    Raises
    ------
    ValueError
        If the shapes do not fit, the least c is not 0, or a width is below the rank.

    References
    ----------
    Min, Vidal & Mallada (2023), homogeneous imbalance.

    Examples
    --------
    >>> W1, W2 = imbalanced([1, 1, 1], [[2.0]], [3.0, 0.0], rng=np.random.default_rng(0))
    >>> (W1 @ W2).round(12), (W2**2 - W1**2).round(12)
    (array([[2.]]), array([[-3.]]))
    """
    widths, rng = width_list(widths), generator(rng)
    matrix = real_array("matrix", matrix, min_ndim=2)
    if matrix.shape[-2:] != (widths[-1], widths[0]):
        raise ValueError(f"matrix must have shape (..., {widths[-1]}, {widths[0]}), got {matrix.shape}")
    c = positive("cumulative", cumulative, zero=True)
    if c.shape != (len(widths) - 1,) or c.min() > 0:
        raise ValueError(
            f"cumulative must hold {len(widths) - 1} numbers, the least of them 0, got {cumulative!r}"
        )
    r = min(widths)
    U, s, Vt = np.linalg.svd(matrix, full_matrices=False)
    if (s[..., r:] > 1e-12 * s[..., :1]).any():
        raise ValueError(f"widths must not be below the rank of the matrix, got a width of {r}")
    frames = [Vt.mT[..., :r]]
    for width in widths[1:-1]:
        frames.append(np.linalg.qr(rng.standard_normal((*matrix.shape[:-2], width, r)))[0])
    frames.append(U[..., :r])
    level = chain_level(s[..., :r], c)
    return [
        (above * np.sqrt(level + c_l)[..., None, :]) @ below.mT
        for (below, above), c_l in zip(pairwise(frames), c, strict=True)
    ]


def balanced(widths: Sequence[int], matrix: ArrayLike, *, rng: np.random.Generator) -> list[Array]:
    r"""Factor a matrix into balanced layers: all imbalances are zero.

    Parameters
    ----------
    widths, matrix, rng
        As in `imbalanced`.

    Returns
    -------
    list of ndarray
        Layers with the singular values :math:`s_i^{1/L}`, s_i those of the matrix, and its product.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a width is below the rank.

    References
    ----------
    Arora, Cohen, Golowich & Hu (2019), procedure 1.

    Examples
    --------
    >>> [float(W[0, 0].round(12)) for W in balanced([1, 1, 1], [[4.0]], rng=np.random.default_rng(1))]
    [2.0, 2.0]
    """
    return imbalanced(widths, matrix, np.zeros(len(width_list(widths)) - 1), rng=rng)
