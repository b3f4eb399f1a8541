"""The scripts and styles of the pages: bundled of `tools/npm/pages`, so that nothing comes from elsewhere.

The bundles are a folder of static files, made when the configuration is read (`config-inited`); pages name
what they need of it. Readers load no script that no page uses, none before the text (`html-page-context`),
and of the theme's style only the rules that some page uses (`build-finished`).
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

NPM = Path(__file__).resolve().parent / "npm"
NODE = shutil.which("node", path=str(Path(sys.executable).parent))
OPTIONS = "documentation_options.js"  # which scripts within the page go on to change
WHOLE = 200_000  # bytes of a style of the theme that was not cut yet
UNUSED = re.compile("thebe|togglebutton", flags=re.IGNORECASE)


def run(script: str, *arguments: str, lines: str = "") -> None:
    """Run a script with Node.js; stop the build with what it says if it fails."""
    if NODE is None:
        raise ExtensionError("Node.js is not in this environment: pip install -r requirements.txt brings it")
    if not (NPM / "node_modules").exists():
        raise ExtensionError("the packages of tools/npm are not installed: make book does, or npm ci there")
    done = subprocess.run(
        [NODE, NPM / script, *arguments], input=lines, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        raise ExtensionError(f"{script} failed:\n{done.stderr}", modname=script)


def bundle(app: Sphinx, config: Config) -> None:
    """Bundle the scripts, and let the builder copy them."""
    folder = Path(app.outdir).parent / "scripts"
    run("build.mjs", str(folder))
    config.html_static_path.append(str(folder))


def text_first(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Drop what Jupyter Book's extensions load for no page; the text does not wait for the others."""
    for kind in ("script_files", "css_files"):
        context[kind][:] = [
            file
            for file in context[kind]
            if not UNUSED.search(f"{file.filename} {file.attributes.get('body')}")
        ]
    if page != "search":  # which has scripts of its own that need these at once
        context["script_files"][:] = [
            type(file)(file.filename, priority=file.priority, **file.attributes | {"defer": "defer"})
            if file.filename and not file.filename.endswith(OPTIONS)
            else file
            for file in context["script_files"]
        ]


def purge(app: Sphinx, failure: Exception | None) -> None:
    """Cut the style of the theme, three quarters of which no page uses, once it has been copied anew."""
    if not failure and app.builder.name == "html":
        style = Path(app.outdir) / "_static" / "styles" / "pydata-sphinx-theme.css"
        if style.stat().st_size > WHOLE:
            run("purge.mjs", app.outdir)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", bundle, priority=100)  # before it is asked whether the folders exist
    app.connect("html-page-context", text_first, priority=900)
    app.connect("build-finished", purge)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
