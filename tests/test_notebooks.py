"""The chapters as files: what they store and what they name."""

import ast
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import chapter
import nbformat
import notebooks as tool
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))

every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def text(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def test_there_are_chapters():
    assert CHAPTERS


@every_chapter
def test_only_checked_outputs_are_stored(path):
    for cell in code_cells(path):
        if tool.is_checked(cell):
            assert text(cell), f"a checked cell has no text to compare: run make notebooks\n{cell.source}"
            # A picture beside a check would differ at every run, by its date if by nothing else; a warning
            # names a file that is called otherwise each time.
            assert all(output.get("name") == "stdout" for output in cell.outputs), (
                f"a checked cell prints text, without pictures and warnings:\n{cell.source}\n{text(cell)}"
            )
            assert cell.execution_count, "nbval compares nothing where the count is missing"
        else:
            assert not cell.outputs, (
                f"an output is stored that nothing checks: run make notebooks\n{cell.source}"
            )
            assert cell.execution_count is None


@every_chapter
def test_every_claim_is_in_a_checked_cell(path):
    for cell in code_cells(path):
        if "check(" in cell.source:
            assert tool.is_checked(cell), f"give the cell the tag {tool.CHECKED}:\n{cell.source}"


def names(node):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


class Rebound(ast.NodeVisitor):
    """The names that a piece of code reads before it gives them another value."""

    def __init__(self, source):
        self.read, self.bound, self.found = set(), set(), set()
        # What IPython takes and Python does not.
        self.visit(ast.parse(re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.MULTILINE)))

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self.read |= {node.id} - self.bound
            return
        self.found |= {node.id} & self.read
        self.bound.add(node.id)

    def visit_Assign(self, node):
        for part in (node.value, *node.targets):
            self.visit(part)

    def visit_AugAssign(self, node):
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.found |= {node.target.id} - self.bound

    def visit_For(self, node):
        for part in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(part)

    def visit_comprehension_of(self, node):
        own = {name for part in node.generators for name in names(part.target)}
        self.read |= names(node) - own - self.bound

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_comprehension_of

    def visit_FunctionDef(self, node):
        self.bound.add(node.name)

    def visit_Lambda(self, node):
        pass


@every_chapter
def test_a_cell_may_be_run_twice(path):
    """As readers do who change a number in it: a name that it reads has the same value again."""
    for cell in code_cells(path):
        found = Rebound(cell.source).found
        assert not found, f"call what the cell makes of {found} by another name:\n{cell.source}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a = 1\na = a + 1", set()),
        ("a = a / 2", {"a"}),
        ("a += 1", {"a"}),
        ("a = 1\na += 1", set()),
        ("b = a[0]\nfor a in b: pass", {"a"}),
        ("b = [a for a in c]\na = 1", set()),
        ("b = {a: c for a in range(3)}\nc = 1", {"c"}),
        ("%pip install x\nd |= {1}", {"d"}),
    ],
)
def test_names_that_are_rebound_are_found(source, found):
    assert Rebound(source).found == found


@every_chapter
def test_claims_are_labels_of_the_chapter(path):
    """Each theorem that is checked is stated; each proposition and theorem that is stated is checked."""
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    stated = set(re.findall(r"^:label: (\S+)$", prose, flags=re.MULTILINE))
    lines = [line for cell in code_cells(path) for line in text(cell).splitlines()]
    checked = {
        match[0] for line in lines if (match := re.match(r"(thm|prop|lem|cor|ex)-[\w-]+(?=[,:])", line))
    }
    assert checked <= stated, f"checked, but no theorem or exercise has the label: {checked - stated}"
    needed = {label for label in stated if label.startswith(("thm-", "prop-", "lem-", "cor-"))}
    assert needed <= checked, f"stated and never checked by dl.check in a cell: {needed - checked}"


@every_chapter
def test_cells_are_short(path):
    for cell in code_cells(path):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 15, f"a cell has at most 15 lines, this one {len(lines)}: cut it\n{cell.source}"


@every_chapter
def test_every_check_names_its_quantity(path):
    """A line says what was measured: label, a few words, numbers."""
    for cell in code_cells(path):
        for line in text(cell).splitlines():
            if ": measured " in line:
                assert re.match(r"[\w-]+, .+: measured", line), f"give check a what=...: {line}"


STATEMENT = r"^:{3,}\{prf:(theorem|proposition|lemma|corollary)\}"


