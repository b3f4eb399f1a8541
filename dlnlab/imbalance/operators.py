r"""The operator T that drives the end-to-end matrix from any start.

Along gradient flow :math:`\dot W = -T(\nabla\ell(W))`, balanced or not, with
:math:`T = \tau^*\tau = \sum_k A_k A_k^\top\, (\cdot)\, B_k^\top B_k`, :math:`A_k = W_L \cdots W_{k+1}` and
:math:`B_k = W_{k-1} \cdots W_1`; its least eigenvalue decides the rate.
"""

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .._validation import Array, common_batch, real_array, weight_list
from ..networks.weights import columns, direction_list, layer_gradients, rows

# Up to this many entries of W the dense eigenproblem is faster than the iteration; up to the first number a
# batch is one call, beyond it each network has its own, which wants the least eigenvalue only.
_TOGETHER, _DENSE = 400, 4000
# Restarts of the iteration: where it does not converge in these it takes minutes.
_ITERATIONS = 200


def _factors(weights: list[Array]) -> tuple[list[Array], list[Array]]:
    """Return A_1, ..., A_L and B_1, ..., B_L."""
    *batch, _, inputs = weights[0].shape
    A = rows(weights, None)[1:]
    return A, columns(weights, np.broadcast_to(np.eye(inputs), (*batch, inputs, inputs)))


def tau(weights: Sequence[ArrayLike], E: ArrayLike) -> list[Array]:
    r"""Return :math:`\tau(E) = (A_k^\top E B_k^\top)_k`: the layers' gradients if E is that of the loss.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}).
    E : array_like of shape (..., d_L, d_0)

    Returns
    -------
    list of ndarray
        In the shapes of the weights.

    Raises
    ------
    ValueError
        If the layers do not chain or E has not the shape of their product.

    References
    ----------
    Min, Vidal & Mallada (2023), section 2.

    Examples
    --------
    >>> tau([[[2.0]], [[3.0]]], [[1.0]])
    [array([[3.]]), array([[2.]])]
    """
    weights = weight_list(weights)
    a = rows(weights, None)
    E = real_array("E", E, min_ndim=2)
    if E.shape[-2:] != a[0].shape[-2:]:
        raise ValueError(f"E must have shape (..., {a[0].shape[-2]}, {a[0].shape[-1]}), got {E.shape}")
    batch = common_batch(weights=(weights[0], 2), E=(E, 2))
    return layer_gradients(weights, np.broadcast_to(E, (*batch, *E.shape[-2:])), a)


def tau_adjoint(weights: Sequence[ArrayLike], directions: Sequence[ArrayLike]) -> Array:
    r"""Return :math:`\tau^*(V) = \sum_k A_k V_k B_k`: how the product moves if the layers move along V.

    Parameters
    ----------
    weights, directions : list of array_like
        Layers of shape (..., d_k, d_{k-1}), and as many directions that end in the same shapes; further
        leading axes are a batch of directions at the same weights.

    Returns
    -------
    ndarray of shape (..., d_L, d_0)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Min, Vidal & Mallada (2023), section 2.

    Examples
    --------
    >>> tau_adjoint([[[2.0]], [[3.0]]], [[[1.0]], [[10.0]]])
    array([[23.]])
    """
    weights = weight_list(weights)
    directions = direction_list(directions, weights)
    A, B = _factors(weights)
    return sum((A_k @ V @ B_k for A_k, V, B_k in zip(A, directions, B, strict=True)), np.zeros(()))


def operator_matrix(weights: Sequence[ArrayLike]) -> Array:
    r"""Return T as a matrix on column-stacked vec(E), :math:`\sum_k B_k^\top B_k \otimes A_k A_k^\top`.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}); leading axes are a batch.

    Returns
    -------
    ndarray of shape (..., d_0 d_L, d_0 d_L)

    Raises
    ------
    ValueError
        If the layers do not chain.

    References
    ----------
    Min, Vidal & Mallada (2023), section 2.

    Examples
    --------
    >>> operator_matrix([[[2.0]], [[3.0]]])
    array([[13.]])
    """
    A, B = _factors(weight_list(weights))
    total: Array = np.zeros(())
    for A_k, B_k in zip(A, B, strict=True):
        left, right = B_k.mT @ B_k, A_k @ A_k.mT
        product = np.einsum("...ij,...kl->...ikjl", left, right)
        size = left.shape[-1] * right.shape[-1]
        total = total + product.reshape(*product.shape[:-4], size, size)
    return total


def preconditioner_eigenvalue(weights: Sequence[ArrayLike]) -> Array:
    r"""Return the least eigenvalue of T, exactly, for any depth.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}); leading axes are a batch.

    Returns
    -------
    ndarray of shape (...)
        For one weight a layer :math:`\sum_l w^2 / w_l^2`; for two layers
        :math:`\lambda_{\min}(W_2 W_2^\top) + \lambda_{\min}(W_1^\top W_1)`.

    Raises
    ------
    ValueError
        If the layers do not chain.
    RuntimeError
        If W has more than 4000 entries and the iteration that is then used does not converge.

    References
    ----------
    Min, Vidal & Mallada (2023), section 2.

    Examples
    --------
    >>> float(preconditioner_eigenvalue([[[2.0]], [[3.0]]]))
    13.0
    """
    weights = weight_list(weights)
    if len(weights) == 2:
        W1, W2 = weights
        outer, inner = np.linalg.eigvalsh(W2 @ W2.mT)[..., 0], np.linalg.eigvalsh(W1.mT @ W1)[..., 0]
        return np.asarray(np.maximum(outer, 0.0) + np.maximum(inner, 0.0))
    size = weights[-1].shape[-2] * weights[0].shape[-1]
    if size <= _TOGETHER:
        least = np.linalg.eigvalsh(operator_matrix(weights))[..., 0]
    else:
        least = np.empty(weights[0].shape[:-2])
        for index in np.ndindex(least.shape):
            layers = [weight[index] for weight in weights]
            least[index] = _least_dense(layers) if size <= _DENSE else _least_iterative(layers)
    return np.asarray(np.maximum(least, 0.0))


def _least_dense(weights: list[Array]) -> float:
    return float(scipy.linalg.eigvalsh(operator_matrix(weights), subset_by_index=[0, 0])[0])


def _least_iterative(weights: list[Array]) -> float:
    shape = (weights[-1].shape[-2], weights[0].shape[-1])
    size = shape[0] * shape[1]
    T = scipy.sparse.linalg.LinearOperator(
        (size, size),
        matvec=lambda E: tau_adjoint(weights, tau(weights, E.reshape(shape))).ravel(),
        dtype=np.float64,
    )
    # A start of our own, or the same call would not give the same digits twice.
    start = np.random.default_rng(0).standard_normal(size)
    if not T.matvec(start).any():
        return 0.0
    try:
        return float(
            scipy.sparse.linalg.eigsh(
                T, k=1, which="SA", v0=start, maxiter=_ITERATIONS, return_eigenvectors=False
            )[0]
        )
    except scipy.sparse.linalg.ArpackNoConvergence as error:
        raise RuntimeError(
            f"the least eigenvalue of T was not found, for W of shape {shape}: {error}"
        ) from error
