"""The laboratory: a deep linear network that trains in the page, in a notebook or in Python, all the same.

The engine of the page is in `tools/npm/laboratory`. The starts that it draws are here again, in numpy; tests
hold the two together.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from .._validation import Array, count, number, one_network, one_output, readout_vector, weight_list
from ..dynamics import gradient_descent
from ..experiments import regression_task
from ..flatness import sharpness
from ..flatness.lanczos import largest_eigenvalue
from ..networks import Completion, Regression, end_to_end, hessian_vector_product
from ..networks.losses import fitting_loss
from ..networks.weights import rows

STATIC = Path(__file__).parent / "static"
STARTS = ("gaussian", "residual", "balanced", "imbalanced")
HISTORY = [("step", "i8"), ("excess_risk", "f8"), ("sharpness", "f8")]
_NOTHING: dict[str, list[Any]] = {"steps": [], "risk": [], "sharpness": []}
_POINTS = 500  # of a run in Python
_NOISE_SEED = 1_000_003  # apart from the seeds of starts


@cache
def rank_two() -> tuple[Array, NDArray[np.bool_]]:
    """Return the matrix of rank two that the laboratory completes, of norm one, and which entries are seen.

    Returns
    -------
    matrix : ndarray of shape (8, 8)
    mask : ndarray of bool, of shape (8, 8)

    Examples
    --------
    >>> int(rank_two()[1].sum())
    40
    """
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((8, 2)) @ rng.standard_normal((2, 8))
    return matrix / np.linalg.norm(matrix, 2), rng.random((8, 8)) < 0.7


@cache
def tasks() -> dict[str, Regression | Completion]:
    """Return the tasks of the laboratory by their names.

    Returns
    -------
    dict of str to Regression or Completion
        One number; Gaussian data, well conditioned, and badly with a target along a weak direction; the
        diabetes data; a matrix of rank two, of which 40 of 64 entries are seen; the matrix of two by two of
        Razin & Cohen (2020), of which all but one are.

    Examples
    --------
    >>> list(tasks())
    ['scalar', 'gaussian', 'stiff', 'diabetes', 'completion', 'corner']
    """
    gaussian = regression_task()
    X = gaussian.X * np.geomspace(1.0, 0.1, 5)
    matrix, mask = rank_two()
    return {
        "scalar": Regression([[1.0]], [1.0]),
        "gaussian": gaussian,
        "stiff": Regression(X, X[:, -1]),
        "diabetes": Regression.diabetes(),
        "completion": Completion(mask, matrix),
        "corner": Completion([[False, True], [True, True]], [[0.0, 1.0], [1.0, 0.0]]),
    }


def _outputs(task: Regression | Completion) -> tuple[Array, Array, int]:
    r"""Return covariances (m, d, d) and minimisers (m, d), one an output, and the number of samples.

    A completion is a regression of each row: :math:`\frac12 \sum_j` over the seen entries is the quadratic
    form of half a projection, and noise of an entry has the covariance of two samples.
    """
    if isinstance(task, Regression):
        return task.covariance[None], np.array([task.minimizer], dtype=np.float64), len(task.y)
    return task.mask[..., None] * np.eye(task.mask.shape[1]) / 2, task.values, 2


def sent(task: Regression | Completion) -> dict[str, Any]:
    """Return what the page has to know of a task: nothing depends on the samples after one pass."""
    covariances, minimizers, samples = _outputs(task)
    values, vectors = np.linalg.eigh(covariances)
    names = ("covariance", "minimizer", "eigenvalues", "eigenvectors")
    outputs = zip(covariances, minimizers, values, vectors.mT, strict=True)
    told = {
        "samples": samples,
        "outputs": [{name: part.tolist() for name, part in zip(names, row, strict=True)} for row in outputs],
    }
    if isinstance(task, Completion):
        matrix, mask = rank_two()
        known = np.array_equal(task.mask, mask) and np.array_equal(task.values[mask], matrix[mask])
        told |= {"mask": task.mask.tolist()} | ({"truth": matrix.tolist()} if known else {})
    return told


def _gaussians(seed: int, skip: int = 0) -> Iterator[float]:
    """Yield the Gaussian numbers of the page's engine: mulberry32, Box and Muller."""
    step, mask = 0x6D2B79F5, 0xFFFFFFFF

    def uniforms() -> Iterator[float]:
        state = (seed + 2 * skip * step) & mask
        while True:
            state = (state + step) & mask
            t = ((state ^ (state >> 15)) * (1 | state)) & mask
            t = (t + ((t ^ (t >> 7)) * (61 | t) & mask)) & mask ^ t
            yield ((t ^ (t >> 14)) & mask) / 2**32

    u = uniforms()
    while True:
        yield float(np.sqrt(-2 * np.log(1 - next(u))) * np.cos(2 * np.pi * next(u)))


