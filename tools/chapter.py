"""One chapter at a time: `new NAME` makes it from the template, `check NAME` tests it alone."""

import re
import subprocess
import sys
import uuid
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE, TOC = ROOT / "tools" / "template.ipynb", ROOT / "_toc.yml"


def new(name: str) -> None:
    """Make a chapter that passes all tests, and list it after the others."""
    path = ROOT / "book" / f"{name}.ipynb"
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        sys.exit(f"NAME must be lower case with hyphens, such as my-session, got {name!r}")
    if path.exists():
        sys.exit(f"book/{path.name} is there already")
    title = name.replace("-", " ").capitalize()
    text = (
        TEMPLATE.read_text(encoding="utf-8").replace("my-session", name).replace("# My session", f"# {title}")
    )
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        cell["id"] = uuid.uuid4().hex[:8]
    contents = TOC.read_text(encoding="utf-8")
    sessions = re.search(r"caption: Sessions\n.*?(?=\n  - caption|\Z)", contents, flags=re.DOTALL)
    if sessions is None:
        sys.exit("_toc.yml has no part with the caption Sessions: list the chapter there yourself")
    nbformat.write(notebook, path)
    listed = f"{contents[: sessions.end()]}\n      - file: book/{name}{contents[sessions.end() :]}"
    TOC.write_text(listed, encoding="utf-8")
    print(f"book/{path.name} is made and listed in _toc.yml. Edit it, then: make check CHAPTER={name}")


def check(name: str) -> int:
    """Store the outputs of a chapter, build the book, and test this chapter and its page alone."""
    path = ROOT / "book" / f"{name}.ipynb"
    if not path.exists():
        sys.exit(f"there is no book/{name}.ipynb: make chapter NAME={name} makes one")
    page = "TestBook" + "".join(part.capitalize() for part in name.split("-"))
    test = [sys.executable, "-m", "pytest", "-q"]
    for command in (
        [sys.executable, "tools/notebooks.py", name],
        [*test, "-p", "no:nbval", "tests/test_notebooks.py", "-k", f"[{name}]"],
        [sys.executable, "tools/build_book.py"],
    ):
        status = subprocess.run(command, cwd=ROOT).returncode
        if status:
            return status
    # The cells again, in a kernel of their own, while the browser reads the page.
    cells = subprocess.Popen([*test, "--nbval-lax", "-W", "default", path], cwd=ROOT)
    read = [*test, "-rs", "-p", "no:nbval", f"tests/test_site.py::{page}"]
    return subprocess.run(read, cwd=ROOT).returncode | cells.wait()


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in {"new", "check"}:
        sys.exit("usage: chapter.py new|check NAME, such as chapter.py new my-session")
    sys.exit({"new": new, "check": check}[sys.argv[1]](sys.argv[2]))
