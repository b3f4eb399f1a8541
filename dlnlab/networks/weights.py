r"""Deep linear networks: the end-to-end matrix and the derivatives of a loss of it.

A network is the list of its weights ``[W_1, ..., W_L]``, with ``W_k`` of shape ``(..., d_k, d_{k-1})``;
leading axes are a batch. Its function is :math:`x \mapsto W_L \cdots W_1 x`, followed by a fixed readout
:math:`p \in \mathbb R^{d_L}` where there is one. Every derivative is a product of two chains,

.. math:: a_L = p^\top,\ a_{k-1} = a_k W_k, \qquad v_0 = (\nabla\ell)^\top,\ v_k = W_k v_{k-1},

rows :math:`a_k` and columns :math:`v_k` that are vectors wherever the network has one output, so that
no product of two matrices is ever formed there.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, readout_vector, weight_list
from .losses import Loss, fitting_loss


def rows(weights: list[Array], readout: Array | None) -> list[Array]:
    """Return a_0, ..., a_L for checked weights; a_0 is the end-to-end matrix of shape (..., o, d_0)."""
    if readout is None:
        chain = [np.eye(weights[-1].shape[-2]), weights[-1]]
    else:
        chain = [readout[..., None, :], readout[..., None, :] @ weights[-1]]
    for weight in weights[-2::-1]:
        chain.append(chain[-1] @ weight)
    return chain[::-1]


def columns(weights: list[Array], loss_gradient: Array) -> list[Array]:
    """Return v_0, ..., v_{L-1} for checked weights."""
    chain = [loss_gradient.mT]
    for weight in weights[:-1]:
        chain.append(weight @ chain[-1])
    return chain


def layer_gradients(weights: list[Array], loss_gradient: Array, a: list[Array]) -> list[Array]:
    """Return a_k^T v_{k-1}^T, k = 1..L, for checked weights and their rows a."""
    v = columns(weights, loss_gradient)
    below = [a_k.mT @ v_k.mT for a_k, v_k in zip(a[1:-1], v[:-1], strict=True)]
    # Where a_{L-1} is W_L itself, a_L is the identity.
    return [*below, v[-1].mT.copy() if a[-2] is weights[-1] else a[-1].mT @ v[-1].mT]


def flatten(weights: Sequence[Array]) -> Array:
    """Return the weights (..., d_k, d_{k-1}) as one parameter vector (..., N), layer after layer."""
    return np.concatenate([weight.reshape(*weight.shape[:-2], -1) for weight in weights], axis=-1)


def unflatten(parameters: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Invert `flatten`; `shapes` lists the layers' shapes (d_k, d_{k-1})."""
    ends = accumulate((prod(shape) for shape in shapes), initial=0)
    return [
        parameters[..., start:end].reshape(*parameters.shape[:-1], *shape)
        for (start, end), shape in zip(pairwise(ends), shapes, strict=True)
    ]


def end_to_end(weights: Sequence[ArrayLike], readout: ArrayLike | None = None) -> Array:
    r"""Return the end-to-end matrix :math:`W_L \cdots W_1`, or the end-to-end regressor.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}); leading axes are a batch.
    readout : array_like of shape (d_L,) or (..., d_L), optional
        The fixed readout p.

    Returns
    -------
    ndarray
        The matrix, of shape (..., d_L, d_0); with a readout the regressor
        :math:`W_1^\top \cdots W_L^\top p`, of shape (..., d_0).

    Raises
    ------
    ValueError
        If the layers do not chain or hold anything but finite real numbers.

    Examples
    --------
    >>> end_to_end([[[1.0, 2.0]], [[3.0], [4.0]]])
    array([[3., 6.],
           [4., 8.]])
    >>> end_to_end([[[1.0, 2.0]], [[3.0], [4.0]]], readout=[1.0, 1.0])
    array([ 7., 14.])
    """
    weights = weight_list(weights)
    readout = readout_vector(readout, weights)
    matrix = rows(weights, readout)[0]
    return matrix if readout is None else matrix[..., 0, :]


def gradient(weights: Sequence[ArrayLike], loss: Loss, readout: ArrayLike | None = None) -> list[Array]:
    r"""Return the gradient of the loss with respect to every layer.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}); leading axes are a batch.
    loss : Loss
        Has ``gradient(W)`` for the end-to-end matrix, of shape (..., 1, d_0) where there is a readout.
    readout : array_like of shape (d_L,) or (..., d_L), optional
        The fixed readout p.

    Returns
    -------
    list of ndarray
        :math:`\partial\ell/\partial W_k = a_k^\top v_{k-1}^\top`, in the shapes of the weights.

    Raises
    ------
    ValueError
        If the layers do not chain, or do not fit the readout or the loss.

    Notes
    -----
    For one output the cost is :math:`O(\sum_k d_k d_{k-1})`, that of one forward pass.

    References
    ----------
    Rumelhart, Hinton & Williams (1986): the chains are those of back-propagation.

    Examples
    --------
    >>> from dlnlab import Factorization
    >>> gradient([[[2.0]], [[3.0]]], Factorization([[5.0]]))
    [array([[3.]]), array([[2.]])]
    """
    weights = weight_list(weights)
    a = rows(weights, readout_vector(readout, weights))
    return layer_gradients(weights, fitting_loss(loss, a[0]).gradient(a[0]), a)


