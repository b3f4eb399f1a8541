"""Tasks: losses of the end-to-end matrix, with their first and second derivatives.

A loss is any object with ``value(W)`` and ``gradient(W)`` for the end-to-end matrix ``W`` of shape
``(..., m, d)``; leading axes are a batch. Those below also have ``hessian_product(W, V)``, the
derivative of the gradient at ``W`` in the direction ``V``, which second-order quantities need.
Infinity and NaN pass through them: a diverging iteration is a result, not an error.
"""

from functools import cached_property
from importlib.resources import files
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from .._validation import Array, count, generator, number, real_array


class Loss(Protocol):
    """What the rest of the library asks of a loss: a value and a gradient for every end-to-end matrix.

    Examples
    --------
    >>> class Trace:
    ...     def value(self, W):
    ...         return np.trace(W, axis1=-2, axis2=-1)
    ...     def gradient(self, W):
    ...         return np.broadcast_to(np.eye(W.shape[-1]), W.shape)
    >>> from dlnlab import gradient
    >>> gradient([[[2.0]], [[3.0]]], Trace())
    [array([[3.]]), array([[2.]])]
    """

    def value(self, W: Array, /) -> Array:
        """Loss of each end-to-end matrix, of shape ``W.shape[:-2]``."""

    def gradient(self, W: Array, /) -> Array:
        """Gradient with respect to the end-to-end matrix, of the shape of ``W``."""


def value_and_gradient(loss: Loss, W: Array) -> tuple[Array, Array]:
    """Return the value and the gradient of a loss, at once where the loss knows how to."""
    together = getattr(loss, "value_and_gradient", None)
    return together(W) if together is not None else (loss.value(W), loss.gradient(W))


def fitting_loss(loss: Any, W: Array, *more: str, name: str = "loss") -> Any:
    """Return the loss, which must have these methods and fit the end-to-end matrices W."""
    for method in ("value", "gradient", *more):
        if not callable(getattr(loss, method, None)):
            raise ValueError(f"{name} must have the method {method}, got {type(loss).__name__} without it")
    with np.errstate(over="ignore", invalid="ignore"):
        value, slope = np.shape(loss.value(W)), np.shape(loss.gradient(W))
    if value != W.shape[:-2] or slope != W.shape:
        raise ValueError(
            f"{name} must give a number and a matrix for each end-to-end matrix, of shapes {W.shape[:-2]} "
            f"and {W.shape}, got {value} and {slope}; a Regression takes weights of one output, or a readout"
        )
    return loss


def regression(task: Any) -> "Regression":
    """Return the task, which must be a Regression."""
    if not isinstance(task, Regression):
        raise ValueError(f"task must be a Regression, got {type(task).__name__}")
    return task


def _matrix(name: str, W: ArrayLike, shape: tuple[int, int]) -> Array:
    W = real_array(name, W, finite=False)
    if W.shape[-2:] != shape:
        raise ValueError(f"{name} must have shape (..., {shape[0]}, {shape[1]}), got {W.shape}")
    return W


