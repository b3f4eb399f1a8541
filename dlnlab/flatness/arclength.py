r"""Gradient flow to its end, in arc length while it is slow.

From weights of size s a network of depth L waits for a time of order :math:`s^{2-L}` near the saddle at 0. In
arc length, :math:`dW/d\tau = -\nabla R / \|\nabla R\|`, the same curve has length of order 1; near the
minimum, where that equation is stiff, time is the better variable again.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp

from .._validation import Array, number, readout_vector, weight_list
from ..dynamics.trajectories import Observables, Trajectory, observe
from ..networks.tasks import Regression
from ..networks.weights import flatten, layer_gradients, rows, unflatten
from .hessians import sharpness

# Parts of the excess risk of the zero regressor: where time takes over, and where the flow has arrived.
_NEAR, _ARRIVED = 2e-2, 1e-20
# A gradient this much smaller than at the start, far from the minimum, means a saddle.
_SADDLE = 1e-12
_FARTHEST = 1e3


def flow_to_minimum(
    weights: Sequence[ArrayLike],
    task: Regression,
    *,
    readout: ArrayLike | None = None,
    observables: Observables | None = None,
    rtol: float = 1e-11,
    atol: float = 1e-14,
) -> Trajectory:
    r"""Follow gradient flow until its excess risk is 1e-20 of that of the zero regressor.

    Parameters
    ----------
    weights : list of array_like
        The start: layers of shape (d_k, d_{k-1}), with one output. Scales down to 1e-4 at depth 10 work.
    task : Regression
        With a minimiser other than 0.
    readout : array_like of shape (d_L,), optional
        The fixed readout p.
    observables : mapping of str to callable, optional
        Functions of the list of weights, recorded at every step of the integrator.
    rtol, atol : float
        Tolerances of the integrator, DOP853.

    Returns
    -------
    Trajectory
        Its ``times`` are arc lengths. The physical time, which may span tens of orders of magnitude, is the
        observable ``"time"``, good to a few digits.

    Raises
    ------
    ValueError
        If an argument is not admissible, or the gradient at the start is zero.
    RuntimeError
        If the flow does not arrive: it ran into a saddle, or the integrator failed.

    Examples
    --------
    >>> path = flow_to_minimum([[[0.01]], [[0.02]]], Regression([[1.0]], [1.0]))
    >>> [round(float(layer[-1, 0, 0]), 3) for layer in path.weights]
    [1.0, 1.0]
    """
    if not isinstance(task, Regression):
        raise ValueError(f"task must be a Regression, got {type(task).__name__}")
    layers = weight_list(weights)
    p = readout_vector(readout, layers)
    if p is None and layers[-1].shape[-2] != 1:
        raise ValueError("weights must end in one output, or readout must be given")
    if layers[0].ndim != 2:
        raise ValueError(f"weights must be one network, got layers of {layers[0].ndim} axes")
    shapes = [layer.shape for layer in layers]
    unit = float(task.excess_risk(np.zeros_like(task.minimizer)))
    if unit == 0:
        raise ValueError("task must have a minimizer other than 0")

    def gradient(state: Array) -> Array:
        current = unflatten(state, shapes)
        a = rows(current, p)
        return flatten(layer_gradients(current, task.gradient(a[0]), a))

    def excess(state: Array) -> float:
        return float(task.excess_risk(rows(unflatten(state, shapes), p)[0][0])) / unit

    def unit_speed(_: float, state: Array) -> Array:
        downhill = -gradient(state[:-1])
        size = np.linalg.norm(downhill)
        return np.append(downhill / size, 1 / size)

    def fall(_: float, state: Array) -> Array:
        return np.append(-gradient(state[:-1]), 1.0)

    def run(
        field: Callable[[float, Array], Array], start: Array, duration: float, target: float, **options: float
    ) -> Array:
        def arrival(_: float, state: Array) -> float:
            return np.log(max(excess(state[:-1]), 1e-300) / target)

        def saddle(_: float, state: Array) -> float:
            far = excess(state[:-1]) > _NEAR
            return np.log(max(float(np.linalg.norm(gradient(state[:-1]))), 1e-300) / stalled) if far else 1.0

        for event in (arrival, saddle):
            event.terminal = True  # type: ignore[attr-defined]
        # The clock, the last component, does not choose the steps.
        tolerances = np.append(np.full(len(start) - 1, number("atol", atol)), np.inf)
        found = solve_ivp(
            field,
            (0.0, duration),
            start,
            method="DOP853",
            rtol=number("rtol", rtol),
            atol=tolerances,
            events=(arrival, saddle),
            **options,
        )
        if not len(found.t_events[0]):
            raise RuntimeError(
                f"the flow did not arrive: its excess risk is {excess(found.y[:-1, -1]):.3g} of that of the "
                "zero regressor. It may have run into a saddle: change the sign of the last layer"
            )
        return found.y.T

    state = np.append(flatten(layers), 0.0)
    stalled = _SADDLE * float(np.linalg.norm(gradient(state[:-1])))
    if not stalled > 0:
        raise ValueError("weights must have a gradient other than 0, got a critical point")
    path = state[None]
    if excess(state[:-1]) > _NEAR:
        path = run(unit_speed, state, _FARTHEST, _NEAR)
    near = unflatten(path[-1, :-1], shapes)
    if excess(path[-1, :-1]) > _ARRIVED:
        spectrum = np.linalg.eigvalsh(task.covariance)
        least = spectrum[spectrum > 1e-12 * spectrum[-1]][0]
        # The excess risk falls at least at this rate: |grad R|^2 >= 4 lambda |q_1|^2 (R - R_min).
        rate = 4 * least * np.square(rows(near, p)[1]).sum()
        # The explicit method is unstable beyond about 6 / S.
        end = run(fall, path[-1], 200 / rate, _ARRIVED, max_step=3 / float(sharpness(near, task, readout)))
        path = np.concatenate([path, end[1:]])
    length = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(path[:, :-1], axis=0), axis=1)))
    stacked = unflatten(path[:, :-1], shapes)
    points = [[layer[i] for layer in stacked] for i in range(len(path))]
    return Trajectory(
        times=length,
        weights=stacked,
        loss=np.stack([task.value(rows(point, p)[0]) for point in points]),
        observables={"time": path[:, -1], **observe(observables, points)},
        diverged=np.zeros((), dtype=bool),
    )
