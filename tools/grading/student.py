"""The notebook for students: questions, empty answers, and cells that say what is wrong with an answer."""

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from .masters import Assignment, Question, stub

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CHECK = """\
# Run this cell to check your answer: an error says what is wrong.
{tests}
print("{name}: right, as far as this cell sees; it is graded with other data, too")"""


def cells_of(question: Question) -> list[NotebookNode]:
    """Return the cells of a question without solution and hidden tests."""
    cells = [
        new_markdown_cell(cell.source, id=f"{question.name}-text-{i}")
        for i, cell in enumerate(question.prompt)
    ]
    for i, cell in enumerate(question.solution):
        if cell.cell_type == "code":
            cells.append(new_code_cell(stub(cell.source), id=f"{question.name}-answer-{i}"))
    if question.manual:
        cells.append(new_markdown_cell("*Your answer: replace this line.*", id=f"{question.name}-answer"))
    elif question.public:
        tests = CHECK.format(tests="\n".join(question.public), name=question.name)
        cells.append(new_code_cell(tests, id=f"{question.name}-check"))
    return cells


def notebook(assignment: Assignment, install: str) -> NotebookNode:
    """Return the notebook for students; the cell that installs the library on Colab comes after the title."""
    cells: list[NotebookNode] = []
    for number, part in enumerate(assignment.parts):
        if isinstance(part, Question):
            cells += cells_of(part)
        elif part.cell_type == "code":
            cells.append(new_code_cell(part.source, id=f"code-{number}"))
        else:
            cells.append(new_markdown_cell(part.source, id=f"text-{number}"))
    cells.insert(1, new_code_cell(install, id="colab"))
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "assignment": {"name": assignment.name}})
