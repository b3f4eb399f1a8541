"""Families of networks that a sweep draws, each at every scale from the same noise."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, count, generator, positive, real_array
from ..networks.initializations import gaussian, residual

Network = Callable[[int, int, Array, np.random.Generator], tuple[list[Array], Array | None]]


def _scales(scales: ArrayLike) -> Array:
    return positive("scales", real_array("scales", scales, ndim=1), zero=True)


def perceptron(
    width: int, depth: int, scales: Array, rng: np.random.Generator
) -> tuple[list[Array], Array | None]:
    """Draw a multilayer perceptron of constant width and one output, at every scale from the same noise.

    Parameters
    ----------
    width, depth : int
        d and L.
    scales : array_like of shape (S,)
        Standard deviations of the weights, non-negative.
    rng : numpy.random.Generator
        Draws the layers in order.

    Returns
    -------
    weights : list of ndarray
        Layers of shape (S, d, d), the last (S, 1, d).
    readout : None

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments.

    Examples
    --------
    >>> [W.shape for W in perceptron(3, 2, [0.1, 0.2], np.random.default_rng(0))[0]]
    [(2, 3, 3), (2, 1, 3)]
    """
    noise = gaussian([count("width", width)] * count("depth", depth) + [1], 1.0, rng=rng)
    return [_scales(scales)[:, None, None] * layer for layer in noise], None


def residual_network(
    width: int, depth: int, scales: Array, rng: np.random.Generator
) -> tuple[list[Array], Array | None]:
    """Draw a residual network and a readout of norm 1, at every scale from the same noise.

    Parameters
    ----------
    width, depth, scales, rng
        As in `perceptron`; layers are I + s N_k / sqrt(L d).

    Returns
    -------
    weights : list of ndarray
        Layers of shape (S, d, d).
    readout : ndarray of shape (d,)
        Uniform on the sphere.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Marion & Chizat (2024), the experiments.

    Examples
    --------
    >>> weights, readout = residual_network(3, 2, [0.0, 0.5], np.random.default_rng(0))
    >>> [W.shape for W in weights], readout.shape
    ([(2, 3, 3), (2, 3, 3)], (3,))
    """
    s = _scales(scales)[:, None, None]
    p = generator(rng).standard_normal(count("width", width))
    identity = np.eye(width)
    weights = [identity + s * (layer - identity) for layer in residual(width, depth, 1.0, rng=rng)]
    return weights, p / np.linalg.norm(p)
