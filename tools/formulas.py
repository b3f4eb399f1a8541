"""Formulas are set when the book is built: a page has them with its text, and its browser does nothing.

Sphinx writes them as TeX, for a script that would come from elsewhere; when the build is finished
(`build-finished`) MathJax, in Node.js, sets those of the pages that were written.
"""

from pathlib import Path
from typing import Any

from scripts import run
from sphinx.application import Sphinx


def typeset(app: Sphinx, failure: Exception | None) -> None:
    """Set the formulas of the pages that still ask for MathJax."""
    if not failure and app.builder.name == "html":
        folder, script = Path(app.outdir), app.config.mathjax_path
        pages = [path for path in folder.rglob("*.html") if script in path.read_text("utf-8")]
        if pages:
            run("typeset.mjs", str(folder), lines="\n".join(map(str, pages)))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", typeset)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
