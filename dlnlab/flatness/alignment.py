"""The size of an initialisation, and how far layers are from rank one, equal norms and alignment."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, weight_list
from ..networks.conserved import imbalances


def epsilon(weights: Sequence[ArrayLike]) -> Array:
    r"""Return :math:`\varepsilon = 3 \max_k \|W_k\|_F^2 + 2 \sum_k \|D_k\|_2`, the size of an initialisation.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}), at the start; leading axes are a batch.

    Returns
    -------
    ndarray of shape (...)

    Raises
    ------
    ValueError
        If the layers do not chain.

    References
    ----------
    Marion & Chizat (2024).

    Examples
    --------
    >>> float(epsilon([[[2.0]], [[1.0]]]))
    18.0
    """
    layers = weight_list(weights)
    largest = np.max([np.square(layer).sum(axis=(-2, -1)) for layer in layers], axis=0)
    norms = [np.linalg.norm(D, 2, axis=(-2, -1)) for D in imbalances(layers)]
    return 3 * largest + 2 * np.sum(norms, axis=0)


@dataclass(frozen=True)
class Structure:
    """How far layers are from rank one, equal norms and alignment; each of shape (...).

    Attributes
    ----------
    rank_one_gap : ndarray
        The largest ``||W_k||_F^2 - sigma_k^2``, sigma_k the spectral norm of W_k.
    spectral_spread : ndarray
        The largest ``|sigma_k^2 - sigma_j^2|``.
    alignment : ndarray
        The least ``<v_{k+1}, u_k>^2``, between the top right singular vector of a layer and the top left
        one of the layer before it; 1 for a single layer.

    Examples
    --------
    >>> structure([[[3.0]], [[1.0]]])
    Structure(rank_one_gap=np.float64(0.0), spectral_spread=np.float64(8.0), alignment=np.float64(1.0))
    """

    rank_one_gap: Array
    spectral_spread: Array
    alignment: Array


def structure(weights: Sequence[ArrayLike]) -> Structure:
    """Return how far layers are from rank one, equal spectral norms and alignment.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}); leading axes are a batch.

    Returns
    -------
    Structure

    Raises
    ------
    ValueError
        If the layers do not chain.

    References
    ----------
    Ji & Telgarsky (2019); Marion & Chizat (2024), the lemma of small initialisation.

    Examples
    --------
    >>> found = structure([[[2.0, 0.0], [0.0, 1.0]], [[0.6, 0.8]]])
    >>> float(found.rank_one_gap), round(float(found.alignment), 12)
    (1.0, 0.36)
    """
    layers = weight_list(weights)
    U, s, Vt = zip(*(np.linalg.svd(layer, full_matrices=False) for layer in layers), strict=True)
    top = np.stack([values[..., 0] ** 2 for values in s])
    gap = np.stack([np.square(values[..., 1:]).sum(axis=-1) for values in s])
    cosines = [
        np.sum(above[..., 0, :] * below[..., :, 0], axis=-1)
        for below, above in zip(U[:-1], Vt[1:], strict=True)
    ]
    aligned = np.min(np.square(cosines), axis=0) if cosines else np.ones(top.shape[1:])
    return Structure(gap.max(axis=0), top.max(axis=0) - top.min(axis=0), aligned)
