"""Checks on the pages: one quiet line under a statement, which unfolds to the code and its numbers.

A page that has been read (`doctree-read`) gets its cells that check something wrapped; when its numbers are
known, before the kinds of outputs are chosen (a post-transform), what they found becomes the title of a fold,
and each line of theirs names and links its claim.
"""

import ast
import math
import re
from typing import Any, NamedTuple

from docutils import nodes
from folds import fold
from labels import Named, named
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

LINE = re.compile(
    r"^(?P<label>[\w-]+)(?:, (?P<what>.*))?: measured (?P<measured>.+?), "
    r"predicted (?P<predicted>(?:<=|>=|=) [^,\n]+)(?:, ratio (?P<ratio>.+))?$",
    flags=re.MULTILINE,
)
MAGIC = re.compile(r"^\s*[%!].*$", flags=re.MULTILINE)
SIGNS = {"<=": "≤", ">=": "≥", "=": "="}


class Checked(NamedTuple):
    """What one line says."""

    label: str
    what: str
    measured: str
    predicted: str
    ratio: str

    @property
    def sign(self) -> str:
        return self.predicted.split(" ", 1)[0]

    @property
    def value(self) -> str:
        return f"{SIGNS[self.sign]} {self.predicted.split(' ', 1)[1]}"

    def slack(self) -> float:
        """Return how far the ratio is from one, on a logarithmic scale."""
        try:
            return abs(math.log(float(self.measured) / float(self.predicted.split(" ", 1)[1])))
        except (ValueError, ZeroDivisionError):  # zero, or below what is not rounding error
            return math.inf


class check(nodes.General, nodes.Element):
    """Cells that check something, one after the other."""


def lines(node: nodes.Node) -> list[Checked]:
    """Return what the cells within a part of a page say that they checked."""
    return [
        Checked(*(part or "" for part in match.groups()))
        for block in node.findall(nodes.literal_block)
        if "stream" in block["classes"]
        for match in LINE.finditer(block.astext())
    ]


def kind(node: nodes.Node, known: dict[str, str]) -> str:
    """Tell cells that check, by a letter for the first claim of each, from those that show nothing, s."""
    if not is_cell(node):
        return "."
    if found := lines(node):
        return known.setdefault(found[0].label, chr(0x400 + len(known)))
    return "." if any(part.get("nb_element") == "cell_code_output" for part in node) else "s"


def wrap(app: Sphinx, doctree: nodes.document) -> None:
    """Wrap the cells that check a claim, with those that only prepare it, between them or before."""
    for parent in {block.parent for block in doctree.findall(is_cell)}:
        known: dict[str, str] = {}
        kinds = "".join(kind(child, known) for child in parent)
        for match in reversed(list(re.finditer(r"([^.s])(?:s*\1)*", kinds))):
            parent[match.start() : match.end()] = [check("", *parent[match.start() : match.end()])]
    for node in list(doctree.findall(check))[::-1]:
        prepare(doctree, node)


def prepare(doctree: nodes.document, node: check) -> None:
    """Take into a check the cells before it that show nothing and whose names no open cell uses."""
    while (at := (parent := node.parent).index(node)) and kind(cell := parent[at - 1], {}) == "s":
        others = [other for other in doctree.findall(is_cell) if not isinstance(other.parent, check)]
        if names(cell, ast.Store) & set().union(
            *(names(other, ast.Load) for other in others if other is not cell)
        ):
            return
        parent.remove(cell)
        node.insert(0, cell)


def names(cell: nodes.Node, context: type[ast.expr_context]) -> set[str]:
    """Return the names that the code of a cell gives, functions among them, or uses."""
    code = "".join(part.astext() for part in cell if part.get("nb_element") == "cell_code_source")
    tree = ast.parse(MAGIC.sub("", code))
    found = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }
    if context is ast.Store:
        found |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        found |= {node.asname or node.name for node in ast.walk(tree) if isinstance(node, ast.alias)}
    return found


