"""What is folded away: who follows an address into a solution, or searches in the page, finds it open.

sphinx-exercise leaves the folding to a script, which neither addresses nor the search of a browser open. Here
a solution becomes a fold of HTML (a post-transform), as checks do.
"""

from collections.abc import Iterable
from typing import Any

from docutils import nodes
from labels import named
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_design.shared import create_component
from sphinx_exercise.nodes import solution_node


def fold(
    kind: str, ids: list[str], title: Iterable[nodes.Node], content: Iterable[nodes.Node]
) -> nodes.container:
    """Return what sphinx-design makes of `{dropdown}`: a title, and what it unfolds."""
    return create_component(
        "dropdown",
        children=[nodes.rubric("", "", *title, ids=ids), *content],
        has_title=True,
        opened=False,
        icon=None,
        chevron=None,
        container_classes=[kind],
        title_classes=[],
        body_classes=[],
    )


class Solutions(SphinxPostTransform):
    """Fold the solutions of a page."""

    default_priority = 150  # when their titles have numbers, before folds get their form
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        names = named(self.env)
        for solution in list(self.document.findall(solution_node)):
            title = nodes.Text(f"Solution to {names[solution['target_label']].full}")
            solution.replace_self(fold("solution", solution["ids"], [title], solution.children[1:]))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(Solutions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