class _NoisyLabels:
    """The risk with labels that have new noise at every step."""

    def __init__(self, task: Regression | Completion, noise: float, seed: int, step: int):
        covariances, _, samples = _outputs(task)
        values, vectors = np.linalg.eigh(covariances)
        self.task = task
        self.kick = 2 * noise * vectors * np.sqrt(np.maximum(values, 0) / samples)[:, None]
        # `gradient_descent` asks for a gradient before it begins, to see whether the loss fits.
        self.numbers = chain(np.zeros(values.size), _gaussians(seed + _NOISE_SEED, skip=step * values.size))

    def value(self, W: ArrayLike) -> Array:
        return self.task.value(W)

    def gradient(self, W: ArrayLike) -> Array:
        z = np.array([next(self.numbers) for _ in range(self.kick[..., 0].size)])
        kick = (self.kick @ z.reshape(*self.kick.shape[:2], 1))[..., 0]
        gradient = self.task.gradient(W)
        return gradient - kick.reshape(gradient.shape[-2:])


def _sharpness(layers: list[Array], task: Regression | Completion, readout: Array | None) -> Array:
    """Return the sharpness of a batch of networks, with one output or several."""
    if isinstance(task, Regression):
        return sharpness(layers, task, readout)
    shapes = [layer.shape[1:] for layer in layers]
    ends = np.cumsum([m * n for m, n in shapes])

    def product(vectors: Array) -> Array:
        parts = np.split(vectors[..., 0], ends[:-1], axis=1)
        directions = [part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True)]
        images = hessian_vector_product(layers, directions, task)
        return np.concatenate([image.reshape(len(image), -1, 1) for image in images], axis=1)

    start = np.random.default_rng(0).standard_normal(ends[-1])
    return largest_eigenvalue(product, np.tile(start, (len(layers[0]), 1)))


def _given(task: Any) -> Regression | Completion:
    if isinstance(task, Completion) and task.mask.shape[0] == task.mask.shape[1] > 1:
        return task
    if not isinstance(task, Regression):
        names = ", ".join(tasks())
        raise ValueError(f"task must be a Regression, a square Completion or one of {names}, got {task!r}")
    return task


