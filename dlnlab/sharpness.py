r"""Sharpness: the largest eigenvalue of the Hessian, and its least value over all minimisers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from ._validation import Array, count, number, readout_vector, weight_list
from .alignment import Structure, epsilon, structure
from .curvature import gauss_newton, krylov_start, loss_hessian, reduced_product, second_order_bound
from .lanczos import largest_eigenvalue
from .network import columns, rows
from .tasks import Loss, Regression

__all__ = [
    "Structure",
    "balanced_sharpness",
    "critical_learning_rate",
    "epsilon",
    "minimal_sharpness",
    "minimal_sharpness_bounds",
    "sharpness",
    "structure",
]

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
        A loss with ``gradient(W)`` and ``hessian_product(W, V)``.
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
        If the layers do not chain, do not fit the readout or the loss, or have more than one output.

    Notes
    -----
    The Hessian is the sum of a Gauss-Newton part, whose spectrum is that of
    :math:`B^{1/2} (\sum_k \|q_k\|^2 P_k^\top P_k) B^{1/2}` with :math:`B = \nabla^2 \ell` and
    :math:`P_k = W_{k-1} \cdots W_1`, and of a part linear in :math:`\nabla\ell`. Where the latter is so
    small that it cannot matter, the d x d problem is solved; elsewhere the reduced problem of
    `dlnlab.curvature`, by the Lanczos iteration. Each product costs :math:`O(\sum_k d_k d_{k-1})`.

    References
    ----------
    Mulayoff & Michaeli (2020); Marion & Chizat (2024). The d x d form is proved in the book.

    Examples
    --------
    >>> task = Regression([[1.0]], [1.0])
    >>> round(float(sharpness([[[1.0]], [[1.0]]], task)), 12)
    4.0
    """
    layers = weight_list(weights)
    p = readout_vector(readout, layers)
    if p is None and layers[-1].shape[-2] != 1:
        raise ValueError(
            "weights must end in one output, or readout must be given, "
            f"got {layers[-1].shape[-2]} outputs without readout"
        )
    if not hasattr(task, "hessian_product"):
        raise ValueError(f"task must have hessian_product(W, V), got {type(task).__name__} without it")
    batch = layers[0].shape[:-2]
    layers = [layer.reshape(-1, *layer.shape[-2:]) for layer in layers]
    n_networks = len(layers[0])
    if p is not None:
        p = np.broadcast_to(p, (*batch, p.shape[-1])).reshape(n_networks, -1)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        a = rows(layers, p)
        curvature = loss_hessian(task, a[0])
        h = columns(layers, task.gradient(a[0]))
        q = [np.broadcast_to(np.swapaxes(row, -1, -2), (n_networks, row.shape[-1], 1)) for row in a]
        matrix, factors = gauss_newton(layers, q, curvature)
        rest = second_order_bound(layers, q, h)
        size = np.trace(matrix, axis1=-2, axis2=-1) + rest

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


@dataclass(frozen=True)
class _Constants:
    """m, a, b of the book: scale, curvature along the minimiser, and Sigma^(1/2) times its direction."""

    covariance: Array
    scale: float
    along: float
    b: Array


def _constants(task: Regression, depth: int, readout_norm: float) -> _Constants:
    if not isinstance(task, Regression):
        raise ValueError(f"task must be a Regression, got {type(task).__name__}")
    depth, p = count("depth", depth), number("readout_norm", readout_norm)
    values, vectors = np.linalg.eigh(task.covariance)
    size = np.linalg.norm(task.minimizer)
    if size == 0:
        raise ValueError("task must have a minimizer other than 0: at 0 the flattest network is the zero one")
    b = vectors @ (np.sqrt(np.maximum(values, 0)) * (vectors.T @ task.minimizer)) / size
    return _Constants(task.covariance, float(size ** (2 - 2 / depth) * p ** (2 / depth)), float(b @ b), b)


