"""What the site needs beside the tools' own configuration."""

import json
import os
from collections import Counter
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

# What sphinx-proof and sphinx-exercise repeat on a page with two theorems or two exercises.
REPEATED = {"proof", "proof-content", "exercise-content", "solution-content"}


def use_published_address(app: Sphinx, config: Config) -> None:
    """Point the buttons at the repository whose CI builds the book, so that a fork's point at the fork."""
    server, repository = (
        os.environ.get("GITHUB_SERVER_URL"),
        os.environ.get("GITHUB_REPOSITORY"),
    )
    if server and repository:
        config.html_theme_options["repository_url"] = f"{server}/{repository}"
        config.html_theme_options["repository_branch"] = os.environ.get("GITHUB_REF_NAME", "main")


def make_ids_unique(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Number the ids that the directives repeat."""
    seen: Counter[str] = Counter()
    for node in doctree.findall(nodes.Element):
        for name in REPEATED.intersection(node.get("ids", [])):
            seen[name] += 1
            node["ids"] = [f"{name}-{seen[name]}" if i == name else i for i in node["ids"]]


def mend_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Drop the scripts of Thebe, which no button uses, and tell the widget manager where its icons are.

    Without the second the manager looks for its icon fonts beside the page.
    """
    for kind in ("script_files", "css_files"):
        context[kind][:] = [
            file
            for file in context[kind]
            if "thebe" not in str(file.filename) and "THEBE" not in file.attributes.get("body", "")
        ]
    for file in context["script_files"]:
        folder, manager, _ = str(file.filename).partition("/embed-amd.js")
        if manager:
            package = "@jupyter-widgets/html-manager"
            paths = {f"{package}/dist": folder, package: f"{folder}/index"}
            app.add_js_file(
                None,
                body=f"window.require = {json.dumps({'paths': paths})}",
                priority=100,
            )


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", use_published_address, priority=900)
    app.connect("doctree-resolved", make_ids_unique)
    app.connect("html-page-context", mend_scripts, priority=900)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
