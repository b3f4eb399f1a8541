"""Matrix completion: the loss that sees only some entries of the end-to-end matrix."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Self

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from .._validation import Array, common_batch, masked, quiet, real_array, weight_list
from .losses import matrix


def _mask(mask: Any) -> NDArray[np.bool_]:
    if not isinstance(mask, np.ndarray | list | tuple) or masked(mask):
        raise ValueError(f"mask must be an array of True and False, got {type(mask).__name__}")
    try:
        array = np.array(mask)
    except ValueError as error:
        raise ValueError("mask must be a matrix of True and False, got ragged rows") from error
    if array.dtype != bool or array.ndim != 2 or not array.any():
        raise ValueError(
            "mask must be a matrix of True and False, with at least one True, "
            f"got {array.dtype} of shape {array.shape}"
        )
    return array


class Completion:
    r"""Matrix completion: the loss :math:`\ell(W) = \frac12 \sum_{(i,j)\in\Omega} (W_{ij} - b_{ij})^2`.

    Parameters
    ----------
    mask : array_like of bool, of shape (m, d)
        True at the observed entries :math:`\Omega`.
    values : array_like of shape (m, d)
        The values b; what stands at entries that are not observed does not matter, and may be NaN.

    Attributes
    ----------
    mask : ndarray of bool
    values : ndarray
        With zeros where nothing is observed.

    Raises
    ------
    ValueError
        If the shapes differ, nothing is observed, or an observed value is missing or infinite.

    References
    ----------
    Gunasekar et al. (2017); Razin & Cohen (2020).

    Examples
    --------
    >>> task = Completion([[True, False], [False, True]], [[1.0, np.nan], [np.nan, 3.0]])
    >>> float(task.value([[0.0, 7.0], [8.0, 1.0]]))
    2.5
    """

    def __init__(self, mask: ArrayLike, values: ArrayLike) -> None:
        self.mask = _mask(mask)
        values = real_array("values", values, ndim=2, finite=False)
        if values.shape != self.mask.shape:
            raise ValueError(f"values must have the shape {self.mask.shape} of mask, got {values.shape}")
        self.values: Array = np.where(self.mask, values, 0.0)
        if not np.isfinite(self.values).all():
            raise ValueError("values must be finite where mask is True, got NaN or infinity")

    @classmethod
    def elnino(cls) -> Self:
        """Return 61 years by 12 months of sea surface temperatures, all of them observed.

        Returns
        -------
        Completion
            Each month in degrees Celsius; hide entries by a mask of your own.

        Notes
        -----
        The data and their origin are described in ``dlnlab/networks/data/README.md``.

        Examples
        --------
        >>> Completion.elnino().values[0, :3]
        array([23.11, 24.2 , 25.37])
        """
        with (files("dlnlab.networks") / "data" / "elnino.csv").open(encoding="utf-8") as table:
            values = np.loadtxt(table, delimiter=",", skiprows=1)[:, 1:]
        return cls(np.ones(values.shape, dtype=bool), values)

    @quiet()
    def value_and_gradient(self, W: ArrayLike) -> tuple[Array, Array]:
        """Return the loss of matrices of shape (..., m, d), and its gradient."""
        G = self.gradient(W)
        return np.square(G).sum(axis=(-2, -1)) / 2, G

    def value(self, W: ArrayLike) -> Array:
        """Return the loss of matrices of shape (..., m, d)."""
        return self.value_and_gradient(W)[0]

    def gradient(self, W: ArrayLike) -> Array:
        """Return the gradient: the error at observed entries, zero elsewhere."""
        return np.where(self.mask, matrix("W", W, self.mask.shape) - self.values, 0.0)

    def hessian_product(self, W: ArrayLike, V: ArrayLike) -> Array:
        """Return the directions V at observed entries, zero elsewhere: the same at every W."""
        W, V = matrix("W", W, self.mask.shape), matrix("V", V, self.mask.shape)
        shape = (*common_batch(W=(W, 2), V=(V, 2)), *self.mask.shape)
        return np.broadcast_to(np.where(self.mask, V, 0.0), shape).copy()


def completion(task: Any) -> Completion:
    """Return the task, which must be a Completion."""
    if not isinstance(task, Completion):
        raise ValueError(f"task must be a Completion, got {type(task).__name__}")
    return task


def mask_invariants(weights: Sequence[ArrayLike], mask: ArrayLike) -> Array:
    r"""Return what gradient flow of a completion loss conserves besides the imbalances.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}).
    mask : array_like of bool, of shape (d_L, d_0)
        The observed entries.

    Returns
    -------
    ndarray of shape (..., components)
        For each connected component C of the bipartite graph of rows and columns, whose edges are the
        observed entries, :math:`I_C = \sum_{i\in C} (W_L W_L^\top)_{ii} - \sum_{j\in C} (W_1^\top W_1)_{jj}`,
        in the order of their first rows; columns without an observation come last.

    Raises
    ------
    ValueError
        If the layers do not chain, or the mask has another shape than their product.

    Notes
    -----
    Both sums change at the rate :math:`-2 \sum_C G_{ij} W_{ij}` with the gradient G of the loss.

    Examples
    --------
    >>> mask_invariants([[[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [0.0, 1.0]]], np.eye(2, dtype=bool))
    array([ 8., -3.])
    """
    weights, mask = weight_list(weights), _mask(mask)
    rows, columns = weights[-1].shape[-2], weights[0].shape[-1]
    if mask.shape != (rows, columns):
        raise ValueError(
            f"mask must have the shape {(rows, columns)} of the product of weights, got {mask.shape}"
        )
    i, j = np.nonzero(mask)
    size = rows + columns
    graph = scipy.sparse.coo_array((np.ones(len(i)), (i, rows + j)), shape=(size, size))
    number, component = scipy.sparse.csgraph.connected_components(graph, directed=False)
    above = np.square(weights[-1]).sum(axis=-1)
    below = np.square(weights[0]).sum(axis=-2)
    return np.concatenate([above, -below], axis=-1) @ np.eye(number)[component]
