"""The folder a search is saved in: who may use it, and when to save."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspec.base.diagnostics import error

FIRST = 1.0  # seconds until the first checkpoint


class FirstOften:
    """When to save: after a second, two, four, and so on, in the end every `interval` seconds."""

    def __init__(self, interval: float) -> None:
        self.wait = min(FIRST, interval)
        self.interval, self.last = interval, time.perf_counter()

    def due(self) -> bool:
        """Whether it is time; if so, the next time is later."""
        now = time.perf_counter()
        if now - self.last < self.wait:
            return False
        self.last, self.wait = now, min(self.wait * 2, self.interval)
        return True


@contextmanager
def folder_for(saved: str | None, resume: bool) -> Iterator[str]:
    """The folder for a search's files: a temporary one, or the one to save the search in, for this process alone.

    Raises SpecError when there is nothing to resume (E0908), or a saved search would be lost (E0909).
    """
    if saved is None:
        folder = tempfile.mkdtemp(prefix="pyspec-")
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    path = Path(saved)
    if not resume:
        path.mkdir(parents=True, exist_ok=True)
    elif not (path / "checkpoint").is_file():
        raise error("E0908", f"nothing to resume in {saved}: {_why_nothing(path)}")
    handle = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _claim(handle, path, resume)
        yield saved
    finally:
        os.close(handle)


def _why_nothing(path: Path) -> str:
    if not path.is_dir():
        return "there is no such folder"
    if (path / "states.log").exists():
        return "the search was killed before it was saved for the first time"
    return "no search is saved there (a finished search removes its files)"


def _claim(handle: int, path: Path, resume: bool) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise error("E0909", f"another search is being saved in {path}") from None
    if not resume and (path / "checkpoint").exists():
        hint = f"go on with --resume {path}, or remove the folder"
        raise error("E0909", f"a search is saved in {path} already", hint=hint)


def discard(folder: Path) -> None:
    """Removes the files of a finished search."""
    names = ("states.log", "checkpoint", "checkpoint.part", "lock")
    for path in [*folder.glob("run-*"), *(folder / name for name in names)]:
        path.unlink(missing_ok=True)
