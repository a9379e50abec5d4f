"""`pyspec watch`: files are edited under a running watcher, as editors do it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyspec.cli import watch
from tests.cli.interrupts import heed_interrupts

ROOT = Path(__file__).resolve().parent.parent.parent
SPEC = """protocol steps
import sizes
var x: Small = 0
action up:
    when x < 2
    x += 1
invariant low: x < 3
model ci:
    expect 3 states
"""


class Watcher:
    """A running `pyspec watch`, and what it printed."""

    def __init__(self, folder: Path) -> None:
        (folder / "steps.pspec").write_text(SPEC)
        (folder / "sizes.pspec").write_text("module sizes\ntype Small = 0..5\n")
        self.folder, self.log = folder, folder / "log"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "pyspec", "watch", "steps.pspec", "--engine", "python"]
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=out, stderr=out, preexec_fn=heed_interrupts
            )

    def says(self, text: str, times: int = 1) -> None:
        """Waits until a text was printed (so often)."""
        for _ in range(600):
            if self.log.read_text().count(text) >= times:
                return
            time.sleep(0.1)
        raise AssertionError(f"{text!r} was not printed:\n{self.log.read_text()}")

    def save(self, name: str, old: str, new: str) -> None:
        """Replaces a text in a file as an editor does that writes a new file and renames it."""
        path = self.folder / name
        (self.folder / "new.tmp").write_text(path.read_text().replace(old, new))
        os.replace(self.folder / "new.tmp", path)


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Watcher]:
    one = Watcher(tmp_path)
    yield one
    one.process.kill()
    one.process.wait()


def test_each_save_is_checked(watcher: Watcher) -> None:
    watcher.says("steps, model ci: holds; 3 states, depth 2")
    watcher.save("steps.pspec", "x < 2", "x < 4")
    watcher.says("violated: low; 4 states (3 before)")
    watcher.says("low: holds -> violated")
    watcher.save("steps.pspec", "x += 1", "x += ")
    watcher.says("steps.pspec: 1 error")
    watcher.save("steps.pspec", "x += ", "x += 2")
    watcher.says("violated: low", times=2)
    watcher.save("sizes.pspec", "0..5", "0..2")  # the module, not the file itself
    watcher.says("E0601")
    watcher.process.send_signal(signal.SIGINT)
    assert watcher.process.wait(timeout=20) == 0
    assert "Traceback" not in watcher.log.read_text()


def test_a_file_that_is_gone_for_a_moment(watcher: Watcher) -> None:
    watcher.says("holds")
    path = watcher.folder / "steps.pspec"
    text = path.read_text()
    path.unlink()
    time.sleep(0.6)
    path.write_text(text.replace("x < 2", "x < 1"))
    watcher.says("2 states (3 before)")
    assert "not there" not in watcher.log.read_text() and "error" not in watcher.log.read_text()
    path.unlink()
    watcher.says("steps.pspec is not there; waiting for it")
    path.write_text(text)
    watcher.says("3 states (2 before)")


def test_the_options_of_check_are_passed_on() -> None:
    asked = {"consts": (("RM", "5"),), "flaws": ("late",), "max_seconds": 3.0, "no_cache": True, "model": None}
    assert watch.arguments(asked) == ["--const", "RM=5", "--flaw", "late", "--max-seconds", "3.0", "--no-cache"]
