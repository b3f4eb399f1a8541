"""Training dynamics: gradient flow, gradient descent and the end-to-end flow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from ._validation import Array, count, number, positive, readout_vector, real_array, weight_list
from .acceleration import precondition
from .network import flatten, layer_gradients, rows, unflatten
from .tasks import Loss

Observables = Mapping[str, Callable[[list[Array]], Any]]


@dataclass(frozen=True)
class Trajectory:
    """A path of the weights and what was recorded along it.

    Attributes
    ----------
    times : ndarray of shape (T,)
        Time of a flow; number of steps taken by a descent.
    weights : list of ndarray
        Layers of shape (T, ..., d_k, d_{k-1}); of the end-to-end flow the one matrix, (T, ..., m, d).
    loss : ndarray of shape (T, ...)
        The loss, not its excess over the minimum.
    observables : dict of str to ndarray
        What the observables returned, stacked along a first axis of length T.
    diverged : ndarray of bool, of the batch's shape
        Which configurations of a descent overflowed; these stay at their last finite weights.
    solution : callable or None
        ``solution(t)`` returns the weights at any time of a flow integrated with ``dense=True``.
    """

    times: Array
    weights: list[Array]
    loss: Array
    observables: dict[str, Array]
    diverged: NDArray[np.bool_]
    solution: Callable[[ArrayLike], list[Array]] | None = field(default=None, repr=False)


def _observe(observables: Observables | None, path: Sequence[list[Array]]) -> dict[str, Array]:
    for name, observable in (observables or {}).items():
        if not callable(observable):
            raise ValueError(f"observables[{name!r}] must be a function of the weights, got {observable!r}")
    return {
        name: np.stack([np.asarray(observable(weights)) for weights in path])
        for name, observable in (observables or {}).items()
    }


def _output_times(times: ArrayLike | None, duration: float) -> Array | None:
    if times is None:
        return None
    times = real_array("times", times, ndim=1)
    if times.min() < 0 or times.max() > duration or (np.diff(times) <= 0).any():
        raise ValueError(f"times must increase within [0, {duration}], got {times}")
    return times


def _integrate(
    field_: Callable[[list[Array]], list[Array]],
    start: list[Array],
    duration: float,
    times: ArrayLike | None,
    dense: bool,
    options: dict[str, Any],
) -> tuple[Array, list[Array], Callable[[ArrayLike], list[Array]] | None]:
    """Integrate d(weights)/dt = field_(weights); return times, stacked weights and the interpolant."""
    duration = number("duration", duration)
    batch = start[0].shape[:-2]
    shapes = [weight.shape[-2:] for weight in start]
    size = flatten(start).shape[-1]

    def unpack(state: Array) -> list[Array]:
        return unflatten(state.reshape(*batch, size), shapes)

    # A trial step may overflow; the integrator then rejects it and shortens the step.
    with np.errstate(over="ignore", invalid="ignore"):
        result = solve_ivp(
            lambda _, state: flatten(field_(unpack(state))).ravel(),
            (0.0, duration),
            flatten(start).ravel(),
            t_eval=_output_times(times, duration),
            dense_output=dense,
            **options,
        )
    if not result.success or not np.isfinite(result.y).all():
        reached = result.t[-1] if len(result.t) else 0.0
        raise RuntimeError(
            f"the integrator {options['method']} failed after time {reached:.6g} of {duration:.6g}: "
            f"{result.message} Try a shorter duration, looser rtol and atol, or method='LSODA'"
        )

    def solution(t: ArrayLike) -> list[Array]:
        states = np.moveaxis(result.sol(np.asarray(t, dtype=np.float64)), 0, -1)
        return unflatten(states.reshape(*np.shape(t), *batch, size), shapes)

    stacked = unflatten(result.y.T.reshape(-1, *batch, size), shapes)
    return result.t, stacked, solution if dense else None


def gradient_flow(
    weights: Sequence[ArrayLike],
    loss: Loss,
    duration: float,
    *,
    readout: ArrayLike | None = None,
    times: ArrayLike | None = None,
    dense: bool = False,
    observables: Observables | None = None,
    method: str = "DOP853",
    rtol: float = 1e-12,
    atol: float = 1e-14,
) -> Trajectory:
    r"""Integrate gradient flow, :math:`\dot W_k = -\partial\ell / \partial W_k`, on all layers.

    Parameters
    ----------
    weights : list of array_like
        The start: layers of shape (..., d_k, d_{k-1}). A batch is integrated as one system, with the
        step that its fastest member needs.
    loss : Loss
        The loss of the end-to-end matrix.
    duration : float
        The time T > 0 to integrate for; the unit is that of the inverse of the loss's curvature.
    readout : array_like of shape (d_L,), optional
        The fixed readout p.
    times : array_like of shape (T,), optional
        Increasing output times within [0, duration]; without them the integrator's own steps.
    dense : bool
        Keep the interpolant, as ``Trajectory.solution``.
    observables : mapping of str to callable, optional
        Functions of the list of weights, recorded at every output time.
    method, rtol, atol
        Handed to `scipy.integrate.solve_ivp`. The defaults conserve the imbalances to 1e-8 relative in
        every example of the book.

    Returns
    -------
    Trajectory

    Raises
    ------
    ValueError
        If an argument is not admissible.
    RuntimeError
        If the integrator fails, with the time it reached.

    Examples
    --------
    >>> from dlnlab import Factorization
    >>> path = gradient_flow([[[2.0]]], Factorization([[0.0]]), duration=1.0, times=[0.0, 1.0])
    >>> path.weights[0].ravel().round(9)
    array([2.        , 0.73575888])
    """
    start = weight_list(weights)
    p = readout_vector(readout, start)

    def field_(layers: list[Array]) -> list[Array]:
        return [-part for part in layer_gradients(layers, loss, rows(layers, p))]

    options = {"method": method, "rtol": number("rtol", rtol), "atol": number("atol", atol)}
    reached, stacked, solution = _integrate(field_, start, duration, times, dense, options)
    path = [[weight[i] for weight in stacked] for i in range(len(reached))]
    return Trajectory(
        times=reached,
        weights=stacked,
        loss=np.stack([loss.value(rows(layers, p)[0]) for layers in path]),
        observables=_observe(observables, path),
        diverged=np.zeros(start[0].shape[:-2], dtype=bool),
        solution=solution,
    )


def end_to_end_flow(
    W: ArrayLike,
    loss: Loss,
    depth: int,
    duration: float,
    *,
    times: ArrayLike | None = None,
    dense: bool = False,
    observables: Observables | None = None,
    method: str = "DOP853",
    rtol: float = 1e-12,
    atol: float = 1e-14,
) -> Trajectory:
    r"""Integrate the end-to-end flow of balanced layers, :math:`\dot W = -A_{N,W}(\nabla\ell(W))`.

    Parameters
    ----------
    W : array_like of shape (..., m, d)
        The end-to-end matrix at the start.
    loss : Loss
        The loss of the end-to-end matrix.
    depth : int
        The number of layers N.
    duration, times, dense, observables, method, rtol, atol
        As in `gradient_flow`; observables are functions of the list ``[W]``.

    Returns
    -------
    Trajectory
        Its weights are the list of the one matrix.

    Raises
    ------
    ValueError
        If an argument is not admissible.
    RuntimeError
        If the integrator fails, with the time it reached.

    References
    ----------
    Arora, Cohen & Hazan (2018), theorem 1.
    """
    start = [real_array("W", W, min_ndim=2)]
    depth = count("depth", depth)
    options = {"method": method, "rtol": number("rtol", rtol), "atol": number("atol", atol)}
    reached, stacked, solution = _integrate(
        lambda matrix: [-precondition(matrix[0], loss.gradient(matrix[0]), depth)],
        start,
        duration,
        times,
        dense,
        options,
    )
    return Trajectory(
        times=reached,
        weights=stacked,
        loss=np.stack([loss.value(matrix) for matrix in stacked[0]]),
        observables=_observe(observables, [[matrix] for matrix in stacked[0]]),
        diverged=np.zeros(start[0].shape[:-2], dtype=bool),
        solution=solution,
    )


def _descend(
    start: list[Array],
    value: Callable[[list[Array]], Array],
    step: Callable[[list[Array]], list[Array]],
    steps: int,
    record_every: int,
    observables: Observables | None,
) -> Trajectory:
    """Iterate `step` on a batch; freeze and flag each configuration whose loss overflows."""
    steps, record_every = count("steps", steps, minimum=0), count("record_every", record_every)
    weights, batch = start, start[0].shape[:-2]
    with np.errstate(over="ignore", invalid="ignore"):
        loss = value(weights)
        if not np.isfinite(loss).all():
            raise ValueError("weights must have a finite loss, got one that overflows")
        alive = np.ones(batch, dtype=bool)
        times, path, losses = [0], [weights], [loss]
        for time in range(1, steps + 1):
            proposal = step(weights)
            proposed_loss = value(proposal)
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
        observables=_observe(observables, path),
        diverged=~alive,
    )


def gradient_descent(
    weights: Sequence[ArrayLike],
    loss: Loss,
    learning_rate: ArrayLike,
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
    learning_rate : array_like
        Positive; an array broadcasts against the batch axes, one learning rate a configuration.
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
    eta = positive("learning_rate", learning_rate)
    try:
        batch = np.broadcast_shapes(eta.shape, layers[0].shape[:-2])
    except ValueError as error:
        raise ValueError(
            f"learning_rate must fit the batch axes {layers[0].shape[:-2]}, got shape {eta.shape}"
        ) from error
    layers = [np.broadcast_to(layer, (*batch, *layer.shape[-2:])) for layer in layers]
    eta = eta[..., None, None]

    def step(weights: list[Array]) -> list[Array]:
        gradients = layer_gradients(weights, loss, rows(weights, p))
        return [weight - eta * part for weight, part in zip(weights, gradients, strict=True)]

    return _descend(
        layers, lambda weights: loss.value(rows(weights, p)[0]), step, steps, record_every, observables
    )


def descend(
    W: ArrayLike,
    loss: Loss,
    rule: Callable[[Array, Array, Any], tuple[Array, Any]],
    steps: int,
    *,
    record_every: int = 1,
    observables: Observables | None = None,
) -> Trajectory:
    """Run an update rule of `dlnlab.rules` on the end-to-end matrix itself.

    Parameters
    ----------
    W : array_like of shape (..., m, d)
        The start.
    loss : Loss
        The loss of the end-to-end matrix.
    rule : callable
        ``rule(W, gradient, memory)`` returns the next iterate and the rule's memory (None at first).
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
    if not callable(rule):
        raise ValueError(f"rule must be a function, such as dlnlab.rules.plain(0.1), got {rule!r}")
    # The rule shows the batch that it makes of the start, through its learning rates, by one step.
    start = np.broadcast_to(start, rule(start, np.zeros_like(start), None)[0].shape)
    memory: Any = None

    def step(weights: list[Array]) -> list[Array]:
        nonlocal memory
        proposal, memory = rule(weights[0], loss.gradient(weights[0]), memory)
        return [proposal]

    return _descend([start], lambda weights: loss.value(weights[0]), step, steps, record_every, observables)


def first_below(losses: ArrayLike, threshold: ArrayLike) -> Array:
    """Return the index of the first loss at or below a threshold, infinity where there is none.

    Parameters
    ----------
    losses : array_like of shape (T, ...)
        Losses along a trajectory, as in ``Trajectory.loss``.
    threshold : array_like
        Broadcasts against the batch axes.

    Returns
    -------
    ndarray of shape (...)
        Positions along the first axis, as float64.
    """
    below = real_array("losses", losses, min_ndim=1) <= real_array("threshold", threshold)
    return np.where(below.any(axis=0), below.argmax(axis=0), np.inf)
