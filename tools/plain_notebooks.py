"""Chapters as notebooks that read right with nothing but CommonMark and MathJax.

JupyterLab, Colab, VS Code and GitHub know neither the directives nor the numbers of these pages. Here the
directives become the HTML that Markdown allows, the references get their numbers from the build, and the
outputs are those of the page. What has no plain form stops the build.
"""

import re
import shutil
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import build_book
import laboratory
import nbformat
import quizzes
from hatchling.builders.wheel import WheelBuilder
from labels import Named, author_year, is_session, named
from nbformat import NotebookNode
from pybtex.backends.markdown import Backend
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError

ROOT = Path(__file__).resolve().parent.parent
TITLE = "Deep linear networks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
#: the folder of the site that has the notebooks, and the branch that they are published to
FOLDER = "notebooks"
STATEMENTS = {"corollary", "definition", "lemma", "proposition", "theorem"}
ROLE = re.compile(r"\{([\w:]+)\}`([^`]+)`")
LINK = re.compile(r"\]\(([\w/-]+)\.md(#[\w-]+)?\)")
OPENING = re.compile(r"(:{3,})\{([\w:-]+)\} *(.*)")
OPTION = re.compile(r":([\w-]+): *(.*)")
EQUATION = re.compile(r"( *)\$\$ *\(([\w-]+)\)")
TARGET = re.compile(r"\(([\w-]+)\)=")
GATE = re.compile(r"^(:{3,})\{solution-(?:start|end)\} ?([\w-]*)\n(?:.*\n)*?\1$", flags=re.MULTILINE)
COLAB = """\
# On Colab the library comes from where this notebook comes from.
import sys

if "google.colab" in sys.modules:
    %pip install -q {wheel}"""


def through(lines: Iterator[str], closing: str) -> Iterator[str]:
    """Yield the lines before a closing one, which is used up."""
    return takewhile(lambda line: line.strip() != closing, lines)


