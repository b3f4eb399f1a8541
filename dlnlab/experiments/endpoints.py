r"""Endpoints: where gradient descent arrives, for many networks at once and without the path.

The batch is the last axis, so that every operation runs along contiguous memory, and the data enter
through the covariance and the minimiser only. Networks that have converged or overflowed leave the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import Array, count, one_output, positive, readout_vector, weight_list
from ..networks.tasks import Regression, regression

# Steps between two looks at who may leave the batch.
_CHECK_EVERY = 100
# An excess risk of this part of that of the zero regressor moves no digit that is reported.
_CONVERGED = 1e-24


@dataclass(frozen=True)
class Endpoint:
    """Where gradient descent arrived.

    Attributes
    ----------
    weights : list of ndarray
        Layers of shape (B, d_k, d_{k-1}); NaN where the network diverged.
    steps : ndarray of int, of shape (B,)
        Steps taken before the network left the batch, a multiple of 100 unless it is all of them.
    converged, diverged : ndarray of bool, of shape (B,)
        Whether the excess risk fell to 1e-24 of that of the zero regressor; whether the weights overflowed.

    Examples
    --------
    >>> found = endpoint([[[[0.5]]]], Regression([[1.0]], [1.0]), 0.1, steps=500)
    >>> found.steps, found.converged
    (array([200]), array([ True]))
    """

    weights: list[Array]
    steps: NDArray[np.int64]
    converged: NDArray[np.bool_]
    diverged: NDArray[np.bool_]


class _Batch:
    """Weights of the networks that are still trained, batch last, and a step of gradient descent on them."""

    def __init__(self, weights: list[Array], readout: Array, task: Regression, learning_rate: Array) -> None:
        self.index = np.arange(len(learning_rate))
        self.weights = [np.ascontiguousarray(np.moveaxis(weight, 0, -1)) for weight in weights]
        self.readout, self.learning_rate = np.ascontiguousarray(readout.T), learning_rate
        self.curvature, self.minimizer = 2 * task.covariance, task.minimizer[:, None]
        self._allocate()

    def _allocate(self) -> None:
        size = len(self.learning_rate)
        self.q = [np.empty((weight.shape[1], size)) for weight in self.weights] + [self.readout]
        # One buffer for all layers stays in the cache.
        buffer = np.empty(max(weight.size for weight in self.weights))
        self.update = [buffer[: weight.size].reshape(weight.shape) for weight in self.weights]

    def regressors(self) -> Array:
        """Return the regressors q_0 = W_1^T ... W_L^T p, of shape (d, B)."""
        for k in reversed(range(len(self.weights))):
            np.einsum("jib,jb->ib", self.weights[k], self.q[k + 1], out=self.q[k])
        return self.q[0]

    def step(self) -> None:
        h = self.curvature @ (self.regressors() - self.minimizer)
        h *= self.learning_rate
        last = len(self.weights) - 1
        for k, weight in enumerate(self.weights):
            above = np.einsum("jib,ib->jb", weight, h) if k < last else h
            np.multiply(self.q[k + 1][:, None], h, out=self.update[k])
            weight -= self.update[k]
            h = above

    def keep(self, stay: NDArray[np.bool_]) -> None:
        self.index = self.index[stay]
        self.weights = [np.ascontiguousarray(weight[..., stay]) for weight in self.weights]
        self.readout = np.ascontiguousarray(self.readout[:, stay])
        self.learning_rate = self.learning_rate[stay]
        self._allocate()


def endpoint(
    weights: Sequence[ArrayLike],
    task: Regression,
    learning_rate: ArrayLike,
    steps: int,
    readout: ArrayLike | None = None,
) -> Endpoint:
    r"""Return where gradient descent on all layers arrives.

    Parameters
    ----------
    weights : list of array_like
        The start: layers of shape (B, d_k, d_{k-1}), with one output.
    task : Regression
        The task.
    learning_rate : array_like
        Positive; one number, or B of them.
    steps : int
        How many steps to take, at least 0.
    readout : array_like of shape (d_L,) or (B, d_L), optional
        The fixed readout p.

    Returns
    -------
    Endpoint
        The same as the last weights of `dlnlab.gradient_descent`, except that a network stops once it
        has converged, and that nothing but the flag and the steps is kept of one that diverged.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Notes
    -----
    A step costs :math:`O(\sum_k d_k d_{k-1})` a network.

    Examples
    --------
    >>> task = Regression([[1.0]], [1.0])
    >>> found = endpoint([[[[0.5]], [[0.5]]], [[[0.5]], [[0.5]]]], task, [0.1, 2.0], steps=500)
    >>> found.weights[0].ravel().round(12), found.diverged
    (array([ 1., nan]), array([False,  True]))
    """
    task, layers = regression(task), weight_list(weights)
    if layers[0].ndim != 3:
        raise ValueError(f"weights must have one batch axis, got layers of {layers[0].ndim} axes")
    if layers[0].shape[-1] != len(task.minimizer):
        raise ValueError(f"weights[0] must have {len(task.minimizer)} columns, got shape {layers[0].shape}")
    n_networks, width = layers[-1].shape[:2]
    p = readout_vector(readout, layers)
    one_output(layers, p)
    p = np.broadcast_to(np.ones(1) if p is None else p, (n_networks, width))
    eta = positive("learning_rate", learning_rate)
    if eta.shape not in ((), (n_networks,)):
        raise ValueError(
            f"learning_rate must be one number or have shape ({n_networks},), got shape {eta.shape}"
        )
    eta = np.broadcast_to(eta, (n_networks,)).copy()
    return _trained(_Batch(layers, p, task, eta), task, count("steps", steps, minimum=0))


def _trained(batch: _Batch, task: Regression, steps: int) -> Endpoint:
    """Train a batch until no network is left in it."""
    shapes = [weight.shape[:2] for weight in batch.weights]
    n_networks = len(batch.index)
    end = Endpoint(
        weights=[np.full((n_networks, *shape), np.nan) for shape in shapes],
        steps=np.zeros(n_networks, dtype=np.int64),
        converged=np.zeros(n_networks, dtype=bool),
        diverged=np.zeros(n_networks, dtype=bool),
    )
    threshold = _CONVERGED * task.excess_risk(np.zeros_like(task.minimizer))
    time = 0
    with np.errstate(over="ignore", invalid="ignore"):
        while len(batch.index):
            excess = task.excess_risk(batch.regressors().T)
            finite, done = np.isfinite(excess), excess <= threshold
            leaves = ~finite | done | (time >= steps)
            if leaves.any():
                who = batch.index[leaves]
                end.steps[who], end.converged[who], end.diverged[who] = time, done[leaves], ~finite[leaves]
                for layer, weight in zip(end.weights, batch.weights, strict=True):
                    layer[batch.index[leaves & finite]] = np.moveaxis(weight[..., leaves & finite], -1, 0)
                batch.keep(~leaves)
            for _ in range(min(_CHECK_EVERY, steps - time)):
                batch.step()
            time = min(time + _CHECK_EVERY, steps)
    return end
