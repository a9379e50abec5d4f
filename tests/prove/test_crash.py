"""A solver that crashes takes nothing along: what it was asked is unknown, everything else is answered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.base.source import NOWHERE
from pyspec.cli.apart import Tell, apart
from pyspec.prove import solve
from pyspec.prove.solve import Outcome, Task

TASKS = [Task(f"task {number}", "", (), 1.0) for number in range(6)]


def _answered(task: Task) -> Outcome:
    """Crashes with task 2 always, with task 4 the first time."""
    first = Path(os.environ["PYSPEC_CRASHED"])
    if task.name == "task 2" or (task.name == "task 4" and not first.exists()):
        if task.name == "task 4":
            first.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome("proved", 0.0, task.name)


def test_the_others_are_answered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYSPEC_CRASHED", str(tmp_path / "crashed"))
    monkeypatch.setattr(solve, "solve", _answered)
    outcomes = solve.solve_all(TASKS, 2)
    assert [outcome.status for outcome in outcomes] == ["proved", "proved", "unknown", "proved", "proved", "proved"]
    assert outcomes[2].by == "crashed" and outcomes[4].by == "task 4"


def _crashes(report: Path, times: int, tell: Tell) -> str:
    report.write_text(report.read_text() + ".")
    tell(1, 2, "half")
    if len(report.read_text()) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return "whole"


def test_a_command_survives_one_crash_of_the_solver(tmp_path: Path) -> None:
    (report := tmp_path / "report").write_text("")
    told: list[tuple[int, int, str]] = []
    assert apart(partial(_crashes, report, 1), lambda *told_: told.append(told_)) == "whole"
    assert told == [(1, 2, "half")] * 2


def test_a_second_crash_is_an_error_with_a_message(tmp_path: Path) -> None:
    (report := tmp_path / "report").write_text("")
    with pytest.raises(SpecError, match="crashed twice"):
        apart(partial(_crashes, report, 2), None)


def _wrong(tell: Tell) -> None:
    raise SpecError([Diagnostic("E0001", "not there", NOWHERE)])


def test_mistakes_come_through() -> None:
    with pytest.raises(SpecError) as caught:
        apart(_wrong, None)
    assert [one.code for one in caught.value.diagnostics] == ["E0001"]


def test_a_process_ends_with_its_parent(tmp_path: Path) -> None:
    """As when the command is killed while the solver works."""
    note = tmp_path / "pid"
    code = f"""
import os, signal, time
from pyspec.cli.apart import apart
def work(tell):
    open({str(note)!r}, "w").write(str(os.getpid()))
    time.sleep(60)
    return 1
import threading
def kill():
    while not (os.path.exists({str(note)!r}) and open({str(note)!r}).read()): time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=kill).start()
apart(work, None)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    child = int(note.read_text())
    for _ in range(500):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]:
            return
        time.sleep(0.01)
    pytest.fail("the process went on")
