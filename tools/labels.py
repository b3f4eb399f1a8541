"""What readers call the things that labels name: "Theorem 2.1", "(2.3)", "Fig. 2.1", "Exercise 2.4"."""

from typing import Any, NamedTuple

from docutils import nodes
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
    found = {}
    for page, kinds in env.toc_fignumbers.items():
        for kind, numbers in kinds.items():
            for anchor, parts in numbers.items():
                number = ".".join(map(str, parts))
                label = anchor.removeprefix("equation-") if kind == "displaymath" else anchor
                statement = env.proof_list.get(label, {})
                item = statement or env.sphinx_exercise_registry.get(label, {})
                word = statement["realtype"].capitalize() if statement else WORDS[kind]
                name = f"{word} {number}" if word else f"({number})"
                found[label] = Named(page, anchor, name, item.get("title", ""))
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", keep_titles, priority=900)  # when all are registered
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
