"""The book as a PDF, through xelatex: what paper cannot do is replaced before the text is written.

Explorers become grids of frames with the address of the live page; proofs are open; solutions, code that only
draws, and the pages of the library stay on the web. Numbers are those of the pages.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import build_book
import yaml
from checks import LINE
from docutils import nodes
from explorers import explorer, place
from labels import Named, named
from quizzes import TITLE, answer, choice, quiz
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, solution_node
from sphinx_proof.nodes import proof_node

ROOT = build_book.ROOT
OUT = build_book.BUILD / "pdf"
NAME = "deep-linear-networks"
NEEDED = {
    "xelatex": "texlive-xetex",
    "latexmk": "latexmk",
    "rsvg-convert": "librsvg2-bin",
}
PACKAGES = (
    f"{' '.join(NEEDED.values())} texlive-latex-extra texlive-fonts-recommended lmodern fonts-dejavu-core"
)
MARGIN = 8  # points that a line may stick out without being seen to
PREAMBLE = r"""
\usepackage{amssymb, newunicodechar, pdflscape}
\usepackage[most]{tcolorbox}
\newunicodechar{≤}{\ensuremath{\le}}
\newunicodechar{≥}{\ensuremath{\ge}}
\newunicodechar{τ}{\ensuremath{\tau}}
\addto\captionsenglish{\renewcommand{\contentsname}{Contents}}
\newtcolorbox{statement}[1]{enhanced, breakable, boxrule=0pt, leftrule=2pt, arc=0pt, left=6pt, right=6pt,
  top=4pt, bottom=4pt, colback=blue!3, colframe=blue!45!black, coltitle=black, colbacktitle=blue!9,
  titlerule=0pt, fonttitle=\bfseries, before skip=4pt, after skip=8pt, lines before break=3, title={#1}}
\setlength{\emergencystretch}{3em}
"""


def raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="latex")


def page_of(node: nodes.Node) -> str:
    """Return the page from which a part of the text comes: sections know it, but for those of the first."""
    while node is not None and "docname" not in node:
        node = node.parent
    return "book/intro" if node is None else node["docname"]


def as_pdf(svg: str | Path, name: str) -> str:
    """Convert a picture; return where it is."""
    target = OUT / "pictures" / f"{name}.pdf"
    target.parent.mkdir(parents=True, exist_ok=True)
    text = svg if isinstance(svg, str) else svg.read_text(encoding="utf-8")
    subprocess.run(["rsvg-convert", "--format=pdf", f"--output={target}"], input=text.encode(), check=True)
    return str(target)


def picture(env: BuildEnvironment, page: str, path: str, **options: str) -> nodes.image:
    """Return a node for a picture, which the builder copies beside the text."""
    env.images.add_file(page, path)
    return nodes.image("", uri=path, candidates={"*": path}, **options)


def chosen(n: int, most: int) -> list[int]:
    """Return at most so many indices, spread evenly from the first to the last."""
    return sorted({round(i * (n - 1) / (most - 1)) for i in range(most)}) if n > most else list(range(n))


def shown(node: explorer) -> Iterator[int]:
    """Yield the places of some frames of an explorer, evenly spread over the values of each control."""
    sizes = [len(labels) for _, labels in node["controls"]]
    most = 6 if len(sizes) == 1 else 3
    for places in product(*(chosen(size, most) for size in sizes)):
        yield place(node["controls"], places)


class ForPaper(SphinxPostTransform):
    """Replace what lives on the page only, before the kinds of outputs are chosen."""

    default_priority = 2
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        for solution in list(self.document.findall(solution_node)):
            solution.parent.remove(solution)
        for link in self.document.findall(nodes.reference):
            if "laboratory" in link["classes"]:
                link["refuri"] = f"{self.config.html_baseurl}book/{link['refuri']}"
        for asked in list(self.document.findall(quiz)):
            title = nodes.paragraph(
                "", "", nodes.strong("", f"{TITLE}. "), nodes.Text("(The answers are on the page.)")
            )
            choices = [
                nodes.list_item("", nodes.paragraph("", "", *item.children)) for item in asked.findall(choice)
            ]
            question = [part for part in asked if not isinstance(part, answer)]
            asked.replace_self([title, *question, nodes.bullet_list("", *choices)])
        for link in list(self.document.findall(addnodes.pending_xref)):
            if link["reftarget"].startswith("book/api/"):
                page = f"{self.config.html_baseurl}{link['reftarget']}.html"
                link.replace_self(nodes.reference("", "", *link.children, refuri=page))
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") == "cell_code" and "tag_hide-input" in cell["classes"]:
                cell.children = [part for part in cell if part.get("nb_element") != "cell_code_source"]
        for view in list(self.document.findall(explorer)):
            view.replace_self(self.grid(view))
        for image in self.document.findall(nodes.image):
            if image["uri"].endswith(".svg"):
                source = Path(self.app.srcdir) / image["uri"]
                path = as_pdf(source, source.stem)
                self.env.images.add_file(page_of(image), path)
                image["uri"], image["candidates"] = path, {"*": path}

    def grid(self, view: explorer) -> list[nodes.Node]:
        """Return some frames of an explorer with their settings, and where the sliders are."""
        page = page_of(view)
        paragraphs: list[nodes.Node] = []
        for i, at in enumerate(shown(view)):
            setting = view["descriptions"][at].partition(":")[0]
            paragraphs += [
                raw(r"\begin{minipage}[t]{0.32\linewidth}\centering\footnotesize "),
                nodes.inline("", "", nodes.Text(setting)),
                raw(r"\\"),
                picture(self.env, page, view["frames"][at], width="100%"),
                raw(r"\end{minipage}\hfill" if i % 3 < 2 else r"\end{minipage}\par\smallskip "),
            ]
        address = f"{self.config.html_baseurl}{page}.html"
        where = nodes.paragraph(
            "",
            "Some frames of an explorer; with its sliders it is at ",
            nodes.reference("", address, refuri=address),
        )
        return [nodes.paragraph("", "", raw(r"\noindent "), *paragraphs), where]


def label_of(*parts: str) -> str:
    """Return what links to a place lead to."""
    return rf"\phantomsection\label{{\detokenize{{{':'.join(parts)}}}}}"


def statement(thing: Named, content: list[nodes.Node]) -> list[nodes.Node]:
    """Return a box with the name and the title of a statement or an exercise."""
    title = [nodes.Text(f" ({thing.title})")] if thing.title else []
    labels = label_of(thing.page, thing.anchor) + label_of("exercise", thing.anchor)
    begin = [raw(r"\begin{statement}{"), nodes.Text(thing.name), *title, raw(f"}}{labels}")]
    return [nodes.paragraph("", "", *begin), *content, raw(r"\end{statement}")]


def set_boxes(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give statements, exercises, proofs, tables and checks their looks, when all references are known."""
    if app.builder.name != "latex":
        return
    names = named(app.env)
    set_front_and_back(doctree)
    for node in list(doctree.findall(nodes.Element)):
        if node.parent is None:
            continue
        if "realtype" in node:
            content = [part for part in node.children if not isinstance(part, nodes.title)]
            node.replace_self(statement(names[node["label"]], content))
        elif isinstance(node, exercise_node | exercise_enumerable_node):
            node.replace_self(statement(names[node["label"]], node.children[1:]))
        elif node.get("design_component") == "dropdown":
            if proof := next(node.findall(proof_node), None):
                inside = [part for box in proof.findall(nodes.admonition) for part in box.children]
                first, last = inside[0], inside[-1]
                if isinstance(first[0], nodes.Text):
                    first[0] = nodes.Text(first[0].removeprefix("Proof. "))
                first.insert(0, nodes.emphasis("", "Proof. "))
                if isinstance(last, nodes.paragraph):
                    last += raw(r"\hfill$\square$")
                node.replace_self(inside)
        elif isinstance(node, nodes.table):
            set_columns(node)
        elif isinstance(node, nodes.literal_block) and LINE.search(node.astext()):
            text = LINE.sub(lambda line: line[0].replace(line[1], full(names, line[1]), 1), node.astext())
            node.children, node.rawsource = [nodes.Text(text)], text


def set_columns(table: nodes.table) -> None:
    """Let a table break across pages, and share the width among its columns."""
    rows = [[len(cell.astext()) for cell in row] for row in table.findall(nodes.row)]
    columns = [list(filter(None, lengths)) or [0] for lengths in zip(*rows, strict=True)]
    widths = [max(14, min(45, sum(lengths) // len(lengths))) for lengths in columns]
    table["classes"].append("longtable")
    spec = addnodes.tabular_col_spec()
    spec["spec"] = "".join(rf"\X{{{width}}}{{{sum(widths)}}}" for width in widths)
    turned = len(widths) == 4  # that of the errata, with formulas that do not break
    begin, end = (r"\begin{landscape}", r"\end{landscape}") if turned else ("", "")
    table.replace_self([raw(rf"{begin}\begingroup\footnotesize "), spec, table, raw(rf"\endgroup{end}")])


def set_front_and_back(doctree: nodes.document) -> None:
    """Leave the numbers of chapters to the sessions, and those of appendices to what follows them."""
    for section in list(doctree.findall(nodes.section)):
        if page_of(section) == "book/intro" and isinstance(section.parent, nodes.section):
            title = nodes.paragraph("", "", raw(r"\section*{"), *section[0].children, raw("}"))
            section.replace_self([title, *section.children[1:]])
    for page in doctree.findall(addnodes.start_of_file):
        if page["docname"] == "book/notation":
            page.insert(0, raw(r"\appendix"))
        elif page["docname"] == "book/references":  # the bibliography has a chapter of its own
            page.children = [raw(label_of("book/references", ":doc"))]
    for work in doctree.findall(nodes.citation):
        work[-1].insert(0, raw(label_of("book/references", work["ids"][0])))


def full(names: dict[str, Named], label: str) -> str:
    return f"✓ {names[label].full}" if label in names else label


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(ForPaper)
    app.connect("doctree-resolved", set_boxes, priority=950)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def configuration() -> dict[str, Any]:
    """Return the configuration of the pages, with what is different on paper."""
    from jupyter_book.config import get_final_config

    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    kept = [part for part in toc["parts"] if part.get("caption") != "Library"]
    # On paper chapters count from the first: what has no caption, the laboratory, comes last.
    toc["parts"] = sorted(kept, key=lambda part: "caption" not in part)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False))
    config, _ = get_final_config(
        user_yaml=ROOT / "_config.yml", sourcedir=ROOT, cli_config={"latex_individualpages": False}
    )
    web = {"sphinx_jupyterbook_latex", "sphinx_thebe"}
    config["extensions"] = [name for name in config["extensions"] if name not in web] + ["pdf"]
    return config | {
        "external_toc_path": str(OUT / "_toc.yml"),
        "nb_execution_cache_path": str(build_book.BUILD / ".jupyter_cache"),
        "nb_mime_priority_overrides": [("latex", "image/svg+xml", 0)],
        "latex_engine": "xelatex",
        "latex_documents": [
            ("book/intro", f"{NAME}.tex", "Deep linear networks", config["author"], "manual")
        ],
        "latex_use_xindy": False,
        "latex_domain_indices": False,
        "latex_show_urls": "no",
        "latex_elements": {
            "papersize": "a4paper",
            "pointsize": "11pt",
            "fncychap": "",
            "printindex": "",
            "extraclassoptions": "openany,oneside",
            "fontpkg": "\\setmainfont{Latin Modern Roman}\n\\setsansfont{Latin Modern Sans}\n"
            "\\setmonofont[Scale=0.85]{DejaVu Sans Mono}",
            "preamble": PREAMBLE,
        },
    }


def faults(names: dict[str, Named]) -> list[str]:
    """Return what is wrong with the PDF: what TeX says, and numbers that are not those of the pages."""
    log = (OUT / "latex" / f"{NAME}.log").read_text(encoding="utf-8", errors="replace").replace("\n", "")
    found = re.findall(r"Missing character: .{60}|Reference `[^']*' on page \d+ undefined", log)
    for wide in re.findall(r"Overfull \\hbox \((\d+)\.\d+pt too wide\)[^\[]{0,60}", log):
        if int(wide) > MARGIN:
            found.append(f"a line that is {wide} pt too wide: see {NAME}.log")
    aux = (OUT / "latex" / f"{NAME}.aux").read_text(encoding="utf-8")
    numbers = dict(re.findall(r"\\newlabel\{equation:[^:}]*:([^}]*)\}\{\{([\d.]*)\}", aux))
    for label, number in numbers.items():
        if names[label].name != f"({number})":
            found.append(f"{label} is {names[label].name} on its page, ({number}) in the PDF")
    if not numbers:
        found.append("no equation has a number")
    return found


def main() -> int:
    if absent := [command for command in NEEDED if shutil.which(command) is None]:
        print(f"{', '.join(absent)} not found; on Debian: apt-get install --no-install-recommends {PACKAGES}")
        return 1
    build_book.refresh()
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            srcdir=ROOT,
            confdir=None,
            outdir=OUT / "latex",
            doctreedir=OUT / "doctrees",
            buildername="latex",
            confoverrides=configuration(),
            status=None,
            warningiserror=True,
            keep_going=True,
        )
        app.build(force_all=True)
        if app.statuscode:
            return app.statuscode
    run = subprocess.run(
        ["latexmk", "-xelatex", "-interaction=nonstopmode", "-halt-on-error", f"{NAME}.tex"],
        cwd=OUT / "latex",
        capture_output=True,
        text=True,
        errors="replace",
    )
    if run.returncode:
        print(run.stdout[-3000:], file=sys.stderr)
        return 1
    if wrong := faults(named(app.env)):
        print("\n".join(wrong), file=sys.stderr)
        return 1
    shutil.copy(OUT / "latex" / f"{NAME}.pdf", OUT)
    print(f"The PDF: {OUT / f'{NAME}.pdf'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
