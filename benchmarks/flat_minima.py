"""Time gradient descent and sharpness beside the same in JAX and PyTorch, at equal results.

Run with ``python benchmarks/flat_minima.py`` after ``pip install -e .[benchmark]``. All in float64 on one
core, as a sweep gives each of its processes one, with the same batch for all three. JAX is compiled (jit)
and vectorised over configurations (vmap); the time to compile is left out. PyTorch uses autograd and
batched products. Both find the sharpness by power iteration with Hessian-vector products, until the
residual bounds the relative error of the eigenvalue by 1e-8.
"""

import os
import platform
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

# Before the libraries start threads, which inherit it.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax
import jax.numpy as jnp
import numpy as np
import torch
from numpy.typing import NDArray

import dlnlab as dl
from dlnlab.experiments import regression_task

jax.config.update("jax_enable_x64", True)

Array = NDArray[np.float64]
Weights = list[Array]
_RESIDUAL, _LONGEST = 1e-4, 5000


def seconds(run: Callable[[], object], repeat: int = 3) -> float:
    """Return the best time of some runs, after one that warms up."""
    run()
    times = []
    for _ in range(repeat):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times)


class Jax:
    """One network with a readout; vmap makes batches of it."""

    def __init__(self, task: dl.Regression) -> None:
        covariance, minimizer = jnp.array(task.covariance), jnp.array(task.minimizer)

        def risk(weights: Sequence[jax.Array], readout: jax.Array) -> jax.Array:
            row = readout
            for weight in reversed(weights):
                row = row @ weight
            return (row - minimizer) @ covariance @ (row - minimizer)

        gradient = jax.grad(risk)

        def descend(weights, readout, rate, steps):
            def step(_, current):
                parts = gradient(current, readout)
                return [weight - rate * part for weight, part in zip(current, parts, strict=True)]

            return jax.lax.fori_loop(0, steps, step, weights)

        def sharpness(weights, readout, start):
            def product(v):
                return jax.jvp(lambda w: gradient(w, readout), (weights,), (v,))[1]

            def dot(left, right):
                return sum(jnp.vdot(a, b) for a, b in zip(left, right, strict=True))

            def iterate(state):
                v, _, _, count = state
                image = product(v)
                value = dot(v, image)
                error = jnp.sqrt(sum(jnp.sum((i - value * u) ** 2) for i, u in zip(image, v, strict=True)))
                size = jnp.sqrt(dot(image, image))
                return [part / size for part in image], value, error, count + 1

            def unfinished(state):
                return (state[2] > _RESIDUAL * jnp.abs(state[1])) & (state[3] < _LONGEST)

            return jax.lax.while_loop(unfinished, iterate, (start, 0.0, jnp.inf, 0))[1]

        self.descend = jax.jit(jax.vmap(descend, (0, 0, 0, None)))
        self.sharpness = jax.jit(jax.vmap(sharpness, (0, 0, 0)))


class Torch:
    """A batch of networks with readouts."""

    def __init__(self, task: dl.Regression) -> None:
        self.covariance, self.minimizer = torch.tensor(task.covariance), torch.tensor(task.minimizer)

    def risk(self, weights: Sequence[torch.Tensor], readout: torch.Tensor) -> torch.Tensor:
        row = readout[:, None]
        for weight in reversed(weights):
            row = row @ weight
        error = row[:, 0] - self.minimizer
        return ((error @ self.covariance) * error).sum()

    def descend(self, weights, readout, rate, steps):
        weights = [weight.clone().requires_grad_() for weight in weights]
        for _ in range(steps):
            parts = torch.autograd.grad(self.risk(weights, readout), weights)
            with torch.no_grad():
                for weight, part in zip(weights, parts, strict=True):
                    weight -= rate[:, None, None] * part
        return [weight.detach() for weight in weights]

    def sharpness(self, weights, readout, start):
        weights = [weight.clone().requires_grad_() for weight in weights]
        parts = torch.autograd.grad(self.risk(weights, readout), weights, create_graph=True)
        v = start
        for _ in range(_LONGEST):
            image = torch.autograd.grad(parts, weights, grad_outputs=v, retain_graph=True)
            value = sum((a * b).sum((1, 2)) for a, b in zip(v, image, strict=True))
            error = sum(
                ((i - value[:, None, None] * u) ** 2).sum((1, 2)) for i, u in zip(image, v, strict=True)
            )
            if (error.sqrt() <= _RESIDUAL * value.abs()).all():
                break
            size = sum((part**2).sum((1, 2)) for part in image).sqrt()
            v = [part / size[:, None, None] for part in image]
        return value


def unit_direction(weights: Weights, rng: np.random.Generator) -> Weights:
    start = [rng.standard_normal(weight.shape) for weight in weights]
    size = np.sqrt(sum(np.square(part).sum(axis=(1, 2), keepdims=True) for part in start))
    return [part / size for part in start]


