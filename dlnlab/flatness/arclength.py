r"""Gradient flow to its end, in arc length while it is slow.

From weights of size s a network of depth L waits for a time of order :math:`s^{2-L}` near the saddle at 0. In
arc length, :math:`dW/d\tau = -\nabla R / \|\nabla R\|`, the same curve has length of order 1; near the
minimum, where that equation is stiff, time is the better variable again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .._validation import Array, one_network, one_output, readout_vector, weight_list
from ..dynamics.flows import integrator
from ..dynamics.trajectories import Observables, Trajectory, observable_functions, observe
from ..networks.losses import fitting_loss
from ..networks.tasks import Regression, regression
from ..networks.weights import flatten, layer_gradients, rows, unflatten
from .hessians import sharpness

# Parts of the excess risk of the zero regressor: where time takes over, and where the flow has arrived.
_NEAR, _ARRIVED = 2e-2, 1e-20
# Where to go in time, and by steps of at most how many times 1 / S: DOP853 is stable up to 6.3. On the way to
# the first place the sharpness S doubles in the worst of our trials, from there on it hardly changes.
_STEPS = ((1e-4, 3.0), (_ARRIVED, 5.0))
# A gradient this much smaller than at the start, far from the minimum, means a saddle.
_SADDLE = 1e-12
# The arc length to follow at most, and in one step, in units of one plus the norms of start and minimiser.
_LONGEST, _STRIDE = 1e3, 0.1


@dataclass(frozen=True)
class _Landscape:
    """The risk of one network over states: its weights, flattened, and the physical time behind them."""

    shapes: list[tuple[int, ...]]
    readout: Array | None
    task: Regression
    unit: float

    def layers(self, state: Array) -> list[Array]:
        return unflatten(state[..., :-1], self.shapes)

    def rows(self, state: Array) -> list[Array]:
        return rows(self.layers(state), self.readout)

    def excess(self, state: Array) -> float:
        return float(self.task.excess_risk(self.rows(state)[0][0])) / self.unit

    def downhill(self, state: Array) -> Array:
        layers = self.layers(state)
        a = rows(layers, self.readout)
        return -flatten(layer_gradients(layers, self.task.gradient(a[0]), a))

    def slope(self, state: Array) -> float:
        return float(np.linalg.norm(self.downhill(state)))

    def unit_speed(self, _: float, state: Array) -> Array:
        downhill = self.downhill(state)
        return np.append(downhill, 1.0) / np.linalg.norm(downhill)

    def fall(self, _: float, state: Array) -> Array:
        return np.append(self.downhill(state), 1.0)

    def rate(self, state: Array) -> float:
        """Return how fast the excess risk falls at least: |grad R|^2 >= 4 lambda |q_1|^2 (R - R_min)."""
        spectrum = np.linalg.eigvalsh(self.task.covariance)
        least = spectrum[spectrum > 1e-12 * spectrum[-1]][0]
        return float(4 * least * np.square(self.rows(state)[1]).sum())


def _until(
    landscape: _Landscape,
    field: Callable[[float, Array], Array],
    start: Array,
    duration: float,
    target: float,
    stalled: float,
    **options: Any,
) -> Array:
    """Return the states from the start until the excess risk is the target; `stalled` is a saddle's slope."""

    def arrival(_: float, state: Array) -> float:
        return np.log(max(landscape.excess(state), 1e-300) / target)

    def saddle(_: float, state: Array) -> float:
        far = landscape.excess(state) > _NEAR
        return np.log(max(landscape.slope(state), 1e-300) / stalled) if far else 1.0

    for event in (arrival, saddle):
        event.terminal = True  # type: ignore[attr-defined]
    found = scipy.integrate.solve_ivp(field, (0.0, duration), start, events=(arrival, saddle), **options)
    if not len(found.t_events[0]):
        stop = f"the integrator stopped after {found.t[-1]:.3g} of {duration:.3g}: {found.message}"
        saddle_met = "it ran into a saddle: change the sign of the last layer"
        raise RuntimeError(
            f"the flow did not arrive, its excess risk is {landscape.excess(found.y[:, -1]):.3g} of that of "
            f"the zero regressor; {saddle_met if len(found.t_events[1]) else stop}"
        )
    return found.y.T


def _landscape(
    weights: Sequence[ArrayLike], task: Regression, readout: ArrayLike | None
) -> tuple[_Landscape, Array]:
    """Return the landscape of an admissible network, and its state at time 0."""
    task, layers = regression(task), one_network(weight_list(weights))
    p = readout_vector(readout, layers)
    one_output(layers, p)
    fitting_loss(task, rows(layers, p)[0], name="task")
    unit = float(task.excess_risk(np.zeros_like(task.minimizer)))
    if unit == 0:
        raise ValueError("task must have a minimizer other than 0")
    landscape = _Landscape([layer.shape for layer in layers], p, task, unit)
    start = np.append(flatten(layers), 0.0)
    slope = landscape.slope(start)
    if slope == 0 or not np.isfinite(slope):
        raise ValueError(f"weights must have a finite gradient other than 0, got one of norm {slope:g}")
    return landscape, start


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
        With a minimiser other than 0. The time grows with the condition number of the covariance, from about
        1e4 on to minutes: the flow is then stiff.
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

    References
    ----------
    Arc length and stopping rules are our own; for the limit of tiny weights see Marion & Chizat (2024).

    Examples
    --------
    >>> path = flow_to_minimum([[[0.01]], [[0.02]]], Regression([[1.0]], [1.0]))
    >>> [round(float(layer[-1, 0, 0]), 3) for layer in path.weights]
    [1.0, 1.0]
    """
    landscape, start = _landscape(weights, task, readout)
    observables = observable_functions(observables, landscape.layers(start))
    options = integrator("DOP853", rtol, atol)
    if "time" in observables:
        raise ValueError("observables must not have the name 'time', which is that of the clock")
    # The clock, the last component, does not choose the steps.
    options["atol"] = np.append(np.full(len(start) - 1, options["atol"]), np.inf)

    path, saddle = start[None], _SADDLE * landscape.slope(start)
    if landscape.excess(start) > _NEAR:
        size = 1 + float(np.linalg.norm(start)) + float(np.linalg.norm(landscape.task.minimizer))
        longest = _LONGEST * size
        # On a straight stretch only rounding would limit the steps, and the clock goes with them.
        options["max_step"] = _STRIDE * size
        path = _until(landscape, landscape.unit_speed, start, longest, _NEAR, saddle, **options)
    for target, step in _STEPS:
        near = path[-1]
        if landscape.excess(near) > target:
            options["max_step"] = step / float(sharpness(landscape.layers(near), task, landscape.readout))
            duration = 200 / landscape.rate(near)
            further = _until(landscape, landscape.fall, near, duration, target, saddle, **options)
            path = np.concatenate([path, further[1:]])
    steps = np.linalg.norm(np.diff(path[:, :-1], axis=0), axis=1)
    points = [landscape.layers(state) for state in path]
    return Trajectory(
        times=np.append(0.0, np.cumsum(steps)),
        weights=landscape.layers(path),
        loss=np.stack([task.value(rows(point, landscape.readout)[0]) for point in points]),
        observables={"time": path[:, -1], **observe(observables, points)},
        diverged=np.zeros((), dtype=bool),
    )
