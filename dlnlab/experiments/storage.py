"""Finished parts of a sweep on the disk: whole or not there at all, and checked when they are read."""

import hashlib
import os
import tempfile
import time
import warnings
import zipfile
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.void]

# Of files that are being written, and how many seconds later none still is.
_PARTIAL, _ABANDONED = ".dlnlab-partial-", 3600
# What reading a file may raise that was cut or changed.
_DAMAGE = (OSError, EOFError, KeyError, RuntimeError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)
# What the numbers of a sweep are computed with.
_LIBRARY = Path(__file__).resolve().parent.parent
_ROOMS = ("networks", "flatness", "experiments")


def opened(folder: str | os.PathLike[str]) -> Path:
    """Return a folder, as an absolute path, that can be written and holds no abandoned files."""
    try:
        path = Path(folder).resolve()
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (OSError, TypeError) as error:
        raise ValueError(f"folder must be one that can be written, got {folder!r}: {error}") from error
    for file in path.glob(f"{_PARTIAL}*"):
        with suppress(FileNotFoundError):
            if time.time() - file.stat().st_mtime > _ABANDONED:
                file.unlink()
    return path


@cache
def _code() -> str:
    """Return a hash of the code, so that no numbers of another version are read."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        for source in sorted((_LIBRARY / room).glob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()


def file_of(folder: Path, *ingredients: Any) -> Path:
    """Return where the part that these ingredients determine is kept."""
    return folder / f"{joblib.hash((_code(), *ingredients))}.npz"


def load(file: Path, dtype: np.dtype[np.void], rows: int) -> Table | None:
    """Return the table in a file, None if there is none or, with a warning, if it is damaged."""
    try:
        with file.open("rb") as stream, np.load(stream) as found:  # the archive holds a checksum
            table: Table = found["table"]
    except FileNotFoundError:
        return None
    except _DAMAGE as error:
        damage = repr(error)
    else:
        if table.dtype == dtype and table.shape == (rows,):
            return table
        damage = f"{table.shape} rows of {table.dtype.names}"
    warnings.warn(f"{file} is damaged, its runs are trained again: {damage}", RuntimeWarning, stacklevel=2)
    return None


def save(file: Path, table: Table) -> None:
    """Write a table under its name only once all of it is on the disk."""
    descriptor, partial = tempfile.mkstemp(prefix=_PARTIAL, dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            np.savez(stream, table=table)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, file)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(partial)
        raise
