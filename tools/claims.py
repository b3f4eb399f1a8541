"""The page of claims: every statement of the sessions, its source, and what was measured of it."""

import re
from typing import Any

from checks import Checked, lines
from docutils import nodes
from labels import Named, author_year, named
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

CLAIMS = {"theorem", "proposition", "lemma", "corollary"}
# In a statement, a comment: keys of the bibliography, "classical" or "here", and a remark in parentheses.
SOURCE = re.compile(r"source: (?P<keys>[\w, ]+?)(?: \((?P<remark>.+)\))?")
WORDS = {"classical": "classical", "here": "these notes"}


class claims_table(nodes.General, nodes.Element):
    """Where the table of all claims goes."""


class ClaimsTable(SphinxDirective):
    """The directive for it."""

    def run(self) -> list[nodes.Node]:
        return [claims_table()]


def gathered(env: BuildEnvironment) -> dict[str, tuple[list[Checked], dict[str, str]]]:
    """Return the checks of every page, and the sources that it names of its claims."""
    if not hasattr(env, "dlnlab_claims"):
        env.dlnlab_claims = {}
    return env.dlnlab_claims


def gather(app: Sphinx, doctree: nodes.document) -> None:
    sources = {
        node["label"]: comment.astext()
        for node in doctree.findall(nodes.Element)
        if node.get("realtype") in CLAIMS
        for comment in node.findall(nodes.comment)
    }
    gathered(app.env)[app.env.docname] = lines(doctree), sources


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


def cell(*content: nodes.Node) -> nodes.entry:
    return nodes.entry("", nodes.paragraph("", "", *content))


def source_of(app: Sphinx, page: str, comment: str) -> nodes.entry:
    """Return the cell that says from where a claim is."""
    named_source = SOURCE.fullmatch(comment)
    if named_source is None:
        raise ExtensionError(f"a claim must say its source as `% source: key, key (remark)`, got {comment!r}")
    works = {work.key: work for work in app.env.get_domain("cite").citations}
    parts: list[nodes.Node] = []
    for key in named_source["keys"].split(", "):
        if key in WORDS:
            parts.append(nodes.Text(WORDS[key]))
        elif key in works:
            where = app.builder.get_relative_uri(page, works[key].bibliography_key.docname)
            text = "{} ({})".format(*author_year(works[key].entry))
            address = f"{where}#{works[key].citation_id}"
            parts.append(nodes.reference("", text, internal=True, refuri=address))
        else:
            raise ExtensionError(f"the source of a claim must be a key of the bibliography, got {key!r}")
        parts.append(nodes.Text("; "))
    return cell(*parts[:-1], nodes.Text(f", {named_source['remark']}" if named_source["remark"] else ""))


def row(
    app: Sphinx, page: str, chapter: str, claim: Named | None, source: str, checks: list[Checked]
) -> nodes.row:
    """Return the row of the tightest of some checks of one quantity."""
    best = min(checks, key=Checked.slack)
    what = f"{best.what} (tightest of {len(checks)})" if len(checks) > 1 else best.what
    where = f"{app.builder.get_relative_uri(page, chapter)}#check-{best.label}"
    name, origin = cell(), cell()
    if claim:
        address = f"{app.builder.get_relative_uri(page, claim.page)}#{claim.anchor}"
        name = cell(nodes.reference("", claim.full, internal=True, refuri=address))
        origin = source_of(app, page, source)
    return nodes.row(
        "",
        name,
        origin,
        cell(nodes.reference("", what, internal=True, refuri=where)),
        cell(nodes.Text(best.measured)),
        cell(nodes.Text(best.value)),
        cell(nodes.Text(best.ratio)),
    )


def fill(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Write the table: a heading a session, under it its claims and what was measured of each."""
    for place in list(doctree.findall(claims_table)):
        names = named(app.env)
        heads = ["Claim", "Source", "What is measured", "Measured", "Predicted", "Ratio"]
        tables: list[nodes.Node] = []
        for chapter in app.env.toctree_includes.get(app.config.root_doc, []):
            checks, sources = gathered(app.env).get(chapter, ([], {}))
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
                    rows.append(row(app, page, chapter, claim, sources.get(label, ""), some))
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
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
