"""The house style of the figures, and the figures that several chapters share."""

from collections.abc import Mapping
from importlib.resources import as_file, files

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats
from numpy.typing import ArrayLike

from .._validation import real_array


def use_style() -> None:
    """Use the house style for all figures, and draw them as vector graphics in notebooks."""
    with as_file(files("dlnlab.book") / "house.mplstyle") as style:
        plt.style.use(style)
    set_matplotlib_formats("svg")


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
    """
    x = real_array("x", x, ndim=1)
    if not curves:
        raise ValueError("curves must hold at least one curve, got none")
    # The middle of the colour map can be seen on light and on dark pages.
    shades = plt.get_cmap("viridis")(np.linspace(0.1, 0.7, len(curves)))
    for (label, values), shade in zip(curves.items(), shades, strict=True):
        axes.plot(x, np.asarray(values), color=shade, label=label)
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
    """
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6, 5), sharex=True)
    top.semilogy(real_array("times", times, ndim=1), np.asarray(excess_risk), color="C1")
    top.minorticks_off()
    top.set(ylabel=r"excess risk $R - R(\pi^*)$")
    plot_curves(bottom, times, curves, xlabel="time $t$", ylabel=ylabel)
    bottom.legend(ncols=3)
    bottom.set_ylim(0, 1.5 * max(np.max(values) for values in curves.values()))
    return figure
