"""A deck of slides for every session, made of its page: statements, figures, explorers, checks, the summary.

Nothing is written for a deck alone. It is a page beside that of the chapter, drawn by reveal.js, on which
formulas are set and sliders move as they do there.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from claims import linked
from docutils import nodes
from labels import is_session
from myst_nb.sphinx_ext import add_per_page_html_resources
from plain_notebooks import chapters_written
from quizzes import quiz
from sphinx.application import Sphinx
from sphinx.ext.mathjax import install_mathjax
from sphinx.util.osutil import relative_uri

SUFFIX = "-slides"
VIEW = "application/vnd.jupyter.widget-view+json"
# Of the scripts of a page, those that a deck needs.
NEEDED = re.compile("mathjax|requirejs|html-manager|explorer.js|widget-state")
MOST = 3  # lines of checks on a slide
BEFORE, AFTER = "Predict first.", "What you should have seen:"


def opens_with(node: nodes.Node | None, beginning: str) -> bool:
    """Tell whether a node is a paragraph with such a beginning."""
    return isinstance(node, nodes.paragraph) and node.astext().startswith(beginning)


def shown(cell: nodes.Element) -> Iterator[nodes.Node]:
    """Yield the figures and explorers that a cell of code shows."""
    for node in cell.findall(lambda node: isinstance(node, nodes.figure | nodes.raw)):
        if isinstance(node, nodes.figure) or VIEW in node.astext():
            yield node


def checks(cells: list[nodes.Element]) -> list[nodes.Node]:
    """Return what the cells under a statement say that they checked: the first lines, and how many follow."""
    blocks = [block.astext() for cell in cells for block in cell.findall(nodes.literal_block)]
    lines = [line for block in blocks for line in block.splitlines() if ": measured " in line]
    text = "\n".join(lines[:MOST])
    more = f"and {len(lines) - MOST} more checks" if len(lines) > MOST else ""
    shown = nodes.literal_block(text, text, language="text")
    return [shown, nodes.paragraph("", more, classes=["more"])] if lines else []


def parts(section: nodes.section) -> Iterator[list[nodes.Node]]:
    """Yield what is on the slides of a section, without those of the sections within it."""
    if "summary" in section["ids"]:
        yield list(section.findall(nodes.bullet_list))[:1]
        return
    stated: list[nodes.Node] = []
    cells: list[nodes.Element] = []
    before: nodes.Node | None = None
    for child in section.children:
        if isinstance(child, nodes.Element) and "realtype" in child:
            yield [*stated, *checks(cells)]
            stated, cells = [child], []
        elif opens_with(child, "Idea."):
            stated.append(child)
        elif isinstance(child, nodes.math_block) and child.get("label"):
            yield [node for node in (before, child) if node]
        elif isinstance(child, nodes.Element) and child.get("nb_element") == "cell_code":
            cells += [child] if stated else []
            for node in shown(child):
                yield [before, node] if opens_with(before, BEFORE) else [node]
        elif isinstance(child, nodes.block_quote | quiz) or opens_with(child, AFTER):
            yield [child]
        # What to predict stays in view while the cells of an explorer go by.
        is_cell = isinstance(child, nodes.container)
        if not isinstance(child, nodes.target) and not (is_cell and opens_with(before, BEFORE)):
            before = child
    yield [*stated, *checks(cells)]


def contents(chapter: nodes.document) -> Iterator[tuple[nodes.title, list[nodes.Node]]]:
    """Yield what is on the slides of a chapter, each with the title of its section."""
    for section in chapter.findall(nodes.section):
        if not isinstance(section[0], nodes.title) or section["ids"][0] in {"exercises", "further-reading"}:
            continue
        for slide in filter(None, parts(section)):
            yield section[0], slide


def rendered(app: Sphinx, chapter: nodes.document, node: nodes.Node) -> str:
    """Return the HTML of a part of a chapter."""
    part = chapter.copy()
    part.settings = app.builder.docsettings
    part += node.deepcopy()
    translator = app.builder.create_translator(part, app.builder)
    part.walkabout(translator)
    return "".join(translator.body)


def keep(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Keep a chapter for its deck as its page was made of it: to resolve it takes a second."""
    if is_session(app, page):
        app.builder.chapters = {**getattr(app.builder, "chapters", {}), page: doctree}


def slides(app: Sphinx, page: str) -> Iterator[str]:
    """Yield the slides of a chapter."""
    chapter = app.builder.chapters.pop(page)
    app.builder.post_process_images(chapter)
    app.builder.imgpath = relative_uri(app.builder.get_target_uri(page), "_images")
    app.builder.secnumbers = app.env.toc_secnumbers.get(page, {})
    app.builder.fignumbers = app.env.toc_fignumbers.get(page, {})
    home = f"{Path(page).name}.html"
    number = ".".join(map(str, app.env.toc_secnumbers[page][""]))
    yield (
        f"<section><h1>{escape(app.env.titles[page].astext())}</h1>"
        f'<p>{escape(app.config.project)}, session {number}</p><p><a href="{home}">The page</a></p></section>'
    )
    for title, content in contents(chapter):
        html = "".join(rendered(app, chapter, node) for node in content)
        # What is linked on the page is there, and not on another slide; ids are those of the page.
        html = re.sub(r' id="[^"]*"', "", linked(app, page, html).replace('href="#', f'href="{home}#'))
        html = re.sub(r"(</?)section\b", r"\1div", html)  # which would be a slide below
        yield f"<section><h2>{escape(title.astext())}</h2>{html}</section>"


def decks(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the pages of the decks of the chapters that this build has written."""
    for page in list(chapters_written(app)):
        body = f'<div class="reveal"><div class="slides">{"".join(slides(app, page))}</div></div>'
        yield f"{page}{SUFFIX}", {"title": app.env.titles[page].astext(), "body": body}, "slides.html"


def bring_widgets(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give a deck the formulas and the explorers of its chapter."""
    if template == "slides.html":
        chapter = page.removesuffix(SUFFIX)
        install_mathjax(app, chapter, template, context, doctree)
        add_per_page_html_resources(app, chapter)
        context["script_files"][:] = [
            file
            for file in context["script_files"]
            if NEEDED.search(str(file.filename) + file.attributes.get("type", ""))
        ]


def link_deck(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Name the deck of a chapter where its page is cited."""
    if doctree is not None and is_session(app, page):
        deck = f"{Path(page).name}{SUFFIX}.html"
        context["body"] += f'<p class="deck d-print-none"><a href="{deck}">This session as slides</a></p>'


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", keep)
    app.connect("html-collect-pages", decks)
    app.connect("html-page-context", bring_widgets, priority=880)  # below what others bring
    app.connect("html-page-context", link_deck, priority=400)  # above the citation
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
