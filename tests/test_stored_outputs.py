"""That nbval notices a changed number, by a run of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import build_book
import nbformat
import notebooks as tool

ROOT = Path(__file__).resolve().parent.parent


def printing(source, *outputs):
    """A notebook that has one checked cell again and again, with these outputs."""
    cells = [
        nbformat.v4.new_code_cell(
            source,
            metadata={"tags": [tool.CHECKED]},
            execution_count=count,
            outputs=[nbformat.v4.new_output("stream", text=output)],
        )
        for count, output in enumerate(outputs, 1)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": ""}}
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)


def test_a_changed_number_makes_nbval_fail(tmp_path, monkeypatch):
    """One digit changed in what is stored, against the cell run now and against its run in the cache."""
    from jupyter_cache.base import CacheBundleIn

    (tmp_path / "tools").mkdir()
    (tmp_path / "book").mkdir()
    for file in ("tools/build_book.py", "book/conftest.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setattr(build_book, "ROOT", tmp_path)
    monkeypatch.setattr(build_book, "BUILD", tmp_path / "_build")
    printed = "thm-x: measured 0.3, predicted = 0.3, ratio 1.00\n"
    changed = printed.replace("0.3,", "0.4,", 1)
    cached = "raise RuntimeError('its output is in the cache')"
    build_book.keep("library", build_book.fingerprint())
    build_book.cache().cache_notebook_bundle(CacheBundleIn(printing(cached, printed, printed), "cached"))

    live = "from dlnlab import check\n\ncheck('thm-x', 0.1 + 0.2, equals=0.3)"
    for name, source in (("cached", cached), ("live", live)):
        nbformat.write(printing(source, printed, changed), tmp_path / "book" / f"{name}.ipynb")
    options = ["--nbval-lax", "-W", "default", "-c", "/dev/null", "-rA", "book"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "tools")},
        capture_output=True,
        text=True,
        check=False,
    )
    for name in ("cached", "live"):
        assert f"PASSED book/{name}.ipynb::Cell 0" in result.stdout
        assert f"FAILED book/{name}.ipynb::Cell 1" in result.stdout
