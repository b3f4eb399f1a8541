"""Work that is done once, when the book is built, and not by every reader's browser.

Formulas are set, and the widget manager is cut down to what the explorers need. Both take npm; where it is
not installed, the pages load MathJax and the general widget manager, and say the same.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

NPM = Path(__file__).resolve().parent / "npm"
PACKAGES = NPM / "node_modules"
STATE = "application/vnd.jupyter.widget-state+json"
MODULES = {"@jupyter-widgets/base", "@jupyter-widgets/controls"}  # those of widgets.mjs


def run(command: list[str], lines: list[str] | None = None) -> None:
    """Run a command of npm; stop the build with what it says if it fails."""
    done = subprocess.run(command, input="\n".join(lines or []), capture_output=True, text=True, cwd=NPM)
    if done.returncode:
        raise ExtensionError(f"{Path(command[1]).name} failed:\n{done.stderr}", modname="lighter")


def use_small_manager(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Ask for our widget manager on pages that have no other widgets than it knows."""
    files = context["script_files"]
    states = [file for file in files if file.attributes.get("type") == STATE]
    models = [model for file in states for model in json.loads(file.attributes["body"])["state"].values()]
    if not models or not PACKAGES.exists() or not {model["model_module"] for model in models} <= MODULES:
        return
    files[:] = [file for file in files if file.attributes.get("type") != "later"]
    static = context["pathto"]("_static", resource=True)
    # After the text, which does not wait for it, and before the frames: it comes while they are read.
    context["body"] += f'<link rel="preload" as="script" href="{static}/widgets.js">'
    context["body"] += f'<link rel="stylesheet" href="{static}/widgets.css">'
    context["body"] += f'<script type="later" src="{static}/widgets.js"></script>'


def bundle(app: Sphinx, failure: Exception | None) -> None:
    """Write the widget manager."""
    if not failure and app.builder.name == "html" and PACKAGES.exists():
        out = f"--outdir={Path(app.outdir) / '_static'}"
        options = [
            "--bundle",
            "--minify",
            "--legal-comments=eof",
            "--loader:.svg=dataurl",
            "--log-level=error",
        ]
        run([str(PACKAGES / ".bin" / "esbuild"), "widgets.mjs", *options, out])


def typeset(app: Sphinx, failure: Exception | None) -> None:
    """Set the formulas of the pages that still ask for MathJax."""
    script = app.config.mathjax_path
    if not failure and app.builder.name == "html" and PACKAGES.exists():
        pages = [str(path) for path in Path(app.outdir).rglob("*.html") if script in path.read_text("utf-8")]
        fonts = script.removesuffix("/tex-chtml.js") + "/output/chtml/fonts/woff-v2"
        if pages:
            run(["node", "typeset.mjs", fonts], pages)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", use_small_manager, priority=890)  # before the states leave the head
    app.connect("build-finished", bundle)
    app.connect("build-finished", typeset)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
