"""The pages of the library: built from its docstrings, linked with the chapters both ways.

A function's page names the first section of every chapter that uses it; on a chapter's page the first use of
every function is a link to what it does.
"""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).resolve().parent.parent
PAGES = "book/api/"
PREFIX = r"(?:dl|exact|experiments|figures|rules)"
USE = re.compile(rf"\b{PREFIX}\.(\w+(?:\.\w+)*)")
# The same in the highlighted code of a page, up to the name that is linked.
DOT = '<span class="o">.</span>'
NAME = r'<span class="[a-z]+">{}</span>'
HIGHLIGHTED = re.compile(
    f"({NAME.format(PREFIX)}{re.escape(DOT)}(?:{NAME.format('(?:rules|figures|exact|noise)')}{re.escape(DOT)})?)"
    rf'(<span class="[a-z]+">(\w+)</span>)'
)
MODULES = {path.stem for path in (ROOT / "dlnlab").rglob("*.py")} | {
    path.parent.name for path in (ROOT / "dlnlab").rglob("__init__.py")
}


def members(module: ModuleType) -> list[str]:
    """Return the public classes and functions that a module hands out, in its order."""
    names = getattr(module, "__all__", None) or [
        name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__
    ]
    return [
        name
        for name in names
        if not name.startswith("_") and callable(getattr(module, name)) and getattr(module, name).__doc__
    ]


def summarise(app: Sphinx, what: str, name: str, module: Any, options: Any, lines: list[str]) -> None:
    """Put the table of a module's functions behind its docstring."""
    if what == "module":
        lines += ["", ".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {member}" for member in members(module)]


def is_part(node: nodes.Node) -> bool:
    """Tell whether a node is a section of the page, and not one within a directive."""
    return isinstance(node, nodes.section) and isinstance(node.parent, nodes.section | nodes.document)


def record(app: Sphinx, doctree: nodes.document) -> None:
    """Note the first section of a page that uses each function."""
    page, uses = app.env.docname, {}
    if not page.startswith(PAGES):
        for block in doctree.findall(nodes.literal_block):
            section = block.parent
            # Not the sections within an exercise or a solution.
            while section is not None and not is_part(section):
                section = section.parent
            if section is not None:
                for name in USE.findall(block.astext()):
                    for part in name.split("."):
                        title = [child.deepcopy() for child in section[0].children]
                        uses.setdefault(part, (section["ids"][0], title))
    all_uses(app.env)[page] = uses


def all_uses(env: BuildEnvironment) -> dict[str, dict[str, tuple[str, list[nodes.Node]]]]:
    if not hasattr(env, "dlnlab_uses"):
        env.dlnlab_uses = {}
    return env.dlnlab_uses


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    all_uses(env).pop(page, None)


def of_changed_chapters(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Have these pages written again when a chapter uses other functions, or uses them elsewhere."""
    current = repr(
        sorted(
            (page, sorted((name, use[0]) for name, use in uses.items()))
            for page, uses in all_uses(env).items()
        )
    )
    before, env.dlnlab_used = getattr(env, "dlnlab_used", None), current
    return [page for page in env.all_docs if page.startswith(PAGES)] if current != before else []


def merge(app: Sphinx, env: BuildEnvironment, pages: set[str], other: BuildEnvironment) -> None:
    all_uses(env).update({page: uses for page, uses in all_uses(other).items() if page in pages})


def link_sections(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Say under every function where the book uses it."""
    if not page.startswith(PAGES):
        return
    order = [
        name for name in app.env.toctree_includes.get(app.config.root_doc, []) if name in all_uses(app.env)
    ]
    for description in doctree.findall(addnodes.desc):
        if description["objtype"] not in {"function", "class", "exception"}:
            continue
        name = description.next_node(addnodes.desc_signature)["fullname"]
        paragraph = nodes.paragraph("", "", nodes.strong("", "In the book: "), classes=["used-in"])
        for chapter in order:
            if name in all_uses(app.env)[chapter]:
                section, title = all_uses(app.env)[chapter][name]
                address = f"{app.builder.get_relative_uri(page, chapter)}#{section}"
                numbers = app.env.toc_secnumbers.get(chapter, {})
                number = numbers.get(f"#{section}") or numbers.get("", ())
                link = nodes.reference("", "", internal=True, refuri=address)
                link += nodes.Text(".".join(map(str, number)) + " ")
                link += [child.deepcopy() for child in title]
                if len(paragraph) > 1:
                    paragraph += nodes.Text("; ")
                paragraph += link
        if len(paragraph) > 1:
            content = description.next_node(addnodes.desc_content)
            methods = [i for i, child in enumerate(content) if isinstance(child, addnodes.desc)]
            content.insert(methods[0] if methods else len(content), paragraph)


def link_calls(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Make the first use of every function on a page a link to its description."""
    if doctree is None or page.startswith(PAGES):
        return
    targets = {
        name.rpartition(".")[2]: f"{app.builder.get_relative_uri(page, entry.docname)}#{entry.node_id}"
        for name, entry in app.env.get_domain("py").objects.items()
        if entry.objtype in {"function", "class", "exception"}
    }
    linked: set[str] = set()

    def link(match: re.Match[str]) -> str:
        before, span, name = match.groups()
        if name not in targets or name in linked:
            return match[0]
        linked.add(name)
        return f'{before}<a class="api" href="{targets[name]}">{span}</a>'

    context["body"] = HIGHLIGHTED.sub(link, context["body"])


def resolve(
    app: Sphinx, env: BuildEnvironment, node: nodes.Element, content: nodes.Node
) -> nodes.Node | None:
    """Find what a docstring names without its room; leave modules and other libraries as they are written."""
    if node.get("refdomain") != "py":
        return None
    target, domain = node["reftarget"], env.get_domain("py")
    found = [name for name in domain.objects if name == target or name.endswith(f".{target}")]
    if target.rpartition(".")[2] in MODULES or target.startswith(("numpy.", "scipy.", "joblib.")):
        return content
    if not found:
        found = [name for name in domain.objects if name.rpartition(".")[2] == target.rpartition(".")[2]]
    if not found:
        return None
    entry = domain.objects[found[0]]
    address = f"{app.builder.get_relative_uri(node['refdoc'], entry.docname)}#{entry.node_id}"
    return nodes.reference("", "", content, internal=True, refuri=address)


def source(domain: str, information: dict[str, str]) -> str | None:
    """Return where the source of a function is on the web."""
    thing: Any = importlib.import_module(information["module"])
    for part in information["fullname"].split("."):
        thing = getattr(thing, part, None)
    thing = inspect.unwrap(thing) if callable(thing) else None
    if not (inspect.isfunction(thing) or inspect.isclass(thing)):
        return None
    lines, first = inspect.getsourcelines(thing)
    path = Path(inspect.getsourcefile(thing)).resolve().relative_to(ROOT / "dlnlab")
    return f"{source.repository}/dlnlab/{path.as_posix()}#L{first}-L{first + len(lines) - 1}"


def use_repository(app: Sphinx, config: Config) -> None:
    options = config.html_theme_options
    source.repository = f"{options['repository_url']}/blob/{options.get('repository_branch') or 'main'}"
    config.linkcode_resolve = source


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("sphinx.ext.linkcode")
    app.connect("config-inited", use_repository, priority=950)  # after the published address
    app.connect("autodoc-process-docstring", summarise)
    app.connect("doctree-read", record)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("env-get-updated", of_changed_chapters)
    app.connect("missing-reference", resolve)
    app.connect("doctree-resolved", link_sections)
    app.connect("html-page-context", link_calls)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
