r"""Noise in the weights themselves.

Moves around hidden layer k, :math:`\delta_k = E W_k` and :math:`\delta_{k+1} = -W_{k+1} E`, leave the
product as it is to first order. With every E they span the tangent space of the fibre of all layers with
this product; with skew E that of the orbit under rotations; with symmetric E the normal space of the
*leaf* on which the imbalances are constant.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, count, generator, number, readout_vector, weight_list
from ..dynamics import Trajectory
from ..dynamics.descent import iterate
from ..dynamics.trajectories import Observables
from ..networks.losses import Loss, fitting_loss, value_and_gradient
from ..networks.weights import flatten, layer_gradients, rows, unflatten


def langevin(
    weights: Sequence[ArrayLike],
    loss: Loss,
    beta: float,
    step: float,
    steps: int,
    *,
    rng: np.random.Generator,
    weight_decay: float = 0.0,
    readout: ArrayLike | None = None,
    record_every: int = 1,
    observables: Observables | None = None,
) -> Trajectory:
    r"""Run Langevin dynamics of all layers, with the Euler-Maruyama method.

    Parameters
    ----------
    weights : list of array_like
        The start: layers of shape (..., d_k, d_{k-1}); every network of a batch has its own noise.
    loss : Loss
        The loss of the end-to-end matrix.
    beta : float
        The inverse temperature.
    step : float
        The time step h.
    steps : int
        How many steps to take.
    rng : numpy.random.Generator
        Draws the noise.
    weight_decay : float
        :math:`\mu`, at least 0.
    readout, record_every, observables
        As in `dlnlab.gradient_descent`.

    Returns
    -------
    Trajectory
        Of :math:`\mathrm dW_k = -(\partial\ell/\partial W_k + \mu W_k)\,\mathrm dt
        + \sqrt{2/\beta}\,\mathrm dB_k`; ``times`` counts steps.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Examples
    --------
    >>> from dlnlab import Factorization
    >>> start, rng = [np.ones((500, 1, 1))] * 2, np.random.default_rng(0)
    >>> path = langevin(start, Factorization([[1.0]]), 4.0, 0.01, 100, rng=rng, record_every=100)
    >>> path.weights[0].shape
    (2, 500, 1, 1)
    """
    layers = weight_list(weights)
    p, rng = readout_vector(readout, layers), generator(rng)
    step, decay = number("step", step), number("weight_decay", weight_decay, zero=True)
    size = np.sqrt(2 * step / number("beta", beta))
    loss = fitting_loss(loss, rows(layers, p)[0])

    def evaluate(weights: list[Array]) -> tuple[Array, list[Array]]:
        a = rows(weights, p)
        value, G = value_and_gradient(loss, a[0])
        return value, layer_gradients(weights, G, a)

    def move(weights: list[Array], gradients: list[Array]) -> list[Array]:
        return [
            W - step * (G + decay * W) + size * rng.standard_normal(W.shape)
            for W, G in zip(weights, gradients, strict=True)
        ]

    return iterate(layers, evaluate, move, count("steps", steps, minimum=0), record_every, observables)


def _units(d: int, kind: str) -> list[Array]:
    """Return a basis of all, of the skew or of the symmetric d x d matrices."""
    sign = {"orbit": -1.0, "leaf": 1.0, "fibre": 0.0}[kind]
    matrices = []
    for i in range(d):
        for j in range(d):
            E = np.zeros((d, d))
            E[i, j] = 1.0
            if kind == "fibre" or i < j or (i == j and kind == "leaf"):
                matrices.append(E + sign * E.T)
    return matrices


def tangent_noise(weights: Sequence[ArrayLike], surface: str, *, rng: np.random.Generator) -> list[Array]:
    r"""Draw Gaussian noise in all weights, projected onto the tangent space of a surface through them.

    Parameters
    ----------
    weights : list of array_like
        Layers of shape (..., d_k, d_{k-1}), at least two.
    surface : {"orbit", "fibre", "leaf"}
        The layers that rotations between them reach; all layers of the same product; all layers of the same
        imbalances.
    rng : numpy.random.Generator
        Draws standard Gaussian noise.

    Returns
    -------
    list of ndarray
        In the shapes of the layers: the nearest tangent vector to the noise.

    Raises
    ------
    ValueError
        If there is one layer only, or ``surface`` is none of the three.

    References
    ----------
    Menon & Yu (2025) for orbits; worked out in these notes for leaves.

    Examples
    --------
    >>> start = [np.diag([2.0, 1.0]), np.diag([2.0, 1.0])]
    >>> d1, d2 = tangent_noise(start, "orbit", rng=np.random.default_rng(0))
    >>> float(np.abs(start[1] @ d1 + d2 @ start[0]).max().round(12))  # the product stays, to first order
    0.0
    """
    layers, rng = weight_list(weights), generator(rng)
    if len(layers) < 2:
        raise ValueError("weights must have at least two layers, got one")
    if not isinstance(surface, str) or surface not in ("orbit", "fibre", "leaf"):
        raise ValueError(f"surface must be 'orbit', 'fibre' or 'leaf', got {surface!r}")
    moves = []
    for k, (W, above) in enumerate(pairwise(layers)):
        for E in _units(W.shape[-2], surface):
            move = [np.zeros_like(layer) for layer in layers]
            move[k], move[k + 1] = E @ W, -above @ E
            moves.append(flatten(move))
    noise = rng.standard_normal(flatten(layers).shape)
    if not moves:
        tangent = np.zeros_like(noise)
    else:
        T = np.stack(moves, axis=-2)
        # The pseudoinverse, since moves may depend on each other where layers lose rank.
        tangent = (np.linalg.pinv(T) @ (T @ noise[..., None]))[..., 0]
    if surface == "leaf":
        tangent = noise - tangent
    return unflatten(tangent, [layer.shape[-2:] for layer in layers])
