r"""Initialisations; each returns the list of weights ``[W_1, ..., W_L]``.

Widths are listed from the input: ``widths = [d_0, d_1, ..., d_L]`` gives layers ``W_k`` of shape
``(d_k, d_{k-1})``. Leading axes are a batch.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, count, generator, positive, width_list


def _batch(batch: tuple[int, ...], scale: Array) -> tuple[int, ...]:
    if not isinstance(batch, tuple):
        raise ValueError(f"batch must be a tuple of axis lengths, got {batch!r}")
    batch = tuple(count(f"batch[{i}]", length) for i, length in enumerate(batch))
    try:
        return np.broadcast_shapes(batch, scale.shape)
    except ValueError as error:
        raise ValueError(f"scale must fit the batch axes {batch}, got shape {scale.shape}") from error


def gaussian(
    widths: Sequence[int], scale: ArrayLike, *, rng: np.random.Generator, batch: tuple[int, ...] = ()
) -> list[Array]:
    """Draw independent Gaussian entries of mean zero and standard deviation ``scale``.

    Parameters
    ----------
    widths : list, tuple, range or array of int
        d_0, ..., d_L.
    scale : array_like
        Standard deviation, non-negative; an array broadcasts against the batch axes.
    rng : numpy.random.Generator
        Draws the layers in order, the first one first.
    batch : tuple of int
        Leading axes of every layer.

    Returns
    -------
    list of ndarray
        L layers of shape (..., d_k, d_{k-1}).

    Raises
    ------
    ValueError
        If a width or the scale is not admissible.

    Examples
    --------
    >>> [W.shape for W in gaussian([4, 3, 1], 0.1, rng=np.random.default_rng(0), batch=(7,))]
    [(7, 3, 4), (7, 1, 3)]
    """
    widths, rng, scale = width_list(widths), generator(rng), positive("scale", scale, zero=True)
    batch = _batch(batch, scale)
    return [
        scale[..., None, None] * rng.standard_normal((*batch, rows, columns))
        for columns, rows in pairwise(widths)
    ]


def residual(
    width: int, depth: int, scale: ArrayLike, *, rng: np.random.Generator, batch: tuple[int, ...] = ()
) -> list[Array]:
    r"""Draw the layers of a residual network, :math:`W_k = I + \frac{s}{\sqrt{Ld}} N_k`.

    Parameters
    ----------
    width, depth : int
        d and L; every layer is d x d.
    scale : array_like
        s, non-negative; an array broadcasts against the batch axes. The entries of N_k are independent
        standard Gaussians.
    rng, batch
        As in `gaussian`.

    Returns
    -------
    list of ndarray
        L layers of shape (..., d, d).

    Raises
    ------
    ValueError
        If the width, the depth or the scale is not admissible.

    References
    ----------
    Marion & Chizat (2024), section 4.

    Examples
    --------
    >>> residual(2, 3, 0.0, rng=np.random.default_rng(0))[0]
    array([[1., 0.],
           [0., 1.]])
    """
    depth, width = count("depth", depth), count("width", width)
    deviation = positive("scale", scale, zero=True) / np.sqrt(depth * width)
    noise = gaussian([width] * (depth + 1), deviation, rng=rng, batch=batch)
    return [np.eye(width) + layer for layer in noise]
