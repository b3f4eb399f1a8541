"""Noise in the gradient: a loss whose gradient at the end-to-end matrix is random.

Whatever the noise is, it reaches the layers through the chain rule: its steps are gradient directions.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, count, function, generator, number, quiet, real_array
from ..networks.losses import Loss, value_and_gradient
from ..networks.tasks import Regression, regression

Noise = Callable[[Array, np.random.Generator], Array]


class Noisy:
    """A loss with noise in its gradient; its value is that of the loss itself.

    Parameters
    ----------
    loss : Loss
        The loss of the end-to-end matrix.
    noise : callable
        ``noise(W, rng)`` returns what to add to the gradient at W, in the shape of W: `isotropic`,
        `label_noise` or `minibatch`, or a function of your own.
    rng : numpy.random.Generator
        Draws the noise, anew at every evaluation.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Examples
    --------
    >>> from dlnlab import Factorization, gradient_descent
    >>> noisy = Noisy(Factorization([[1.0]]), isotropic(0.5), rng=np.random.default_rng(0))
    >>> path = gradient_descent([[[1.0]], [[1.0]]], noisy, learning_rate=0.1, steps=10)
    >>> path.loss.shape
    (11,)
    """

    def __init__(self, loss: Loss, noise: Noise, *, rng: np.random.Generator) -> None:
        for method in ("value", "gradient"):
            if isinstance(loss, type) or not callable(getattr(loss, method, None)):
                raise ValueError(f"loss must be an object with the method {method}, got {loss!r}")
        self.loss, self.rng = loss, generator(rng)
        self.noise = function("noise", noise, "dlnlab.noise.isotropic(0.1)")

    def value(self, W: ArrayLike) -> Array:
        """Return the loss of matrices of shape (..., m, d), without noise."""
        return self.loss.value(W)  # type: ignore[arg-type]

    def gradient(self, W: ArrayLike) -> Array:
        """Return the gradient with noise."""
        return self.value_and_gradient(W)[1]

    def value_and_gradient(self, W: ArrayLike) -> tuple[Array, Array]:
        """Return both at once."""
        W = real_array("W", W, min_ndim=2, finite=False)
        value, G = value_and_gradient(self.loss, W)
        drawn = self.noise(W, self.rng)
        if np.shape(drawn) != W.shape:
            raise ValueError(f"noise must return the shape {W.shape} of W, got {np.shape(drawn)}")
        return value, G + drawn


def isotropic(deviation: float) -> Noise:
    """Return noise with independent Gaussian entries.

    Parameters
    ----------
    deviation : float
        Their standard deviation, at least 0; for the loss (w - y)^2 / 2 this is noise in the label y.

    Returns
    -------
    callable
        ``noise(W, rng)``, for `Noisy`.

    Raises
    ------
    ValueError
        If the deviation is negative or no number.

    Examples
    --------
    >>> isotropic(0.0)(np.ones((2, 3)), np.random.default_rng(0)).sum()
    np.float64(0.0)
    """
    deviation = number("deviation", deviation, zero=True)
    return lambda W, rng: deviation * rng.standard_normal(W.shape)


def label_noise(task: Regression, deviation: float) -> Noise:
    r"""Return the noise that fresh Gaussian noise in all labels makes in the gradient of the risk.

    Parameters
    ----------
    task : Regression
        The data.
    deviation : float
        The standard deviation :math:`\sigma` of the noise of one label, at least 0, in the unit of y.

    Returns
    -------
    callable
        ``noise(W, rng)``, of covariance :math:`4\sigma^2\Sigma/n`, for `Noisy`.

    Raises
    ------
    ValueError
        If the task is no Regression or the deviation negative.

    References
    ----------
    Blanc, Gupta, Valiant & Valiant (2020).

    Examples
    --------
    >>> noise = label_noise(Regression([[1.0], [1.0]], [0.0, 1.0]), 0.5)
    >>> noise(np.zeros((4, 1, 1)), np.random.default_rng(0)).shape
    (4, 1, 1)
    """
    factor = 2 * number("deviation", deviation, zero=True) / len(regression(task).X)
    root = np.linalg.qr(task.X, mode="r")
    return lambda W, rng: factor * rng.standard_normal((*W.shape[:-1], len(root))) @ root


def minibatch(task: Regression, size: int) -> Noise:
    """Return the difference of the gradients on a batch, drawn without repetition, and on all data.

    Parameters
    ----------
    task : Regression
        The data.
    size : int
        The number of samples in a batch, at most all of them.

    Returns
    -------
    callable
        ``noise(W, rng)``, for `Noisy`; every network of a batch of networks draws its own samples.

    Raises
    ------
    ValueError
        If the task is no Regression or the size not admissible.

    Examples
    --------
    >>> noise = minibatch(Regression([[1.0], [2.0]], [1.0, 0.0]), 2)
    >>> float(np.abs(noise(np.ones((1, 1)), np.random.default_rng(0))).max())
    0.0
    """
    n = len(regression(task).X)
    if count("size", size) > n:
        raise ValueError(f"size must be at most {n}, the number of samples, got {size}")

    @quiet()
    def noise(W: Array, rng: np.random.Generator) -> Array:
        chosen = rng.permuted(np.broadcast_to(np.arange(n), (*W.shape[:-1], n)), axis=-1)[..., :size]
        X, residual = task.X[chosen], np.take(task.y, chosen)
        residual = (X @ W[..., None])[..., 0] - residual
        batch = 2 * (residual[..., None, :] @ X)[..., 0, :] / size
        return np.asarray(batch - task.gradient(W))

    return noise