class Laboratory(anywidget.AnyWidget):
    r"""A deep linear network that trains while one looks at it.

    Shown in a notebook it has sliders, curves and a map of what was collected, and trains in the page,
    without the kernel. From Python it is trained by `run`. Settings go both ways.

    Parameters
    ----------
    task : {"scalar", "gaussian", "stiff", "diabetes", "completion", "corner"}, Regression or Completion
        What is learned: one number, Gaussian data, well or badly conditioned, the diabetes data; a matrix of
        rank two or of two by two, some entries of which are seen; or your own, for square matrices.
    depth, width : int
        Layers L, 1 to 12, and units of the hidden ones, 1 to 10; residual layers, and those of a completion,
        are as wide as the input.
    start : {"gaussian", "residual", "balanced", "imbalanced"}
        Independent Gaussian entries of standard deviation ``scale``; :math:`I + s N_k / \sqrt{Ld}` with a
        random readout of norm one; aligned layers of rank one, all of the norm ``scale``; the same with the
        squared norms :math:`s^2, 2s^2, \dots, L s^2`. All but the second are drawn on the side of the target.
        In a completion the identity stands for the layers of rank one, and no readout; no side is chosen.
    scale, learning_rate : float
        Positive.
    noise : float
        Standard deviation of the noise that the labels get anew at each step.
    seed : int
        Of the start and of the noise. The numbers are those of the page, and not numpy's.
    weights : list of array_like, optional
        A start of your own; the settings of the start do not count then.
    readout : array_like of shape (d_L,), optional
        Its fixed readout.

    Attributes
    ----------
    history : ndarray
        The last run, in Python or in the page: step, excess_risk and sharpness. Empty after a new setting.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Examples
    --------
    >>> lab = Laboratory(depth=5, scale=0.4, learning_rate=0.02)
    >>> lab.run(1000)
    >>> int(lab.history["step"][-1])
    1000
    """

    _esm = STATIC / "laboratory.js"
    _css = STATIC / "laboratory.css"
    tasks: traitlets.Dict = traitlets.Dict().tag(sync=True)
    task = traitlets.Unicode("gaussian").tag(sync=True)
    depth = traitlets.Int(3).tag(sync=True)
    width = traitlets.Int(5).tag(sync=True)
    start = traitlets.Unicode("gaussian").tag(sync=True)
    scale = traitlets.Float(0.3).tag(sync=True)
    learning_rate = traitlets.Float(0.05).tag(sync=True)
    noise = traitlets.Float(0.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    weights: traitlets.List = traitlets.List().tag(sync=True)
    readout: traitlets.List = traitlets.List().tag(sync=True)
    trace: traitlets.Dict = traitlets.Dict(_NOTHING).tag(sync=True)

    def __init__(
        self,
        task: str | Regression = "gaussian",
        *,
        depth: int = 3,
        width: int = 5,
        start: str = "gaussian",
        scale: float = 0.3,
        learning_rate: float = 0.05,
        noise: float = 0.0,
        seed: int = 0,
        weights: Sequence[ArrayLike] | None = None,
        readout: ArrayLike | None = None,
    ) -> None:
        self._known = tasks() if isinstance(task, str) else {**tasks(), "given": _given(task)}
        counts = {"depth": count("depth", depth), "width": count("width", width)}
        counts["seed"] = count("seed", seed, minimum=0)
        numbers = {"scale": number("scale", scale), "learning_rate": number("learning_rate", learning_rate)}
        numbers["noise"] = number("noise", noise, zero=True)
        try:
            super().__init__(
                tasks={name: sent(known) for name, known in self._known.items()},
                task=task if isinstance(task, str) else "given",
                start=start,
                **counts,
                **numbers,
            )
        except traitlets.TraitError as error:
            raise ValueError(str(error)) from error
        if weights is not None:
            layers = one_network(weight_list(weights))
            p = readout_vector(readout, layers)
            if isinstance(self._chosen, Regression):
                one_output(layers, p)
            elif p is not None:
                raise ValueError("readout must be None for a completion: it is of a network with one output")
            fitting_loss(self._chosen, rows(layers, p)[0], name="task")
            self.readout = [] if p is None else p.tolist()
            self.weights = [layer.tolist() for layer in layers]
        elif readout is not None:
            raise ValueError("readout goes with weights, which are None")
        self.observe(self._reset, [name for name in self.trait_names(sync=True) if name in _SETTINGS])
        self._reset()

    @traitlets.validate("depth", "width", "scale", "learning_rate", "noise", "seed")
    def _in_bounds(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        low, high = _BOUNDS[name]
        if not low <= value <= high:
            raise traitlets.TraitError(f"{name} must be from {low:g} to {high:g}, got {value}")
        return value

    @traitlets.validate("task", "start")
    def _one_of(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        options = tuple(self._known) if name == "task" else STARTS
        if value not in options:
            raise traitlets.TraitError(f"{name} must be one of {', '.join(options)}, got {value!r}")
        return value

    @property
    def _chosen(self) -> Regression | Completion:
        return self._known[self.task]

    def _reset(self, change: Any = None) -> None:
        if change is not None and change["name"] == "task" and self.weights:
            self.weights = self.readout = []
            return
        self._steps, self.trace = 0, _NOTHING
        if self.weights:
            self._now = [np.array(layer) for layer in self.weights]
            self._p = np.array(self.readout) if self.readout else None
        else:
            self._now, self._p = self.drawn()

    def drawn(self) -> tuple[list[Array], Array | None]:
        """Return the layers that the settings start from, and the readout or None, as the page draws them."""
        task, L, z = self._chosen, self.depth, _gaussians(self.seed)
        minimizers = _outputs(task)[1]
        (m, d), residual = minimizers.shape, self.start == "residual"

        def numbers(*shape: int) -> Array:
            return np.array([next(z) for _ in range(int(np.prod(shape)))]).reshape(shape)

        square = residual or m > 1
        widths = [d, *[d if square else self.width] * (L - 1), d if square else 1]
        readout = numbers(d) if residual and m == 1 else None
        frames = [numbers(n) for n in widths]
        frames = [frame / np.linalg.norm(frame) for frame in frames]
        if readout is not None:
            readout /= np.linalg.norm(readout)
        if residual:
            noise = self.scale / np.sqrt(L * d)
            return [np.eye(d) + noise * numbers(d, d) for _ in range(L)], readout
        frames[-1][0] = 1.0
        if self.start == "gaussian":
            layers = [self.scale * numbers(m, n) for n, m in pairwise(widths)]
        else:
            squares = np.arange(1, L + 1) if self.start == "imbalanced" else np.ones(L)
            sizes = self.scale * np.sqrt(squares)
            aligned = [np.eye(d) if m > 1 else np.outer(v, u) for u, v in pairwise(frames)]
            layers = [s * layer for s, layer in zip(sizes, aligned, strict=True)]
        if isinstance(task, Regression) and end_to_end(layers)[0] @ task.covariance @ task.minimizer < 0:
            layers[-1] = -layers[-1]
        return layers, None

    def run(self, steps: int) -> None:
        """Go on with the run for some steps, in Python; the page shows it as the run before.

        Parameters
        ----------
        steps : int
            At least 1. A run that diverges keeps its last weights of finite loss.
        """
        steps, task = count("steps", steps), self._chosen
        loss = _NoisyLabels(task, self.noise, self.seed, self._steps) if self.noise else task
        path = gradient_descent(
            self._now, loss, self.learning_rate, steps, readout=self._p, record_every=-(-steps // _POINTS)
        )
        self._now = [layer[-1] for layer in path.weights]
        W = rows(path.weights, self._p)[0]
        risk = task.excess_risk(W[..., 0, :]) if isinstance(task, Regression) else task.value(W)
        new = {
            "steps": (self._steps + path.times).astype(int).tolist(),
            "risk": risk.tolist(),
            "sharpness": _sharpness(path.weights, task, self._p).tolist(),
        }
        # What the page has trained in the meantime is a run of its own.
        before = self.trace if self.trace["steps"][-1:] == [self._steps] else _NOTHING
        self._steps += steps
        # The start of a part is the end of the one before.
        self.trace = {name: [*before[name][:-1], *values] for name, values in new.items()}

    @property
    def history(self) -> np.ndarray:
        """The last run."""
        columns = (self.trace["steps"], self.trace["risk"], self.trace["sharpness"])
        rows = [tuple(np.nan if x is None else x for x in row) for row in zip(*columns, strict=True)]
        return np.array(rows, dtype=HISTORY)


_BOUNDS = {
    "depth": (1, 12),
    "width": (1, 10),
    "scale": (1e-3, 10**0.5),
    "learning_rate": (1e-4, 10**0.5),
    "noise": (0, 2),
    "seed": (0, 99),
}
_SETTINGS = {"task", "start", "weights", "readout", *_BOUNDS}
