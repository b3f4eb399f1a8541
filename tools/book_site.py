"""What the site needs beside the tools' own configuration."""

import datetime
import functools
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pybtex.plugin
from docutils import nodes
from labels import as_read, named
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.domains.std import StandardDomain
from sphinx.environment import BuildEnvironment

# What sphinx-proof and sphinx-exercise repeat on a page with two theorems or two exercises.
REPEATED = {"proof", "proof-content", "exercise-content", "solution-content"}


WIDGETS = "application/vnd.jupyter.widget-{}+json"
VIEW = re.compile(rf'<script type="{re.escape(WIDGETS.format("view"))}">{{"model_id": "(\w+)"')

ICONS = re.compile(r'<script src="[^"]*/scripts/fontawesome\.js[^>]*></script>\s*')


class QuickDomain(StandardDomain):
    """Looks at a page once for all the figures of it that are named, and not once for each."""

    def _resolve_numref_xref(self, env: BuildEnvironment, *args: Any) -> Any:
        env.get_doctree = functools.partial(as_read, env.app)
        try:
            return super()._resolve_numref_xref(env, *args)
        finally:
            del env.get_doctree


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


def first_frame(state: dict[str, Any], model: str) -> str:
    """Return the picture that an explorer shows first: its last child is a stack of stacks of frames."""
    values = state[model]["state"]
    if "children" not in values:
        return values["value"]
    chosen = values.get("selected_index", -1)
    return first_frame(state, values["children"][chosen].removeprefix("IPY_MODEL_"))


def show_first_frames(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Put the first frame where an explorer will be: it is there before the explorer, and without scripts."""
    for file in list(context["script_files"]):
        if file.attributes.get("type") == WIDGETS.format("state"):
            # Behind the text: it weighs ten times as much.
            context["script_files"].remove(file)
            context["body"] += f'<script type="{WIDGETS.format("state")}">{file.attributes["body"]}</script>'
            state = json.loads(file.attributes["body"])["state"]
            context["body"] = VIEW.sub(
                lambda match, state=state: (
                    f'<div class="first-frame">{first_frame(state, match[1])}'
                    f"<noscript><p>Sliders need JavaScript.</p></noscript></div>{match[0]}"
                ),
                context["body"],
            )


def add_skip_links(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Let the Tab key reach explorers and theorems at once; the links show when they have the focus."""
    targets = {}

    def mark(match: re.Match[str]) -> str:
        name = f"explorer-{len(targets) + 1}"
        targets[name] = f"explorer {len(targets) + 1}"
        return f'<div class="first-frame" id="{name}" tabindex="-1">'

    if doctree is None:
        return
    context["body"] = re.sub('<div class="first-frame">', mark, context["body"])
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


def drop_icon_script(app: Sphinx, failure: Exception | None) -> None:
    """Drop half a megabyte of script that draws icons which the theme's style draws too."""
    if failure or app.builder.name != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        without = ICONS.sub("", text)
        if without != text:
            path.write_text(without, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    # Of all packages that are installed pybtex asks for its plugins again at each citation.
    pybtex.plugin.entry_points = functools.cache(pybtex.plugin.entry_points)
    app.add_domain(QuickDomain, override=True)
    app.connect("config-inited", use_published_address, priority=900)
    app.connect("env-get-updated", what_others_quote, priority=900)  # when all have their numbers
    app.connect("doctree-resolved", make_ids_unique)
    app.connect("html-page-context", mend_scripts, priority=900)
    app.connect("html-page-context", show_first_frames, priority=900)
    app.connect("html-page-context", add_skip_links, priority=900)
    app.connect("html-page-context", add_version_and_citation)
    app.connect("build-finished", drop_icon_script)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
