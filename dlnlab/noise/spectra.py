r"""Brownian motion of Hermitian matrices: what it does to eigenvalues."""

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .._validation import Array, count, generator, number, positive, real_array


def _start(x0: ArrayLike) -> Array:
    return np.sort(real_array("x0", x0, ndim=1))


def _tangential(beta: float) -> float:
    """Return the standard deviation of the normal noise, zero for infinite beta."""
    if isinstance(beta, float) and beta == np.inf:
        return 0.0
    return float(np.sqrt(2 / number("beta", beta)))


def dyson(
    x0: ArrayLike, beta: float, duration: float, steps: int, samples: int, *, rng: np.random.Generator
) -> Array:
    r"""Draw the particles of Dyson Brownian motion at a time.

    Parameters
    ----------
    x0 : array_like of shape (d,)
        The start.
    beta : float
        The inverse temperature; ``math.inf`` for none of the noise.
    duration : float
        The time.
    steps : int
        Steps of the Euler-Maruyama method, in which 1/x is replaced by x/(x^2 + h): near collisions the
        plain method explodes.
    samples : int
        How many to draw.
    rng : numpy.random.Generator
        Draws the noise.

    Returns
    -------
    ndarray of shape (samples, d)
        In increasing order, of :math:`\mathrm dx_i = \sum_{j\ne i} \frac{\mathrm dt}{x_i - x_j} +
        \sqrt{2/\beta}\,\mathrm dB_i`.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Huang, Inauen & Menon (2023).

    Examples
    --------
    >>> x = dyson([-1.0, 1.0], np.inf, 0.5, 1000, 1, rng=np.random.default_rng(0))
    >>> (x[0, 1] - x[0, 0]).round(2)  # the root of 4 + 4 t
    np.float64(2.45)
    """
    x, rng = _start(x0), generator(rng)
    deviation, steps = _tangential(beta), count("steps", steps)
    h = number("duration", duration) / steps
    x = np.broadcast_to(x, (count("samples", samples), len(x)))
    for _ in range(steps):
        gaps = x[:, :, None] - x[:, None, :]
        drift = (gaps / (gaps**2 + h)).sum(axis=-1)
        x = np.sort(x + h * drift + deviation * np.sqrt(h) * rng.standard_normal(x.shape), axis=-1)
    return np.asarray(x)


def dyson_matrix(
    x0: ArrayLike, beta: float, duration: float, steps: int, samples: int, *, rng: np.random.Generator
) -> Array:
    r"""Draw the eigenvalues of a Hermitian matrix under noise tangent and normal to its orbit.

    Parameters
    ----------
    x0, beta, duration, steps, samples, rng
        As in `dyson`; the start is the diagonal matrix of x0.

    Returns
    -------
    ndarray of shape (samples, d)
        The eigenvalues, in increasing order, of
        :math:`\mathrm dM = P_M\,\mathrm dH + \sqrt{2/\beta}\,P_M^\perp\,\mathrm dH` (Itô), where H is
        Brownian motion of Hermitian matrices and P_M projects onto the tangent space of the orbit.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    References
    ----------
    Huang, Inauen & Menon (2023), theorem 1.

    Examples
    --------
    >>> x = dyson_matrix([-1.0, 1.0], np.inf, 0.5, 400, 100, rng=np.random.default_rng(0))
    >>> np.ptp(x, axis=1).mean().round(1)  # the root of 4 + 4 t
    np.float64(2.4)
    """
    x, rng = _start(x0), generator(rng)
    deviation, steps = _tangential(beta), count("steps", steps)
    h, d = number("duration", duration) / steps, len(x)
    x = np.broadcast_to(x, (count("samples", samples), d))
    normal = np.eye(d, dtype=bool)
    for _ in range(steps):
        # In the eigenbasis, where the law of the noise is the same, normal means diagonal.
        real, imaginary = rng.standard_normal((2, *x.shape, d))
        H = np.sqrt(h) / 2 * (real + real.mT + 1j * (imaginary - imaginary.mT))
        M = np.where(normal, deviation * H, H) + x[:, :, None] * np.eye(d)
        x = np.linalg.eigvalsh(M)
    return np.asarray(x)


