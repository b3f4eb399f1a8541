"""Interactive figures that need no kernel once drawn."""

import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO, StringIO
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Any

import anywidget
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.textpath import text_to_path
from tqdm.auto import tqdm
from traitlets import Int, List, TraitError, Tuple, Unicode, validate

from .._validation import count, function

STATIC = Path(__file__).parent / "static"


class Explorer(anywidget.AnyWidget):
    """Sliders above the frame that they choose; made by `explore`.

    An anywidget, and so an ipywidget like any other: it goes into boxes, can be observed and linked.

    Attributes
    ----------
    controls : list of (str, list of str)
        The name of each control, and what its slider says at each of its values.
    chosen : list of int
        The place of each slider, in the order of the controls; observed by the page, and changed by it.
    frames, descriptions : list of str
        Vector graphics and alternative text of each frame; the last control varies fastest.
    play : str
        The control that a Play button moves, or nothing.
    """

    _esm = STATIC / "explorer.js"
    _css = STATIC / "explorer.css"
    # ipywidgets 7 would show itself by this, without the picture for where there are no widgets.
    _ipython_display_ = None
    controls: List = List(Tuple(Unicode(), List(Unicode()))).tag(sync=True)
    chosen: List = List(Int()).tag(sync=True)
    frames: List = List(Unicode()).tag(sync=True)
    descriptions: List = List(Unicode()).tag(sync=True)
    play = Unicode().tag(sync=True)

    def __init__(self, values: Mapping[str, Sequence[Any]], picture: bytes, **traits: Any) -> None:
        controls = [(name, [_label(value) for value in options]) for name, options in values.items()]
        super().__init__(controls=controls, **traits)
        self._values, self._picture, self._pictured = values, picture, self.description

    @validate("chosen")
    def _places(self, proposal: Any) -> list[int]:
        chosen, sizes = proposal["value"], [len(labels) for _, labels in self.controls]
        if len(chosen) != len(sizes) or not all(0 <= i < n for i, n in zip(chosen, sizes, strict=True)):
            raise TraitError(f"chosen must be a place on each slider, below {sizes}, got {chosen}")
        return chosen

    @property
    def setting(self) -> dict[str, Any]:
        """The value of each control."""
        chosen = zip(self._values.items(), self.chosen, strict=True)
        return {name: options[place] for (name, options), place in chosen}

    @property
    def description(self) -> str:
        """What is to be seen."""
        sizes = [len(labels) for _, labels in self.controls]
        return self.descriptions[np.ravel_multi_index(self.chosen, sizes)]

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Add a picture of the frame that it shows first, for where no widgets are: GitHub, a PDF."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        picture = {"image/png": b64encode(self._picture).decode(), "text/plain": self._pictured}
        return {**(data or {}), **picture}, {"image/png": {"alt": self._pictured}}


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


def _svg(figure: Figure) -> str:
    """Return the figure as vector graphics."""
    svg = _Canvas(figure).svg()
    svg = re.sub(r"<\?xml.*?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # A hundredth of a point is far below what any screen shows, and saves a fifth of the page.
    svg = re.sub(r' d=".*?"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), re.sub(r"\s+", " ", svg))
    return svg.strip()


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=144)
    return buffer.getvalue()


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


@contextmanager
def _drawn(draw: Callable[..., Any], setting: dict[str, Any]) -> Iterator[tuple[Figure, str]]:
    """Draw one frame, and close all figures that this opened, even if it fails."""
    before = set(plt.get_fignums())
    try:
        yield _described(draw(**setting), setting)
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


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
    VS Code, Colab, on Binder and in a static page, from the mouse, with a finger and from the keyboard.

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
    >>> explorer.setting
    {'slope': 1, 'offset': 0}
    >>> explorer.chosen = [1, 0]
    >>> explorer.description
    'slope 2, offset 0: a line from 0 to 2'
    """
    function("draw", draw, "one that returns a figure for given values of the controls")
    values, first = _settings(controls, start, play, max_frames)
    settings = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
    frames, descriptions = [], []
    # In a notebook the bar does not read this variable by itself, as it does in a terminal.
    silent = bool(os.environ.get("TQDM_DISABLE"))
    for setting in tqdm(settings, desc="frames", leave=False, disable=silent):
        with _drawn(draw, setting) as (figure, description):
            frames.append(_svg(figure))
            descriptions.append(description)
            if setting == first:
                picture = _png(figure)
    return Explorer(
        values,
        picture,
        chosen=[options.index(first[name]) for name, options in values.items()],
        frames=frames,
        descriptions=descriptions,
        play=play or "",
    )
