"""What nbval does in these chapters.

Explorers are left out: the build draws them, and site tests move them. What the
build has run is not run again: where the execution cache holds a chapter as it
is, run with the library as it is, nbval compares the outputs of that run.
Otherwise, or if CHAPTER_AGAIN is set, it starts a kernel, as usual: what a
chapter prints must be the same twice.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import build_book


class CachedKernel:
    """A kernel that has already run all cells, as far as nbval asks."""

    def __init__(self, notebook):
        self.cells = iter(notebook.cells)

    def is_alive(self):
        return True

    def execute_cell_input(self, source, allow_stdin):
        cell = next(cell for cell in self.cells if cell.source == source)
        self.messages = [
            {"msg_type": output.output_type, "content": output}
            for output in cell.outputs
        ]
        idle = {"execution_state": "idle"}
        self.messages.append({"msg_type": "status", "content": idle})
        return "cell"

    def await_reply(self, msg_id, timeout):
        pass

    def get_message(self, stream, timeout):
        return {"parent_header": {"msg_id": "cell"}} | self.messages.pop(0)

    def stop(self):
        pass


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if "dl.explore(" not in item.cell.source]
    if "CHAPTER_AGAIN" in os.environ:
        return
    for chapter in {item.parent for item in items}:
        with suppress(KeyError):
            kernel = CachedKernel(build_book.executed(chapter.nb))
            chapter.setup = lambda chapter=chapter, kernel=kernel: setattr(
                chapter, "kernel", kernel
            )
