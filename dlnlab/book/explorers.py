"""Interactive figures that need no kernel once drawn."""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from io import StringIO
from itertools import islice, product
from math import prod
from typing import Any

import ipywidgets as ipw
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.textpath import text_to_path
from tqdm.auto import tqdm

from .._validation import count, function


class Explorer(ipw.VBox):
    """Sliders above the frame that they choose; made by `explore`.

    Attributes
    ----------
    sliders : dict of str to ipywidgets.SelectionSlider
        One a control.
    frames : ipywidgets.Stack
        The frames, nested: one level of stacks a control.
    """

    def __init__(self, sliders: dict[str, ipw.SelectionSlider], frames: ipw.Widget, play: list[ipw.Widget]):
        super().__init__([*play, *sliders.values(), frames])
        self.sliders, self.frames = sliders, frames
        self.add_class("dlnlab-explorer")


class _Canvas(FigureCanvasBase):
    """What draws vector graphics with one renderer, for layout and drawing.

    In the house style it writes the bytes of `savefig`, which draws the figure once more to find its layout,
    and sets every formula anew for each of its renderers: it takes twice as long.
    """

    def __init__(self, figure: Figure):
        super().__init__(figure)
        self.buffer, nothing = StringIO(), {"Date": None, "Creator": None}
        width, height = figure.get_size_inches() * 72
        self.renderer = RendererSVG(width, height, self.buffer, image_dpi=figure.dpi, metadata=nothing)
        self.renderer._text2path = text_to_path
        figure.dpi = 72

    def get_renderer(self) -> RendererSVG:
        return self.renderer

    def svg(self) -> str:
        self.figure.draw(self.renderer)
        self.renderer.finalize()
        return self.buffer.getvalue()