class Chapter:
    """One chapter on its way to a plain notebook."""

    def __init__(self, env: BuildEnvironment, page: str, site: str):
        self.page, self.site = page, site
        self.names = named(env)
        self.entries = {item.key: item for item in env.get_domain("cite").citations}
        self.sections = iter(env.toc_secnumbers[page].values())
        self.cited: set[str] = set()
        #: the exercise whose solution is open, which may take several cells
        self.solved = ""

    def fail(self, what: str) -> SphinxError:
        return SphinxError(f"{self.page}: {what} has no plain form; tools/plain_notebooks.py gives it one")

    def named(self, label: str) -> Named:
        if label not in self.names:
            what = (
                f"no statement, exercise, figure or equation has the label {label}"
                if label
                else ("a statement or exercise has no label: write one below its first line")
            )
            raise SphinxError(f"{self.page}: {what}")
        return self.names[label]

    def citation(self, keys: str, textual: bool) -> str:
        """Return a citation as the page has it, linked to the list at the end of the notebook."""
        parts = []
        for key in keys.replace(" ", "").split(","):
            if key not in self.entries:
                raise SphinxError(f"{self.page}: book/references.bib has no {key}, which is cited")
            self.cited.add(key)
            who, year = author_year(self.entries[key].entry)
            year = f"[{year}](#cite-{key})"
            parts.append(f"{who} \\[{year}\\]" if textual else f"{who}, {year}")
        return ", ".join(parts) if textual else f"\\[{', '.join(parts)}\\]"

    def inline(self, line: str) -> str:
        """Resolve the roles of a line, and its links to pages that are no notebooks."""

        def role(match: re.Match[str]) -> str:
            kind, target = match.groups()
            if kind in {"cite:t", "cite:p"}:
                return self.citation(target, kind == "cite:t")
            if kind in {"eq", "ref", "numref", "prf:ref"}:
                thing = self.named(target)
                notebook = "" if thing.page == self.page else f"{Path(thing.page).name}.ipynb"
                return f"[{thing.name}]({notebook}#{thing.anchor})"
            if kind == "lab":
                try:
                    text, query = laboratory.address_of(target)
                except ValueError as error:
                    raise SphinxError(f"{self.page}: {error}") from error
                return f"[{text}]({self.site}{laboratory.PAGE}.html?{query})"
            raise self.fail(f"the role {kind}")

        return LINK.sub(rf"]({self.site}book/\1.html\2)", ROLE.sub(role, line))

    def directive(self, kind: str, argument: str, options: dict[str, str], body: list[str]) -> list[str]:
        """Return a directive, whose body is plain already, as HTML around Markdown."""
        kind = kind.removeprefix("prf:")
        if kind == "proof":  # in a fold that says so
            return body
        if kind in STATEMENTS or kind == "exercise":
            label = options.get("label", "")
            thing = self.named(label)
            title = f"**{thing.name}**" + (f" ({thing.title})" if thing.title else "")
            # Not the > of Markdown, which would end up in displayed formulas.
            return [f'<blockquote><a id="{label}"></a>', "", f"{title}.", "", *body, "", "</blockquote>"]
        if kind == "admonition":
            return ["<blockquote>", "", f"**{argument}.**", "", *body, "", "</blockquote>"]
        if kind in {"dropdown", "solution"}:
            title = argument if kind == "dropdown" else f"Solution of {self.named(argument).name.lower()}"
            return ["<details>", f"<summary>{title}</summary>", "", *body, "", "</details>"]
        if kind == "quiz":
            quiz = quizzes.asked(body, int(options["right"]))
            title = f"**{quizzes.TITLE}.**"
            choices = [f"- {text}" for text, _ in quiz.answers]
            said = [f"- {text}: {said}" for text, said in quiz.answers]
            fold = ["<details>", "<summary>Answers</summary>", "", *said, "", "</details>"]
            question = "\n\n".join(quiz.question)
            return ["<blockquote>", "", f"{title} {question}", "", *choices, "", *fold, "", "</blockquote>"]
        raise self.fail(f"the directive {kind}")

    def markdown(self, lines: Iterator[str]) -> list[str]:
        """Return lines in plain Markdown."""
        plain: list[str] = []
        for line in lines:
            if line.lstrip().startswith("```"):
                indent = line.partition("`")[0]
                plain += [line, *through(lines, "```"), f"{indent}```"]
            elif match := OPENING.fullmatch(line):
                fence, kind, argument = match.groups()
                body = list(through(lines, fence))
                n_options = sum(1 for _ in takewhile(OPTION.fullmatch, body))
                options = dict(OPTION.fullmatch(option).groups() for option in body[:n_options])
                content = self.markdown(iter(body[n_options:]))
                plain += self.directive(kind, argument, options, content)
            elif match := EQUATION.fullmatch(line):
                indent, label = match.groups()
                opening = max(i for i, before in enumerate(plain) if before.strip() == "$$")
                plain[opening:opening] = [f'{indent}<a id="equation-{label}"></a>', ""]
                plain += [f"{indent}\\tag{{{self.named(label).name[1:-1]}}}", f"{indent}$$"]
            elif match := TARGET.fullmatch(line):
                plain += [f'<a id="{match[1]}"></a>', ""]
            elif not line.startswith("% "):  # a comment
                plain.append(self.inline(line))
        return plain

    def ungated(self, source: str) -> str:
        """Return the text of a cell with the parts of solutions that it holds as solutions of their own."""
        pieces, position = [], 0
        for gate in [*GATE.finditer(source), None]:
            piece = source[position : gate.start() if gate else None]
            if self.solved and piece.strip():
                piece = f":::::{{solution}} {self.solved}\n{piece.strip()}\n:::::"
            pieces.append(piece)
            if gate:
                self.solved, position = gate[2], gate.end()
        return "\n\n".join(piece.strip() for piece in pieces if piece.strip())

    def numbered(self, source: str) -> str:
        """Give the headings their numbers."""
        return re.sub(r"^(#+) ", lambda match: f"{match[1]} {self.number()} ", source, flags=re.MULTILINE)

    def number(self) -> str:
        return ".".join(map(str, next(self.sections))) + "."

    def cells(self, cell: NotebookNode, wheel: str) -> Iterator[NotebookNode]:
        """Yield a cell in plain form, and after a figure its caption."""
        if cell.cell_type == "markdown":
            lines = self.markdown(iter(self.numbered(self.ungated(cell.source)).splitlines()))
            if lines:
                source = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
                yield nbformat.v4.new_markdown_cell(source, id=cell.id)
            return
        source = COLAB.format(wheel=wheel) if "google.colab" in cell.source else self.labels(cell.source)
        outputs = [plain for output in cell.outputs for plain in self.output(output)]
        plain = nbformat.v4.new_code_cell(source, id=cell.id, outputs=outputs)
        if self.solved:
            # The first says what the last does, for older tools; JupyterLab would add it.
            plain.metadata["collapsed"] = True
            plain.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
        yield plain
        figure = cell.metadata.get("mystnb", {}).get("figure")
        if figure:
            thing = self.named(figure["name"])
            text = f'<a id="{thing.anchor}"></a>**{thing.name}** {self.inline(figure["caption"])}'
            yield nbformat.v4.new_markdown_cell(text, id=f"{cell.id}-caption")
        elif "dl.explore(" in cell.source:
            page = f"{self.site}{self.page}.html"
            text = f"*Run the cell to move the sliders, or move them on [the page]({page}).*"
            yield nbformat.v4.new_markdown_cell(text, id=f"{cell.id}-explorer")

    def labels(self, text: str) -> str:
        """Name the statements that checks are about as the page does."""
        return re.sub(
            r"(?<=[\"'])((?:thm|prop|lem|cor|def|ex|eq|fig)-[\w-]+)(?=[\"'])",
            lambda match: self.named(match[1]).full if match[1] in self.names else match[0],
            text,
        )

    def output(self, output: NotebookNode) -> Iterator[NotebookNode]:
        """Yield an output of the page's run; of a widget, which takes a kernel, the picture."""
        if output.output_type == "stream":
            text = re.sub(
                r"^([\w-]+)(?=(, .*)?: measured )",
                lambda match: self.named(match[1]).full,
                output.text,
                flags=re.MULTILINE,
            )
            yield nbformat.v4.new_output("stream", name=output.name, text=text)
        for kind in ("image/svg+xml", "image/png"):
            if kind in output.get("data", {}):
                metadata = {name: output.metadata[name] for name in {kind} & output.metadata.keys()}
                yield nbformat.v4.new_output(
                    "display_data", data={kind: output.data[kind]}, metadata=metadata
                )

    def references(self) -> str:
        items = [
            # The backend escapes more than Markdown asks for.
            f'- <a id="cite-{key}"></a>'
            + re.sub(r"\\([.()-])", r"\1", item.formatted_entry.text.render(Backend()).replace("\n", " "))
            for key, item in sorted(self.entries.items())
            if key in self.cited
        ]
        return "\n".join(["## References", "", *items])

    def notebook(self, chapter: NotebookNode, wheel: str) -> NotebookNode:
        """Return the whole chapter, run, as a plain notebook."""
        cells = [plain for cell in chapter.cells for plain in self.cells(cell, wheel)]
        cells[0].source += (
            f"\n\n*This is [a page of {TITLE}]({self.site}{self.page}.html) as a notebook, with proofs and "
            "solutions behind the small triangles. JupyterLab shows the stored figures once the notebook is "
            "run or trusted. Binder and Colab have the library that it imports; elsewhere "
            f"`pip install {wheel}` installs it.*"
        )
        if self.cited:
            cells.append(nbformat.v4.new_markdown_cell(self.references(), id="references"))
        # What JupyterLab would write, and count as a change: the kernel's description of its language.
        metadata = {"kernelspec": KERNEL, "language_info": chapter.metadata["language_info"]}
        return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def chapters_written(app: Sphinx) -> list[str]:
    """Return the chapters whose pages this build has written."""
    if not hasattr(app, "dlnlab_written"):
        app.dlnlab_written = []
    return app.dlnlab_written


