"""What the site needs beside the tools' own configuration."""

import datetime
import os
import subprocess
from collections import Counter
from collections.abc import Iterable
from html import escape
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from explorers import explorer
from labels import named
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

# What sphinx-proof and sphinx-exercise repeat on a page with two theorems or two exercises.
REPEATED = {"proof", "proof-content", "exercise-content", "solution-content"}


def use_published_address(app: Sphinx, config: Config) -> None:
    """Point the buttons at the repository whose CI builds the book, so that a fork's point at the fork."""
    server, repository = (
        os.environ.get("GITHUB_SERVER_URL"),
        os.environ.get("GITHUB_REPOSITORY"),
    )
    if server and repository:
        owner, name = repository.split("/")
        config.html_baseurl = f"https://{owner}.github.io/{name}/"
        config.html_theme_options["repository_url"] = f"{server}/{repository}"
        config.html_theme_options["repository_branch"] = os.environ.get("GITHUB_REF_NAME", "main")
    config.ogp_site_url = config.html_baseurl
    # The page for what is not found is shown at any depth, so its links start from the top.
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path


def what_others_quote(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """Have all pages written again when a number, a title or a label changed, which any of them may quote."""
    quoted = [
        sorted(env.toc_secnumbers.items()),
        sorted(env.toc_fignumbers.items()),
        sorted((page, title.astext()) for page, title in env.titles.items()),
        sorted(env.get_domain("std").labels.items()),
        sorted(env.get_domain("std").anonlabels.items()),
        sorted(env.get_domain("math").equations.items()),
        sorted(env.get_domain("std").objects.items()),
        sorted(
            (label, item["docname"], item.get("title"))
            for label, item in getattr(env, "proof_list", {}).items()
        ),
    ]
    current, before = repr(quoted), getattr(env, "dlnlab_quoted", None)
    env.dlnlab_quoted = current
    return env.all_docs if current != before else []


def make_ids_unique(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Number the ids that the directives repeat."""
    seen: Counter[str] = Counter()
    for node in doctree.findall(nodes.Element):
        for name in REPEATED.intersection(node.get("ids", [])):
            seen[name] += 1
            node["ids"] = [f"{name}-{seen[name]}" if i == name else i for i in node["ids"]]


def add_skip_links(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Let the Tab key reach explorers and theorems at once; the links show when they have the focus."""
    if doctree is None:
        return
    shown = [node["ids"][0] for node in doctree.findall(explorer)]
    targets = {name: f"explorer {number}" for number, name in enumerate(shown, start=1)}
    for label, item in getattr(app.env, "proof_list", {}).items():
        if item["docname"] == page and item["realtype"] == "theorem":
            targets[label] = named(app.env)[label].full
    if targets:
        links = "".join(f'<a href="#{target}">Skip to {escape(name)}</a>' for target, name in targets.items())
        context["body"] = f'<nav class="skips" aria-label="Skip">{links}</nav>{context["body"]}'


def add_version_and_citation(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Say of which version a page is and when its text was last changed, and how to cite it."""
    if doctree is None:
        return
    source = app.env.doc2path(page)
    log = subprocess.run(
        ["git", "log", "-1", "--format=%cs", "--", source], cwd=app.srcdir, capture_output=True, text=True
    )
    day = log.stdout.strip() or datetime.date.today().isoformat()
    context["last_updated"] = f"{day}, version {version('dlnlab')}"
    title = app.env.titles[page].astext()
    entry = "\n".join(
        [
            f"@misc{{dlnlab-{page.rpartition('/')[2]},",
            f"  author = {{{app.config.author}}},",
            f"  title = {{{title}}},",
            f"  note = {{A page of {app.config.project}, version {version('dlnlab')}}},",
            f"  year = {{{day[:4]}}},",
            f"  url = {{{app.config.html_baseurl}{app.builder.get_target_uri(page)}}},",
            "}",
        ]
    )
    context["body"] += (
        f'<details class="cite-page d-print-none"><summary>Cite this page</summary><pre>{escape(entry)}</pre>'
        "</details>"
    )


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", use_published_address, priority=900)
    app.connect("env-get-updated", what_others_quote, priority=900)  # when all have their numbers
    app.connect("doctree-resolved", make_ids_unique)
    app.connect("html-page-context", add_skip_links, priority=900)
    app.connect("html-page-context", add_version_and_citation)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
