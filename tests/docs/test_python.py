"""docs/python.md says what happens."""

import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_example_of_the_page_runs_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    flags = doctest.IGNORE_EXCEPTION_DETAIL | doctest.ELLIPSIS
    failed, tried = doctest.testfile(str(ROOT / "docs/python.md"), module_relative=False, optionflags=flags)
    assert tried > 15 and failed == 0
