"""Linear regression: the task on which the networks are trained, a loss with a minimiser and a risk."""

from importlib.resources import files
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, common_batch, count, generator, number, quiet, real_array


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

    def _regressor(self, w: ArrayLike, name: str = "w") -> Array:
        w = real_array(name, w, finite=False)
        if w.ndim == 0 or w.shape[-1] != len(self.minimizer):
            raise ValueError(f"{name} must have shape (..., {len(self.minimizer)}), got {w.shape}")
        return w

    def _excess(self, error: Array) -> Array:
        return np.square(error @ self._root).sum(axis=-1) / len(self.X)

    @quiet()
    def excess_risk(self, w: ArrayLike) -> Array:
        """Return R(w) - R(pi*) of regressors of shape (..., d): never negative, exact near zero."""
        return self._excess(self._regressor(w) - self.minimizer)

    def risk(self, w: ArrayLike) -> Array:
        """Return the risk of regressors of shape (..., d), in the squared unit of y."""
        return self.min_risk + self.excess_risk(w)

    @quiet()
    def generalization_gap(self, w: ArrayLike) -> Array:
        """Return the risk on new data less that on these, of `gaussian` data and regressors (..., d)."""
        if self.source is None:
            raise ValueError("generalization_gap needs a task made by Regression.gaussian, got other data")
        regressor, noise = self.source
        return np.square(self._regressor(w) - regressor).sum(axis=-1) + noise**2 - self.risk(w)

    @quiet()
    def value_and_gradient(self, W: ArrayLike) -> tuple[Array, Array]:
        """Return `value` and `gradient`, from one error."""
        error = self._regressor(W, "W") - self.minimizer
        row = error[..., 0, :] if error.ndim > 1 and error.shape[-2] == 1 else error
        return self.min_risk + self._excess(row), 2 * error @ self.covariance

    def value(self, W: ArrayLike) -> Array:
        """Return the risk of matrices, which end in a row (..., 1, d), or of other regressors (..., d).

        A batch of one regressor, (1, d), counts as a matrix; `risk` takes regressors only.
        """
        return self.value_and_gradient(W)[0]

    @quiet()
    def gradient(self, w: ArrayLike) -> Array:
        """Return the gradient 2 (Sigma w - b) of the risk, in the shape of w: (..., d)."""
        return 2 * (self._regressor(w) - self.minimizer) @ self.covariance

    def hessian_product(self, W: ArrayLike, V: ArrayLike) -> Array:
        """Return 2 Sigma v for directions v of shape (..., d); the same at every W."""
        w, v = self._regressor(W, "W"), self._regressor(V, "V")
        return np.broadcast_to(
            2 * v @ self.covariance, (*common_batch(W=(w, 1), V=(v, 1)), w.shape[-1])
        ).copy()


def regression(task: Any) -> Regression:
    """Return the task, which must be a Regression."""
    if not isinstance(task, Regression):
        raise ValueError(f"task must be a Regression, got {type(task).__name__}")
    return task