class Regression:
    r"""Linear regression with the mean squared error as its risk.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Inputs, one sample a row.
    y : array_like of shape (n,)
        Targets.

    Attributes
    ----------
    X, y : ndarray
        The data, in float64.
    covariance : ndarray of shape (d, d)
        :math:`\Sigma = X^\top X / n`.
    cross_moment : ndarray of shape (d,)
        :math:`b = X^\top y / n`.
    minimizer : ndarray of shape (d,)
        The minimiser of least norm, :math:`\pi^* = X^+ y`.
    min_risk : float
        :math:`R(\pi^*)`.
    source : tuple of ndarray and float, or None
        Of `gaussian` data, the regressor and the standard deviation of the noise behind the targets.

    Raises
    ------
    ValueError
        If the shapes do not match, or a value is missing, infinite or not a real number.

    Notes
    -----
    The risk :math:`R(w) = \frac1n \|y - Xw\|^2` equals
    :math:`R(\pi^*) + (w - \pi^*)^\top \Sigma (w - \pi^*)` and its gradient is
    :math:`2 \Sigma (w - \pi^*)`: after one pass over the data nothing depends on n, and no digits
    are lost near the minimum. There is no factor 1/2.

    Examples
    --------
    >>> task = Regression([[1.0, 0.0], [0.0, 2.0]], [1.0, 4.0])
    >>> task.minimizer
    array([1., 2.])
    >>> float(task.risk([1.0, 1.0]))
    2.0
    """

    def __init__(self, X: ArrayLike, y: ArrayLike) -> None:
        self.X = real_array("X", X, ndim=2)
        self.y = real_array("y", y, ndim=1)
        n = len(self.X)
        if self.y.shape != (n,):
            raise ValueError(f"y must have shape ({n},), one target a row of X, got {self.y.shape}")
        self.covariance = self.X.T @ self.X / n
        self.cross_moment = self.X.T @ self.y / n
        self.minimizer = np.linalg.lstsq(self.X, self.y, rcond=None)[0]
        self.min_risk = float(np.mean((self.y - self.X @ self.minimizer) ** 2))
        self._root = np.asarray(np.linalg.qr(self.X, mode="r")).T
        self.source: tuple[Array, float] | None = None

    @classmethod
    def gaussian(
        cls,
        n_samples: int = 50,
        n_features: int = 5,
        *,
        noise: float = 1.0,
        minimizer_norm: float | None = None,
        rng: np.random.Generator,
    ) -> Self:
        r"""Draw standard Gaussian inputs, a Gaussian regressor and Gaussian label noise.

        Parameters
        ----------
        n_samples, n_features : int
            The shape (n, d) of the inputs.
        noise : float
            Standard deviation of the noise.
        minimizer_norm : float, optional
            Scale the targets so that :math:`\|\pi^*\|` has this value, as Marion & Chizat (2024) do
            with 1.
        rng : numpy.random.Generator
            Draws the inputs, the regressor and the noise, in this order.

        Returns
        -------
        Regression
            With ``source``, the regressor and the noise, in the units of the targets.

        Raises
        ------
        ValueError
            If an argument is not admissible.

        Examples
        --------
        >>> task = Regression.gaussian(20, 3, minimizer_norm=2.0, rng=np.random.default_rng(0))
        >>> task.X.shape, round(float(np.linalg.norm(task.minimizer)), 12)
        ((20, 3), 2.0)
        """
        rng = generator(rng)
        X = rng.standard_normal((count("n_samples", n_samples), count("n_features", n_features)))
        regressor, noise = rng.standard_normal(n_features), number("noise", noise, zero=True)
        y = X @ regressor
        y += noise * rng.standard_normal(n_samples)
        scale = 1.0
        if minimizer_norm is not None:
            scale = number("minimizer_norm", minimizer_norm) / float(np.linalg.norm(cls(X, y).minimizer))
        task = cls(X, scale * y)
        task.source = scale * regressor, scale * noise
        return task

    @classmethod
    def diabetes(cls) -> Self:
        """Return the diabetes data, standardised: 442 patients, 10 variables (Efron et al. 2004).

        Every column and the targets are centred and divided by their standard deviation, so that the
        risk of the zero regressor is 1 and ``min_risk`` is the unexplained part of the variance.

        Returns
        -------
        Regression

        Examples
        --------
        >>> task = Regression.diabetes()
        >>> task.X.shape, round(task.min_risk, 3)
        ((442, 10), 0.482)
        """
        with (files("dlnlab.networks") / "data" / "diabetes.csv").open(encoding="utf-8") as table:
            data = np.loadtxt(table, delimiter=",", skiprows=1)
        data = (data - data.mean(axis=0)) / data.std(axis=0)
        return cls(data[:, :-1], data[:, -1])

    def _regressor(self, w: ArrayLike) -> Array:
        w = real_array("w", w, finite=False)
        if w.ndim == 0 or w.shape[-1] != len(self.minimizer):
            raise ValueError(f"w must have shape (..., {len(self.minimizer)}), got {w.shape}")
        return w

    def excess_risk(self, w: ArrayLike) -> Array:
        """Return R(w) - R(pi*) of regressors of shape (..., d): never negative, exact near zero."""
        return np.square((self._regressor(w) - self.minimizer) @ self._root).sum(axis=-1) / len(self.X)

    def risk(self, w: ArrayLike) -> Array:
        """Return the risk of regressors of shape (..., d), in the squared unit of y."""
        return self.min_risk + self.excess_risk(w)

    def generalization_gap(self, w: ArrayLike) -> Array:
        """Return the risk on new data less that on these, of `gaussian` data and regressors (..., d)."""
        if self.source is None:
            raise ValueError("generalization_gap needs a task made by Regression.gaussian, got other data")
        regressor, noise = self.source
        return np.square(self._regressor(w) - regressor).sum(axis=-1) + noise**2 - self.risk(w)

    def value(self, W: ArrayLike) -> Array:
        """Return the risk of matrices, which end in a row (..., 1, d), or of other regressors (..., d).

        A batch of one regressor, (1, d), counts as a matrix; `risk` takes regressors only.
        """
        w = self._regressor(W)
        return self.risk(w[..., 0, :] if w.ndim > 1 and w.shape[-2] == 1 else w)

    def gradient(self, w: ArrayLike) -> Array:
        """Return the gradient 2 (Sigma w - b) of the risk, in the shape of w: (..., d)."""
        return 2 * (self._regressor(w) - self.minimizer) @ self.covariance

    def hessian_product(self, W: ArrayLike, V: ArrayLike) -> Array:
        """Return 2 Sigma v for directions v of shape (..., d); the same at every W."""
        return 2 * self._regressor(V) @ self.covariance


