r"""What mirror flows minimise, and completion with the least nuclear norm.

A diagonal network is the regressor :math:`w = u^D - v^D`, entry by entry. From
:math:`u = v = \alpha \mathbf 1` its gradient flow moves along :math:`w = \alpha^D h_D(\zeta)`, where
:math:`h_2(\zeta) = 2 \sinh\zeta`, :math:`h_D(\zeta) = (1 - \zeta)^{-p} - (1 + \zeta)^{-p}` with
:math:`p = D/(D-2)` for larger D, and :math:`\zeta` stays in the span of the data (Woodworth et al. 2020).
"""

import numpy as np
from numpy.typing import ArrayLike

from .._roots import bracketed_root
from .._validation import Array, count, number, positive, quiet, real_array
from ..networks.completion import Completion, completion


def _primal(zeta: Array, depth: int) -> Array:
    """Return h_D."""
    if depth == 2:
        return 2 * np.sinh(zeta)
    p = depth / (depth - 2)
    return np.expm1(-p * np.log1p(-zeta)) - np.expm1(-p * np.log1p(zeta))


def _slope(zeta: Array, depth: int) -> Array:
    """Return the derivative of h_D."""
    if depth == 2:
        return 2 * np.cosh(zeta)
    p = depth / (depth - 2)
    return p * ((1 - zeta) ** (-p - 1) + (1 + zeta) ** (-p - 1))


def _entropy(size: Array, depth: int) -> Array:
    """Return the integral of the inverse of h_D from zero to positive arguments."""
    if depth == 2:
        zeta = np.arcsinh(size / 2)
        return np.asarray(size * zeta - 4 * np.sinh(zeta / 2) ** 2)
    p, q = depth / (depth - 2), 2 / (depth - 2)
    # In t = -log(1 - zeta), as zeta may round to one; the root lies between those of two simpler equations,
    # which rounding may make one.
    low, high = (1 - 2e-15) * np.log(np.maximum(size, 1.0)) / p, (1 + 2e-15) * np.log1p(size) / p
    t = bracketed_root(lambda t: np.expm1(p * t) - np.expm1(-p * np.log1p(-np.expm1(-t))) - size, low, high)
    # The integral of h_D is ((a - b)^2 + 2 (a b - 1)) / q with a = (1 - zeta)^(-q/2), b = (1 + zeta)^(-q/2).
    zeta = -np.expm1(-t)
    log_product = np.where(t < 0.5, -np.log1p(-(np.minimum(zeta, 0.5) ** 2)), t - np.log1p(zeta))
    difference = np.expm1(q / 2 * t) - np.expm1(-q / 2 * np.log1p(zeta))
    return np.asarray(size * zeta - (difference**2 + 2 * np.expm1(q / 2 * log_product)) / q)


def _depth(depth: int) -> int:
    return count("depth", depth, minimum=2)


def hyperbolic_entropy(w: ArrayLike, alpha: ArrayLike, *, depth: int = 2) -> Array:
    r"""Return what the flow of a diagonal network minimises among the regressors that fit the data.

    Parameters
    ----------
    w : array_like of shape (..., d)
        Regressors.
    alpha : array_like
        The scale of the start, :math:`u = v = \alpha \mathbf 1`; broadcasts against the batch axes.
    depth : int
        D, at least 2.

    Returns
    -------
    ndarray of shape (...)
        :math:`\sum_i \int_0^{|w_i|} h_D^{-1}(\omega/\alpha^D) \,\mathrm d\omega`.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Woodworth et al. (2020), theorem 1 and theorem 3.

    Examples
    --------
    >>> hyperbolic_entropy([[0.0, 0.0], [3.0, 4.0]], alpha=100.0).round(12)  # 25 / (4 alpha^2)
    array([0.      , 0.000625])
    """
    w, alpha, depth = real_array("w", w, min_ndim=1), positive("alpha", alpha), _depth(depth)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        unit = alpha[..., None] ** depth
        size = np.abs(w) / unit
    if not np.isfinite(size + unit).all():
        raise ValueError(
            f"alpha must leave alpha^{depth} and |w| / alpha^{depth} within float64, got {alpha}"
        )
    # Below this the entropy is a square, to all digits, and may lie below float64 where the result does not.
    least = np.maximum(size, 1e-100)
    return np.asarray((np.abs(w) * (size / least) * (_entropy(least, depth) / least)).sum(axis=-1))


