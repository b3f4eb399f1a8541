"""Applies the tests of an assignment to one submission.

A test is code with ``assert``; it runs here, and the functions of the submission that it names run in the
sandbox: only numbers, text and arrays come back (see `plain`).
"""

import ast
import builtins
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from .masters import Assignment, Question
from .sandbox import Gone, Submission

LARGEST = 50_000_000  # bytes of a notebook


class Unreadable(ValueError):
    """A file that is no notebook."""


def cells_of(path: Path) -> list[str]:
    """Return the code of a submission; Unreadable says why there is none."""
    if path.is_symlink():
        raise Unreadable("a link, and not a file")
    if path.stat().st_size > LARGEST:
        raise Unreadable(f"more than {LARGEST // 1_000_000} MB: clear the outputs and hand it in again")
    try:
        notebook = nbformat.read(path, as_version=4)
        return ["".join(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    except Exception as error:  # of nbformat, jsonschema, json, the codec
        raise Unreadable("not a notebook that can be read") from error


def names_of(test: str, known: set[str]) -> set[str]:
    """Return the names that a test uses and does not define, which are those of the submission."""
    nodes = list(ast.walk(ast.parse(test)))
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    return used - stored - arguments - defined - known - set(dir(builtins))


def remote(submission: Submission, name: str) -> Callable[..., Any]:
    """Return a function that is called in the sandbox."""

    def call(*args: Any) -> Any:
        try:
            value = submission.call(name, *args)
        except ValueError as error:
            raise AssertionError(f"{name}: {error}") from None
        assert value is not None, f"{name} returns nothing: is it still to be written, or lacks a return?"
        return value

    return call


def failure(test: str, setup: str, submission: Submission) -> str:
    """Run a test; return what it says is wrong, or nothing."""
    space: dict[str, Any] = {}
    exec(compile(setup, "setup", "exec"), space)
    try:
        for name in sorted(names_of(test, set(space))):
            kind = submission.kind(name)
            if kind == "missing":
                return f"{name} is not defined: the question asks for this name"
            try:
                space[name] = remote(submission, name) if kind == "callable" else submission.get(name)
            except ValueError as error:
                return f"{name}: {error}"
        exec(compile(test, "test", "exec"), space)
    except AssertionError as error:
        return str(error)[:300] or "a result is not right"
    except Gone:
        raise
    except Exception as error:  # a result of another shape or kind than the test can look at
        return f"a result is not of the kind that the question asks for ({type(error).__name__})"
    return ""


def score(question: Question, setup: str, submission: Submission | None, reason: str) -> dict[str, Any]:
    """Return the points of a question, an equal part for each test, and the first complaint."""
    failures = []
    for test in question.tests:
        try:
            failures.append(failure(test, setup, submission) if submission else reason)
        except Gone as error:
            submission, reason = None, str(error)
            failures.append(reason)
    right = sum(not failed for failed in failures)
    message = next(filter(None, failures), "")
    return {"points": round(question.points * right / len(failures), 2), "message": message}


def judge(path: Path, assignment: Assignment) -> dict[str, Any]:
    """Return the status of a submission and the points of each question that is graded by its tests."""
    graded = [question for question in assignment.questions if not question.manual]
    nothing = {question.name: {"points": 0.0, "message": ""} for question in graded}
    try:
        cells = cells_of(path)
    except Unreadable as error:
        return {"status": "unreadable", "message": str(error), "questions": nothing}
    with tempfile.TemporaryDirectory() as folder:
        submission, reason = None, ""
        results = {}
        for question in graded:
            if submission is None or submission.process.poll() is not None:
                try:
                    # Again for each question: a function that ends the process takes its own points only.
                    submission = Submission(cells, folder)
                except Gone as error:
                    submission, reason = None, str(error)
                    results = {name: {"points": 0.0, "message": reason} for name in nothing}
                    break
            results[question.name] = score(question, assignment.setup, submission, reason)
        if submission:
            failed = [f"cell {i}: {error}" for i, error in enumerate(submission.errors, 1) if error]
            submission.close()
    if submission is None:
        return {"status": "stopped", "message": reason, "questions": results}
    return {"status": "graded", "message": "; ".join(failed[:3]), "questions": results}
