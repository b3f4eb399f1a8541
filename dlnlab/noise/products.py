r"""Random motion of the end-to-end matrix itself, in the metric of balanced layers."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, count, generator, number, quiet, square_matrix
from ..acceleration import precondition, spectrum
from ..networks.losses import Loss, fitting_loss
from .free_energy import entropy_gradient

_LARGEST = 1e30


def _invertible(W0: ArrayLike) -> Array:
    W = square_matrix("W0", W0)
    if (np.linalg.matrix_rank(W) < W.shape[-1]).any():
        raise ValueError("W0 must be of full rank")
    return W


def _brownian_step(W: Array, depth: int, clock: float, rng: np.random.Generator) -> Array:
    """Return a step of Brownian motion from each matrix, of generator `clock` times the Laplacian."""
    K, U, V = spectrum(W, depth)
    s = np.abs(np.sum(U * (W @ V), axis=-2))
    drift = clock * (depth - 1) * s ** (1 - 2 / depth)
    noise = np.sqrt(2 * clock * K) * rng.standard_normal(K.shape)
    return np.asarray(U @ (noise + drift[..., None] * np.eye(W.shape[-1])) @ V.mT)


def _followed(W: Array, steps: int, move: Callable[[Array], Array]) -> Array:
    """Take steps from each matrix; one with an entry beyond the largest becomes NaN, and stays so."""
    for _ in range(steps):
        alive = np.isfinite(W).all(axis=(-2, -1))
        if not alive.any():
            break
        with quiet():
            W[alive] = W[alive] + move(W[alive])
        W[(np.abs(W) > _LARGEST).any(axis=(-2, -1))] = np.nan
    return W


def riemannian_brownian(
    W0: ArrayLike,
    depth: int,
    beta: float,
    duration: float,
    steps: int,
    samples: int,
    *,
    rng: np.random.Generator,
) -> Array:
    r"""Draw Brownian motion of an end-to-end matrix, in the metric of its balanced layers, at a time.

    Parameters
    ----------
    W0 : array_like of shape (d, d)
        The start.
    depth : int
        The number of layers N.
    beta : float
        The inverse temperature.
    duration : float
        The time.
    steps : int
        Steps of the Euler-Maruyama method; good as long as no singular value comes close to zero.
    samples : int
        How many to draw.
    rng : numpy.random.Generator
        Draws the noise.

    Returns
    -------
    ndarray of shape (samples, d, d)
        Of :math:`\mathrm dX = \sqrt{2/\beta}\, U (K^{1/2} \circ \mathrm dB) V^\top
        + \frac1\beta U \Sigma'' V^\top\,\mathrm dt`, with the eigenvalues :math:`K` of the
        preconditioner (see `dlnlab.spectrum`) and :math:`\Sigma''_i = (N - 1)\, s_i^{1 - 2/N}`. NaN for
        paths with an entry that went beyond 1e30, where the steps are too long or the start is too large.

    Raises
    ------
    ValueError
        If W0 is not square and of full rank, or another argument is not admissible.

    References
    ----------
    Menon & Yu (2025).

    Examples
    --------
    >>> X = riemannian_brownian([[1.0]], 3, 2.0, 0.12, 100, 4000, rng=np.random.default_rng(0))
    >>> float(np.cbrt(X).std().round(2))  # the cube root is Brownian motion, of variance 2 t / (3 beta)
    0.2
    """
    W, depth, rng = _invertible(W0), count("depth", depth), generator(rng)
    if W.ndim != 2:
        raise ValueError(f"W0 must be one matrix, got shape {W.shape}")
    steps, beta = count("steps", steps), number("beta", beta)
    h = number("duration", duration) / steps
    starts = np.tile(W, (count("samples", samples), 1, 1))
    return _followed(starts, steps, lambda W: _brownian_step(W, depth, h / beta, rng))


def riemannian_langevin(
    W0: ArrayLike,
    loss: Loss,
    depth: int,
    beta: float,
    duration: float,
    steps: int,
    *,
    rng: np.random.Generator,
    kappa: float = 1.0,
    weight_decay: float = 0.0,
) -> Array:
    r"""Follow end-to-end matrices of balanced layers at a temperature, for a time.

    Parameters
    ----------
    W0 : array_like of shape (..., d, d)
        The starts; each has its own noise.
    loss : Loss
        The energy E of the end-to-end matrix.
    depth : int
        The number of layers N.
    beta : float
        The inverse temperature.
    duration : float
        The time.
    steps : int
        Steps of the Euler-Maruyama method, which must resolve :math:`1/K`, the inverse of the largest
        eigenvalue of the preconditioner times the curvature of the loss; good as long as no singular value
        comes close to zero, where the equation ends.
    rng : numpy.random.Generator
        Draws the noise.
    kappa : float
        The variance of the noise normal to the orbits over that along them, at least 0. With 0 this is
        gradient flow of the `dlnlab.noise.free_energy`, by Euler's method.
    weight_decay : float
        :math:`\mu`, at least 0.

    Returns
    -------
    ndarray of shape (..., d, d)
        Of :math:`\mathrm dW = -\operatorname{grad} F_\beta(W)\,\mathrm dt` and Brownian motion of the inverse
        temperature :math:`\beta / \kappa`, both in the metric :math:`g^N`. NaN for paths with
        an entry that went beyond 1e30: the steps are too long, or the loss has no lower bound.

    Raises
    ------
    ValueError
        If W0 is not square and of full rank, or another argument is not admissible.

    References
    ----------
    Menon & Yu (2025); with kappa in these notes.

    Examples
    --------
    >>> from dlnlab import Completion
    >>> nothing = Completion([[True, False], [False, False]], [[0.0, 0.0], [0.0, 0.0]])
    >>> W = riemannian_langevin(
    ...     [[0.0, 1.0], [-1.0, 0.0]], nothing, 2, 4.0, 2.0, 50, rng=np.random.default_rng(0), kappa=0.0
    ... )
    >>> float(np.linalg.norm(W, "nuc").round(6))  # entropy alone: it grows as t / beta
    2.5
    """
    W, depth, rng = _invertible(W0), count("depth", depth), generator(rng)
    loss = fitting_loss(loss, W)
    steps, beta = count("steps", steps), number("beta", beta)
    kappa, decay = number("kappa", kappa, zero=True), number("weight_decay", weight_decay, zero=True)
    h = number("duration", duration) / steps

    def move(X: Array) -> Array:
        downhill = -precondition(X, loss.gradient(X), depth) - depth * decay * X
        drift = downhill + entropy_gradient(X, depth) / beta
        return h * drift + _brownian_step(X, depth, kappa * h / beta, rng)

    return _followed(W, steps, move)