def row(name: str, ours: float, jax_time: float, torch_time: float, unit: float, unit_name: str) -> None:
    ratios = f"JAX {jax_time / ours:7.1f} x  PyTorch {torch_time / ours:7.1f} x"
    print(f"{name:<46} {ours / unit:9.2f} {unit_name}  {ratios}", flush=True)


def agree(name: str, ours: Array, *theirs: Array, rtol: float) -> None:
    for other in theirs:
        np.testing.assert_allclose(np.asarray(other), ours, rtol=rtol, err_msg=name)


def descent(n: int = 200, steps: int = 1000) -> None:
    task, rng = regression_task(), np.random.default_rng(0)
    scales = np.repeat(np.linspace(0.25, 0.4, 10), n // 10)
    weights = dl.gaussian([5] * 10 + [1], scales, rng=rng)
    readout, rate = np.ones((n, 1)), np.full(n, 0.005)
    as_jax, as_torch = [jnp.array(w) for w in weights], [torch.tensor(w) for w in weights]
    with_jax, with_torch = Jax(task), Torch(task)
    runs = (
        lambda: dl.endpoint(weights, task, rate, steps, readout).weights,
        lambda: jax.block_until_ready(with_jax.descend(as_jax, jnp.array(readout), jnp.array(rate), steps)),
        lambda: with_torch.descend(as_torch, torch.tensor(readout), torch.tensor(rate), steps),
    )
    for ours, *others in zip(*(run() for run in runs), strict=True):
        for other in others:
            np.testing.assert_allclose(np.asarray(other), ours, rtol=1e-6, atol=1e-9)
    row(f"descent, {n} perceptrons, d = 5, L = 10", *map(seconds, runs), n * steps * 1e-6, "us a step   ")

    start = unit_direction(weights, rng)
    one = [
        partial(seconds, run)
        for run in (
            lambda: (dl.endpoint(weights, task, rate, 1, readout), dl.sharpness(weights, task, readout)),
            lambda: jax.block_until_ready(
                (
                    with_jax.descend(as_jax, jnp.array(readout), jnp.array(rate), 1),
                    with_jax.sharpness(as_jax, jnp.array(readout), [jnp.array(part) for part in start]),
                )
            ),
            lambda: (
                with_torch.descend(as_torch, torch.tensor(readout), torch.tensor(rate), 1),
                with_torch.sharpness(as_torch, torch.tensor(readout), [torch.tensor(part) for part in start]),
            ),
        )
    ]
    row("  one step with the sharpness", *(timed() for timed in one), n * 1e-6, "us a step   ")


def minimisers(task: dl.Regression, depth: int, n: int, rng: np.random.Generator) -> tuple[Weights, Array]:
    """Return residual networks whose first layers are changed so that the risk is least."""
    d = len(task.minimizer)
    weights, p = dl.residual(d, depth, 0.25, rng=rng, batch=(n,)), rng.standard_normal((n, d))
    p /= np.linalg.norm(p, axis=1, keepdims=True)
    q = dl.end_to_end(weights[1:], p)
    missing = (task.minimizer - dl.end_to_end(weights, p)) / np.square(q).sum(axis=1, keepdims=True)
    return [weights[0] + q[:, :, None] * missing[:, None], *weights[1:]], p


def sharpness(d: int, depth: int, n: int, distance: float) -> None:
    rng = np.random.default_rng(0)
    task = dl.Regression.gaussian(2 * d, d, minimizer_norm=1.0, rng=rng)
    weights, readout = minimisers(task, depth, n, rng)
    weights = [w + distance * rng.standard_normal(w.shape) / d for w in weights]
    start = unit_direction(weights, rng)
    as_jax, as_torch = [jnp.array(w) for w in weights], [torch.tensor(w) for w in weights]
    with_jax, with_torch = Jax(task), Torch(task)
    runs = (
        lambda: dl.sharpness(weights, task, readout),
        lambda: jax.block_until_ready(
            with_jax.sharpness(as_jax, jnp.array(readout), [jnp.array(part) for part in start])
        ),
        lambda: with_torch.sharpness(as_torch, torch.tensor(readout), [torch.tensor(part) for part in start]),
    )
    agree("sharpness", *(run() for run in runs), rtol=1e-6)
    where = "at a minimiser" if distance == 0 else "beside it"
    row(f"sharpness of {n}, d = {d}, L = {depth}, {where}", *map(seconds, runs), n * 1e-6, "us a network")


def main() -> None:
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} core, Python {platform.python_version()}"
    print(f"{machine}, numpy {np.__version__}, jax {jax.__version__}, torch {torch.__version__}")
    descent()
    for d, n in ((5, 100), (20, 50), (100, 4)):
        for depth in (2, 10, 64):
            for distance in (0.0, 1e-2):
                sharpness(d, depth, n, distance)


if __name__ == "__main__":
    main()