@every_chapter
def test_every_statement_has_a_label(path):
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    prefixes = {"theorem": "thm", "proposition": "prop", "lemma": "lem", "corollary": "cor"}
    for match in re.finditer(rf"{STATEMENT}([^\n]*)\n([^\n]*)", prose, flags=re.MULTILINE):
        kind, title, label = match.groups()
        wanted = f":label: {prefixes[kind]}-"
        assert label.startswith(wanted), (
            f"the line after {kind} {title.strip()} must be {wanted}..., got {label}"
        )


@every_chapter
def test_every_statement_names_its_source(path):
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    keys = set(
        re.findall(r"^@\w+\{(\w+)", (ROOT / "book" / "references.bib").read_text(), flags=re.MULTILINE)
    )
    for match in re.finditer(rf"{STATEMENT}[^\n]*\n:label: (\S+)\n\n([^\n]*)", prose, flags=re.MULTILINE):
        _, label, line = match.groups()
        source = re.fullmatch(r"% source: ([\w, ]+?)( \(.+\))?", line)
        assert source, (
            f"the first line of {label} must be `% source: KEYS (REMARK)`, with keys of the bibliography, "
            f"`classical` or `here`; got {line!r}"
        )
        unknown = set(source[1].split(", ")) - keys - {"classical", "here"}
        assert not unknown, f"{label} names sources that are not in book/references.bib: {unknown}"


@every_chapter
def test_a_chapter_has_its_parts(path):
    cells = nbformat.read(path, as_version=4).cells
    whole = "\n".join(cell.source for cell in cells)
    for part in (
        "dl.explore(",
        "\n## Exercises",
        "\n## Summary",
        "\n## Further reading",
        "\n> **",
        "**What you will do.**",
        "**What you need.**",
        "*Predict first.*",
        "What you should have seen:",
    ):
        assert part in whole, f"a chapter has {part.strip()}; this one has not"
    assert any("figure" in cell.metadata.get("mystnb", {}) for cell in cells), "a chapter opens with a figure"


