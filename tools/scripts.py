"""The scripts and styles of the pages: bundled of `tools/npm/pages`, so that nothing comes from elsewhere.

The bundles are a folder of static files, made when the configuration is read (`config-inited`); pages name
what they need of it. Readers load no script that no page uses (`html-page-context`).
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


def drop_unused(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Drop the scripts and styles of extensions that Jupyter Book brings and no page uses."""
    for kind in ("script_files", "css_files"):
        context[kind][:] = [
            file
            for file in context[kind]
            if not UNUSED.search(f"{file.filename} {file.attributes.get('body')}")
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", bundle, priority=100)  # before it is asked whether the folders exist
    app.connect("html-page-context", drop_unused, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
