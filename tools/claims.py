"""The lines of `check` on the pages: linked with what they check, and gathered on the page of claims."""

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from docutils import nodes
from labels import Named, author_year, named
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

CLAIMS = {"theorem", "proposition", "lemma", "corollary"}
LINE = re.compile(
    r"^(?P<label>[\w-]+)(?:, (?P<what>.*))?: measured (?P<measured>.+?), "
    r"predicted (?P<predicted>(?:<=|>=|=) [^,\n]+)(?:, ratio (?P<ratio>.+))?$",
    flags=re.MULTILINE,
)
# The same as a page has it, where a line begins.
PRINTED = re.compile(r"(?m)(^|<pre><span></span>)([\w-]+)(?=(?:, [^\n]*)?: measured )")
OWED = re.compile(r"\b(?:due to|theorem \d+ of|is that of)\b")
SIGNS = {"<=": "≤", ">=": "≥", "=": "="}


class Checked(NamedTuple):
    """What one line says."""

    label: str
    what: str
    measured: str
    predicted: str
    ratio: str

    def slack(self) -> float:
        """Return how far the ratio is from one, on a logarithmic scale."""
        try:
            return abs(math.log(float(self.ratio)))
        except ValueError:  # none, zero, or below what is not rounding error
            return math.inf


class claims_table(nodes.General, nodes.Element):
    """Where the table of all claims goes."""


class ClaimsTable(SphinxDirective):
    """The directive for it."""

    def run(self) -> list[nodes.Node]:
        return [claims_table()]


def gathered(env: BuildEnvironment) -> dict[str, tuple[list[Checked], dict[str, list[str]]]]:
    """Return the checks of every page, and the keys of the works to which it says its claims are due."""
    if not hasattr(env, "dlnlab_claims"):
        env.dlnlab_claims = {}
    return env.dlnlab_claims


def gather(app: Sphinx, doctree: nodes.document) -> None:
    checks = [
        Checked(*(part or "" for part in match.groups()))
        for block in doctree.findall(nodes.literal_block)
        if "stream" in block["classes"]
        for match in LINE.finditer(block.astext())
    ]
    owed: dict[str, list[str]] = {}
    for node in doctree.findall(nodes.Element):
        if node.get("realtype") in CLAIMS:
            for paragraph in following(node):
                if OWED.search(paragraph.astext()):
                    owed.setdefault(node["label"], []).extend(keys(paragraph))
    gathered(app.env)[app.env.docname] = checks, owed


def following(node: nodes.Element) -> Iterator[nodes.paragraph]:
    """Yield the paragraphs between a statement and the next one or the next heading."""
    siblings = node.parent.children
    for sibling in siblings[siblings.index(node) + 1 :]:
        if isinstance(sibling, nodes.section) or sibling.get("realtype"):
            return
        if isinstance(sibling, nodes.paragraph):
            yield sibling


def keys(paragraph: nodes.paragraph) -> list[str]:
    return [
        key
        for node in paragraph.findall(nodes.Element)
        if node.get("refdomain") == "cite"
        for key in node["reftarget"].split(",")
    ]


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    gathered(env).pop(page, None)


def merge(app: Sphinx, env: BuildEnvironment, pages: set[str], other: BuildEnvironment) -> None:
    gathered(env).update({page: found for page, found in gathered(other).items() if page in pages})


def changed(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Have the page of claims written again when a chapter measures something else."""
    current = repr(sorted(gathered(env).items()))
    before, env.dlnlab_claimed = getattr(env, "dlnlab_claimed", None), current
    tables = [page for page in env.all_docs if page.endswith("/claims")]
    return tables if current != before else []


def link_checks(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Name what a line checks as the page does, with a link, and say at a glance that it holds."""
    if doctree is None or "measured" not in context.get("body", ""):
        return
    names = named(app.env)

    def link(match: re.Match[str]) -> str:
        before, label = match.groups()
        if label not in names:
            return match[0]
        thing = names[label]
        there = "" if thing.page == page else app.builder.get_relative_uri(page, thing.page)
        link = f'<a href="{there}#{thing.anchor}">{thing.full}</a>'
        return f'{before}<span class="holds" title="holds">✓</span> {link}'

    context["body"] = PRINTED.sub(link, context["body"])


def cell(*content: nodes.Node) -> nodes.entry:
    return nodes.entry("", nodes.paragraph("", "", *content))


def row(app: Sphinx, page: str, claim: Named | None, owed: list[str], checks: list[Checked]) -> nodes.row:
    """Return the row of the tightest of some checks of one quantity."""
    best = min(checks, key=Checked.slack)
    sign, number = best.predicted.split(" ", 1)
    what = f"{best.what} (tightest of {len(checks)})" if len(checks) > 1 else best.what
    name, source = cell(), cell()
    if claim:
        address = f"{app.builder.get_relative_uri(page, claim.page)}#{claim.anchor}"
        name = cell(nodes.reference("", claim.full, internal=True, refuri=address))
        for work in app.env.get_domain("cite").citations:
            if work.key in owed:
                where = app.builder.get_relative_uri(page, work.bibliography_key.docname)
                text = "{} ({})".format(*author_year(work.entry))
                source[0] += nodes.Text("; " if len(source[0]) else "")
                source[0] += nodes.reference("", text, internal=True, refuri=f"{where}#{work.citation_id}")
    return nodes.row(
        "",
        name,
        source,
        cell(nodes.Text(what)),
        cell(nodes.Text(best.measured)),
        cell(nodes.Text(f"{SIGNS[sign]} {number}")),
        cell(nodes.Text(best.ratio)),
    )


def fill(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Write the table: a heading a session, under it its claims and what was measured of each."""
    for place in list(doctree.findall(claims_table)):
        names = named(app.env)
        heads = ["Claim", "Due to", "What is measured", "Measured", "Predicted", "Ratio"]
        tables: list[nodes.Node] = []
        for chapter in app.env.toctree_includes.get(app.config.root_doc, []):
            checks, owed = gathered(app.env).get(chapter, ([], {}))
            stated = [
                label
                for label, item in app.env.proof_list.items()
                if item["docname"] == chapter and item["realtype"] in CLAIMS
            ]
            rows = []
            for label in sorted(stated, key=lambda label: app.env.toc_fignumbers[chapter]["theorem"][label]):
                claim: Named | None = names[label]
                for what in dict.fromkeys(check.what for check in checks if check.label == label):
                    some = [check for check in checks if (check.label, check.what) == (label, what)]
                    rows.append(row(app, page, claim, owed.get(label, []), some))
                    claim = None
            if rows:
                number = ".".join(map(str, app.env.toc_secnumbers[chapter][""]))
                title = f"{number}. {app.env.titles[chapter].astext()}"
                group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in heads), cols=len(heads))
                group += nodes.thead("", nodes.row("", *(cell(nodes.Text(head)) for head in heads)))
                group += nodes.tbody("", *rows)
                tables += [nodes.rubric("", title), nodes.table("", group, classes=["claims"])]
        place.replace_self(tables)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(claims_table)
    app.add_directive("claims", ClaimsTable)
    app.connect("doctree-read", gather)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("env-get-updated", changed, priority=950)
    app.connect("doctree-resolved", fill)
    app.connect("html-page-context", link_checks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
