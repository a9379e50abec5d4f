"""docs/python.md says what happens."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_example_of_the_page_runs_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    flags = doctest.IGNORE_EXCEPTION_DETAIL | doctest.ELLIPSIS
    failed, tried = doctest.testfile(str(ROOT / "docs/python.md"), module_relative=False, optionflags=flags)
    assert tried > 15 and failed == 0


def test_the_example_of_the_page_on_diagrams_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/diagrams.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(example, "docs/diagrams.md", "exec"), {})
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} == {".svg", ".png", ".mmd"}
