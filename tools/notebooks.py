"""Run every chapter and store the outputs of the cells that are checked, and no others."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

BOOK = Path(__file__).resolve().parent.parent / "book"
CHECKED = "nbval-check-output"


def is_checked(cell: NotebookNode) -> bool:
    """Tell whether the test run compares the outputs of a cell."""
    return cell.cell_type == "code" and CHECKED in cell.metadata.get("tags", [])


def strip(notebook: NotebookNode) -> NotebookNode:
    """Drop all that the test run does not compare; what it compares gets the count that nbval wants."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if not is_checked(cell):
                cell.outputs = []
            cell.execution_count = 1 if cell.outputs else None
            cell.metadata.pop("execution", None)
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = 1
    notebook.metadata.pop("widgets", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    return notebook


def main() -> None:
    for path in sorted(BOOK.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        # Coalesced, or a slow cell's lines would be stored in pieces that differ from run to run.
        where = {"metadata": {"path": str(BOOK)}}
        NotebookClient(notebook, timeout=300, resources=where, coalesce_streams=True).execute()
        # Written beside and moved over, so that an interrupted run leaves the chapter whole.
        partial = path.with_suffix(".partial")
        nbformat.write(strip(notebook), partial)
        partial.replace(path)
        n_checked = sum(map(is_checked, notebook.cells))
        print(f"{path.name}: {n_checked} checked cells")


if __name__ == "__main__":
    sys.exit(main())
