"""Gradient flow of the layers, and the end-to-end flow of their balanced product."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp

from .._validation import Array, count, number, readout_vector, real_array, weight_list
from ..acceleration.preconditioner import precondition
from ..networks.tasks import Loss
from ..networks.weights import flatten, layer_gradients, rows, unflatten
from .trajectories import Observables, Trajectory, observe


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
        a = rows(layers, p)
        return [-part for part in layer_gradients(layers, loss.gradient(a[0]), a)]

    options = {"method": method, "rtol": number("rtol", rtol), "atol": number("atol", atol)}
    reached, stacked, solution = _integrate(field_, start, duration, times, dense, options)
    path = [[weight[i] for weight in stacked] for i in range(len(reached))]
    return Trajectory(
        times=reached,
        weights=stacked,
        loss=np.stack([loss.value(rows(layers, p)[0]) for layers in path]),
        observables=observe(observables, path),
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
        observables=observe(observables, [[matrix] for matrix in stacked[0]]),
        diverged=np.zeros(start[0].shape[:-2], dtype=bool),
        solution=solution,
    )
