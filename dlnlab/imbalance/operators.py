r"""The operator T that drives the end-to-end matrix from any start.

Along gradient flow :math:`\dot W = -T(\nabla\ell(W))`, balanced or not, with
:math:`T = \tau^*\tau = \sum_k A_k A_k^\top\, (\cdot)\, B_k^\top B_k`, :math:`A_k = W_L \cdots W_{k+1}` and
:math:`B_k = W_{k-1} \cdots W_1`; its least eigenvalue decides the rate.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator, eigsh

from .._validation import Array, real_array, weight_list
from ..networks.weights import columns, layer_gradients, rows

# Up to this many entries of W the dense eigenproblem is faster than an iteration.
DENSE = 400


def _factors(weights: list[Array]) -> tuple[list[Array], list[Array]]:
    """Return A_1, ..., A_L and B_1, ..., B_L."""
    A = rows(weights, None)[1:]
    return A, columns(weights, np.eye(weights[0].shape[-1]))


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
    """
    weights = weight_list(weights)
    a = rows(weights, None)
    E = real_array("E", E, min_ndim=2)
    if E.shape[-2:] != a[0].shape[-2:]:
        raise ValueError(f"E must have shape (..., {a[0].shape[-2]}, {a[0].shape[-1]}), got {E.shape}")
    return layer_gradients(weights, E, a)


def tau_adjoint(weights: Sequence[ArrayLike], directions: Sequence[ArrayLike]) -> Array:
    r"""Return :math:`\tau^*(V) = \sum_k A_k V_k B_k`: how the product moves if the layers move along V.

    Parameters
    ----------
    weights, directions : list of array_like
        Layers of shape (..., d_k, d_{k-1}), and as many directions of the same shapes.

    Returns
    -------
    ndarray of shape (..., d_L, d_0)

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    weights, directions = weight_list(weights), weight_list(directions, "directions")
    if [V.shape[-2:] for V in directions] != [W.shape[-2:] for W in weights]:
        raise ValueError("directions must have the shapes of weights")
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
    """
    A, B = _factors(weight_list(weights))
    total: Array = np.zeros(())
    for A_k, B_k in zip(A, B, strict=True):
        left, right = np.swapaxes(B_k, -1, -2) @ B_k, A_k @ np.swapaxes(A_k, -1, -2)
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
        outer = np.linalg.eigvalsh(W2 @ np.swapaxes(W2, -1, -2))[..., 0]
        inner = np.linalg.eigvalsh(np.swapaxes(W1, -1, -2) @ W1)[..., 0]
        return np.asarray(outer + inner)
    shape = (weights[-1].shape[-2], weights[0].shape[-1])
    if shape[0] * shape[1] <= DENSE:
        return np.asarray(np.linalg.eigvalsh(operator_matrix(weights))[..., 0])
    batch = weights[0].shape[:-2]
    result = np.empty(batch)
    for index in np.ndindex(batch):
        layers = [weight[index] for weight in weights]
        apply = LinearOperator(
            (shape[0] * shape[1],) * 2,
            matvec=lambda E, layers=layers: tau_adjoint(layers, tau(layers, E.reshape(shape))).ravel(),
            dtype=np.float64,
        )
        result[index] = eigsh(apply, k=1, which="SA", return_eigenvectors=False)[0]
    return result
