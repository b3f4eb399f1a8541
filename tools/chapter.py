"""One chapter at a time: `new NAME` makes it from the template, `check NAME` tests it alone."""

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE, TOC = ROOT / "tools" / "template.ipynb", ROOT / "_toc.yml"
TABLE = ROOT / "tests" / "test_claims_can_fail.py"
# The first row of a chapter in the table of broken claims: the line of the template's check, broken.
ROWS = """    "{name}": [
        ("thm-{name}", "w0=w0, target=2.0", "w0=w0, target=2.1"),
    ],
"""


def new(name: str) -> None:
    """Make a chapter that passes all tests, and list it after the others."""
    path = ROOT / "book" / f"{name}.ipynb"
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        sys.exit(f"NAME must be lower case with hyphens, such as my-session, got {name!r}")
    if taken := [other.name for other in (ROOT / "book").glob(f"{name}*") if other.stem == name]:
        sys.exit(f"the name is taken by book/{taken[0]}")
    for other in (ROOT / "book").glob("*.ipynb"):
        if f"(sec-{name})=" in other.read_text(encoding="utf-8"):
            sys.exit(f"the labels of {name} are taken by book/{other.name}: rename them there")
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
    table, end, rest = TABLE.read_text(encoding="utf-8").partition("}  # fmt: skip")
    TABLE.write_text(table + ROWS.format(name=name) + end + rest, encoding="utf-8")
    print(f"book/{path.name} is made, listed in _toc.yml and broken in tests/{TABLE.name}.")
    print(f"Edit it, then: make check CHAPTER={name}")


def check(name: str) -> int:
    """Store the outputs of a chapter, build the book, and test this chapter and its page alone."""
    name = Path(name).name.removesuffix(".ipynb")
    path = ROOT / "book" / f"{name}.ipynb"
    if not path.exists():
        chapters = ", ".join(sorted(other.stem for other in (ROOT / "book").glob("*.ipynb")))
        sys.exit(f"CHAPTER must be one of {chapters}, got {name}; make chapter NAME=... makes a new one")
    if not re.search(rf"\bbook/{name}\b", TOC.read_text(encoding="utf-8")):
        sys.exit(f"book/{name} is not listed in _toc.yml: add `- file: book/{name}` where it belongs")
    test = [sys.executable, "-m", "pytest", "-q"]
    for title, command in (
        ("its outputs", [sys.executable, "tools/notebooks.py", name]),
        ("its code", [sys.executable, "-m", "ruff", "check", path]),
        ("its code", [sys.executable, "-m", "ruff", "format", "--check", path]),
        ("the rules", [*test, "-p", "no:nbval", "tests/test_notebooks.py", "-k", f"[{name}]"]),
        ("its page is built", [sys.executable, "tools/build_book.py"]),
    ):
        print(f"-- {title}", flush=True)
        status = subprocess.run(command, cwd=ROOT).returncode
        if status:
            return status
    # Its cells once more, as they are and broken, in processes of their own, beside the browser.
    print("-- its cells, its claims broken on purpose, and its page and slides in Chromium", flush=True)
    broken = [*test, "-p", "no:nbval", "tests/test_claims_can_fail.py", "-k", f"[{name}] or broken_once"]
    again = [*test, "--nbval-lax", "-W", "default", path]
    beside = [
        subprocess.Popen(again, cwd=ROOT, env=os.environ | {"CHAPTER_AGAIN": "1"}),
        subprocess.Popen(broken, cwd=ROOT),
    ]
    page = "TestBook" + "".join(part.capitalize() for part in name.split("-"))
    parts = f"{page} or [book/{name}.html] or [{name}-slides.html] or [{name}]"
    files = [f"tests/test_{kind}.py" for kind in ("site", "slides", "plain_notebooks")]
    read = [*test, "-rs", "-p", "no:nbval", *files, "-k", parts]
    return max(subprocess.run(read, cwd=ROOT).returncode, *(process.wait() for process in beside))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in {"new", "check"}:
        sys.exit("make chapter NAME=my-session makes a chapter, make check CHAPTER=my-session tests it")
    sys.exit({"new": new, "check": check}[sys.argv[1]](sys.argv[2]))
