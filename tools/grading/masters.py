"""Master notebooks, in the format of otter-grader: questions with their solutions, tests and rubrics.

Raw cells mark the parts: ``# BEGIN QUESTION`` (with YAML below it: name, points, manual),
``# BEGIN SOLUTION``, ``# BEGIN TESTS`` and their ends. In the code of a solution ``# BEGIN SOLUTION`` and
``# END SOLUTION`` stand around what students write. A test that begins with ``# HIDDEN`` is not for them.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

HIDDEN = "# HIDDEN"
MARK = re.compile(r"# (BEGIN|END) (QUESTION|SOLUTION|TESTS)\s*")
BLOCK = re.compile(r"^( *)# BEGIN SOLUTION\n.*?^ *# END SOLUTION$", flags=re.MULTILINE | re.DOTALL)


class MasterError(ValueError):
    """A master notebook that is not in the format."""


@dataclass
class Question:
    """One question: its cells of text, of answers with solutions, and of tests."""

    name: str
    points: float
    manual: bool
    prompt: list[NotebookNode] = field(default_factory=list)
    solution: list[NotebookNode] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)

    @property
    def public(self) -> list[str]:
        return [test for test in self.tests if not test.startswith(HIDDEN)]


@dataclass
class Assignment:
    """A master notebook: text and code around its questions, in their order."""

    name: str
    about: dict[str, Any]
    parts: list[NotebookNode | Question]

    @property
    def questions(self) -> list[Question]:
        return [part for part in self.parts if isinstance(part, Question)]

    @property
    def setup(self) -> str:
        """The code before the first question, which imports what tests need too."""
        cells = [part for part in self.parts if not isinstance(part, Question)]
        return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def read(path: Path) -> Assignment:
    """Return the assignment of a master notebook; MasterError says what is wrong with it, and where."""
    notebook = nbformat.read(path, as_version=4)
    about = notebook.metadata.get("assignment", {})
    if missing := {"number", "title", "session", "minutes", "goals"} - about.keys():
        raise MasterError(f"{path.name}: metadata.assignment lacks {', '.join(sorted(missing))}")
    parts: list[NotebookNode | Question] = []
    question: Question | None = None
    place = ""
    for number, cell in enumerate(notebook.cells, start=1):
        mark = MARK.match(cell.source) if cell.cell_type == "raw" else None
        where = f"{path.name}, cell {number}"
        if mark and mark.groups() == ("BEGIN", "QUESTION"):
            settings = yaml.safe_load(cell.source[mark.end() :]) or {}
            if question or settings.keys() != {"name", "points", "manual"}:
                raise MasterError(f"{where}: a question begins with name, points and manual, got {settings}")
            question, place = Question(**settings), "QUESTION"
            parts.append(question)
        elif mark and question:
            begins, what = mark[1] == "BEGIN", mark[2]
            if begins == (place == what):
                raise MasterError(f"{where}: {cell.source.strip()} within {place}")
            place = what if begins else "QUESTION"
            if what == "QUESTION":
                question, place = None, ""
        elif mark or (cell.cell_type == "raw"):
            raise MasterError(f"{where}: {cell.source.splitlines()[0]!r} is no part of a question")
        elif question is None:
            parts.append(cell)
        elif place == "TESTS":
            question.tests.append(cell.source)
        else:
            (question.solution if place == "SOLUTION" else question.prompt).append(cell)
    if question:
        raise MasterError(f"{path.name}: {question.name} does not end")
    for part in parts:
        if isinstance(part, Question) and not part.manual and not part.public:
            raise MasterError(f"{path.name}: {part.name} has no test that students see")
    return Assignment(path.stem, dict(about), parts)


def stub(source: str) -> str:
    """Return the code of a solution with dots in place of what students write."""
    return BLOCK.sub(r"\1...", source)
