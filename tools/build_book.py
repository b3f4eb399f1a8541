"""Build the book, executing again only what changed; print the page to open.

The execution cache compares the cells of a chapter, not the library that they import: it is dropped here
when the library, its data or the pinned requirements change.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"


def fingerprint() -> str:
    """Return a hash of all that a chapter's outputs depend on beside its cells."""
    sources = (path for path in (ROOT / "dlnlab").rglob("*") if path.is_file() and path.suffix != ".pyc")
    digest = hashlib.sha256()
    for path in [*sorted(sources), ROOT / "requirements.txt"]:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def execute() -> None:
    """Execute the chapters that changed, one a processor; the build finds their outputs in the cache.

    A chapter that fails is not cached: the build executes it again, and reports it.
    """
    cache = get_cache(str(BUILD / ".jupyter_cache"))
    for chapter in sorted((ROOT / "book").glob("*.ipynb")):
        cache.add_nb_to_project(str(chapter))
    load_executor("local-parallel", cache).run_and_cache(timeout=300)


def main() -> int:
    stamp = BUILD / "library.sha256"
    current = fingerprint()
    if not stamp.exists() or stamp.read_text() != current:
        for stale in (".jupyter_cache", ".doctrees", "html"):
            shutil.rmtree(BUILD / stale, ignore_errors=True)
        BUILD.mkdir(exist_ok=True)
        stamp.write_text(current)
    execute()
    tool = Path(sys.executable).with_name("jupyter-book")
    # Without --all a changed style or script alone would not reach the pages.
    options = ["--all", "-W", "-n", "--keep-going", "-q"]
    status = subprocess.run([tool, "build", ROOT, *options], cwd=ROOT).returncode
    if status == 0:
        print(f"The book: {(BUILD / 'html' / 'index.html').as_uri()}")
    return status


if __name__ == "__main__":
    sys.exit(main())