def write(app: Sphinx, failure: Exception | None) -> None:
    """Write the plain notebooks of a finished site, with the library and what it takes to run them."""
    if failure or app.builder.name != "html":
        return
    folder = Path(app.outdir) / FOLDER
    if not (pages := chapters_written(app)):
        return
    folder.mkdir(exist_ok=True)
    wheel = Path(next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]))).name
    write_environment(folder, app.config.html_baseurl, wheel)
    address = f"{app.config.html_theme_options['repository_url']}/raw/{FOLDER}/{wheel}"
    for page in pages:
        source = Path(app.env.doc2path(page))
        executed = build_book.executed(nbformat.read(source, as_version=4))
        plain = Chapter(app.env, page, app.config.html_baseurl).notebook(executed, address)
        nbformat.write(plain, folder / source.name)


README = """\
# {title}, as notebooks

The build of [the notes]({site}) writes this folder; nothing in it is edited by hand. The notebooks need
nothing but Jupyter and the library beside them: `pip install {wheel}`.
"""


def write_environment(folder: Path, site: str, wheel: str) -> None:
    """Write what Binder installs for the notebooks: the pinned environment, and the library beside them."""
    text = README.format(title=TITLE, site=site, wheel=wheel)
    (folder / "README.md").write_text(text, encoding="utf-8")
    (folder / "binder").mkdir(exist_ok=True)
    shutil.copy(ROOT / "binder" / "runtime.txt", folder / "binder")
    pins = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8")
    (folder / "binder" / "requirements.txt").write_text(f"{pins}./{wheel}\n", encoding="utf-8")


def point_buttons(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Let the buttons of a chapter download and launch its plain notebook."""
    if not is_session(app, page):
        return
    chapters_written(app).append(page)
    source = Path(app.env.doc2path(page))
    branch = app.config.html_theme_options["repository_branch"]
    for group in context["header_buttons"]:
        for button in group.get("buttons", []):
            if button.get("label") == "download-source-button":
                button["url"] = f"{context['pathto'](FOLDER, 1)}/{source.name}"
                button["tooltip"] = "Download this page as a notebook"
            elif "url" in button:
                button["url"] = (
                    button["url"]
                    .replace(
                        f"/{branch}?urlpath=lab/tree/{page}", f"/{FOLDER}?urlpath=lab/tree/{source.stem}"
                    )
                    .replace(f"/blob/{branch}/{page}", f"/blob/{FOLDER}/{source.stem}")
                )


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", point_buttons, priority=950)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
