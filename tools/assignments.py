"""The page of assignments, and the notebooks for students that it offers.

The masters, with solutions and hidden tests, are in the folder that the variable ASSIGNMENTS names, by
default in `assignments`; nothing of them but what students get comes near the site.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from grading import masters, student
from plain_notebooks import COLAB, FOLDER
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parent.parent
PLACE = f"{FOLDER}/assignments"


def found() -> list[Path]:
    """Return the masters, in the order of the sessions."""
    return sorted(
        Path(os.environ.get("ASSIGNMENTS", ROOT / "assignments")).glob("*.ipynb"),
        key=lambda path: masters.read(path).about["number"],
    )


def write(out: Path, install: str) -> None:
    """Write the notebooks for students."""
    out.mkdir(parents=True, exist_ok=True)
    for path in found():
        nbformat.write(student.notebook(masters.read(path), install), out / path.name)


class assignments_list(nodes.General, nodes.Element):
    """Where the list of the assignments goes."""


class AssignmentsList(SphinxDirective):
    """The directive for it."""

    def run(self) -> list[nodes.Node]:
        for path in found():
            self.env.note_dependency(str(path))
        return [assignments_list()]


def link(text: str, address: str) -> nodes.reference:
    return nodes.reference("", text, refuri=address)


def item(app: Sphinx, page: str, path: Path) -> nodes.definition_list_item:
    """Return what the list says of one assignment."""
    assignment = masters.read(path)
    about = assignment.about
    session = f"book/{about['session']}"
    repository = app.config.html_theme_options["repository_url"].removeprefix("https://github.com/")
    where = f"assignments/{path.name}"
    binder = f"https://mybinder.org/v2/gh/{repository}/{FOLDER}?urlpath=lab/tree/{where}"
    colab = f"https://colab.research.google.com/github/{repository}/blob/{FOLDER}/{where}"
    points = sum(question.points for question in assignment.questions)
    goals = nodes.paragraph(
        "",
        "After ",
        link(app.env.titles[session].astext(), app.builder.get_relative_uri(page, session)),
        nodes.Text(f"; {about['minutes']} minutes, {points:g} points. You will {about['goals']}."),
    )
    ways = nodes.paragraph(
        "",
        "",
        link("Download", f"{'../' * page.count('/')}{PLACE}/{path.name}"),
        nodes.Text(", or open on "),
        link("Binder", binder),
        nodes.Text(" or "),
        link("Colab", colab),
        nodes.Text("."),
    )
    term = nodes.term("", f"{about['number']}. {about['title']}")
    return nodes.definition_list_item("", term, nodes.definition("", goals, ways))


def fill(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Write the list."""
    for place in list(doctree.findall(assignments_list)):
        place.replace_self(nodes.definition_list("", *(item(app, page, path) for path in found())))


def publish(app: Sphinx, failure: Exception | None) -> None:
    """Put the notebooks for students beside the plain notebooks, where Binder and Colab find them."""
    folder = Path(app.outdir) / FOLDER
    if failure or app.builder.name != "html" or not (wheels := list(folder.glob("*.whl"))):
        return
    address = f"{app.config.html_theme_options['repository_url']}/raw/{FOLDER}/{wheels[0].name}"
    shutil.rmtree(Path(app.outdir) / PLACE, ignore_errors=True)  # of assignments that are not there any more
    write(Path(app.outdir) / PLACE, COLAB.format(wheel=address))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(assignments_list)
    app.add_directive("assignments", AssignmentsList)
    app.connect("doctree-resolved", fill)
    app.connect("build-finished", publish, priority=600)  # after the library's wheel
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def main() -> int:
    out = ROOT / "_build" / "assignments"
    write(out, "%pip install -q dlnlab")
    print(f"The notebooks for students: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
