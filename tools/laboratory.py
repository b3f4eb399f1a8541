"""The laboratory on the pages: the directive that shows it, and links that open it with their own settings.

On a page it needs neither a kernel nor a manager of widgets: the module that notebooks load runs as a script
of the pages (`tools/npm/pages/laboratory.mjs`).
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

PAGE = "book/laboratory"
LINK = re.compile(r"(.+?) <([\w=&.,-]+)>")
SETTINGS = {"task", "depth", "width", "start", "scale", "rate", "noise", "seed", "at"}
PLACE = """\
<div class="laboratory"><noscript><p>The laboratory needs JavaScript.</p></noscript></div>
<script type="application/json" id="laboratory-tasks">{tasks}</script>
<link rel="stylesheet" href="{static}/laboratory.css">
<script defer src="{static}/laboratory.js"></script>
"""


class Place(SphinxDirective):
    """Where the laboratory is."""

    def run(self) -> list[nodes.Node]:
        # The library is slow to import, which most builds need not do.
        from dlnlab.book.laboratory import sent, tasks

        known = json.dumps({name: sent(task) for name, task in tasks().items()}, separators=(",", ":"))
        html = PLACE.format(tasks=known, static="../_static")
        elsewhere = nodes.paragraph("", "The laboratory is on the page of this name.")
        return [nodes.raw("", html, format="html"), addnodes.only("", elsewhere, expr="latex")]


class Link(SphinxRole):
    """A link to the laboratory with settings: {lab}`see it happen <depth=5&scale=0.1>`."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        try:
            text, query = address_of(self.text)
        except ValueError as error:
            return [], [self.inliner.reporter.error(str(error), line=self.lineno)]
        link = nodes.reference("", text, classes=["laboratory"], refuri=f"{Path(PAGE).name}.html?{query}")
        return [link], []


def address_of(role: str) -> tuple[str, str]:
    """Return the text and the settings of a link; ValueError if there are none, or others."""
    match = LINK.fullmatch(role)
    if not match or not {name for name, _ in parse_qsl(match[2], strict_parsing=True)} <= SETTINGS:
        raise ValueError(
            f"a link to the laboratory is text <setting=value&...>, settings {SETTINGS}, got {role}"
        )
    return match[1], match[2]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("laboratory", Place)
    app.add_role("lab", Link())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
