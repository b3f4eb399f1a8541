"""What a lecturer gets, one table, and what a student gets, a page."""

import csv
import io
from html import escape
from typing import Any

from .masters import Assignment

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}: {student}</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 45rem; padding: 0 1rem }}
  table {{ border-collapse: collapse; width: 100% }}
  td, th {{ border-bottom: 1px solid gray; padding: .4rem; text-align: left; vertical-align: top }}
</style>
<h1>{title}</h1>
<p>{student}: {total:g} of {most:g} points. {note}</p>
<table>
<thead><tr><th>Question</th><th>Points</th><th>What the tests say</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</html>
"""


def total(result: dict[str, Any]) -> float:
    return round(sum(question["points"] for question in result["questions"].values()), 2)


def page(assignment: Assignment, student: str, result: dict[str, Any]) -> str:
    """Return the page of a student."""
    rows = []
    for question in assignment.questions:
        if question.manual:
            points, message = f"of {question.points:g}", "graded by hand"
        else:
            found = result["questions"][question.name]
            points = f"{found['points']:g} of {question.points:g}"
            message = found["message"] or "right"
        rows.append(f"<tr><td>{question.name}</td><td>{points}</td><td>{escape(message)}</td></tr>")
    note = {"graded": "", "stopped": "The notebook could not be run: ", "unreadable": "The file is "}
    return PAGE.format(
        title=escape(assignment.about["title"]),
        student=escape(student),
        total=total(result),
        most=sum(question.points for question in assignment.questions if not question.manual),
        note=escape(note[result["status"]] + (result["message"] if result["status"] != "graded" else "")),
        rows="\n".join(rows),
    )


def table(assignment: Assignment, results: list[tuple[str, str, dict[str, Any]]]) -> str:
    """Return the table of a class as CSV: questions graded by hand are columns to fill."""
    names = [question.name for question in assignment.questions]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "student", *names, "total", "status", "message"])
    for file, student, result in results:
        points = [result["questions"].get(name, {"points": ""})["points"] for name in names]
        cells = [file, student, *points, total(result), result["status"], result["message"]]
        writer.writerow([safe(cell) for cell in cells])
    return text.getvalue()


def safe(cell: Any) -> Any:
    """Keep a spreadsheet from taking text of a submission for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@"} else cell
