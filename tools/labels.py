"""What readers call the things that labels name: "Theorem 2.1", "(2.3)", "Fig. 2.1", "Exercise 2.4"."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from pybtex.database import Entry
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

WORDS = {"figure": "Fig.", "displaymath": "", "exercise": "Exercise"}


class Named(NamedTuple):
    """A numbered thing of the book: its page without suffix, its id there, its name and its title."""

    page: str
    anchor: str
    name: str
    title: str = ""

    @property
    def full(self) -> str:
        return f"{self.name} ({self.title})" if self.title else self.name


def keep_titles(app: Sphinx, doctree: nodes.document) -> None:
    """Note the titles of statements and exercises, which their extensions do not keep."""
    for node in doctree.findall(nodes.Element):
        label = node.get("label")
        if "realtype" in node and label in app.env.proof_list:
            app.env.proof_list[label]["title"] = node["title"].strip().removeprefix("(").removesuffix(")")
        elif node.get("type") == "exercise" and label in app.env.sphinx_exercise_registry:
            subtitle = node[0].astext().removeprefix(node["title"])
            app.env.sphinx_exercise_registry[label]["title"] = subtitle


def named(env: BuildEnvironment) -> dict[str, Named]:
    """Return all statements, exercises, equations and figures, by their labels."""
    statements = getattr(env, "proof_list", {})
    exercises = getattr(env, "sphinx_exercise_registry", {})
    found = {}
    for page, kinds in env.toc_fignumbers.items():
        for kind, numbers in kinds.items():
            for anchor, parts in numbers.items():
                number = ".".join(map(str, parts))
                label = anchor.removeprefix("equation-") if kind == "displaymath" else anchor
                statement = statements.get(label, {})
                item = statement or exercises.get(label, {})
                word = statement["realtype"].capitalize() if statement else WORDS[kind]
                name = f"{word} {number}" if word else f"({number})"
                found[label] = Named(page, anchor, name, item.get("title", ""))
    return found


def is_session(app: Sphinx, page: str) -> bool:
    """Tell whether a page is a chapter, and not text alone."""
    return page in app.env.found_docs and Path(app.env.doc2path(page)).suffix == ".ipynb"


@cache
def as_read(app: Sphinx, page: str) -> nodes.document:
    """Return a page to look at, and not to change: it is read from the disk once."""
    return BuildEnvironment.get_doctree(app.env, page)


def author_year(entry: Entry) -> tuple[str, str]:
    """Return the authors of a work, as a citation names them, and its year."""
    authors = [
        " ".join(str(part) for part in person.rich_prelast_names + person.rich_last_names)
        for person in entry.persons["author"]
    ]
    who = " and ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."
    return who, entry.fields["year"]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", keep_titles, priority=900)  # when all are registered
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
