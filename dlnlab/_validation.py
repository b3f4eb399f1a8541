"""Checks of arguments, each of which names the argument, what came and what was wanted."""

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_MOST = 2**31 - 1


def quiet() -> np.errstate:
    """Let infinity and NaN pass without a warning: what diverges is a result."""
    return np.errstate(over="ignore", invalid="ignore")


def masked(value: Any) -> bool:
    """Tell whether an array, or one in a list, hides entries."""
    if isinstance(value, list | tuple):
        return any(map(masked, value))
    return isinstance(value, np.ma.MaskedArray)


def real_array(
    name: str, value: ArrayLike, *, ndim: int | None = None, min_ndim: int = 0, finite: bool = True
) -> Array:
    """Return `value` as a (finite,) non-empty float64 array of the wanted number of axes."""
    if masked(value):
        raise ValueError(f"{name} must not be a masked array: fill or drop what is masked")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of real numbers, got ragged rows") from error
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if ndim is not None and array.ndim != ndim:
        wanted = "be one number" if ndim == 0 else f"have {ndim} {'axis' if ndim == 1 else 'axes'}"
        raise ValueError(f"{name} must {wanted}, got shape {array.shape}")
    if array.ndim < min_ndim:
        plural = "axis" if min_ndim == 1 else "axes"
        raise ValueError(f"{name} must have at least {min_ndim} {plural}, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    with quiet():  # of what only a longer type can hold
        array = array.astype(np.float64)
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return array


def square_matrix(name: str, value: ArrayLike) -> Array:
    """Return square matrices of shape (..., d, d)."""
    array = real_array(name, value, min_ndim=2)
    if array.shape[-1] != array.shape[-2]:
        raise ValueError(f"{name} must be square, got shape {array.shape}")
    return array


def positive(name: str, value: ArrayLike, *, zero: bool = False) -> Array:
    """Return `value` as a float64 array of positive (with `zero`: non-negative) numbers."""
    array = real_array(name, value)
    if (array < 0).any() or (not zero and (array == 0).any()):
        raise ValueError(f"{name} must be {'at least zero' if zero else 'positive'}, got {value!r}")
    return array


def number(name: str, value: Any, *, zero: bool = False) -> float:
    """Return `value` as one positive (with `zero`: non-negative) number."""
    return float(positive(name, real_array(name, value, ndim=0), zero=zero))


def count(name: str, value: Any, *, minimum: int = 1) -> int:
    """Return `value` as a whole number that is at least `minimum`, and no more than an array can be long."""
    whole = isinstance(value, Integral) and not isinstance(value, bool | np.timedelta64)
    if not whole or value < minimum:
        raise ValueError(f"{name} must be a whole number of at least {minimum}, got {value!r}")
    if value > _MOST:
        raise ValueError(f"{name} must be a whole number of at most {_MOST}, got a larger one")
    return int(value)


def common_batch(**arrays: tuple[Array, int]) -> tuple[int, ...]:
    """Return the shape to which the batch axes of named arrays, each with its own last axes, broadcast."""
    shapes = {name: array.shape[: array.ndim - own] for name, (array, own) in arrays.items()}
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError as error:
        got = " and ".join(f"{shape} of {name}" for name, shape in shapes.items())
        raise ValueError(f"{', '.join(shapes)} must have batch axes that broadcast, got {got}") from error


def function(name: str, value: Any, example: str) -> Any:
    """Return `value`, which must be callable."""
    if not callable(value):
        raise ValueError(f"{name} must be a function, such as {example}, got {value!r}")
    return value


def width_list(widths: Sequence[int]) -> list[int]:
    """Return the widths (d_0, ..., d_L) of a network of depth L >= 1."""
    listed = isinstance(widths, list | tuple | range) or (isinstance(widths, np.ndarray) and widths.ndim == 1)
    if not listed or len(widths) < 2:
        raise ValueError(f"widths must list d_0, ..., d_L with L >= 1, got {widths!r}")
    return [count(f"widths[{k}]", width) for k, width in enumerate(widths)]


def weight_list(weights: Sequence[ArrayLike], name: str = "weights") -> list[Array]:
    """Return weights whose batch axes agree and whose layers chain."""
    if isinstance(weights, np.ndarray) or not isinstance(weights, Sequence) or not weights:
        raise ValueError(
            f"{name} must be a non-empty list of arrays [W_1, ..., W_L], got {type(weights).__name__}"
        )
    arrays = [real_array(f"{name}[{k}]", weight, min_ndim=2) for k, weight in enumerate(weights)]
    for k, (below, above) in enumerate(pairwise(arrays), start=1):
        if above.shape[-1] != below.shape[-2]:
            raise ValueError(
                f"{name}[{k}] must have {below.shape[-2]} columns, as many as {name}[{k - 1}] "
                f"has rows, got shape {above.shape}"
            )
        if above.shape[:-2] != below.shape[:-2]:
            raise ValueError(
                f"{name}[{k}] must have the batch axes {below.shape[:-2]} of {name}[{k - 1}], "
                f"got shape {above.shape}"
            )
    return arrays


def one_network(weights: list[Array], name: str = "weights") -> list[Array]:
    """Return the layers, which must have no batch axes."""
    if weights[0].ndim != 2:
        raise ValueError(f"{name} must be one network, got layers of {weights[0].ndim} axes")
    return weights


def one_output(weights: list[Array], readout: Array | None) -> None:
    """Refuse networks that do not end in one output."""
    outputs = weights[-1].shape[-2]
    if readout is None and outputs != 1:
        raise ValueError(
            f"weights must end in one output, or readout must be given, got {outputs} outputs without readout"
        )


def readout_vector(readout: ArrayLike | None, weights: list[Array]) -> Array | None:
    """Return the readout p, of shape (..., d_L), or None."""
    if readout is None:
        return None
    array = real_array("readout", readout, min_ndim=1)
    batch, output_width = weights[-1].shape[:-2], weights[-1].shape[-2]
    own = array.shape[:-1]
    fits = len(own) <= len(batch) and all(a in (1, b) for a, b in zip(own[::-1], batch[::-1], strict=False))
    if array.shape[-1] != output_width or not fits:
        raise ValueError(
            f"readout must have shape ({output_width},), the width of the last layer, "
            f"optionally after the batch axes {batch}, got {array.shape}"
        )
    return array


def generator(rng: Any) -> np.random.Generator:
    """Return `rng`, which must be a numpy.random.Generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng must be a numpy.random.Generator, such as numpy.random.default_rng(0), got {rng!r}"
        )
    return rng
