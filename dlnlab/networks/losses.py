"""Losses of the end-to-end matrix, with their first and second derivatives.

A loss is any object with ``value(W)`` and ``gradient(W)`` for the end-to-end matrix ``W`` of shape
``(..., m, d)``; leading axes are a batch. Those below also have ``hessian_product(W, V)``, the
derivative of the gradient at ``W`` in the direction ``V``, which second-order quantities need.
Infinity and NaN pass through them: a diverging iteration is a result, not an error.
"""

from functools import cached_property
from typing import Any, Protocol

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .._validation import Array, common_batch, number, quiet, real_array


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


def _returned(name: str, method: str, value: Any, shape: tuple[int, ...]) -> None:
    if (
        not isinstance(value, np.ndarray | np.generic)
        or value.dtype.kind not in "fiu"
        or value.shape != shape
    ):
        got = f"{value.dtype} of shape {value.shape}" if hasattr(value, "dtype") else type(value).__name__
        raise ValueError(
            f"{name}.{method} must return real numbers of shape {shape} for these end-to-end matrices, "
            f"got {got}; a Regression takes weights of one output, or a readout"
        )


def fitting_loss(loss: Any, W: Array, *more: str, name: str = "loss") -> Any:
    """Return the loss, which must have these methods and fit the end-to-end matrices W."""
    for method in ("value", "gradient", *more):
        if isinstance(loss, type) or not callable(getattr(loss, method, None)):
            raise ValueError(f"{name} must be an object with the method {method}, got {loss!r}")
    with quiet():
        try:
            value, slope = value_and_gradient(loss, W)
        except ValueError as error:
            raise ValueError(
                f"{name} must take these end-to-end matrices, of shape {W.shape}: {error}"
            ) from error
        _returned(name, "value", value, W.shape[:-2])
        _returned(name, "gradient", slope, W.shape)
        if "hessian_product" in more:
            _returned(name, "hessian_product", loss.hessian_product(W, W), W.shape)
    return loss


def matrix(name: str, W: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return matrices of a shape, infinity and NaN among them."""
    W = real_array(name, W, finite=False)
    if W.shape[-2:] != shape:
        raise ValueError(f"{name} must have shape (..., {shape[0]}, {shape[1]}), got {W.shape}")
    return W


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
        return matrix("W", W, self.target.shape) - self.target

    @quiet()
    def value_and_gradient(self, W: ArrayLike) -> tuple[Array, Array]:
        """Return the loss of matrices of shape (..., m, d), and its gradient, from one error."""
        error = self._error(W)
        return np.square(error).sum(axis=(-2, -1)) / 2, error

    def value(self, W: ArrayLike) -> Array:
        """Return the loss of matrices of shape (..., m, d)."""
        return self.value_and_gradient(W)[0]

    def gradient(self, W: ArrayLike) -> Array:
        """Return the gradient W - M."""
        return self._error(W)

    def hessian_product(self, W: ArrayLike, V: ArrayLike) -> Array:
        """Return the directions V themselves: the Hessian is the identity."""
        W, V = matrix("W", W, self.target.shape), matrix("V", V, self.target.shape)
        return np.broadcast_to(V, (*common_batch(W=(W, 2), V=(V, 2)), *V.shape[-2:])).copy()


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
        if U.size == 0:
            return float(self.value(np.zeros((self.Y.shape[1], self.X.shape[1]))))
        residual = self.Y - U @ (U.T @ self.Y)
        unit = np.abs(residual).max()
        if U.shape[1] == len(U) or unit <= len(U) * np.finfo(np.float64).eps * np.abs(self.Y).max():
            return 0.0
        problem = LpRegression(np.sqrt(len(U)) * U, residual / unit, self.p)
        shape = (self.Y.shape[1], U.shape[1])
        basis = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
        result = scipy.optimize.minimize(
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
        W = matrix(name, W, (self.Y.shape[1], self.X.shape[1]))
        return np.tensordot(W, self.X, axes=(-1, -1))

    def _residual(self, W: ArrayLike) -> Array:
        """Return W X^T - Y^T, of shape (..., m, n)."""
        residual = self._outputs("W", W)
        residual -= self.Y.T
        return residual

    @quiet()
    def value_and_gradient(self, W: ArrayLike) -> tuple[Array, Array]:
        """Return the loss of matrices of shape (..., m, d), and its gradient, from one residual."""
        r = self._residual(W)
        # A power of the square: an even exponent then costs products only.
        slope = np.square(r)
        slope **= self.p / 2 - 1
        slope *= r
        value = np.einsum("...mn,...mn->...", slope, r) / (self.p * len(self.X))
        return value, np.tensordot(slope, self.X, axes=1) / len(self.X)

    def value(self, W: ArrayLike) -> Array:
        """Return the loss of matrices of shape (..., m, d)."""
        return self.value_and_gradient(W)[0]

    def gradient(self, W: ArrayLike) -> Array:
        """Return the gradient, of shape (..., m, d)."""
        return self.value_and_gradient(W)[1]

    @quiet()
    def hessian_product(self, W: ArrayLike, V: ArrayLike) -> Array:
        """Return the derivative of the gradient at W in the directions V."""
        shape = (self.Y.shape[1], self.X.shape[1])
        common_batch(W=(matrix("W", W, shape), 2), V=(matrix("V", V, shape), 2))
        curvature = (self.p - 1) * np.square(self._residual(W)) ** (self.p / 2 - 1)
        return np.tensordot(curvature * self._outputs("V", V), self.X, axes=1) / len(self.X)
