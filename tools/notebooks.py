"""Store the outputs of the cells that are checked, and no others: in all chapters, or in those named.

Chapters that have not changed since the last build are not run again.
"""

import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import build_book
import nbformat
from nbformat import NotebookNode

BOOK = Path(__file__).resolve().parent.parent / "book"
CHECKED = "nbval-check-output"


def is_checked(cell: NotebookNode) -> bool:
    """Tell whether the test run compares the outputs of a cell."""
    return cell.cell_type == "code" and CHECKED in cell.metadata.get("tags", [])


def coalesce(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join what a slow cell prints in pieces, which differ from run to run."""
    whole = outputs[:1]
    for before, output in pairwise(outputs):
        if output.output_type == before.output_type == "stream" and output.name == before.name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def strip(notebook: NotebookNode) -> NotebookNode:
    """Drop all that the test run does not compare; what it compares gets the count that nbval wants."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = coalesce(cell.outputs) if is_checked(cell) else []
            cell.execution_count = 1 if cell.outputs else None
            cell.metadata.pop("execution", None)
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = 1
    notebook.metadata.pop("widgets", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    return notebook


def executed(path: Path) -> NotebookNode:
    """Return a chapter with its outputs, which the execution cache has unless the chapter fails."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    with suppress(KeyError):
        return build_book.executed(notebook)
    try:
        return NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(BOOK)}}).execute()
    except CellExecutionError as error:
        sys.exit(
            f"{path.name} fails in the cell\n\n{error.traceback}\n{path.name}: {error.ename}: {error.evalue}"
        )


def main(names: list[str]) -> None:
    chapters = sorted(BOOK.glob("*.ipynb"))
    unknown = set(names) - {path.stem for path in chapters}
    if unknown:
        sys.exit(f"there is no chapter {', '.join(sorted(unknown))} in book/")
    build_book.refresh()
    for path in chapters:
        if names and path.stem not in names:
            continue
        notebook = strip(executed(path))
        # Written beside and moved over, so that an interrupted run leaves the chapter whole.
        partial = path.with_suffix(".partial")
        nbformat.write(notebook, partial)
        partial.replace(path)
        print(f"{path.name}: {sum(map(is_checked, notebook.cells))} checked cells")


if __name__ == "__main__":
    main(sys.argv[1:])
