"""What helps to read: a map with links, the time that a session takes, what words and symbols mean."""

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from labels import as_read, is_session, named
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, solution_node

MAP = re.compile(r'(?:<a [^>]*>)?<img alt="([^"]*)"[^>]*map\.svg"[^>]*>(?:\s*</a>)?')
# How fast mathematics is read: words a minute, and minutes a displayed formula.
WORDS, FORMULA = 130, 0.25
NOTATION = "book/notation"
SESSIONS = re.compile(r"in the sessions? on ([\w ]+)")
SKIPPED = (nodes.literal_block, nodes.math, nodes.math_block, nodes.raw, nodes.comment)


def minutes(node: nodes.Node) -> float:
    """Return how long it takes to read the text and formulas of a part of a page, but for code and checks."""
    checked = {id(text) for fold in node.findall(is_check) for text in fold.findall(nodes.Text)}
    words = sum(
        len(text.split())
        for text in node.findall(nodes.Text)
        if not isinstance(text.parent, SKIPPED) and id(text) not in checked
    )
    inline = sum(1 for _ in node.findall(nodes.math))
    return (words + inline) / WORDS + FORMULA * sum(1 for _ in node.findall(nodes.math_block))


def is_check(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Element) and "check" in node["classes"]


def folded(node: nodes.Node) -> bool:
    """Tell whether a part of a page is a proof or a solution."""
    return isinstance(node, nodes.Element) and bool({"dropdown", "sd-dropdown"} & set(node["classes"]))