@every_chapter
def test_a_chapter_has_one_title_and_no_pictures_from_files(path):
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    prose = re.sub(r"^(`{3,}).*?^\1", "", prose, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^# .*", prose, flags=re.MULTILINE)
    assert len(titles) == 1, f"a chapter has one title, sections begin with ##: {titles}"
    pictures = re.findall(r"!\[.*?\]\(.*?\)|<img [^>]*>", prose)
    assert not pictures, (
        "a picture is drawn by a cell, with mystnb.figure.caption and mystnb.image.alt in its metadata: "
        f"a file would be absent where the launch buttons lead: {pictures}"
    )


@every_chapter
def test_what_is_opened_is_closed(path):
    """Or one exercise would be hidden in the solution of another."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            opened = re.findall(r"^:{3,}\{.*", cell.source, flags=re.MULTILINE)
            closed = re.findall(r"^:{3,}\s*$", cell.source, flags=re.MULTILINE)
            assert len(opened) == len(closed), (
                f"one of these is not closed by its colons in its cell: {opened}"
            )


@every_chapter
def test_explorers_say_what_to_predict_and_what_was_to_be_seen(path):
    cells = nbformat.read(path, as_version=4).cells
    for place, cell in enumerate(cells):
        if "dl.explore(" in cell.source:
            prose = [other.source for other in cells[:place] if other.cell_type == "markdown"]
            assert "\n*Predict first.*" in f"\n{prose[-1]}", (
                f"begin the last paragraph before this explorer with *Predict first.*:\n{cell.source}"
            )
            after = [other.source for other in cells[place:] if other.cell_type == "markdown"]
            assert after[0].startswith("What you should have seen:"), (
                f"begin the text after this explorer with What you should have seen:\n{cell.source}"
            )


@every_chapter
def test_every_proof_has_its_idea_outside(path):
    """What is stated says in a sentence or two, before the fold, why it is true."""
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    pieces = re.split(STATEMENT.replace("(theorem", "(?:theorem"), prose, flags=re.MULTILINE)[1:]
    for piece in pieces:
        assert "*Idea.*" in piece.partition("{dropdown} Proof")[0], f"no idea before the proof: {piece[:200]}"
    assert prose.count("{dropdown} Proof") >= len(pieces), "a statement has no proof"


@every_chapter
def test_there_are_exercises_with_solutions(path):
    """At least six, all with a solution but the last one, a piece of research."""
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    unnamed = re.findall(r":::\{exercise\}[^\n]*(?!\n:label: [\w-])\n[^\n]*", prose)
    assert not unnamed, f"the line after {{exercise}} is :label: ex-...: {unnamed}"
    exercises = re.findall(r":::\{exercise\}[^\n]*\n:label: ([\w-]+)", prose)
    solutions = re.findall(r"\{solution(?:-start)?\} ([\w-]+)", prose)
    assert len(exercises) >= 6, f"a chapter has at least six exercises, this one has {exercises}"
    assert exercises[-1].startswith("ex-research-"), f"the last exercise is research, got {exercises[-1]}"
    missing = [label for label in exercises[:-1] if label not in solutions]
    unknown = [label for label in solutions if label not in exercises[:-1]]
    assert not missing + unknown, (
        f"every exercise but the last has a solution behind it: {missing} have none, "
        f"and {unknown} are solved that are none of these"
    )
    assert exercises[:-1] == solutions, f"solutions stand in the order of the exercises, got {solutions}"


@every_chapter
def test_there_are_questions_to_check_oneself(path):
    cells = nbformat.read(path, as_version=4).cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert source.count("\n:::{quiz}\n:right:") + source.startswith(":::{quiz}") >= 2, (
        "a chapter asks two questions or more: see tools/quizzes.py for how they are written"
    )


@every_chapter
def test_figures_have_alternative_text_and_captions(path):
    for cell in code_cells(path):
        if "plt.subplots" in cell.source and "def draw" not in cell.source:
            settings = cell.metadata.get("mystnb", {})
            for kind, name in (("image", "alt"), ("figure", "caption")):
                assert settings.get(kind, {}).get(name), (
                    f"write mystnb.{kind}.{name} into the metadata of the cell that draws:\n{cell.source}"
                )


@every_chapter
def test_what_only_draws_is_folded(path):
    """Pictures carry the story; the code that teaches is open."""
    for cell in code_cells(path):
        calls = re.findall(r"\bdl\.(?!plot_|use_style)\w+|\bfigures\.\w+|\brun_sweep\b", cell.source)
        only_draws = "figure" in cell.metadata.get("mystnb", {}) and not calls
        if only_draws or re.search(r"^def draw\b", cell.source, flags=re.MULTILINE):
            assert "hide-input" in cell.metadata.get("tags", []), (
                f"tag this cell hide-input, it only draws:\n{cell.source}"
            )


@every_chapter
def test_the_library_comes_to_colab(path):
    sources = [cell.source for cell in code_cells(path) if "remove-cell" in cell.metadata.get("tags", [])]
    assert any("google.colab" in source and "%pip install" in source for source in sources), (
        "the chapter does not install the library on Colab: copy the cell of tools/template.ipynb that does"
    )


def test_a_new_chapter_obeys_all_rules(tmp_path, monkeypatch):
    """As `make chapter` makes it: listed, linted as the others, every rule above."""
    for name in ("pyproject.toml", "_toc.yml", "book/ruff.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(chapter, "ROOT", tmp_path)
    monkeypatch.setattr(chapter, "TOC", tmp_path / "_toc.yml")
    monkeypatch.setattr(chapter, "TABLE", tmp_path / "table.py")
    shutil.copy(ROOT / "tests" / "test_claims_can_fail.py", tmp_path / "table.py")
    chapter.new("gentle-start")
    made = tmp_path / "book" / "gentle-start.ipynb"
    parts = yaml.safe_load((tmp_path / "_toc.yml").read_text())["parts"]
    (sessions,) = (part["chapters"] for part in parts if part.get("numbered"))
    assert sessions[-1] == {"file": "book/gentle-start"}
    assert "my-session" not in made.read_text()
    assert '"gentle-start": [\n        ("thm-gentle-start", ' in (tmp_path / "table.py").read_text()
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", made]
        subprocess.run(ruff, cwd=tmp_path, check=True, capture_output=True)
    rules = [
        value
        for name, value in globals().items()
        if name.startswith("test_") and list(inspect.signature(value).parameters) == ["path"]
    ]
    assert len(rules) >= 9
    for rule in rules:
        rule(made)
    for bad, named in (("Gentle Start", "NAME must be lower case"), ("gentle-start", "is taken")):
        with pytest.raises(SystemExit, match=named):
            chapter.new(bad)


def test_stripping_keeps_what_is_checked_and_nothing_else():
    checked = nbformat.v4.new_code_cell("1", metadata={"tags": [tool.CHECKED]}, execution_count=7)
    other = nbformat.v4.new_code_cell("2", execution_count=8)
    for cell in (checked, other):
        cell.outputs = [nbformat.v4.new_output("stream", text="3")]
    tool.strip(nbformat.v4.new_notebook(cells=[checked, other]))
    assert (text(checked), checked.execution_count) == ("3", 1)
    assert (other.outputs, other.execution_count) == ([], None)
