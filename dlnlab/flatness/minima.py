r"""The least sharpness over all minimisers, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .._validation import Array, count, number, one_output, readout_vector, weight_list
from ..networks.losses import fitting_loss
from ..networks.tasks import Regression, regression
from ..networks.weights import rows


@dataclass(frozen=True)
class _Constants:
    """m, a, b of the book: scale, curvature along the minimiser, and Sigma^(1/2) times its direction."""

    covariance: Array
    scale: float
    along: float
    b: Array


def _constants(task: Regression, depth: int, readout_norm: float) -> _Constants:
    task = regression(task)
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

    References
    ----------
    Marion & Chizat (2024), gradient flow from small weights.

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
    x = scipy.optimize.brentq(lambda x: slope_and_value(x)[0], left, 0.0, xtol=1e-14)
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

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Mulayoff & Michaeli (2020), on minima that gradient descent can converge to.

    Examples
    --------
    >>> round(critical_learning_rate(Regression([[1.0]], [1.0]), depth=3), 12)
    0.333333333333
    """
    with np.errstate(divide="ignore"):
        return float(np.divide(2, minimal_sharpness(task, depth, readout_norm)))


def hessian_trace(weights: Sequence[ArrayLike], task: Regression, readout: ArrayLike | None = None) -> Array:
    r"""Return the trace of the Hessian of the risk in all weights.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}) with one output, or with a readout.
    task : Regression
        The data.
    readout : array_like of shape (d_L,), optional
        The fixed readout p.

    Returns
    -------
    ndarray of shape (...)
        :math:`2 \sum_k \|q_k\|^2 \operatorname{tr}(P_k \Sigma P_k^\top)` with
        :math:`q_k = W_{k+1}^\top \cdots W_L^\top p` and
        :math:`P_k = W_{k-1} \cdots W_1`: the risk is quadratic in every layer.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Worked out in these notes (session "Noise").

    Examples
    --------
    >>> task = Regression([[1.0]], [1.0])
    >>> float(hessian_trace([[[2.0]], [[0.5]]], task))
    8.5
    """
    layers, task = weight_list(weights), regression(task)
    p = readout_vector(readout, layers)
    one_output(layers, p)
    a = rows(layers, p)
    fitting_loss(task, a[0], name="task")
    P, total = task.covariance, np.zeros(layers[0].shape[:-2])
    for W, q in zip(layers, a[1:], strict=True):
        total = total + 2 * np.square(q).sum(axis=(-2, -1)) * np.trace(P, axis1=-2, axis2=-1)
        P = W @ P @ W.mT
    return np.asarray(total)


def minimal_trace(task: Regression, depth: int, readout_norm: float = 1.0) -> tuple[float, float]:
    r"""Return the least trace of the Hessian over all minimisers, and how unbalanced its first layer is.

    Parameters
    ----------
    task : Regression
        With a minimiser other than 0.
    depth : int
        The number of layers L.
    readout_norm : float
        The norm of the readout p; 1 for a network without readout.

    Returns
    -------
    trace : float
        :math:`2Lm(\operatorname{tr}\Sigma\, a^{L-1})^{1/L}`.
    ratio : float
        :math:`\|W_1\|_F^2 / \|W_k\|_F^2 = \operatorname{tr}\Sigma / a` at its aligned minimisers, which is 1
        only if all of the data lie in the direction of the minimiser.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Worked out in these notes (session "Noise").

    Examples
    --------
    >>> task = Regression([[1.0, 0.0], [0.0, 1.0]], [1.0, 0.0])
    >>> round(minimal_trace(task, depth=2)[1], 12)
    2.0
    """
    constants = _constants(task, depth, readout_norm)
    whole = float(np.trace(constants.covariance))
    root = (whole * constants.along ** (depth - 1)) ** (1 / depth)
    return 2 * depth * constants.scale * root, whole / constants.along