def _row_derivatives(weights: list[Array], directions: list[Array], a: list[Array]) -> list[Array]:
    """Return the derivatives of a_0, ..., a_L along the directions."""
    chain = [np.zeros((*directions[-1].shape[:-2], *a[-1].shape[-2:]))]
    for weight, direction, a_k in zip(weights[::-1], directions[::-1], a[:0:-1], strict=True):
        chain.append(chain[-1] @ weight + a_k @ direction)
    return chain[::-1]


def _column_derivatives(
    weights: list[Array], directions: list[Array], v: list[Array], first: Array
) -> list[Array]:
    """Return the derivatives of v_0, ..., v_{L-1} along the directions, given that of the loss's gradient."""
    chain = [first.mT]
    for weight, direction, v_k in zip(weights[:-1], directions[:-1], v[:-1], strict=True):
        chain.append(weight @ chain[-1] + direction @ v_k)
    return chain


def direction_list(directions: Sequence[ArrayLike], weights: list[Array]) -> list[Array]:
    """Return directions that end in the shapes of the weights."""
    directions = weight_list(directions, "directions")
    if len(directions) != len(weights):
        raise ValueError(f"directions must have {len(weights)} layers, got {len(directions)}")
    for k, (weight, direction) in enumerate(zip(weights, directions, strict=True)):
        if direction.ndim < weight.ndim or direction.shape[direction.ndim - weight.ndim :] != weight.shape:
            raise ValueError(
                f"directions[{k}] must end in the shape {weight.shape} of weights[{k}], got {direction.shape}"
            )
    return directions


def hessian_vector_product(
    weights: Sequence[ArrayLike],
    directions: Sequence[ArrayLike],
    loss: Loss,
    readout: ArrayLike | None = None,
) -> list[Array]:
    r"""Return the derivative of the gradient in the given directions.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}); leading axes are a batch.
    directions : list of array_like
        One direction a layer, of the shapes of the weights; further leading axes are a batch of
        directions at the same weights.
    loss : Loss
        Has ``gradient(W)`` and ``hessian_product(W, V)``.
    readout : array_like of shape (d_L,) or (..., d_L), optional
        The fixed readout p.

    Returns
    -------
    list of ndarray
        :math:`\dot a_k^\top v_{k-1}^\top + a_k^\top \dot v_{k-1}^\top`, in the shapes of the directions,
        where the dots are derivatives of the two chains. The cost is that of two gradients.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the loss has no ``hessian_product``.

    References
    ----------
    Pearlmutter (1994), *Fast exact multiplication by the Hessian*.

    Examples
    --------
    >>> from dlnlab import Factorization
    >>> weights, directions = [[[2.0]], [[3.0]]], [[[1.0]], [[0.0]]]
    >>> hessian_vector_product(weights, directions, Factorization([[5.0]]))
    [array([[9.]]), array([[7.]])]
    """
    weights = weight_list(weights)
    directions = direction_list(directions, weights)
    a = rows(weights, readout_vector(readout, weights))
    smooth = fitting_loss(loss, a[0], "hessian_product")
    v = columns(weights, smooth.gradient(a[0]))
    a_dot = _row_derivatives(weights, directions, a)
    v_dot = _column_derivatives(weights, directions, v, smooth.hessian_product(a[0], a_dot[0]))
    return [
        a_dot_k.mT @ v_k.mT + a_k.mT @ v_dot_k.mT
        for a_k, a_dot_k, v_k, v_dot_k in zip(a[1:], a_dot[1:], v, v_dot, strict=True)
    ]


def hessian(weights: Sequence[ArrayLike], loss: Loss, readout: ArrayLike | None = None) -> Array:
    """Return the dense Hessian of the loss with respect to all parameters.

    Parameters
    ----------
    weights, loss, readout
        As in `hessian_vector_product`.

    Returns
    -------
    ndarray of shape (..., N, N)
        Parameters are ordered layer after layer, row after row, N in all.

    Raises
    ------
    ValueError
        As in `hessian_vector_product`.

    Examples
    --------
    >>> from dlnlab import Factorization
    >>> hessian([[[2.0]], [[3.0]]], Factorization([[5.0]]))
    array([[9., 7.],
           [7., 4.]])
    """
    weights = weight_list(weights)
    batch = weights[0].shape[:-2]
    shapes = [weight.shape[-2:] for weight in weights]
    n_parameters = sum(prod(shape) for shape in shapes)
    identity = np.eye(n_parameters).reshape(n_parameters, *(1 for _ in batch), n_parameters)
    directions = unflatten(np.broadcast_to(identity, (n_parameters, *batch, n_parameters)), shapes)
    return np.moveaxis(flatten(hessian_vector_product(weights, directions, loss, readout)), 0, -2)
