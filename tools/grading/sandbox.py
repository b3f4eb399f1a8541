"""Where a submission runs: a process that sees no network, no tests and no other submission.

With bubblewrap (a package of the distribution) the process has a system of its own: read-only programs, the
library, an empty folder in memory, no network, its own processes. Without it the limits on time, memory
and the size of files hold, and the tests are still out of reach of the process's memory; but it could read
files, those of the tests too, and use the network as whoever grades can.
"""

import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from . import plain

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INSIDE = ("runner.py", "plain.py")
CELL, CALL, ALL = 20.0, 10.0, 120.0  # seconds
ANSWER = 1 << 26  # bytes
FORGED = "the notebook answers in place of its functions"
ENVIRONMENT = {
    "HOME": "/tmp",
    "MPLBACKEND": "agg",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TQDM_DISABLE": "1",
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class Gone(Exception):
    """The submission's process has ended, or was ended."""


@cache
def apart() -> bool:
    """Tell whether bubblewrap is there and may do its work, which some systems forbid."""
    if shutil.which("bwrap") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        probe = [*command(folder, wrapped=True)[:-2], "true"]
        return subprocess.run(probe, capture_output=True, env=ENVIRONMENT).returncode == 0


def isolation() -> str:
    """Say how far submissions are kept apart from this machine."""
    if apart():
        return "each submission runs without network, apart from all files (bubblewrap)"
    return (
        "bubblewrap is not installed, or may not do its work here: time, memory and the size of files are "
        "limited, but submissions can read this machine's files and use its network. Install it (on Debian: "
        "apt-get install bubblewrap) before you grade strangers"
    )


def command(folder: str, wrapped: bool) -> list[str]:
    """Return the command that starts the runner, in a system of its own or in this one."""
    runner = [os.path.abspath(sys.executable), "runner.py"]
    if not wrapped:
        return runner
    visible = [Path(os.path.abspath(sys.prefix)), Path(sys.base_prefix), ROOT / "dlnlab", Path("/usr")]
    system = [Path("/", name) for name in ("bin", "lib", "lib64", "etc/ld.so.cache", "etc/fonts")]
    paths = [path for path in [*visible, *system] if path.exists()]
    folders = sorted({parent for path in paths for parent in path.parents} - {Path("/")})
    binds = [part for path in folders for part in ("--perms", "0755", "--dir", str(path))]
    binds += [part for path in paths for part in ("--ro-bind", str(path), str(path))]
    memory = [
        "--perms",
        "1777",
        "--size",
        str(1 << 26),
        "--tmpfs",
        "/tmp",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    apart = ["--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"]
    if os.geteuid() == 0:
        # The administrator is bound by no limit on processes: become nobody, for the system outside too.
        runner = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", *runner]
    else:
        apart += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    there = ["--ro-bind", folder, "/submission", "--chdir", "/submission"]
    # The empty folder comes first: what is bound may lie within it.
    return ["bwrap", *apart, "--new-session", *memory, *binds, *there, "--", *runner]


class Submission:
    """The code of a submission, run; what it defined can be asked for and called."""

    def __init__(self, cells: list[str], folder: str):
        os.chmod(folder, 0o755)
        for name in INSIDE:
            shutil.copy(HERE / name, folder)
            os.chmod(Path(folder, name), 0o644)
        self.deadline = time.monotonic() + ALL
        self.process = subprocess.Popen(
            command(folder, apart()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
            cwd=folder,
            start_new_session=True,
        )
        self.rest = b""
        started = self.ask({"cells": cells, "seconds": CELL}, ALL).get("errors")
        if not isinstance(started, list):
            self.close()
            raise Gone(FORGED)
        self.errors = [str(error) for error in started]

    def ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a line and wait for the answer; what is no answer ends the submission."""
        try:
            deadline = min(time.monotonic() + seconds, self.deadline)
            self.send(json.dumps(question).encode() + b"\n", deadline)
            found = json.loads(self.line(deadline))
        except (OSError, ValueError, RecursionError) as error:
            self.close()
            raise Gone("the notebook ended by itself") from error
        if not isinstance(found, dict):
            self.close()
            raise Gone(FORGED)
        return found

    def send(self, text: bytes, deadline: float) -> None:
        """Write to the process, which may have stopped to read."""
        descriptor = self.process.stdin.fileno()
        os.set_blocking(descriptor, False)
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_WRITE)
            while text:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self.close()
                    raise Gone("it takes too long")
                text = text[os.write(descriptor, text) :]

    def line(self, deadline: float) -> bytes:
        """Return the next line of the process."""
        descriptor = self.process.stdout.fileno()
        os.set_blocking(descriptor, False)
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self.rest:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self.close()
                    raise Gone("it takes too long")
                chunk = os.read(descriptor, 1 << 20)
                self.rest += chunk
                if not chunk or len(self.rest) > ANSWER:
                    raise OSError("no more answers" if not chunk else "an answer of more than 64 MB")
        found, _, self.rest = self.rest.partition(b"\n")
        return found

    def kind(self, name: str) -> str:
        """Say whether a name stands for a function ("callable"), for data ("value"), or for nothing."""
        found = self.ask({"name": name}, CALL)
        return next((kind for kind in ("callable", "value", "error") if kind in found), "missing")

    def get(self, name: str) -> Any:
        """Return the data of a name; ValueError says why that is not possible."""
        return self.value(self.ask({"name": name}, CALL))

    def call(self, name: str, *args: Any) -> Any:
        """Call a function of the submission; ValueError says what went wrong."""
        question = {"name": name, "args": [plain.encode(arg) for arg in args], "seconds": CALL}
        found = self.ask(question, 2 * CALL)
        value = self.value(found)
        if "args" in found:
            plain.copy_back(list(args), self.value({"value": {"l": found["args"]}}))
        return value

    @staticmethod
    def value(found: dict[str, Any]) -> Any:
        if "value" not in found:
            raise ValueError(str(found.get("error", "it is not defined"))[:300])
        try:
            return plain.decode(found["value"])
        except Exception as error:
            raise ValueError("it returns what is neither number, text nor array") from error

    def close(self) -> None:
        """End the process, with all that it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                pipe.close()


def trouble() -> str:
    """Run a notebook that is right; return what goes wrong with it, which no student should pay for."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            submission = Submission(["import dlnlab\n\nanswer = 42"], folder)
        except Gone as error:
            return f"{error} (can everybody read {sys.prefix}, {sys.base_prefix} and {ROOT / 'dlnlab'}?)"
        found = submission.errors[0] or ("" if submission.get("answer") == 42 else "answers do not pass")
        submission.close()
        return found
