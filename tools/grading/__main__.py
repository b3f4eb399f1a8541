"""Grades what a class has handed in: a table, and a page for every student.

    python -m grading ASSIGNMENT SUBMISSIONS OUT

SUBMISSIONS is a folder or a zip: of notebooks, or as Moodle, Canvas or Gradescope give it. What is graded
already is not graded again: run it again after an interruption, or with more submissions.
"""

import hashlib
import json
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import yaml

from . import judge, masters, report, sandbox

HERE = Path(__file__).resolve().parent
MOODLE = re.compile(r"(.+?)_\d+_assignsubmission_.*")
CANVAS = re.compile(r"([^_]+)_(?:LATE_)?\d+_\d+_.+")
LARGEST = 2_000_000_000  # bytes that a zip may hold


def opened(path: Path, folder: str) -> Path:
    """Return the folder of a folder or a zip."""
    if path.is_dir():
        return path
    with zipfile.ZipFile(path) as archive:
        if sum(item.file_size for item in archive.infolist()) > LARGEST:
            raise ValueError(f"SUBMISSIONS must hold at most {LARGEST // 10**9} GB, {path.name} holds more")
        archive.extractall(folder)
    return Path(folder)


def student_of(file: Path, root: Path) -> str:
    """Return whose a file is, as far as its name or its folder says."""
    parts = file.relative_to(root).parts
    for part in parts[:-1]:
        if match := MOODLE.fullmatch(part):
            return match[1]
    if match := CANVAS.fullmatch(parts[-1]):
        return match[1]
    for depth, part in enumerate(parts[:-1]):
        metadata = root.joinpath(*parts[:depth], "submission_metadata.yml")
        if metadata.is_file():
            known = yaml.safe_load(metadata.read_text(encoding="utf-8")).get(part, {})
            if people := known.get(":submitters"):
                return ", ".join(str(person.get(":name", "")) for person in people)
    return "/".join(parts[:-1]) or file.stem


def files_of(root: Path) -> Iterator[Path]:
    """Yield what was handed in, but for what systems leave in folders."""
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.relative_to(root).parts)
        if not hidden and (path.is_symlink() or path.is_file()) and path.name != "submission_metadata.yml":
            yield path


def key(path: Path, master: Path) -> str:
    """Return a hash of all that a result depends on."""
    found = hashlib.sha256(master.read_bytes())
    for file in sorted(HERE.glob("*.py")):
        found.update(file.read_bytes())
    found.update(b"link" if path.is_symlink() else path.read_bytes())
    return found.hexdigest()


def written(path: Path, text: str) -> None:
    """Write a file at once, so that no half of it is ever found."""
    half = path.with_suffix(".half")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


def graded(path: Path, master: Path, assignment: masters.Assignment, kept: Path) -> dict[str, Any]:
    """Return the result of a submission, from the last time if nothing has changed."""
    place = kept / f"{key(path, master)}.json"
    if not place.exists():
        written(place, json.dumps(judge.judge(path, assignment), indent=1, sort_keys=True))
    return json.loads(place.read_text(encoding="utf-8"))


def grade(master: Path, submissions: Path, out: Path) -> int:
    """Grade a folder or a zip; return how many submissions there were."""
    assignment = masters.read(master)
    kept, pages = out / "kept", out / "reports"
    for folder in (kept, pages):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        root = opened(submissions, folder)
        files = list(files_of(root))
        futures = {pool.submit(graded, file, master, assignment, kept): file for file in files}
        results = {}
        for count, future in enumerate(as_completed(futures), start=1):
            file = futures[future]
            results[file] = result = future.result()
            what = f"{result['status']}, {report.total(result):g} points"
            print(f"{count}/{len(files)} {file.relative_to(root)}: {what}", flush=True)
        rows = []
        for number, file in enumerate(files, start=1):
            student = student_of(file, root)
            rows.append((str(file.relative_to(root)), student, results[file]))
            name = re.sub(r"[^\w-]+", "-", student).strip("-")
            written(pages / f"{number:03d}-{name}.html", report.page(assignment, student, results[file]))
        written(out / "scores.csv", report.table(assignment, rows))
    return len(files)


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        print(__doc__)
        return 2
    master, submissions, out = map(Path, arguments)
    for what, path in (("ASSIGNMENT", master), ("SUBMISSIONS", submissions)):
        if not path.exists():
            print(f"{what} must be there, got {path}")
            return 2
    print(sandbox.isolation())
    if trouble := sandbox.trouble():
        print(f"submissions cannot be run here: {trouble}")
        return 1
    n = grade(master, submissions, out)
    print(f"{n} submissions: {out / 'scores.csv'}, and a page for each in {out / 'reports'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
