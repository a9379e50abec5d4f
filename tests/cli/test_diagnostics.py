"""Diagnostics as text and as JSON, with the lines that hurt: tabs, wide characters, very long, not text at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyspec.base.diagnostics import Diagnostic
from pyspec.base.source import Span
from pyspec.cli.diagnostics import SourceLines, excerpt, from_json, lines_of, to_json


def at(file: str, line: int, column: int, width: int = 1) -> Span:
    return Span(file, line, column, line, column + width)


def text_of(diagnostic: Diagnostic) -> list[str]:
    return [line.plain for line in lines_of(diagnostic, SourceLines())]


def test_place_cause_caret_and_fix(tmp_path: Path) -> None:
    path = tmp_path / "a.pspec"
    path.write_text("protocol a\nwhen phas == 1\n")
    found = Diagnostic("E0201", "unknown name phas", at(str(path), 2, 6, 4), "did you mean phase?")
    assert text_of(found) == [
        f"{path}:2:6: error E0201: unknown name phas",
        "    2 | when phas == 1",
        "      |      ^^^^",
        "  hint: did you mean phase?",
    ]


def test_notes_point_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.pspec"
    path.write_text("var x: bool\nvar x: bool\n")
    note = ("first declared here", at(str(path), 1, 5))
    found = Diagnostic("E0202", "x is declared twice", at(str(path), 2, 5), notes=(note,), severity="warning")
    assert text_of(found)[0].endswith("warning E0202: x is declared twice")
    assert text_of(found)[3] == f"  note: first declared here ({path}:1:5)"


@pytest.mark.parametrize("content", [None, b"", b"\x00\xff\xfe\x80"])
def test_a_source_that_cannot_be_shown_is_left_out(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.pspec"
    if content is not None:
        path.write_bytes(content)
    assert text_of(Diagnostic("E0101", "no text", at(str(path), 3, 1))) == [f"{path}:3:1: error E0101: no text"]


def test_no_place_at_all() -> None:
    assert text_of(Diagnostic("E0501", "no such model")) == ["error E0501: no such model"]


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a.pspec"
    path.write_bytes(b"var \x1b[31mx\x07\n")
    assert all(
        "\x1b" not in line and "\x07" not in line for line in text_of(Diagnostic("E0101", "odd", at(str(path), 1, 5)))
    )


@pytest.mark.parametrize(
    ("line", "column", "width", "before", "carets"),
    [
        ("let x = 1", 5, 1, 4, 1),
        ("\tx", 2, 1, 1, 1),
        ("日本 = x", 6, 1, 7, 1),
        ("日本 = x", 1, 2, 0, 4),
        ("x", 9, 3, 1, 1),
        ("", 1, 1, 0, 1),
        ("a" * 1000, 500, 3, 63, 3),
    ],
)
def test_excerpt(line: str, column: int, width: int, before: int, carets: int) -> None:
    shown, found_before, found_carets = excerpt(line, Span("f", 1, column, 1, column + width))
    assert (found_before, found_carets) == (before, carets)
    assert len(shown) <= 200


def test_json_and_back() -> None:
    note = ("here", Span("a.pspec", 1, 2, 1, 3))
    for found in (
        Diagnostic("E0201", "m", Span("a.pspec", 2, 3, 2, 7), "h", notes=(note,)),
        Diagnostic("W0701", "m", severity="warning"),
    ):
        again = from_json(to_json(found))
        assert to_json(again) == to_json(found)
    assert to_json(Diagnostic("E1", "m"))["line"] is None
