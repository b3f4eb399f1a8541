from base64 import b64decode
from io import StringIO
from xml.etree import ElementTree

import ipywidgets as ipw
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbconvert import HTMLExporter
from traitlets import TraitError

from dlnlab import explore, use_style
from dlnlab.book import explorers


def draw(depth, scale):
    figure, axes = plt.subplots()
    axes.plot([0, depth], [0, scale], label=f"{depth} & {scale}")
    axes.set_xlabel("100 % of # <depth>")
    return figure, f'slope "{scale}" at {depth}'


def shown(explorer):
    """What a reader is told of the frame that the page shows: the last control varies fastest."""
    at = 0
    for (_, labels), index in zip(explorer.controls, explorer.chosen, strict=True):
        at = at * len(labels) + index
    assert explorer.description == explorer.descriptions[at]
    return explorer.descriptions[at]


def test_every_combination_is_a_frame():
    explorer = explore(draw, depth=[1, 2, 3], scale=[0.1, 0.25])
    assert explorer.controls == [("depth", ["1", "2", "3"]), ("scale", ["0.1", "0.25"])]
    for i, depth in enumerate([1, 2, 3]):
        for j, scale in enumerate([0.1, 0.25]):
            explorer.chosen = [i, j]
            assert explorer.setting == {"depth": depth, "scale": scale}
            assert shown(explorer) == f'depth {depth}, scale {scale}: slope "{scale}" at {depth}'
    assert len(set(explorer.frames)) == len(explorer.frames) == 6


def test_three_controls():
    def draw3(a, b, c):
        return plt.figure(), f"{a}{b}{c}"

    explorer = explore(draw3, a=["x", "y"], b=[1, 2, 3], c=["p", "q"], start={"b": 2})
    assert explorer.chosen == [0, 1, 0]
    explorer.chosen = [1, 1, 1]
    assert "a y, b 2, c q: y2q" in shown(explorer)


def test_it_is_a_widget_like_any_other():
    """It goes into a box, is observed, and is linked to another one."""
    one, other = (explore(draw, depth=[1, 2], scale=[1, 2]) for _ in range(2))
    ipw.VBox([one, other])
    ipw.link((one, "chosen"), (other, "chosen"))
    seen = []
    other.observe(lambda change: seen.append(change["new"]), "chosen")
    one.chosen = [1, 0]
    assert seen == [[1, 0]]
    assert other.setting == {"depth": 2, "scale": 1}


@pytest.mark.parametrize("chosen", [[2, 0], [0], [-1, 0], [0, 0, 0]])
def test_a_place_that_is_on_no_slider_is_refused(chosen):
    explorer = explore(draw, depth=[1, 2], scale=[1, 2])
    with pytest.raises(TraitError, match=r"chosen must be a place on each slider, below \[2, 2\], got"):
        explorer.chosen = chosen
    assert explorer.chosen == [0, 0]


def test_where_there_are_no_widgets_a_picture_says_what_is_first():
    """GitHub and nbviewer show the picture of an output, nbconvert with its alternative text."""
    explorer = explore(draw, start={"scale": 2}, depth=[1, 2], scale=[1, 2])
    explorer.chosen = [1, 0]
    data, metadata = InteractiveShell.instance().display_formatter.format(explorer)
    assert "application/vnd.jupyter.widget-view+json" in data
    assert b64decode(data["image/png"])[:4] == b"\x89PNG"
    assert data["text/plain"] == metadata["image/png"]["alt"] == 'depth 1, scale 2: slope "2" at 1'
    output = nbformat.v4.new_output("display_data", data={"image/png": data["image/png"]}, metadata=metadata)
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    html, _ = HTMLExporter(template_name="classic").from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert "alt='depth 1, scale 2: slope" in html


def test_start_shows_that_frame():
    explorer = explore(draw, start={"depth": 2, "scale": 3}, depth=[1, 2], scale=[1, 3], play="depth")
    assert shown(explorer).startswith("depth 2, scale 3:")
    assert explorer.play == "depth"


def test_a_frame_alone_is_described_by_its_controls():
    explorer = explore(lambda depth: plt.figure(), depth=[1, 2])
    assert shown(explorer) == "depth 1"


def test_a_frame_is_what_savefig_writes():
    """One renderer for layout and drawing changes no byte."""

    def figure():
        made, axes = plt.subplots(figsize=(6, 3.4))
        axes.semilogy([1, 10, 100], [1e-8, 1e-3, 1], label=r"$\|W_k\|_F^2$")
        axes.imshow([[0.0, 1.0]], extent=(1, 50, 1e-5, 1e-2), aspect="auto")
        axes.set(xlabel=r"time $t$", ylabel=r"risk $R - R(\pi^*)$")
        axes.legend()
        return made

    buffer = StringIO()
    with plt.style.context("default"):
        use_style()
        figure().savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        assert explorers._Canvas(figure()).svg() == buffer.getvalue()
        plt.close("all")


def test_frames_are_vector_graphics_and_figures_are_closed():
    before = plt.get_fignums()
    (frame,) = explore(draw, depth=[1], scale=[2]).frames
    assert plt.get_fignums() == before
    root = ElementTree.fromstring(frame)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [value for node in root.iter() for value in node.attrib.values() if value.startswith("http")]


def test_progress_is_shown_unless_the_book_is_built(monkeypatch, capsys):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    explore(draw, depth=[1], scale=[1, 2])
    assert "frames" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: explore(draw), "controls must each have at least one value"),
        (lambda: explore(draw, depth=[], scale=[1]), "controls must each have at least one value"),
        (lambda: explore(draw, depth=range(9), scale=range(8)), "max_frames = 64 combinations, got 72"),
        (lambda: explore(draw, max_frames=0, depth=[1], scale=[1]), "max_frames must be a whole number"),
        (lambda: explore(draw, play="width", depth=[1], scale=[1]), "play must name one of the controls"),
        (lambda: explore(draw, play=np.array(["depth", "x"]), depth=[1], scale=[1]), "play must name one"),
        (lambda: explore(draw, start={"depth": 9}, depth=[1], scale=[1]), "start must map controls"),
        (lambda: explore(draw, start={"width": 1}, depth=[1], scale=[1]), "start must map controls"),
        (lambda: explore(lambda depth: "picture", depth=[1]), "draw must return a matplotlib figure"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def test_values_may_come_one_by_one_but_are_no_text():
    explorer = explore(lambda depth: plt.subplots()[0], depth=(L for L in (2, 3)))
    assert explorer.controls == [("depth", ["2", "3"])]
    for scale in ("0.1", b"0.1", 0.1, np.array(0.1)):
        with pytest.raises(ValueError, match="controls must each be a list of values, got scale="):
            explore(lambda scale: plt.subplots()[0], scale=scale)


def test_no_control_has_the_name_of_an_argument():
    with pytest.raises(ValueError, match=r"start must map controls to one of their values.*no control"):
        explore(lambda start: plt.subplots()[0], start=[1, 2])


def test_a_frame_that_fails_leaves_no_figure():
    def draw(depth):
        plt.subplots()
        raise RuntimeError("no such depth")

    before = plt.get_fignums()
    with pytest.raises(RuntimeError, match="no such depth"):
        explore(draw, depth=[1, 2])
    assert plt.get_fignums() == before
