"""A deck of slides for every session, made of its page: statements, figures, explorers, checks, the summary.

Nothing is written for a deck alone. It is a page beside that of the chapter, drawn by reveal.js, on which
formulas are set and sliders move as they do there.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from explorers import explorer
from labels import is_session
from plain_notebooks import chapters_written
from quizzes import quiz
from sphinx.application import Sphinx
from sphinx.ext.mathjax import install_mathjax
from sphinx.util.osutil import relative_uri

SUFFIX = "-slides"
BEFORE, AFTER = "Predict first.", "What you should have seen:"


def opens_with(node: nodes.Node | None, beginning: str) -> bool:
    """Tell whether a node is a paragraph with such a beginning."""
    return isinstance(node, nodes.paragraph) and node.astext().startswith(beginning)


def shown(cell: nodes.Element) -> Iterator[nodes.Node]:
    """Yield the figures and explorers that a cell of code shows."""
    yield from cell.findall(lambda node: isinstance(node, nodes.figure | explorer))


def checked(fold: nodes.Element) -> nodes.Node:
    """Return the line that a check is folded to."""
    title = next(part for part in fold.findall(nodes.inline) if "sd-summary-text" in part["classes"])
    return nodes.paragraph("", "", *(part.deepcopy() for part in title), classes=["check"])


def parts(section: nodes.section) -> Iterator[list[nodes.Node]]:
    """Yield what is on the slides of a section, without those of the sections within it."""
    if "summary" in section["ids"]:
        yield list(section.findall(nodes.bullet_list))[:1]
        return
    stated: list[nodes.Node] = []
    before: nodes.Node | None = None
    for child in section.children:
        classes = child["classes"] if isinstance(child, nodes.Element) else []
        if isinstance(child, nodes.Element) and "realtype" in child:
            yield stated
            stated = [child]
        elif opens_with(child, "Idea."):
            stated.append(child)
        elif "check" in classes:
            if stated and "check" not in stated[-1]["classes"]:
                stated.append(checked(child))
        elif isinstance(child, nodes.math_block) and child.get("label"):
            yield [node for node in (before, child) if node]
        elif isinstance(child, nodes.Element) and child.get("nb_element") == "cell_code":
            for node in shown(child):
                yield [before, node] if opens_with(before, BEFORE) else [node]
        elif isinstance(child, nodes.block_quote | quiz) or opens_with(child, AFTER):
            yield [child]
        # What to predict stays in view while the cells of an explorer go by.
        is_cell = isinstance(child, nodes.container)
        if not isinstance(child, nodes.target) and not (is_cell and opens_with(before, BEFORE)):
            before = child
    yield stated


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
        html = re.sub(r' id="[^"]*"', "", html.replace('href="#', f'href="{home}#'))
        html = re.sub(r"(</?)section\b", r"\1div", html)  # which would be a slide below
        yield f"<section><h2>{escape(title.astext())}</h2>{html}</section>"


def decks(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the pages of the decks of the chapters that this build has written."""
    for page in list(chapters_written(app)):
        body = f'<div class="reveal"><div class="slides">{"".join(slides(app, page))}</div></div>'
        yield f"{page}{SUFFIX}", {"title": app.env.titles[page].astext(), "body": body}, "slides.html"


def bring_formulas(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Have the formulas of a deck set with those of its chapter, and give it no other script of the pages."""
    if template == "slides.html":
        install_mathjax(app, page.removesuffix(SUFFIX), template, context, doctree)
        context["script_files"][:] = [f for f in context["script_files"] if "mathjax" in str(f.filename)]


def link_deck(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Name the deck of a chapter where its page is cited."""
    if doctree is not None and is_session(app, page):
        deck = f"{Path(page).name}{SUFFIX}.html"
        context["body"] += f'<p class="deck d-print-none"><a href="{deck}">This session as slides</a></p>'


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", keep)
    app.connect("html-collect-pages", decks)
    app.connect("html-page-context", bring_formulas, priority=880)
    app.connect("html-page-context", link_deck, priority=400)  # above the citation
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
