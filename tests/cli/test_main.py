"""The guard around every command: codes, messages, JSON, and no traceback."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import click
import pytest

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.base.source import Span
from pyspec.cli import exits, main

Patch = pytest.MonkeyPatch
Capture = pytest.CaptureFixture[str]


def fails_with(monkeypatch: Patch, problem: BaseException) -> None:
    def raises() -> int:
        raise problem

    command = click.Command(
        "check", callback=raises, params=[click.Option(["--json"], is_flag=True, expose_value=False)]
    )
    monkeypatch.setattr(main.LazyGroup, "get_command", lambda *_: command)


CASES = [
    (
        SpecError([Diagnostic("E0201", "unknown name", Span("a.pspec", 1, 2, 1, 3))]),
        exits.WRONG,
        "a.pspec:1:2: error E0201",
    ),
    (click.UsageError("no such option"), exits.WRONG, "no such option"),
    (KeyboardInterrupt(), exits.BUDGET, "interrupted"),
    (MemoryError(), exits.BUDGET, "out of memory"),
    (OSError(errno.ENOSPC, "No space left on device"), exits.BUDGET, "disk is full"),
    (PermissionError(errno.EACCES, "Permission denied", "a.pspec"), exits.WRONG, "a.pspec: error"),
    (RuntimeError("queue is negative"), exits.FAULT, "queue is negative"),
    (RecursionError("maximum depth"), exits.FAULT, "please report it"),
]


@pytest.mark.parametrize(("problem", "code", "message"), CASES, ids=lambda v: type(v).__name__)
def test_text(problem: BaseException, code: int, message: str, monkeypatch: Patch, capsys: Capture) -> None:
    monkeypatch.delenv("PYSPEC_DEBUG", raising=False)
    fails_with(monkeypatch, problem)
    assert main.guarded(["check"]) == code
    out = capsys.readouterr()
    assert out.out == ""
    assert message in out.err
    assert "Traceback" not in out.err


@pytest.mark.parametrize(("problem", "code", "_message"), CASES, ids=lambda v: type(v).__name__)
def test_json(problem: BaseException, code: int, _message: str, monkeypatch: Patch, capsys: Capture) -> None:
    monkeypatch.delenv("PYSPEC_DEBUG", raising=False)
    fails_with(monkeypatch, problem)
    assert main.guarded(["check", "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == code
    assert set(found["errors"][0]) >= {"code", "message", "file", "line", "column", "hint"}


def test_details_of_a_fault_are_saved(monkeypatch: Patch, capsys: Capture) -> None:
    monkeypatch.delenv("PYSPEC_DEBUG", raising=False)
    fails_with(monkeypatch, ValueError("first line\nsecond line"))
    assert main.guarded(["check"]) == exits.FAULT
    message = capsys.readouterr().err
    saved = Path(message.rpartition(" ")[2].strip())
    assert "ValueError: first line" in saved.read_text()
    assert len(message.splitlines()) == 1
    saved.unlink()


def test_debug_shows_the_traceback(monkeypatch: Patch) -> None:
    monkeypatch.setenv("PYSPEC_DEBUG", "1")
    fails_with(monkeypatch, ValueError("why"))
    with pytest.raises(ValueError, match="why"):
        main.guarded(["check"])


WRONG = ["chek", "check", "check --nope x", "check --threads 0 x", "--nope", "check --memory lots x", "check -c RM x"]


@pytest.mark.parametrize("line", WRONG)
def test_wrong_command_lines(line: str, capsys: Capture) -> None:
    assert main.guarded(line.split()) == exits.WRONG
    assert capsys.readouterr().err


def test_a_near_command_is_suggested(capsys: Capture) -> None:
    main.guarded(["chek"])
    assert "Did you mean 'check'?" in capsys.readouterr().err


def test_help_names_every_command(capsys: Capture) -> None:
    assert main.guarded(["--help"]) == exits.OK
    text = capsys.readouterr().out
    assert all(name in text for name in main.COMMANDS)
