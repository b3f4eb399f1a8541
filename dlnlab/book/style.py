"""The house style of the figures, and the figures that several chapters share."""

from collections.abc import Mapping
from importlib.resources import as_file, files

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats
from numpy.typing import ArrayLike

from .._validation import Array, real_array


def use_style() -> None:
    """Use the house style for all figures, and draw them as vector graphics in notebooks.

    Examples
    --------
    >>> use_style()
    >>> plt.rcParams["axes.spines.top"]
    False
    """
    with as_file(files("dlnlab.book") / "house.mplstyle") as style:
        plt.style.use(style)
    set_matplotlib_formats("svg")


def _texts(**texts: str) -> None:
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ValueError(f"{name} must be a text, got {text!r}")


def _over(x: Array, curves: Mapping[str, ArrayLike], *, finite: bool = False) -> dict[str, Array]:
    """Return the values of the curves, each of the shape of the abscissa."""
    if not isinstance(curves, Mapping) or not curves:
        raise ValueError(f"curves must map labels to the values of at least one curve, got {curves!r}")
    arrays = {
        label: real_array(f"curves[{label!r}]", values, finite=finite) for label, values in curves.items()
    }
    for label, values in arrays.items():
        if values.shape != x.shape:
            raise ValueError(f"curves[{label!r}] must have the shape {x.shape} of x, got {values.shape}")
    return arrays


def plot_curves(
    axes: Axes, x: ArrayLike, curves: Mapping[str, ArrayLike], *, xlabel: str, ylabel: str
) -> None:
    """Draw labelled curves over a common abscissa, coloured in their order.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw; its scales are left as they are.
    x : array_like of shape (T,)
        The abscissa.
    curves : mapping of str to array_like of shape (T,)
        Label and values of every curve.
    xlabel, ylabel : str
        Quantity and unit of the axes.

    Raises
    ------
    ValueError
        If an argument is not admissible, or a curve has not the shape of x.

    Examples
    --------
    >>> axes = plt.figure().subplots()
    >>> plot_curves(axes, [0, 1], {"depth 2": [1, 0.5]}, xlabel="time $t$", ylabel="risk")
    >>> [line.get_label() for line in axes.lines]
    ['depth 2']
    """
    if not isinstance(axes, Axes):
        raise ValueError(f"axes must be those of a matplotlib figure, got {type(axes).__name__}")
    x = real_array("x", x, ndim=1)
    _texts(xlabel=xlabel, ylabel=ylabel)
    curves = _over(x, curves)
    # The middle of the colour map can be seen on light and on dark pages.
    shades = plt.get_cmap("viridis")(np.linspace(0.1, 0.7, len(curves)))
    for (label, values), shade in zip(curves.items(), shades, strict=True):
        axes.plot(x, values, color=shade, label=label)
    axes.set(xlabel=xlabel, ylabel=ylabel)


def plot_training(
    times: ArrayLike, excess_risk: ArrayLike, curves: Mapping[str, ArrayLike], *, ylabel: str
) -> Figure:
    """Draw the excess risk over time, on a logarithmic axis, above other curves over the same time.

    Parameters
    ----------
    times : array_like of shape (T,)
        The time of a flow.
    excess_risk : array_like of shape (T,)
        R(w) - R(pi*).
    curves : mapping of str to array_like of shape (T,)
        Label and values of every curve of the lower panel.
    ylabel : str
        Quantity and unit of the lower panel.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If an argument is not admissible, or a curve has not the shape of the times.

    Examples
    --------
    >>> figure = plot_training([0, 1], [1, 0.1], {"layer 1": [0.5, 1]}, ylabel="norm")
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['excess risk $R - R(\\\\pi^*)$', 'norm']
    """
    times, excess_risk = real_array("times", times, ndim=1), real_array("excess_risk", excess_risk, ndim=1)
    if excess_risk.shape != times.shape:
        raise ValueError(f"excess_risk must have the shape {times.shape} of times, got {excess_risk.shape}")
    _texts(ylabel=ylabel)
    curves = _over(times, curves, finite=True)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6, 5), sharex=True)
    # What is zero would be no point of a logarithmic axis.
    top.semilogy(times, np.maximum(excess_risk, 1e-30), color="C1")
    top.minorticks_off()
    top.set(ylabel=r"excess risk $R - R(\pi^*)$")
    plot_curves(bottom, times, curves, xlabel="time $t$", ylabel=ylabel)
    bottom.legend(ncols=3)
    bottom.set_ylim(0, 1.5 * max(np.max(values) for values in curves.values()) or 1)
    return figure