def add_reading_time(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Say under the title of a session how long it takes, with and without proofs."""
    if doctree is None or not is_session(app, page):
        return
    proofs = sum(minutes(node) for node in doctree.findall(folded))
    short, long = (5 * max(1, round(time / 5)) for time in (minutes(doctree) - proofs, minutes(doctree)))
    text = f"{short} minutes to read, {long} with all proofs and solutions."
    paragraph = f'</h1>\n<p class="reading-time">{text}</p>'
    context["body"] = context["body"].replace("</h1>", paragraph, 1)


@cache
def glossary(app: Sphinx) -> dict[str, tuple[str, str, str]]:
    """Return the words of the notation: their page, their id and what they mean."""
    found = {}
    for (kind, word), (page, anchor) in app.env.get_domain("std").objects.items():
        if kind == "term":
            found[word] = page, anchor
    meanings = {}
    for page in {page for page, _ in found.values()}:
        for item in as_read(app, page).findall(nodes.definition_list_item):
            definition = item.next_node(nodes.definition)
            # Shown where the pointer rests, which sets no formulas.
            meaning = "" if definition.next_node(nodes.math) else definition.astext()
            for term in item.findall(nodes.term):
                meanings[term["ids"][0]] = meaning
    return {word: (page, anchor, meanings[anchor]) for word, (page, anchor) in found.items()}


def link_words(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make the first use of every word of the glossary in a session a link to its meaning."""
    if not is_session(app, page):
        return
    for word, (where, anchor, meaning) in glossary(app).items():
        use = re.compile(rf"\b{re.escape(word)}s?\b", flags=re.IGNORECASE)
        for text in doctree.findall(nodes.Text):
            match = use.search(text)
            if match and plain(text):
                link = nodes.reference(
                    "",
                    match[0],
                    internal=True,
                    refuri=f"{app.builder.get_relative_uri(page, where)}#{anchor}",
                    classes=["word"],
                )
                if meaning:
                    link["reftitle"] = meaning
                before, after = nodes.Text(text[: match.start()]), nodes.Text(text[match.end() :])
                text.parent.replace(text, [before, link, after])
                break


def plain(text: nodes.Text) -> bool:
    """Tell whether a text is running text, and not a title, a link, code, a formula or folded away."""
    node: nodes.Node | None = text.parent
    if not isinstance(node, nodes.paragraph | nodes.emphasis):
        return False
    while node is not None:
        if folded(node) or isinstance(node, nodes.caption | nodes.reference | addnodes.pending_xref):
            return False
        node = node.parent
    return True


class Symbol(NamedTuple):
    """Where the notation has a symbol: its row, the first session with it, the only ones if it names them."""

    row: int
    first: str
    only: list[str]


def rows(notation: nodes.document) -> list[nodes.row]:
    """Return the rows of the tables of symbols: the symbol, what it means, where it is first used."""
    return [row for row in notation.findall(nodes.row) if len(row) == 3]


@cache
def symbols(app: Sphinx) -> dict[str, Symbol]:
    """Return the symbols of the notation, by their formulas."""
    titles = {page: title.astext().lower() for page, title in app.env.titles.items() if is_session(app, page)}
    found: dict[str, Symbol] = {}
    for number, row in enumerate(rows(as_read(app, NOTATION))):
        label = next((node["reftarget"] for node in row[2].findall(addnodes.pending_xref)), "")
        thing = named(app.env).get(label)
        first = thing.page if thing else f"book/{Path(label).stem}"
        where = SESSIONS.search(row[1].astext())
        only = [page for page, title in titles.items() if where and where[1] in title]
        for name in row[0].findall(nodes.math):
            found.setdefault(name.astext(), Symbol(number, first, only))
    return found


def mark_symbols(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Mark the symbols of the notation in a session, but not where proofs or exercises may use them anew."""
    if not is_session(app, page) or NOTATION not in app.env.found_docs:
        return
    order = list(app.env.toctree_includes[app.config.root_doc])
    known = {
        name: symbol
        for name, symbol in symbols(app).items()
        if symbol.first in order[: order.index(page) + 1] and page in (symbol.only or [page])
    }
    for formula in doctree.findall(nodes.math):
        symbol = known.get(formula.astext())
        if symbol and not local(formula):
            formula["classes"] += ["symbol", f"symbol-{symbol.row}"]


def local(node: nodes.Node | None) -> bool:
    """Tell whether a part of a page is in a proof, an exercise or a solution, or in a title or a link."""
    kinds = exercise_node | exercise_enumerable_node | solution_node | nodes.title | nodes.reference
    while node is not None:
        if folded(node) or isinstance(node, kinds):
            return True
        node = node.parent
    return False


@cache
def explanations(app: Sphinx) -> list[str]:
    """Return what stands in the rows of the tables of symbols: the symbol and what it means."""
    found = []
    for row in rows(app.env.get_and_resolve_doctree(NOTATION, app.builder)):
        name, meaning = (app.builder.render_partial(cell[0])["fragment"] for cell in row[:2])
        found.append(re.sub(r' id="[^"]*"', "", name + meaning))  # of citations; a page has such ids too
    return found


def explain_symbols(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Put what the marked symbols of a page mean at its end, from where explorer.js shows it."""
    numbers = set(map(int, re.findall(r'class="symbol symbol-(\d+) math', context.get("body", ""))))
    if not numbers:
        return
    known = explanations(app)
    parts = (f'<div id="symbol-{number}">{known[number]}</div>' for number in sorted(numbers))
    context["body"] += f"<div hidden>{''.join(parts)}</div>"


def open_map(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Put the map into its page, where its boxes are links; a picture of it would have none."""
    if "map.svg" in context.get("body", ""):
        svg = (Path(app.srcdir) / "book" / "figures" / "map.svg").read_text(encoding="utf-8")

        def inline(match: re.Match[str]) -> str:
            return svg.replace("<svg ", f'<svg class="map" role="group" aria-label="{match[1]}" ', 1)

        context["body"] = MAP.sub(inline, context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", link_words)
    app.connect("html-page-context", add_reading_time)
    app.connect("html-page-context", open_map)
    app.connect("doctree-resolved", mark_symbols)
    app.connect("html-page-context", explain_symbols)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