class Factorization:
    r"""Matrix factorisation: the loss :math:`\ell(W) = \frac12 \|W - M\|_F^2`.

    Parameters
    ----------
    M : array_like of shape (m, d)
        The matrix to be factorised.

    Examples
    --------
    >>> float(Factorization([[1.0, 0.0], [0.0, 3.0]]).value([[0.0, 0.0], [0.0, 1.0]]))
    2.5
    """

    def __init__(self, M: ArrayLike) -> None:
        self.target = real_array("M", M, ndim=2)

    def _error(self, W: ArrayLike) -> Array:
        return _matrix("W", W, self.target.shape) - self.target

    def value(self, W: ArrayLike) -> Array:
        """Return the loss of matrices of shape (..., m, d)."""
        return np.square(self._error(W)).sum(axis=(-2, -1)) / 2

    def gradient(self, W: ArrayLike) -> Array:
        """Return the gradient W - M."""
        return self._error(W)

    def hessian_product(self, W: ArrayLike, V: ArrayLike) -> Array:
        """Return the directions V themselves: the Hessian is the identity."""
        return _matrix("V", V, self.target.shape)


class LpRegression:
    r"""Linear regression with the loss :math:`\ell(W) = \frac1{pn} \sum_{ij} |XW^\top - Y|_{ij}^p`.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Inputs, one sample a row.
    Y : array_like of shape (n,) or (n, m)
        Targets; one column stands for m = 1.
    p : float
        The exponent, at least 2, so that the loss has a second derivative everywhere.

    Attributes
    ----------
    minimum : float
        The least value, found by Newton's method in a trust region when it is first asked for, whatever
        the units of X and Y; a RuntimeError says so if it is not found.

    References
    ----------
    Arora, Cohen & Hazan (2018), section 8 (with p = 4).

    Examples
    --------
    >>> float(LpRegression([[1.0], [1.0]], [0.0, 2.0], p=4).value([[0.0]]))
    2.0
    """

    def __init__(self, X: ArrayLike, Y: ArrayLike, p: float) -> None:
        self.X = real_array("X", X, ndim=2)
        Y = real_array("Y", Y, min_ndim=1)
        self.Y = Y[:, None] if Y.ndim == 1 else Y
        if self.Y.ndim != 2 or len(self.Y) != len(self.X):
            raise ValueError(f"Y must have {len(self.X)} rows, as many as X, got shape {Y.shape}")
        self.p = number("p", p)
        if self.p < 2:
            raise ValueError(f"p must be at least 2, got {p}")

    @cached_property
    def minimum(self) -> float:
        # In an orthonormal basis of the columns of X and the unit of the largest residual of least squares.
        U, s, _ = np.linalg.svd(self.X, full_matrices=False)
        U = U[:, s > s[0] * max(self.X.shape) * np.finfo(np.float64).eps]
        residual = self.Y - U @ (U.T @ self.Y)
        unit = np.abs(residual).max()
        if U.shape[1] == len(U) or unit <= len(U) * np.finfo(np.float64).eps * np.abs(self.Y).max():
            return 0.0
        problem = LpRegression(np.sqrt(len(U)) * U, residual / unit, self.p)
        shape = (self.Y.shape[1], U.shape[1])
        basis = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
        result = minimize(
            lambda w: problem.value(w.reshape(shape)),
            np.zeros(len(basis)),
            jac=lambda w: problem.gradient(w.reshape(shape)).ravel(),
            hess=lambda w: problem.hessian_product(w.reshape(shape), basis).reshape(len(basis), -1),
            method="trust-exact",
            options={"gtol": 1e-10},
        )
        # The method may report failure where only rounding stands between it and its tolerance.
        if np.linalg.norm(result.jac) > 1e-7:
            raise RuntimeError(f"the minimum of the loss was not found: {result.message}")
        return float(unit**self.p * result.fun)

    def _outputs(self, name: str, W: ArrayLike) -> Array:
        W = _matrix(name, W, (self.Y.shape[1], self.X.shape[1]))
        return np.tensordot(W, self.X, axes=(-1, -1))

    def _residual(self, W: ArrayLike) -> Array:
        """Return W X^T - Y^T, of shape (..., m, n)."""
        return self._outputs("W", W) - self.Y.T

    def value_and_gradient(self, W: ArrayLike) -> tuple[Array, Array]:
        """Return the loss of matrices of shape (..., m, d), and its gradient, from one residual."""
        r = self._residual(W)
        # A power of the square: an even exponent then costs products only.
        slope = r * np.square(r) ** (self.p / 2 - 1)
        value = np.einsum("...mn,...mn->...", slope, r) / (self.p * len(self.X))
        return value, np.tensordot(slope, self.X, axes=1) / len(self.X)

    def value(self, W: ArrayLike) -> Array:
        """Return the loss of matrices of shape (..., m, d)."""
        return self.value_and_gradient(W)[0]

    def gradient(self, W: ArrayLike) -> Array:
        """Return the gradient, of shape (..., m, d)."""
        return self.value_and_gradient(W)[1]

    def hessian_product(self, W: ArrayLike, V: ArrayLike) -> Array:
        """Return the derivative of the gradient at W in the directions V."""
        curvature = (self.p - 1) * np.square(self._residual(W)) ** (self.p / 2 - 1)
        return np.tensordot(curvature * self._outputs("V", V), self.X, axes=1) / len(self.X)
