"""The table of error codes: complete, and every example makes the mistake that it is an example of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyspec.base.codes import Code, codes, whole
from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.check.search import check
from pyspec.lang import core, load_text
from pyspec.lang.lints import lint
from pyspec.model.instance import instantiate
from pyspec.prove.obligations import Obligations

ROOT = Path(__file__).resolve().parents[2]
USED = re.compile(r'"([EW]0\d{3})"')
EXAMPLES = [entry for entry in codes().values() if entry.wrong]
FIXED = [entry for entry in codes().values() if entry.fixed]


def used() -> set[str]:
    files = [p for p in (ROOT / "pyspec").rglob("*.py") if p.name != "codes.py"]
    return {code for path in files for code in USED.findall(path.read_text(encoding="utf-8"))}


def test_the_table_holds_every_code_that_is_used_and_no_other() -> None:
    assert sorted(used() - set(codes())) == []
    assert sorted(set(codes()) - used()) == []


def test_the_table_is_in_order() -> None:
    assert list(codes()) == sorted(codes())


def run(spec: core.Spec) -> list[Diagnostic]:
    """What the Python search says: an evaluation error, if there is one."""
    result = check(instantiate(spec), max_states=100)
    return [] if result.error is None else [result.error]


def diagnostics(text: str) -> list[Diagnostic]:
    """The mistakes of a specification: of the text, with its model, or while it runs."""
    try:
        return run(load_text(text, "example.pspec"))
    except SpecError as wrong:
        return list(wrong.diagnostics)


@pytest.mark.parametrize("entry", EXAMPLES, ids=lambda e: e.code)
def test_wrong_example(entry: Code) -> None:
    text = whole(entry.wrong)
    if entry.code.startswith("W"):
        found = lint(load_text(text, "example.pspec"))
    elif entry.code.startswith("E088"):
        found = list(Obligations(load_text(text, "example.pspec")).leave_out_unsupported().values())
    else:
        found = diagnostics(text)
    marked = [i + 1 for i, line in enumerate(text.splitlines()) if line.endswith("# here")] or [1]
    assert [(d.code, d.span.line) for d in found] == [(entry.code, line) for line in marked]
    assert all(d.span.column > 0 and d.span.file == "example.pspec" and d.message for d in found)


@pytest.mark.parametrize("entry", FIXED, ids=lambda e: e.code)
def test_fixed_example(entry: Code) -> None:
    spec = load_text(whole(entry.fixed))
    if entry.code.startswith("W"):
        assert [d for d in lint(spec) if d.code == entry.code] == []
    elif entry.code.startswith("E088"):
        assert Obligations(spec).leave_out_unsupported() == {}
    elif entry.code.startswith("E06") or (spec.models and entry.code.startswith("E07")):
        assert run(spec) == []


@pytest.mark.parametrize("entry", [e for e in EXAMPLES if e.code.startswith("E")], ids=lambda e: e.code)
def test_the_caret_stands_inside_the_line(entry: Code) -> None:
    text = whole(entry.wrong)
    lines = text.splitlines()
    for d in diagnostics(text):
        assert d.span.column <= len(lines[d.span.line - 1].split("  # here")[0]) + 1