def is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def summary(found: list[Checked]) -> str:
    """Say in a few words what was found.

    >>> bound, equal = ("thm-a", "norm", "1.5", "<= 3", "0.50"), ("thm-a", "norm", "2.001", "= 2", "1.00")
    >>> summary([Checked(*bound)])
    'norm: measured 1.5, predicted ≤ 3'
    >>> error = Checked("thm-a", "gap", "< 1e-10", "<= 1e-9", "< 0.1")
    >>> summary([Checked(*bound), Checked(*equal), error])
    '1 number as predicted, to 0.05 %; 1 bound holds, by a factor of 2; 1 error < 1e-10'
    """
    if len(found) == 1:
        (one,) = found
        return f"{one.what}: measured {one.measured}, predicted {one.value}"
    errors = [one.measured for one in found if one.measured.startswith("<")]
    equal = [one.slack() for one in found if one.sign == "=" and not one.measured.startswith("<")]
    others = [one for one in found if one.sign != "=" and not one.measured.startswith("<")]
    bounds = [one for one in others if "control" not in one.what]
    controls = len(others) - len(bounds)
    parts = []
    if equal:
        off = max((math.expm1(slack) for slack in equal if math.isfinite(slack)), default=0)
        digits = f"{float(f'{100 * off:.1g}'):g} %" if off > 5e-5 else "four digits"
        parts.append(f"{len(equal)} {'numbers' if len(equal) > 1 else 'number'} as predicted, to {digits}")
    if bounds:
        tightest, many = math.exp(min(bound.slack() for bound in bounds)), len(bounds) > 1
        by = "with equality" if tightest < 1.0005 else f"by a factor of {tightest:.3g}"
        at = f", {'the tightest ' if many else ''}{by}" if math.isfinite(tightest) else ""
        parts.append(f"{len(bounds)} {'bounds hold' if many else 'bound holds'}{at}")
    if controls:
        parts.append(
            "1 control fails, as it must" if controls == 1 else f"{controls} controls fail, as they must"
        )
    if errors:
        least = max(errors, key=lambda error: float(error.removeprefix("< ")))
        parts.append(f"{len(errors)} {'errors' if len(errors) > 1 else 'error'} {least}")
    return "; ".join(parts)


def linked(names: dict[str, Named], address: Any, block: nodes.literal_block) -> None:
    """Name what the lines of a block are about, with links; say at a glance that they hold."""
    text, children, end = block.astext(), [], 0
    for match in LINE.finditer(text):
        if match["label"] in names:
            thing, start = names[match["label"]], match.start()
            children += [
                nodes.Text(text[end:start]),
                nodes.inline("", "✓", classes=["holds"]),
                nodes.Text(" "),
            ]
            children.append(nodes.reference("", thing.full, internal=True, refuri=address(thing)))
            end = match.end("label")
    if children:
        block.children = []
        block.extend([*children, nodes.Text(text[end:])])
        block.rawsource = ""  # or it would be highlighted, without the links


class Fold(SphinxPostTransform):
    """Fold the checks of a page to a line each; on paper they stay as they are."""

    default_priority = 150  # when numbers are known, before folds get their form

    def run(self, **kwargs: Any) -> None:
        page, names = self.env.docname, named(self.env)
        taken: set[str] = set()

        def address(thing: Named) -> str:
            there = "" if thing.page == page else self.app.builder.get_relative_uri(page, thing.page)
            return f"{there}#{thing.anchor}"

        for node in list(self.document.findall(check)):
            if self.app.builder.format != "html":
                node.replace_self(node.children)
                continue
            found = lines(node)
            labels = list(dict.fromkeys(one.label for one in found))
            about = [
                f"Equation {names[label].name}" if names[label].name[0] == "(" else names[label].name
                for label in labels
                if label in names
            ]
            for block in node.findall(nodes.literal_block):
                linked(names, address, block)
            said = f" {' and '.join(about)} checked: {summary(found)}"
            title = [nodes.inline("", "✓", classes=["holds"]), nodes.Text(said)]
            first, *others = (free_id(label, taken) for label in labels)
            title += [nodes.inline("", "", ids=[other]) for other in others]
            node.replace_self(fold("check", [first], title, node.children))


def free_id(label: str, taken: set[str]) -> str:
    """Return an id for the next check of a label: check-thm-a, check-thm-a-2, ..."""
    number, found = 1, f"check-{label}"
    while found in taken:
        number += 1
        found = f"check-{label}-{number}"
    taken.add(found)
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(check)
    app.connect("doctree-read", wrap)
    app.add_post_transform(Fold)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
