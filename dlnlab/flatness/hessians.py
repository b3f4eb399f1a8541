r"""Sharpness: the largest eigenvalue of the Hessian, at any weights."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, one_output, readout_vector, weight_list
from ..networks.losses import Loss, fitting_loss
from ..networks.weights import columns, rows
from .curvature import gauss_newton, krylov_start, loss_hessian, reduced_product, second_order_bound
from .lanczos import largest_eigenvalue

# Numbers in the vectors of a batch, so that its Krylov space stays small.
_AT_ONCE = 100_000
# Beyond these, squares of what makes the Hessian leave the range of float64.
_SMALLEST, _LARGEST = 1e-100, 1e100
# A minimiser's formula is used where it is certainly exact to this relative error.
_EXACT = 1e-10


def sharpness(weights: Sequence[ArrayLike], task: Loss, readout: ArrayLike | None = None) -> Array:
    r"""Return the sharpness, the largest eigenvalue of the Hessian with respect to all layers.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}), with one output; leading axes are a batch.
    task : Regression or LpRegression
        A convex loss with ``gradient(W)`` and ``hessian_product(W, V)``.
    readout : array_like of shape (d_L,) or (..., d_L), optional
        The fixed readout p.

    Returns
    -------
    ndarray of shape (...)
        Relative error below 1e-8, at any weights; in units of the loss over squared weights. Below 1e-100
        it is returned as 0, above 1e100 as infinity.

    Raises
    ------
    ValueError
        If the layers do not chain, do not fit the readout or the loss, or have more than one output, or the
        loss is not convex.

    Notes
    -----
    The Hessian is the sum of a Gauss-Newton part, whose spectrum is that of
    :math:`B^{1/2} (\sum_k \|q_k\|^2 P_k^\top P_k) B^{1/2}` with :math:`B = \nabla^2 \ell` and
    :math:`P_k = W_{k-1} \cdots W_1`, and of a part linear in :math:`\nabla\ell`. Where the latter is so
    small that it cannot matter, the d x d problem is solved; elsewhere the reduced problem of
    `dlnlab.flatness.curvature`, by the Lanczos iteration. Each product costs :math:`O(\sum_k d_k d_{k-1})`.

    References
    ----------
    Mulayoff & Michaeli (2020); Marion & Chizat (2024). The d x d form is proved in the book.

    Examples
    --------
    >>> from dlnlab import Regression
    >>> task = Regression([[1.0]], [1.0])
    >>> round(float(sharpness([[[1.0]], [[1.0]]], task)), 12)
    4.0
    """
    layers = weight_list(weights)
    p = readout_vector(readout, layers)
    one_output(layers, p)
    batch = layers[0].shape[:-2]
    layers = [layer.reshape(-1, *layer.shape[-2:]) for layer in layers]
    n_networks = len(layers[0])
    if p is not None:
        p = np.broadcast_to(p, (*batch, p.shape[-1])).reshape(n_networks, -1)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        a = rows(layers, p)
        fitting_loss(task, a[0], "hessian_product", name="task")
        curvature = loss_hessian(task, a[0])
        finite = np.asarray(np.isfinite(curvature).all(axis=(-2, -1)))
        curvature = np.where(finite[..., None, None], curvature, 0.0)
        if (np.linalg.eigvalsh(curvature)[..., 0] < -_EXACT * np.abs(curvature).max(axis=(-2, -1))).any():
            raise ValueError("task must be convex in the end-to-end matrix: use dlnlab.hessian for others")
        h = columns(layers, task.gradient(a[0]))
        q = [np.broadcast_to(row.mT, (n_networks, row.shape[-1], 1)) for row in a]
        matrix, factors = gauss_newton(layers, q, curvature)
        rest = second_order_bound(layers, q, h)
        size = np.where(finite, np.trace(matrix, axis1=-2, axis2=-1) + rest, np.inf)

    result = np.where(size < _SMALLEST, 0.0, np.inf)
    known = np.flatnonzero((size >= _SMALLEST) & (size <= _LARGEST))
    values, vectors = np.linalg.eigh(matrix[known])
    result[known] = values[:, -1]
    inexact = known[rest[known] > _EXACT * result[known]]
    guess = np.concatenate([factor[known] @ vectors[..., -1:] for factor in factors], axis=-2)[..., 0]
    guess = guess[np.isin(known, inexact)]
    n = sum(sum(layer.shape[-2:]) for layer in layers)
    for part in np.array_split(np.arange(len(inexact)), -(-len(inexact) * n // _AT_ONCE) or 1):
        if len(part):
            some = inexact[part]
            chosen = [[array[some] for array in arrays] for arrays in (layers, q, h)]
            product = reduced_product(chosen[0], chosen[1], chosen[2], curvature[some], size[some])
            result[some] = size[some] * largest_eigenvalue(product, krylov_start(guess[part], n))
    return result.reshape(batch)
