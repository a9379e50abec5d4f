"""Diagnostics for people (place, source line, caret, fix, code) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from pyspec.base.diagnostics import Diagnostic, Severity
from pyspec.base.source import Span
from pyspec.cli.console import plain

MARGIN = 60  # characters shown either side of the place in a very long line
MOST_SHOWN = 20  # diagnostics printed for people
JsonObject = dict[str, object]


class SourceLines:
    """Lines of source files, read once each; a file that cannot be read has none."""

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self._files = {name: text.splitlines() for name, text in (given or {}).items()}

    def line(self, span: Span) -> str | None:
        """The first line of the span, if there is such a line."""
        if span.file not in self._files:
            try:
                with open(span.file, encoding="utf-8", errors="replace") as stream:
                    self._files[span.file] = stream.read().splitlines()
            except (OSError, ValueError):
                self._files[span.file] = []
        lines = self._files[span.file]
        return lines[span.line - 1] if 1 <= span.line <= len(lines) else None


def to_json(diagnostic: Diagnostic) -> JsonObject:
    """One diagnostic as JSON; lines and columns count from 1 and are null where there is no place."""
    span = diagnostic.span
    placed = span.line > 0
    found: JsonObject = {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": span.file if span.file != "<none>" else None,
        "line": span.line if placed else None,
        "column": span.column if placed else None,
        "end_line": span.end_line if placed else None,
        "end_column": span.end_column if placed else None,
        "hint": diagnostic.hint,
    }
    if diagnostic.notes:
        found["notes"] = [
            {"message": m, "file": s.file, "line": s.line, "column": s.column} for m, s in diagnostic.notes
        ]
    return found


def from_json(found: JsonObject) -> Diagnostic:
    """The inverse of `to_json` (for cached reports)."""

    def number(name: str) -> int:
        value = found.get(name)
        return value if isinstance(value, int) else 0

    span = Span(
        str(found["file"] or "<none>"), number("line"), number("column"), number("end_line"), number("end_column")
    )
    hint = found["hint"]
    severity: Severity = "warning" if found["severity"] == "warning" else "error"
    notes = found.get("notes", [])
    assert isinstance(notes, list)
    placed = tuple((str(n["message"]), Span(n["file"], n["line"], n["column"])) for n in notes)
    return Diagnostic(
        str(found["code"]), str(found["message"]), span, None if hint is None else str(hint), severity, placed
    )


def excerpt(line: str, span: Span) -> tuple[str, int, int]:
    """(what to show of a line, cells before the caret, carets): a window of a very long line, tabs as one space."""
    start = min(max(span.column - 1, 0), len(line))
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    end = min(max(end, start + 1), max(len(line), start + 1))
    left, right = max(0, start - MARGIN), max(start, min(end, start + MARGIN)) + MARGIN
    if len(line) <= 2 * MARGIN:
        left, right = 0, len(line)
    shown = plain(line[left:right]).replace("\t", " ")
    prefix, suffix = ("..." if left else ""), ("..." if right < len(line) else "")
    before = cell_len(prefix + shown[: start - left])
    carets = max(1, cell_len(shown[start - left : min(end, right) - left]))
    return prefix + shown + suffix, before, carets


def pointed(span: Span, lines: SourceLines, style: str) -> list[Text]:
    """The source line with carets under the span; nothing if the line cannot be read."""
    line = lines.line(span)
    if line is None:
        return []
    shown, before, carets = excerpt(line, span)
    number = str(span.line)
    return [
        Text.assemble((f"{number:>5} | ", "blue"), shown),
        Text.assemble((f"{'':>5} | ", "blue"), " " * before, ("^" * carets, f"bold {style}")),
    ]


def lines_of(diagnostic: Diagnostic, lines: SourceLines) -> list[Text]:
    """One diagnostic as lines of styled text."""
    style = "red" if diagnostic.severity == "error" else "yellow"
    place = f"{diagnostic.span}: " if diagnostic.span.line else _file_only(diagnostic.span)
    head = Text.assemble(
        (plain(place), "bold"),
        (f"{diagnostic.severity} {diagnostic.code}: ", f"bold {style}"),
        plain(diagnostic.message),
    )
    out = [head, *pointed(diagnostic.span, lines, style)]
    for message, span in diagnostic.notes:
        out.append(Text(f"  note: {plain(message)}" + (f" ({plain(str(span))})" if span.line else "")))
        out += pointed(span, lines, "blue")
    if diagnostic.hint:
        out.append(Text.assemble(("  hint: ", "bold green"), plain(diagnostic.hint)))
    return out


def _file_only(span: Span) -> str:
    return f"{span.file}: " if span.file != "<none>" else ""


def show(console: Console, diagnostics: Iterable[Diagnostic], given: Mapping[str, str] | None = None) -> None:
    """Prints diagnostics in the order of the places they are about; of very many, the first. `given`: texts that are in
    no file, by the names that places in them have."""
    lines = SourceLines(given)
    found = sorted(diagnostics, key=lambda d: (d.span.file, d.span.line, d.span.column))
    for diagnostic in found[:MOST_SHOWN]:
        for text in lines_of(diagnostic, lines):
            console.print(text)
    if len(found) > MOST_SHOWN:
        console.print(Text(f"... and {len(found) - MOST_SHOWN:,} more", "bold"))
