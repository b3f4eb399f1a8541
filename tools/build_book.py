"""Build the book, doing again only what changed; print the page to open.

The execution cache compares the cells of a chapter, not the library that they import: it is dropped here
when the library, its data or the pinned requirements change. All pages are written anew when what they share
changes, be it the configuration, a style or (see `book_site`) a number that other pages quote.
"""

import gc
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"


def digest(paths: Iterable[Path]) -> str:
    """Return a hash of files, names included."""
    found = hashlib.sha256()
    for path in sorted(path for path in paths if path.is_file() and path.suffix != ".pyc"):
        found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def fingerprint() -> str:
    """Return a hash of all that a chapter's outputs depend on beside its cells."""
    return digest([*(ROOT / "dlnlab").rglob("*"), ROOT / "requirements.txt"])


def shared() -> str:
    """Return a hash of what all pages share."""
    folders = {
        "tools": "*.py",
        "tools/npm": "*.*",
        "tools/npm/pages": "*",
        "tools/npm/laboratory": "*",
        "book": "*.bib",
        "book/_static": "*",
        "book/_templates": "*",
    }
    found = (path for folder, pattern in folders.items() for path in (ROOT / folder).glob(pattern))
    return digest([ROOT / "_config.yml", ROOT / "_toc.yml", *found])


def changed(name: str, current: str) -> bool:
    """Tell whether a hash is another one than the one that was kept last."""
    stamp = BUILD / f"{name}.sha256"
    return not stamp.exists() or stamp.read_text() != current


def keep(name: str, current: str) -> None:
    """Keep a hash for the next time."""
    BUILD.mkdir(exist_ok=True)
    (BUILD / f"{name}.sha256").write_text(current)


def executed(notebook: Any) -> Any:
    """Return a notebook with the outputs of its last run; KeyError if it, or what it imports, has changed."""
    if changed("library", fingerprint()):
        raise KeyError("the library has changed since the chapters were run")
    return cache().merge_match_into_notebook(notebook)[1]


def cache() -> Any:
    """Return the execution cache; its package takes seconds to import, which who needs a hash does not."""
    from jupyter_cache import get_cache

    return get_cache(str(BUILD / ".jupyter_cache"))


def refresh() -> None:
    """Execute the chapters that changed, one a processor; the build finds their outputs in the cache.

    A chapter that fails is not cached: the build executes it again, and reports it.
    """
    if changed("library", library := fingerprint()):
        for stale in (".jupyter_cache", ".doctrees", "html"):
            shutil.rmtree(BUILD / stale, ignore_errors=True)
        keep("library", library)
    chapters = cache()
    for record in chapters.list_project_records():
        if not Path(record.uri).exists():
            chapters.remove_nb_from_project(record.pk)
    for chapter in sorted((ROOT / "book").glob("*.ipynb")):
        chapters.add_nb_to_project(str(chapter))
    if waiting := chapters.list_unexecuted():
        print(f"executing {len(waiting)} of the chapters, some ten seconds each", flush=True)
        with ProcessPoolExecutor() as processes:
            list(processes.map(execute, [record.pk for record in waiting]))


def execute(pk: int) -> None:
    """Execute a chapter and keep its outputs, unless it fails."""
    from jupyter_cache.base import CacheBundleIn
    from jupyter_cache.executors.utils import single_nb_execution
    from traitlets.config import Config

    chapters = cache()
    chapter = chapters.get_project_notebook(pk)
    with TemporaryDirectory() as folder:
        # Kernels are spoken to by files, where there are such, and not by ports that every user of a machine
        # can open, of which each would warn.
        files = {"transport": "ipc", "ip": f"{folder}/kernel"} if os.name == "posix" else {}
        done = single_nb_execution(
            chapter.nb,
            cwd=str(Path(chapter.uri).parent),
            timeout=300,
            allow_errors=False,
            config=Config(KernelManager=files),
        )
    if done.err is None:
        chapters.cache_notebook_bundle(
            CacheBundleIn(chapter.nb, chapter.uri, data={"execution_seconds": done.time}),
            check_validity=False,
            overwrite=True,
        )


def main() -> int:
    # The pages stay in memory until the end: to look for garbage among them takes a third of a warm build.
    gc.disable()
    refresh()
    from jupyter_book.cli.main import build

    options = [str(ROOT), "-W", "-n", "--keep-going", "-q"]
    if changed("shared", shared()):
        # All pages are written, and those of chapters that are gone should not stay.
        shutil.rmtree(BUILD / "html", ignore_errors=True)
        options.append("--all")
    try:
        build.main(options, standalone_mode=False)
    except (RuntimeError, SystemExit) as error:
        print(error, file=sys.stderr)
        return 1
    keep("shared", shared())
    print(f"The book: {(BUILD / 'html' / 'index.html').as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