def heat_roots(x0: ArrayLike, t: ArrayLike) -> Array:
    r"""Return the roots of :math:`e^{-\frac t2 \partial_z^2} \prod_i (z - x_i)`.

    Parameters
    ----------
    x0 : array_like of shape (d,)
        The roots at time 0.
    t : array_like
        Times, at least 0.

    Returns
    -------
    ndarray of shape (..., d)
        In increasing order: Dyson Brownian motion at infinite beta.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Notes
    -----
    The roots solve :math:`\dot x_i = \sum_{j \ne i} 1/(x_i - x_j)`, which is integrated: by the coefficients
    of the polynomial some twenty roots lose all digits. What is integrated are the gaps between neighbours,
    whose sums, unlike differences of roots, keep all digits of a tiny gap, and in :math:`\sqrt t`, in which
    they are straight lines wherever one scale rules: a root of multiplicity m begins as
    :math:`x + \sqrt t\, h`, where h are the roots of the Hermite polynomial of degree m. The tests, in exact
    fractions, allow errors of 1e-14 of the distance between the outermost roots, beside the rounding of
    ``x0``, for up to 25 roots, gaps from 1e-30 of that distance, and times from 1e-34 to 1e200 of its square.

    Examples
    --------
    >>> heat_roots([0.0, 0.0, 0.0], 1.0).round(12)  # the roots of z^3 - 3 z
    array([-1.73205081,  0.        ,  1.73205081])
    """
    x, times = _start(x0), positive("t", t, zero=True)
    with np.errstate(over="ignore"):
        unit = np.ptp(x) or 1.0
        sqrt_t = np.sqrt(times) / unit
    if not np.isfinite(unit + sqrt_t).all():
        raise ValueError(f"x0 must have a range within float64, and so must sqrt(t) over it, got {x0!r}")
    gaps = np.diff(x) / unit
    gaps[gaps < 1e-100] = 0.0
    multiplicities = np.unique(np.cumsum([0, *(gaps > 0)]), return_counts=True)[1]
    hermite = np.concatenate([scipy.special.roots_hermitenorm(m)[0] for m in multiplicities])

    def begun(s: float) -> Array:
        return np.asarray(gaps + s * np.diff(hermite))

    rows, columns = np.triu_indices(len(gaps))

    def velocity(s: float, gaps: Array) -> Array:
        distances = np.cumsum(np.triu(np.broadcast_to(gaps, 2 * gaps.shape)), axis=1)
        forces = np.zeros((len(x), len(x)))
        forces[rows, columns + 1] = 2 * s / distances[rows, columns]
        return np.diff(forces.sum(axis=0) - forces.sum(axis=1))

    # So early that one root does not yet feel another of another place, to sixteen digits of the least gap.
    first = 1e-9 * gaps[gaps > 0].min(initial=np.inf)
    found = {s: begun(s) for s in sqrt_t.ravel() if s <= first}
    if len(later := np.unique(sqrt_t[sqrt_t > first])):
        with np.errstate(invalid="ignore"):  # of scipy, where an estimated error underflows
            path = scipy.integrate.solve_ivp(
                velocity, (first, later[-1]), begun(first), t_eval=later, method="DOP853", rtol=1e-13, atol=0
            )
        found |= dict(zip(later, path.y.T, strict=True))
    moved = np.array([found[s] - gaps for s in sqrt_t.ravel()]).reshape(*sqrt_t.shape, len(gaps))
    from_the_first = np.pad(np.cumsum(moved, axis=-1), [(0, 0)] * sqrt_t.ndim + [(1, 0)])
    # Their mean stays where it is.
    return np.asarray(x + unit * (from_the_first - from_the_first.mean(axis=-1, keepdims=True)))
