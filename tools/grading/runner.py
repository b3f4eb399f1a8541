"""Runs a submission inside the sandbox, and answers the judge's questions about what it defined.

The judge sends one line of JSON a question on standard input; answers leave by a descriptor of their own,
since what the submission prints goes nowhere. Nothing here is trusted: what a submission says is only ever
an answer.
"""

import json
import os
import re
import resource
import signal
from functools import partial
from typing import Any

import plain
from IPython.core.inputtransformer2 import TransformerManager

GIGABYTE = 1 << 30
LIMITS = {
    resource.RLIMIT_AS: 3 * GIGABYTE,
    resource.RLIMIT_FSIZE: GIGABYTE // 16,
    resource.RLIMIT_NOFILE: 256,
    resource.RLIMIT_NPROC: 200,
    resource.RLIMIT_CPU: 300,
    resource.RLIMIT_CORE: 0,
}


def too_long(signum: int, frame: Any) -> None:
    raise TimeoutError("it takes too long")


#: magic commands that run what follows them; the options of timeit stand before what it runs first
RUN = {"time", "timeit", "capture", "prun"}
OPTIONS = re.compile(r"^(?:-\w+ *\d* *)*")


class Shell:
    """Stands for IPython: of its magic commands those that run code run it, other lines do nothing."""

    def __init__(self, space: dict[str, Any]):
        self.space = space

    def execute(self, source: str, name: str) -> None:
        exec(compile(TransformerManager().transform_cell(source), name, "exec"), self.space)

    def run_cell_magic(self, magic: str, line: str, cell: str) -> None:
        if magic not in RUN:
            raise ValueError(f"the magic command %%{magic} is not run here, nor the cell below it")
        if magic == "timeit":
            self.execute(OPTIONS.sub("", line), "the line of timeit")
        elif magic == "capture" and line.split()[:1] and line.split()[0].isidentifier():
            self.space[line.split()[0]] = self
        self.execute(cell, f"the cell of {magic}")

    def run_line_magic(self, magic: str, line: str, *args: Any) -> None:
        if magic in RUN:
            self.execute(OPTIONS.sub("", line), f"the line of {magic}")

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def timed(seconds: float, action: Any) -> str:
    """Run something for so long at most; return what went wrong."""
    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        action()
    except BaseException as error:  # a submission may raise anything, SystemExit too
        return f"{type(error).__name__}: {str(error)[:300]}".removesuffix(": ")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return ""


def run(cells: list[str], seconds: float) -> tuple[dict[str, Any], list[str]]:
    """Run cells one after the other; one that fails does not stop those after it."""
    space: dict[str, Any] = {"__name__": "__main__", "display": lambda *objects, **options: None}
    shell = Shell(space)
    space["get_ipython"] = lambda: shell
    named = ((source, f"cell {number}") for number, source in enumerate(cells, start=1))
    return space, [timed(seconds, partial(shell.execute, *cell)) for cell in named]


def answer(space: dict[str, Any], question: dict[str, Any]) -> dict[str, Any]:
    """Return what a name stands for, or what a call of it returns."""
    name = question["name"]
    if name not in space:
        return {"missing": True}
    value, verb = space[name], "is"
    if "args" not in question:
        if callable(value):
            return {"callable": True}
    else:
        args, verb = [plain.decode(item) for item in question["args"]], "returns"
        returned: list[Any] = []
        if error := timed(question["seconds"], lambda: returned.append(space[name](*args))):
            return {"error": error}
        value = returned[0]
    try:
        found = {"value": plain.encode(value)}
        if verb == "returns" and (after := [plain.encode(item) for item in args]) != question["args"]:
            found["args"] = after
        return found
    except (TypeError, ValueError) as error:
        return {"error": f"it {verb} {error}"}


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    questions = os.fdopen(os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    first = json.loads(questions.readline())
    for kind, limit in LIMITS.items():
        resource.setrlimit(kind, (limit, limit))
    space, errors = run(first["cells"], first["seconds"])
    print(json.dumps({"errors": errors}), file=out, flush=True)
    for line in questions:
        try:
            text = json.dumps(answer(space, json.loads(line)))
        except BaseException as error:  # of what a submission has done to json, say
            text = f'{{"error": "{type(error).__name__}"}}'
        print(text, file=out, flush=True)


if __name__ == "__main__":
    main()