def _image(figure: Figure, description: str) -> str:
    """Return the figure as an <img> that holds its own vector graphics and alternative text."""
    svg = _Canvas(figure).svg()
    svg = re.sub(r"<\?xml.*?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # A hundredth of a point is far below what any screen shows, and saves a fifth of the page.
    svg = re.sub(r' d=".*?"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), re.sub(r"\s+", " ", svg))
    svg = svg.replace("%", "%25").replace("#", "%23").replace('"', "'")
    alt = escape(description, quote=True)
    return (
        f'<img alt="{alt}" style="width:100%;max-width:{figure.get_figwidth():g}in" '
        f'src="data:image/svg+xml,{svg}">'
    )


def _described(drawn: Any, values: dict[str, Any]) -> tuple[Figure, str]:
    figure, description = drawn if isinstance(drawn, tuple) and len(drawn) == 2 else (drawn, "")
    if not isinstance(figure, Figure) or not isinstance(description, str):
        raise ValueError(
            "draw must return a matplotlib figure, or a figure and its alternative text, "
            f"got {type(drawn).__name__}"
        )
    setting = ", ".join(f"{name} {value}" for name, value in values.items())
    return figure, f"{setting}: {description}" if description else setting


def _label(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _settings(
    controls: Mapping[str, Any], start: Mapping[str, Any] | None, play: str | None, max_frames: int
) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Return the values of every control, and those to begin with."""
    if start is not None and not isinstance(start, Mapping):
        raise ValueError(
            f"start must map controls to one of their values, got {start!r}; no control has its name"
        )
    values = {}
    for name, options in controls.items():
        listed = isinstance(options, Iterable) and getattr(options, "ndim", 1) > 0
        if isinstance(options, str | bytes) or not listed:
            raise ValueError(f"controls must each be a list of values, got {name}={options!r}")
        # One more than there may be tells that there are too many, however many there are.
        some = islice(options, count("max_frames", max_frames) + 1)
        values[name] = [value.item() if isinstance(value, np.generic) else value for value in some]
    if not values or not all(values.values()):
        raise ValueError(f"controls must each have at least one value, got {controls}")
    n_frames = prod(len(options) for options in values.values())
    if n_frames > max_frames:
        raise ValueError(
            f"controls must have at most max_frames = {max_frames} combinations, got {n_frames} or more: "
            "drop values, or raise max_frames and with it the weight of the page"
        )
    if play is not None and not (isinstance(play, str) and play in values):
        raise ValueError(f"play must name one of the controls {list(values)}, got {play!r}")
    first = {name: options[0] for name, options in values.items()} | dict(start or {})
    for name, value in first.items():
        if name not in values or value not in values[name]:
            raise ValueError(f"start must map controls to one of their values, got {name}={value!r}")
    return values, first


def _frame(draw: Callable[..., Any], setting: dict[str, Any]) -> ipw.HTML:
    """Draw one frame, and close all figures that this opened, even if it fails."""
    before = set(plt.get_fignums())
    try:
        return ipw.HTML(_image(*_described(draw(**setting), setting)))
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def _stacked(sliders: dict[str, ipw.SelectionSlider], frames: Sequence[ipw.Widget]) -> ipw.Widget:
    """Nest the frames, from the innermost control outwards: stacks of frames, stacks of stacks, ..."""
    level = list(frames)
    for slider in reversed(sliders.values()):
        size = len(slider.options)
        level = [
            ipw.Stack(level[i : i + size], selected_index=slider.index) for i in range(0, len(level), size)
        ]
        for stack in level:
            ipw.jslink((slider, "index"), (stack, "selected_index"))
    return level[0]


def _play(name: str, slider: ipw.SelectionSlider) -> ipw.Play:
    button = ipw.Play(
        value=slider.index, max=len(slider.options) - 1, interval=800, description=f"play {name}"
    )
    ipw.jslink((button, "value"), (slider, "index"))
    return button


def explore(
    draw: Callable[..., Figure | tuple[Figure, str]],
    *,
    start: Mapping[str, Any] | None = None,
    play: str | None = None,
    max_frames: int = 64,
    **controls: Sequence[Any],
) -> Explorer:
    """Draw one figure for every combination of the controls, and let sliders choose among them.

    Sliders and frames are tied in the browser, not in the kernel: the same object works in JupyterLab,
    on Binder and in a static page, from the mouse and from the keyboard.

    Parameters
    ----------
    draw : callable
        ``draw(**values)`` returns a matplotlib figure, or the figure and its alternative text: what a
        reader who does not see it should know, with the key numbers.
    start : mapping of str to value, optional
        Where the sliders stand at first; by default at the first value of each control.
    play : str, optional
        The control that a Play button moves.
    max_frames : int
        More frames than this are refused: each adds to the weight of the page.
    **controls : sequence
        The values of each control, in the order of the sliders. No control can be called draw, start, play or
        max_frames, which are arguments of this function.

    Returns
    -------
    Explorer

    Raises
    ------
    ValueError
        If there is no control, a control has no values, there would be too many frames, or ``start`` or
        ``play`` names what is not there.

    Examples
    --------
    >>> def draw(slope, offset):
    ...     figure, axes = plt.subplots()
    ...     axes.plot([0, 1], [offset, offset + slope])
    ...     return figure, f"a line from {offset} to {offset + slope}"
    >>> explorer = explore(draw, slope=[1, 2], offset=[0, 1])
    >>> [slider.description for slider in explorer.sliders.values()]
    ['slope', 'offset']
    """
    function("draw", draw, "one that returns a figure for given values of the controls")
    values, first = _settings(controls, start, play, max_frames)
    settings = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
    # In a notebook the bar does not read this variable by itself, as it does in a terminal.
    silent = bool(os.environ.get("TQDM_DISABLE"))
    frames = [_frame(draw, setting) for setting in tqdm(settings, desc="frames", leave=False, disable=silent)]
    sliders = {
        name: ipw.SelectionSlider(
            options=[(_label(value), value) for value in options],
            index=options.index(first[name]),
            description=name,
            layout=ipw.Layout(width="100%", max_width="28rem"),
        )
        for name, options in values.items()
    }
    buttons = [] if play is None else [_play(play, sliders[play])]
    return Explorer(sliders, _stacked(sliders, frames), buttons)
