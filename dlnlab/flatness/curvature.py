r"""The Hessian of a network with one output, acting through vectors only.

In the notation of `dlnlab.networks.weights`, with the rows written as columns :math:`q_k = a_k^\top` and
:math:`h_k = v_k`, its range in layer k is spanned by the matrices :math:`q_k x^\top` and
:math:`y\, h_{k-1}^\top`: the eigenproblem of size :math:`\sum_k d_k d_{k-1}` is one of size
:math:`\sum_k (d_k + d_{k-1})`; at a minimiser, where all :math:`h_k = 0`, of size d.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .._validation import Array
from ..networks.losses import Loss


def _norm(vector: Array) -> Array:
    return np.linalg.norm(vector, axis=(-2, -1), keepdims=True)


def _direction(vector: Array) -> Array:
    size = _norm(vector)
    return np.divide(vector, size, out=np.zeros_like(vector), where=size > 0)


def loss_hessian(loss: Loss, matrix: Array) -> Array:
    """Return the Hessian of the loss in the end-to-end row, (..., d, d)."""
    d = matrix.shape[-1]
    identity = np.eye(d).reshape(d, *(1,) * (matrix.ndim - 1), d)
    product = loss.hessian_product(matrix, np.broadcast_to(identity, (d, *matrix.shape)))  # type: ignore[attr-defined]
    return np.moveaxis(np.broadcast_to(product, (d, *matrix.shape))[..., 0, :], 0, -2)


def gauss_newton(weights: list[Array], q: list[Array], curvature: Array) -> tuple[Array, list[Array]]:
    r"""Return :math:`\sum_k M_k^\top M_k` and :math:`M_k = \|q_k\| P_k R`, where R R^T is the curvature."""
    values, vectors = np.linalg.eigh(curvature)
    M = vectors * np.sqrt(np.maximum(values, 0))[..., None, :]
    factors = []
    for weight, q_k in zip(weights, q[1:], strict=True):
        factors.append(_norm(q_k) * M)
        M = weight @ M
    return np.sum([factor.mT @ factor for factor in factors], axis=0), factors


def second_order_bound(weights: list[Array], q: list[Array], h: list[Array]) -> Array:
    """Bound the norm of the Hessian's part that is linear in the gradient of the loss, block by block."""
    total: Array = np.zeros(q[0].shape[:-2])
    below = total
    for weight, q_k, h_k in zip(weights, q[1:], h, strict=True):
        size = np.abs(weight)
        spectral = size.sum(axis=-1).max(axis=-1) * size.sum(axis=-2).max(axis=-1)
        total = total + np.squeeze(_norm(q_k), (-2, -1)) ** 2 * below
        below = spectral * below + np.squeeze(_norm(h_k), (-2, -1)) ** 2
    return np.sqrt(2 * total)


def reduced_product(
    weights: list[Array], q: list[Array], h: list[Array], curvature: Array, unit: Array
) -> Callable[[Array], Array]:
    r"""Return the Hessian's product, over `unit`, with coordinates (B, n, 1), n the sum of d_{k-1} + d_k.

    Coordinates, all x_k before all y_k, stand for the directions
    :math:`\hat q_k x_k^\top + (I - \hat q_k \hat q_k^\top) y_k \hat h_{k-1}^\top` of layer k. Outside the
    range of this embedding the Hessian vanishes.
    """
    n_below, n_above = ([weight.shape[side] for weight in weights] for side in (-1, -2))
    below, above = (np.cumsum([0, *sizes]) for sizes in (n_below, n_above))
    h_flat, u_flat = np.concatenate(h, axis=-2), np.concatenate([_direction(q_k) for q_k in q[1:]], axis=-2)
    q_norm = np.concatenate([_norm(q_k) for q_k in q[1:]], axis=-2)
    h_norm = np.concatenate([_norm(h_k) for h_k in h], axis=-2)
    q_size, h_size = np.repeat(q_norm, n_below, axis=-2), np.repeat(h_norm, n_above, axis=-2)

    def inner(left: Array, right: Array, ends: NDArray[np.int64], sizes: list[int]) -> Array:
        """Return each layer's inner product of two flat vectors, repeated over `sizes`."""
        return np.repeat(np.add.reduceat(left * right, ends[:-1], axis=-2), sizes, axis=-2)

    def product(coordinates: Array) -> Array:
        x, y = np.split(coordinates, [below[-1]], axis=-2)
        q_dot, h_dot = np.zeros_like(y), np.empty_like(x)
        pushed = q_size * x
        for k in range(len(weights) - 1, 0, -1):
            into = q_dot[..., above[k - 1] : above[k], :]
            np.matmul(weights[k].mT, q_dot[..., above[k] : above[k + 1], :], out=into)
            into += pushed[..., below[k] : below[k + 1], :]
        first = weights[0].mT @ q_dot[..., : above[1], :] + pushed[..., : below[1], :]
        h_dot[..., : below[1], :] = curvature @ first
        moved = u_flat * inner(h_flat, x, below, n_above)
        moved += h_size * (y - u_flat * inner(u_flat, y, above, n_above))
        for k in range(len(weights) - 1):
            into = h_dot[..., below[k + 1] : below[k + 2], :]
            np.matmul(weights[k], h_dot[..., below[k] : below[k + 1], :], out=into)
            into += moved[..., above[k] : above[k + 1], :]
        on_x = h_flat * inner(u_flat, q_dot, above, n_below) + q_size * h_dot
        on_y = h_size * (q_dot - u_flat * inner(u_flat, q_dot, above, n_above))
        return np.concatenate([on_x, on_y], axis=-2) / unit[:, None, None]

    return product


def krylov_start(guess: Array, n: int) -> Array:
    """Return the Gauss-Newton part's top eigenvector, padded to n, with a little of everything else."""
    noise = np.random.default_rng(0).standard_normal(n)
    size = np.linalg.norm(guess, axis=1, keepdims=True)
    start = np.tile(0.1 * noise / np.linalg.norm(noise), (len(guess), 1))
    start[:, : guess.shape[1]] += np.divide(guess, size, out=np.zeros_like(guess), where=size > 0)
    return start
