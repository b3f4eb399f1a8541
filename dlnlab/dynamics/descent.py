"""Descent: iterations with a finite learning rate, on the layers or on the end-to-end matrix."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._validation import (
    Array,
    common_batch,
    count,
    function,
    number,
    positive,
    readout_vector,
    real_array,
    weight_list,
)
from ..networks.losses import Loss, fitting_loss, value_and_gradient
from ..networks.weights import layer_gradients, rows
from .trajectories import Observables, Trajectory, observable_functions, observe


def iterate(
    start: list[Array],
    evaluate: Callable[[list[Array]], tuple[Array, list[Array]]],
    step: Callable[[list[Array], list[Array]], list[Array]],
    steps: int,
    record_every: int,
    observables: Observables | None,
) -> Trajectory:
    """Iterate `step` on a batch; freeze and flag each configuration whose loss overflows.

    `evaluate` returns the loss and the gradients at given weights, `step` the next weights from both.
    """
    steps, record_every = count("steps", steps, minimum=0), count("record_every", record_every)
    observables = observable_functions(observables, start)
    weights, batch = start, start[0].shape[:-2]
    with np.errstate(over="ignore", invalid="ignore"):
        loss, gradients = evaluate(weights)
        if not np.isfinite(loss).all():
            raise ValueError("weights must have a finite loss, got one that overflows")
        alive = np.ones(batch, dtype=bool)
        times, path, losses = [0], [weights], [loss]
        for time in range(1, steps + 1):
            proposal = step(weights, gradients)
            proposed_loss, gradients = evaluate(proposal)
            alive = alive & np.isfinite(proposed_loss)
            if alive.all():
                weights, loss = proposal, proposed_loss
            else:
                keep = alive[..., None, None]
                weights = [np.where(keep, new, old) for new, old in zip(proposal, weights, strict=True)]
                loss = np.where(alive, proposed_loss, loss)
            if time % record_every == 0 or time == steps:
                times.append(time)
                path.append(weights)
                losses.append(loss)
    return Trajectory(
        times=np.array(times, dtype=np.float64),
        weights=[np.stack(layer) for layer in zip(*path, strict=True)],
        loss=np.stack(losses),
        observables=observe(observables, path),
        diverged=~alive,
    )


def _next_rate(value: Any, last: Array) -> Array:
    """Return a learning rate that a function gave; zero, infinity and NaN are for what diverges."""
    rate = real_array("learning_rate", value, finite=False)
    if rate.shape != last.shape or (rate < 0).any():
        raise ValueError(
            f"learning_rate must return positive numbers of shape {last.shape} at every step, got {value!r}"
        )
    return rate


def gradient_descent(
    weights: Sequence[ArrayLike],
    loss: Loss,
    learning_rate: ArrayLike | Callable[[Array, Array], Array],
    steps: int,
    *,
    readout: ArrayLike | None = None,
    record_every: int = 1,
    observables: Observables | None = None,
) -> Trajectory:
    r"""Run gradient descent, :math:`W_k \leftarrow W_k - \eta\,\partial\ell/\partial W_k`, on all layers.

    Parameters
    ----------
    weights : list of array_like
        The start: layers of shape (..., d_k, d_{k-1}).
    loss : Loss
        The loss of the end-to-end matrix.
    learning_rate : array_like or callable
        Positive; an array broadcasts against the batch axes, one learning rate a configuration. A function
        of the end-to-end matrix and the gradient there, such as `balanced_rate`, is asked at every step; what
        it answers may be zero, infinite or NaN after the first, for configurations that diverge.
    steps : int
        How many steps to take, at least 0.
    readout : array_like of shape (d_L,), optional
        The fixed readout p.
    record_every : int
        Record the start, then every so many steps, and the last one.
    observables : mapping of str to callable, optional
        Functions of the list of weights, recorded at the same steps.

    Returns
    -------
    Trajectory
        A configuration whose loss overflows is frozen at its last weights of finite loss and flagged in
        ``diverged``; no warning is printed.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Examples
    --------
    >>> from dlnlab import Factorization
    >>> path = gradient_descent([[[2.0]]], Factorization([[0.0]]), learning_rate=0.5, steps=2)
    >>> path.weights[0].ravel()
    array([2. , 1. , 0.5])
    """
    layers = weight_list(weights)
    p = readout_vector(readout, layers)
    rate: Any = learning_rate
    if callable(rate):
        W = rows(layers, p)[0]
        eta = positive("learning_rate", rate(W, fitting_loss(loss, W).gradient(W)))
    else:
        eta = positive("learning_rate", rate)
    batch = common_batch(learning_rate=(eta, 0), weights=(layers[0], 2))
    layers = [np.broadcast_to(layer, (*batch, *layer.shape[-2:])) for layer in layers]
    loss = fitting_loss(loss, rows(layers, p)[0])

    def evaluate(weights: list[Array]) -> tuple[Array, list[Array]]:
        nonlocal eta
        a = rows(weights, p)
        value, G = value_and_gradient(loss, a[0])
        if callable(rate):
            eta = _next_rate(rate(a[0], G), eta)
        return value, layer_gradients(weights, G, a)

    def step(weights: list[Array], gradients: list[Array]) -> list[Array]:
        length = eta[..., None, None]
        return [weight - length * part for weight, part in zip(weights, gradients, strict=True)]

    return iterate(layers, evaluate, step, steps, record_every, observables)


def balanced_rate(depth: int, fraction: float = 0.5) -> Callable[[Array, Array], Array]:
    r"""Return a learning rate that keeps to a fraction of what a bound of the sharpness allows.

    Parameters
    ----------
    depth : int
        The number of layers N.
    fraction : float
        Positive; gradient descent along a quadratic is stable below 2.

    Returns
    -------
    callable
        Of the end-to-end matrix W and the gradient G there, both (..., m, d):
        fraction / :math:`(N s^{2-2/N} + N s^{1-2/N} \gamma)`, the second term for N > 1 only, where
        s and :math:`\gamma` are the fourth roots of the sums of the fourth powers of the singular values
        of W and G.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Notes
    -----
    Along layers :math:`\delta_k`, with :math:`\|W_k\|_2 = \|W\|_2^{1/N}` as in balanced layers, the second
    derivative of a loss of curvature at most one is at most the square of
    :math:`\|W\|_2^{1-1/N} \sum_k \|\delta_k\|` plus :math:`\|W\|_2^{1-2/N} \|G\|_2 (\sum_k \|\delta_k\|)^2`,
    and :math:`(\sum_k \|\delta_k\|)^2 \le N \sum_k \|\delta_k\|^2`. The fourth powers take products
    only, and bound the norms from above.

    Examples
    --------
    >>> float(balanced_rate(2)(np.array([[3.0]]), np.array([[1.0]])))
    0.0625
    """
    depth, fraction = count("depth", depth), number("fraction", fraction)

    def size(W: Array) -> Array:
        return np.square(W.mT @ W).sum(axis=(-2, -1)) ** 0.25

    def rate(W: Array, G: Array) -> Array:
        s = size(W)
        bound = depth * s ** (2 - 2 / depth)
        if depth > 1:
            bound = bound + depth * s ** (1 - 2 / depth) * size(G)
        return np.asarray(fraction / np.maximum(bound, np.finfo(np.float64).tiny))

    return rate


def descend(
    W: ArrayLike,
    loss: Loss,
    rule: Callable[[Array, Array, Any], tuple[Array, Any]],
    steps: int,
    *,
    record_every: int = 1,
    observables: Observables | None = None,
) -> Trajectory:
    """Run an update rule of `dlnlab.dynamics.rules` on the end-to-end matrix itself.

    Parameters
    ----------
    W : array_like of shape (..., m, d)
        The start.
    loss : Loss
        The loss of the end-to-end matrix.
    rule : callable
        ``rule(W, gradient, memory)`` returns the next iterate and the rule's memory (None at first). It is
        called once more than there are steps, with a gradient of zero, to see the batch that it makes.
    steps, record_every, observables
        As in `gradient_descent`; observables are functions of the list ``[W]``.

    Returns
    -------
    Trajectory
        Its weights are the list of the one matrix; overflow is handled as in `gradient_descent`.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Examples
    --------
    >>> from dlnlab import Factorization, rules
    >>> path = descend([[2.0]], Factorization([[0.0]]), rules.plain(0.5), steps=2)
    >>> path.weights[0].ravel()
    array([2. , 1. , 0.5])
    """
    start = real_array("W", W, min_ndim=2)
    rule = function("rule", rule, "dlnlab.rules.plain(0.1)")
    # The rule shows the batch that it makes of the start, through its learning rates, by one step.
    try:
        with np.errstate(all="ignore"):
            moved, memory = rule(start.copy(), np.zeros_like(start), None)
        batch = moved.shape[:-2]
        if moved.shape[-2:] != start.shape[-2:]:
            raise ValueError(f"got a shape {moved.shape} from {start.shape}")
        start = np.broadcast_to(start, (*batch, *start.shape[-2:])).copy()
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            "rule must map W, its gradient and the memory to the next W and memory, "
            f"with learning rates that fit the batch axes {start.shape[:-2]} of W: {error}"
        ) from error
    loss, memory = fitting_loss(loss, start), None

    def evaluate(weights: list[Array]) -> tuple[Array, list[Array]]:
        value, G = value_and_gradient(loss, weights[0])
        return value, [G]

    def step(weights: list[Array], gradients: list[Array]) -> list[Array]:
        nonlocal memory
        proposal, memory = rule(weights[0], gradients[0], memory)
        proposal = real_array("rule", proposal, finite=False)
        if proposal.shape != weights[0].shape:
            raise ValueError(
                f"rule must keep the shape {weights[0].shape} of W, got {proposal.shape} at a later step"
            )
        return [proposal]

    return iterate([start], evaluate, step, steps, record_every, observables)