def mirror_minimizer(X: ArrayLike, y: ArrayLike, alpha: float, *, depth: int = 2) -> Array:
    r"""Return the regressor of least `hyperbolic_entropy` with :math:`Xw = y`.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Of rank n.
    y : array_like of shape (n,)
    alpha : float
        The scale of the start; :math:`\|X^+ y\| / \alpha^D` must lie between 1e-150 and 1e150.
    depth : int
        D, at least 2.

    Returns
    -------
    ndarray of shape (d,)

    Raises
    ------
    ValueError
        If an argument is not admissible.
    RuntimeError
        If rounding hides the minimiser: at depth D of at least 3 where
        :math:`(\alpha^D / \|X^+ y\|)^{1-2/D}`, which is about :math:`1 - \max_i |\zeta_i|`, is tiny (random
        problems: 2 in 100 between 1e-5 and 1e-4, half between 1e-6 and 1e-5).

    Notes
    -----
    Newton's method with a line search on the dual problem,
    :math:`\min_\nu \sum_i \alpha^D \int_0^{(X^\top\nu)_i} h_D - y^\top\nu`, from large scales to small ones,
    until :math:`\|Xw - y\| \le 10^{-11} \|X\| \|X^+ y\|`.

    References
    ----------
    Woodworth et al. (2020).

    Examples
    --------
    >>> mirror_minimizer([[1.0, 2.0]], [1.0], alpha=1e3).round(6)  # the least Euclidean norm
    array([0.2, 0.4])
    >>> mirror_minimizer([[1.0, 2.0]], [1.0], alpha=1e-3, depth=3).round(6)  # the least sum of moduli
    array([0. , 0.5])
    """
    X, y = real_array("X", X, ndim=2), real_array("y", y, ndim=1)
    alpha, depth = number("alpha", alpha), _depth(depth)
    if y.shape != (len(X),):
        raise ValueError(f"y must have shape ({len(X)},), one target a row of X, got {y.shape}")
    if np.linalg.matrix_rank(X) < len(X):
        raise ValueError(f"X must have rank {len(X)}, the number of its rows, so that every y can be fitted")
    # Orthonormal rows have the same solutions, and no weak direction in which nu is large and rounding too.
    Q, R = np.linalg.qr(X.T)
    X, y = Q.T, np.linalg.solve(R.T, y)
    largest = float(np.linalg.norm(y))
    if largest == 0:
        return np.zeros(X.shape[1])
    with np.errstate(over="ignore", divide="ignore"):
        size = largest / np.float64(alpha) ** depth
    if not 1e-150 < size < 1e150:
        raise ValueError(f"alpha must leave w / alpha^{depth} between 1e-150 and 1e150, got {size:.3g}")
    largest = max(alpha, largest ** (1 / depth))
    scales = np.geomspace(largest, alpha, 1 + int(np.ceil(4 * np.log10(largest / alpha))))
    nu = np.zeros(len(X))
    for scale in scales:
        nu = _newton(X, y / scale**depth, nu, depth)
    return alpha**depth * _primal(nu @ X, depth)


def _newton(X: Array, y: Array, nu: Array, depth: int) -> Array:
    """Return the minimiser of the convex function sum H(X^T nu) - y^T nu, where H' = h_D."""

    def gradient(nu: Array) -> Array:
        zeta = nu @ X
        inside = depth == 2 or np.abs(zeta).max() < 1
        return X @ _primal(zeta, depth) - y if inside else np.full(len(X), np.nan)

    slope = gradient(nu)
    with quiet():
        for _ in range(500):
            if np.linalg.norm(slope) <= 1e-11 * np.linalg.norm(y):
                return nu
            try:
                step = -np.linalg.solve((X * _slope(nu @ X, depth)) @ X.T, slope)
            except np.linalg.LinAlgError:
                break
            # Not so far that the function rises steeply: rounding hides values earlier than slopes.
            shorter = (step / 2**k for k in range(60))
            moved = next((s for s in shorter if gradient(nu + s) @ s <= -0.5 * slope @ s), None)
            if moved is None:
                break
            nu = nu + moved
            slope = gradient(nu)
    raise RuntimeError("alpha is too small: rounding hides the minimiser; try a larger one")


def nuclear_completion(task: Completion, penalties: ArrayLike, *, tolerance: float = 1e-6) -> Array:
    r"""Return the minimisers of :math:`\ell(W) + \lambda \|W\|_*`, for every penalty.

    Parameters
    ----------
    task : Completion
        The observed entries, m x d.
    penalties : array_like of shape (k,)
        Positive :math:`\lambda`, as a rule falling: each solution starts the search for the next.
    tolerance : float
        How far from its fixed point the iteration may stop, relative to the norm of the values.

    Returns
    -------
    ndarray of shape (k, m, d)
        As a penalty tends to zero, the matrix of least nuclear norm with the observed entries.

    Raises
    ------
    ValueError
        If an argument is not admissible.
    RuntimeError
        If a penalty takes more than 100000 steps.

    Notes
    -----
    Accelerated proximal gradient steps of length one, started anew where the momentum turns uphill.

    References
    ----------
    Mazumder, Hastie & Tibshirani (2010); Beck & Teboulle (2009); O'Donoghue & Candes (2015).

    Examples
    --------
    >>> task = Completion([[True, True], [True, False]], [[1.0, 1.0], [1.0, 0.0]])
    >>> nuclear_completion(task, [1e-5])[0].round(3)  # of rank one
    array([[1., 1.],
           [1., 1.]])
    """
    task, penalties = completion(task), positive("penalties", real_array("penalties", penalties, ndim=1))
    size = float(np.linalg.norm(task.values))
    tolerance = number("tolerance", tolerance) * size
    solutions, W = [], np.zeros(task.mask.shape)
    for penalty in penalties:
        ahead, momentum = W, 1.0
        # Rounding leaves some multiple of its unit, whatever is asked for.
        enough = max(tolerance * min(1.0, penalty), 1e-14 * size)
        for _ in range(100_000):
            U, s, Vt = np.linalg.svd(ahead - task.gradient(ahead), full_matrices=False)
            new = (U * np.maximum(s - penalty, 0.0)) @ Vt
            if np.linalg.norm(new - ahead) <= enough:
                break
            if np.sum((ahead - new) * (new - W)) > 0:
                momentum = 1.0
            following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            W, ahead = new, new + (momentum - 1) / following * (new - W)
            momentum = following
        else:
            raise RuntimeError(f"penalties are too small: no end after 100000 steps at {penalty:g}")
        W = new
        solutions.append(W)
    return np.stack(solutions)
