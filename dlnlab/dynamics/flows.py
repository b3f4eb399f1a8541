"""Gradient flow of the layers, and the end-to-end flow of their balanced product."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .._validation import Array, count, number, readout_vector, real_array, weight_list
from ..acceleration.preconditioner import precondition
from ..networks.losses import Loss, fitting_loss
from ..networks.weights import flatten, layer_gradients, rows, unflatten
from .trajectories import Observables, Trajectory, observable_functions, observe


@dataclass(frozen=True)
class _Interpolant:
    """The weights at any time of a flow."""

    states: Callable[[Array], Array]
    duration: float
    batch: tuple[int, ...]
    shapes: list[tuple[int, ...]]

    def __call__(self, t: ArrayLike) -> list[Array]:
        t = real_array("t", t)
        if t.min() < 0 or t.max() > self.duration:
            raise ValueError(f"t must lie within [0, {self.duration:g}], got {t.min():g} to {t.max():g}")
        states = np.moveaxis(self.states(t.ravel()), 0, -1)
        return unflatten(states.reshape(*t.shape, *self.batch, -1), self.shapes)


_METHODS = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")


def integrator(method: str, rtol: float, atol: float) -> dict[str, Any]:
    """Return the options of `scipy.integrate.solve_ivp`; rounding limits the relative tolerance."""
    if not isinstance(method, str) or method not in _METHODS:
        raise ValueError(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
    least = 100 * np.finfo(np.float64).eps
    if not least <= number("rtol", rtol) < 1:
        raise ValueError(f"rtol must be at least {least:.3g} and below 1, got {rtol!r}")
    return {"method": method, "rtol": float(rtol), "atol": number("atol", atol)}


def _output_times(times: ArrayLike | None, duration: float) -> Array | None:
    if times is None:
        return None
    times = real_array("times", times, ndim=1)
    if times.min() < 0 or times.max() > duration or (np.diff(times) <= 0).any():
        raise ValueError(f"times must increase within [0, {duration}], got {times}")
    return times


def _integrate(
    field: Callable[[list[Array]], list[Array]],
    value: Callable[[list[Array]], Array],
    start: list[Array],
    duration: float,
    times: ArrayLike | None,
    dense: bool,
    observables: Observables | None,
    options: dict[str, Any],
) -> Trajectory:
    """Integrate d(weights)/dt = field(weights), and evaluate the loss and the observables on the way."""
    duration, observables = number("duration", duration), observable_functions(observables, start)
    if not isinstance(dense, bool):
        raise ValueError(f"dense must be True or False, got {dense!r}")
    batch = start[0].shape[:-2]
    shapes = [weight.shape[-2:] for weight in start]
    size = flatten(start).shape[-1]

    def velocity(_: float, state: Array) -> Array:
        return flatten(field(unflatten(state.reshape(*batch, size), shapes))).ravel()

    # A trial step may overflow; the integrator then rejects it and shortens the step.
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(velocity(0.0, flatten(start).ravel())).all():
            raise ValueError("weights must have a finite gradient, got one that overflows")
        result = scipy.integrate.solve_ivp(
            velocity,
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
    stacked = unflatten(result.y.T.reshape(-1, *batch, size), shapes)
    path = [[weight[i] for weight in stacked] for i in range(len(result.t))]
    return Trajectory(
        times=result.t,
        weights=stacked,
        loss=np.stack([value(layers) for layers in path]),
        observables=observe(observables, path),
        diverged=np.zeros(batch, dtype=bool),
        solution=_Interpolant(result.sol, duration, batch, shapes) if dense else None,
    )


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
        The time to integrate for, positive; the unit is that of the inverse of the loss's curvature.
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

    loss = fitting_loss(loss, rows(start, p)[0])

    def field(layers: list[Array]) -> list[Array]:
        a = rows(layers, p)
        return [-part for part in layer_gradients(layers, loss.gradient(a[0]), a)]

    return _integrate(
        field,
        lambda layers: loss.value(rows(layers, p)[0]),
        start,
        duration,
        times,
        dense,
        observables,
        integrator(method, rtol, atol),
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

    Examples
    --------
    >>> from dlnlab import Factorization
    >>> path = end_to_end_flow([[0.5]], Factorization([[2.0]]), depth=2, duration=9.0, times=[0.0, 9.0])
    >>> path.weights[0].ravel().round(9)
    array([0.5, 2. ])
    """
    start = real_array("W", W, min_ndim=2)
    loss, depth = fitting_loss(loss, start), count("depth", depth)
    return _integrate(
        lambda matrix: [-precondition(matrix[0], loss.gradient(matrix[0]), depth)],
        lambda matrix: loss.value(matrix[0]),
        [start],
        duration,
        times,
        dense,
        observables,
        integrator(method, rtol, atol),
    )
