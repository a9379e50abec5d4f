"""Driving the user's code along a specification."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import pyspec

LOCK = """protocol lock
sort Client
var holder: Client? = none
action acquire(c: Client):
    when holder == none
    holder = c
action release(c: Client):
    when holder == c
    holder = none
model ci: Client = 2
"""


def case(path: Path, broken: bool) -> Any:
    path.write_text(LOCK)

    @pyspec.stateful(str(path))
    class Lock:
        def start(self) -> None:
            self.holder: str | None = None

        def acquire(self, c: object) -> None:
            self.holder = str(c)

        def release(self, c: object) -> None:
            self.holder = "nobody" if broken else None

        def check(self, state: Any) -> None:
            assert self.holder == (str(state.holder) if state.holder is not None else None)

    Lock.settings = settings(max_examples=20, stateful_step_count=10, deadline=None, database=None)
    return Lock


def test_code_that_follows_the_specification_passes(tmp_path: Path) -> None:
    case(tmp_path / "lock.pspec", broken=False)("runTest").runTest()


def test_code_that_does_not_is_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        case(tmp_path / "lock.pspec", broken=True)("runTest").runTest()


def test_a_class_without_actions_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "lock.pspec").write_text(LOCK)
    with pytest.raises(TypeError, match="acquire, release"):
        pyspec.stateful(str(tmp_path / "lock.pspec"))(type("Empty", (), {}))