def balanced_sharpness(task: Regression, depth: int, readout_norm: float = 1.0) -> float:
    r"""Return the sharpness of balanced, aligned, rank-one layers at the minimum, S_bal.

    Parameters
    ----------
    task : Regression
        With a minimiser other than 0. Where the covariance is singular, the minimiser of least norm counts:
        that is the only one that the sharpness of an interpolating network can see.
    depth : int
        The number of layers L >= 1.
    readout_norm : float
        The norm of the readout p; 1 for a network without readout.

    Returns
    -------
    float
        :math:`2m\,\lambda_{\max}(\Sigma + (L-1) b b^\top)` with :math:`b = \Sigma^{1/2} \hat\pi` and
        :math:`m = \|\pi^*\|^{2-2/L} \|p\|^{2/L}`: the limit of gradient flow from vanishing weights.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Examples
    --------
    >>> round(balanced_sharpness(Regression([[1.0]], [1.0]), depth=3), 12)
    6.0
    """
    c = _constants(task, depth, readout_norm)
    rank_one = np.outer(c.b, c.b)
    return float(2 * c.scale * np.linalg.eigvalsh(c.covariance + (depth - 1) * rank_one)[-1])


def minimal_sharpness(task: Regression, depth: int, readout_norm: float = 1.0) -> float:
    r"""Return the least sharpness of any minimiser, S_min, exactly.

    Parameters
    ----------
    task, depth, readout_norm
        As in `balanced_sharpness`.

    Returns
    -------
    float
        :math:`\min_x 2m\,\lambda_{\max}(e^x \Sigma + (L-1) e^{-x/(L-1)} b b^\top)`, a convex problem in one
        variable, whose derivative is brought to zero; for depth 1 it is :math:`2\|p\|^2 \Lambda`.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Proved in the book, "The largest learning rate". The bound :math:`2mLa` is of Mulayoff & Michaeli (2020).

    Examples
    --------
    >>> task = Regression.gaussian(minimizer_norm=1.0, rng=np.random.default_rng(0))
    >>> round(minimal_sharpness(task, depth=10), 8)
    21.08151921
    """
    c = _constants(task, depth, readout_norm)
    flat = balanced_sharpness(task, depth, readout_norm)
    if depth == 1:
        return flat
    rank_one = np.outer(c.b, c.b)

    def slope_and_value(x: float) -> tuple[float, float]:
        first, others = np.exp(x) * c.covariance, np.exp(-x / (depth - 1)) * rank_one
        values, vectors = np.linalg.eigh(first + (depth - 1) * others)
        top = vectors[:, -1]
        return float(top @ (first - others) @ top), float(2 * c.scale * values[-1])

    left = -(depth - 1) * np.log(flat / (2 * c.scale * (depth - 1) * c.along))
    # The slope may jump across zero where the largest eigenvalue is double: bisection then finds the kink.
    if slope_and_value(0.0)[0] <= 0 or left >= 0 or slope_and_value(left)[0] >= 0:
        return min(flat, slope_and_value(min(left, 0.0))[1])
    x = brentq(lambda x: slope_and_value(x)[0], left, 0.0, xtol=1e-14)
    return slope_and_value(x)[1]


def minimal_sharpness_bounds(task: Regression, depth: int, readout_norm: float = 1.0) -> tuple[float, float]:
    r"""Return bounds of the least sharpness, :math:`2mLa \le S_{\min} \le 2m(\Lambda + (L-1)a)`.

    Parameters
    ----------
    task, depth, readout_norm
        As in `balanced_sharpness`.

    Returns
    -------
    lower, upper : float
        The upper one is never above that of Marion & Chizat (2024),
        :math:`2m\sqrt{(2L-1)\Lambda^2 + (L-1)^2 a^2}`.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Lower: Mulayoff & Michaeli (2020). Upper: the book, "The largest learning rate".

    Examples
    --------
    >>> minimal_sharpness_bounds(Regression([[1.0]], [1.0]), depth=3)
    (6.0, 6.0)
    """
    c = _constants(task, depth, readout_norm)
    largest = float(np.linalg.eigvalsh(c.covariance)[-1])
    return 2 * c.scale * depth * c.along, 2 * c.scale * (largest + (depth - 1) * c.along)


def critical_learning_rate(task: Regression, depth: int, readout_norm: float = 1.0) -> float:
    r"""Return :math:`2 / S_{\min}`, above which every minimiser is unstable for gradient descent.

    Parameters
    ----------
    task, depth, readout_norm
        As in `balanced_sharpness`.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Examples
    --------
    >>> round(critical_learning_rate(Regression([[1.0]], [1.0]), depth=3), 12)
    0.333333333333
    """
    return 2 / minimal_sharpness(task, depth, readout_norm)
