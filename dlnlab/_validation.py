"""Checks of arguments, each of which names the argument, what came and what was wanted."""

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def real_array(
    name: str, value: ArrayLike, *, ndim: int | None = None, min_ndim: int = 0, finite: bool = True
) -> Array:
    """Return `value` as a (finite,) non-empty float64 array of the wanted number of axes."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of real numbers, got ragged rows") from error
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got shape {array.shape}")
    if array.ndim < min_ndim:
        raise ValueError(f"{name} must have at least {min_ndim} axes, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    array = array.astype(np.float64)
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return array


def positive(name: str, value: ArrayLike, *, zero: bool = False) -> Array:
    """Return `value` as a float64 array of positive (with `zero`: non-negative) numbers."""
    array = real_array(name, value)
    if (array < 0).any() or (not zero and (array == 0).any()):
        raise ValueError(f"{name} must be {'at least zero' if zero else 'positive'}, got {value!r}")
    return array


def number(name: str, value: Any, *, zero: bool = False) -> float:
    """Return `value` as one positive (with `zero`: non-negative) number."""
    array = positive(name, value, zero=zero)
    if array.ndim:
        raise ValueError(f"{name} must be one number, got shape {array.shape}")
    return float(array)


def count(name: str, value: Any, *, minimum: int = 1) -> int:
    """Return `value` as a whole number that is at least `minimum`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < minimum:
        raise ValueError(f"{name} must be a whole number of at least {minimum}, got {value!r}")
    return int(value)


def width_list(widths: Sequence[int]) -> list[int]:
    """Return the widths (d_0, ..., d_L) of a network of depth L >= 1."""
    if not isinstance(widths, Sequence | np.ndarray) or len(widths) < 2:
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


def readout_vector(readout: ArrayLike | None, weights: list[Array]) -> Array | None:
    """Return the readout p, of shape (..., d_L), or None."""
    if readout is None:
        return None
    array = real_array("readout", readout, min_ndim=1)
    batch, output_width = weights[-1].shape[:-2], weights[-1].shape[-2]
    if array.shape[-1] != output_width or array.shape[:-1] not in ((), batch):
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
