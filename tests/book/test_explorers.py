from io import StringIO

import ipywidgets as ipw
import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlnlab import explore, use_style
from dlnlab.book import explorers


def draw(depth, scale):
    figure, axes = plt.subplots()
    axes.plot([0, depth], [0, scale], label=f"{depth} & {scale}")
    axes.set_xlabel("100 % of # <depth>")
    return figure, f'slope "{scale}" at {depth}'


def visible(explorer):
    """The frame that the browser shows."""
    widget = explorer.frames
    while isinstance(widget, ipw.Stack):
        widget = widget.children[widget.selected_index]
    return widget.value


@pytest.fixture
def linked(monkeypatch):
    made = []
    monkeypatch.setattr(ipw, "jslink", lambda source, target: made.append((source, target)))
    return made


def follow(made):
    """Do what the browser does: copy each source to its target."""
    for (source, name), (target, trait) in made:
        setattr(target, trait, getattr(source, name))


def test_every_combination_is_a_frame(linked):
    explorer = explore(draw, depth=[1, 2, 3], scale=[0.1, 0.25])
    for i, depth in enumerate([1, 2, 3]):
        for j, scale in enumerate([0.1, 0.25]):
            explorer.sliders["depth"].index, explorer.sliders["scale"].index = i, j
            follow(linked)
            alt = f'alt="depth {depth}, scale {scale}: slope &quot;{scale}&quot; at {depth}"'
            assert alt in visible(explorer)


def test_three_controls(linked):
    def draw3(a, b, c):
        return plt.figure(), f"{a}{b}{c}"

    explorer = explore(draw3, a=["x", "y"], b=[1, 2, 3], c=["p", "q"], start={"b": 2})
    explorer.sliders["a"].index = 1
    explorer.sliders["c"].index = 1
    follow(linked)
    assert "a y, b 2, c q: y2q" in visible(explorer)


def test_only_index_is_linked(linked):
    explore(draw, depth=[1, 2], scale=[1, 2], play="scale")
    assert len(linked) == 1 + 2 + 1
    for (source, name), (_, trait) in linked:
        if isinstance(source, ipw.SelectionSlider):
            assert (name, trait) == ("index", "selected_index")
        else:
            assert isinstance(source, ipw.Play)
            assert (name, trait) == ("value", "index")


def test_start_shows_that_frame():
    assert "depth 2, scale 3:" in visible(
        explore(draw, start={"depth": 2, "scale": 3}, depth=[1, 2], scale=[1, 3])
    )


def test_a_frame_alone_is_described_by_its_controls():
    explorer = explore(lambda depth: plt.figure(), depth=[1, 2])
    assert 'alt="depth 1"' in visible(explorer)


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


def test_frames_are_self_contained_and_figures_are_closed():
    before = plt.get_fignums()
    frame = visible(explore(draw, depth=[1], scale=[2]))
    assert plt.get_fignums() == before
    source = frame.split('src="')[1].split('"')[0]
    assert source.startswith("data:image/svg+xml,<svg") or source.startswith("data:image/svg+xml, <svg")
    assert "#" not in source.split(",", 1)[1]


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
    assert len(explorer.sliders["depth"].options) == 2
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
