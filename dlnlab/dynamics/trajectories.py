"""Trajectories: what is recorded along a flow or a descent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import Array, common_batch, function, real_array

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
        ``solution(t)`` returns the weights at any time within the duration of a flow integrated with
        ``dense=True``.

    Examples
    --------
    >>> from dlnlab import Factorization, gradient_descent
    >>> path = gradient_descent([[[2.0]]], Factorization([[0.0]]), learning_rate=0.5, steps=2)
    >>> path.times, path.loss
    (array([0., 1., 2.]), array([2.   , 0.5  , 0.125]))
    """

    times: Array
    weights: list[Array]
    loss: Array
    observables: dict[str, Array]
    diverged: NDArray[np.bool_]
    solution: Callable[[ArrayLike], list[Array]] | None = field(default=None, repr=False)


def observable_functions(observables: Observables | None, start: list[Array]) -> Observables:
    """Return the observables, which must map names to functions that give real numbers at the start."""
    if observables is None:
        return {}
    if not isinstance(observables, Mapping):
        raise ValueError(f"observables must map names to functions of the weights, got {observables!r}")
    for name, value in observables.items():
        seen = function(f"observables[{name!r}]", value, "lambda weights: weights[0]")(start)
        try:
            real = np.asarray(seen).dtype.kind in "fiub"
        except ValueError:  # of arrays of several shapes
            real = False
        if not real:
            raise ValueError(
                f"observables[{name!r}] must return an array of real numbers, got {type(seen).__name__}"
            )
    return observables


def observe(observables: Observables, path: Sequence[list[Array]]) -> dict[str, Array]:
    """Evaluate every observable at every point of a path."""
    seen = {}
    for name, observable in observables.items():
        values = [np.asarray(observable(weights)) for weights in path]
        if shapes := {value.shape for value in values} - {values[0].shape}:
            raise ValueError(
                f"observables[{name!r}] must return arrays of one shape, got {values[0].shape} and {shapes}"
            )
        seen[name] = np.stack(values)
    return seen


def first_below(losses: ArrayLike, threshold: ArrayLike) -> Array:
    """Return the index of the first loss at or below a threshold, infinity where there is none.

    Parameters
    ----------
    losses : array_like of shape (T, ...)
        Losses along a trajectory, as in ``Trajectory.loss``.
    threshold : array_like
        Broadcasts against the batch axes, and has no more axes than these.

    Returns
    -------
    ndarray of shape (...)
        Positions along the first axis, as float64.

    Raises
    ------
    ValueError
        If an argument is not finite and real, or the threshold does not fit the batch axes.

    Examples
    --------
    >>> first_below([[4.0, 4.0], [2.0, 3.0], [1.0, 2.5]], threshold=[2.0, 2.0])
    array([ 1., inf])
    """
    losses, threshold = real_array("losses", losses, min_ndim=1), real_array("threshold", threshold)
    if threshold.ndim >= losses.ndim:
        raise ValueError(
            f"threshold must have at most the batch axes {losses.shape[1:]} of losses, got {threshold.shape}"
        )
    common_batch(losses=(losses[0], 0), threshold=(threshold, 0))
    below = losses <= threshold
    return np.where(below.any(axis=0), below.argmax(axis=0), np.inf)
