"""`pyspec fmt`: one way to lay out a specification. Only white space changes; the tokens are compared to make sure.

Indentation is four spaces a level, continuation lines keep their place relative to the line they continue, operators
have spaces around them and brackets none inside, there are at most two blank lines (one in a block). What a writer
aligned on purpose stays: trailing comments keep their column, `expect` and what follows a colon keep their distance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pyspec.base.source import Source
from pyspec.lang.lexer import TOKEN, Line, Token, lex
from pyspec.lang.parser import parse

STEP = 4
TIGHT_BEFORE = frozenset([",", ")", "]", "}", ":", "?", "'", ".", ".."])
TIGHT_AFTER = frozenset(["(", "[", "{", ".", ".."])
OPERAND_END = frozenset(["name", "int", "string", ")", "]", "}", "'", "?", "true", "false", "none"])
_COMMENT = re.compile(r'"""(?s:.*?)"""|"(?:[^"\\\n]|\\.)*"|(?P<comment>#[^\n]*)')


@dataclass
class Physical:
    """One line of the file: what stands on it."""

    tokens: list[Token] = field(default_factory=list)
    comment: str | None = None
    column: int = 0  # of the comment, from 0
    logical: int | None = None  # the index of the logical line its tokens belong to
    first: bool = False  # whether that logical line begins here
    inside: bool = False  # whether the line is the inside of a string that began above


def format_text(source: Source) -> str:
    """The text in the one layout.

    Raises SpecError if it cannot be parsed.
    """
    text = source.text.replace("\r\n", "\n").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    parse(Source(source.file, text))
    lexed = lex(Source(source.file, text))
    formatted = _Layout(text, lexed.lines).text()
    if _shape(lex(Source(source.file, formatted)).lines) != _shape(lexed.lines):
        raise AssertionError(f"formatting would change the meaning of {source.file}")
    return formatted


def _shape(lines: list[Line]) -> list[tuple[int, list[tuple[str, str]]]]:
    """Levels of indentation, and tokens without their places: what formatting must not change."""
    levels = _levels(lines)
    return [(level, [(t.kind, t.text) for t in line.tokens]) for level, line in zip(levels, lines, strict=True)]


def _levels(lines: list[Line]) -> list[int]:
    """The level of each logical line: how many blocks it is in."""
    stack: list[int] = [0]
    out = []
    for line in lines:
        while len(stack) > 1 and line.indent < stack[-1]:
            stack.pop()
        if line.indent > stack[-1]:
            stack.append(line.indent)
        out.append(len(stack) - 1)
    return out


def _physical(text: str, lines: list[Line]) -> list[Physical]:
    """The lines of the file with the tokens and comments on them."""
    rows = [Physical() for _ in range(text.count("\n") + 2)]
    for index, line in enumerate(lines):
        for token in line.tokens:
            row = rows[token.span.line - 1]
            row.first = row.first or token is line.tokens[0]
            row.logical = index if row.logical is None or row.first else row.logical
            row.tokens.append(token)
            for number in range(token.span.line, token.span.end_line):
                rows[number].inside = True
    for match in _COMMENT.finditer(text):
        if match["comment"] is not None:
            number = text.count("\n", 0, match.start())
            rows[number].comment = match["comment"].rstrip()
            rows[number].column = match.start() - (text.rfind("\n", 0, match.start()) + 1)
    return rows


def _grow_together(left: str, right: str) -> bool:
    """Whether two tokens side by side would be read as something else."""
    first = TOKEN.match(left + right)
    return first is None or first.end() != len(left)


class _Layout:
    """Writes the lines anew."""

    def __init__(self, text: str, lines: list[Line]) -> None:
        self.lines = lines
        self.levels = _levels(lines)
        self.rows = _physical(text, lines)
        self.depth: list[str] = []  # open brackets

    def text(self) -> str:
        """The whole file."""
        out: list[str] = []
        blanks = 0
        for number, row in enumerate(self.rows):
            if not row.tokens and row.comment is None:
                blanks += not row.inside
                continue
            indent = self._indent(number)
            if out and not row.inside:
                out += [""] * min(blanks, 1 if indent else 2)
            blanks = 0
            self._write(out, row, indent)
        return "\n".join(out) + "\n" if out else ""

    def _write(self, out: list[str], row: Physical, indent: int) -> None:
        """Adds a line; tokens after the end of a string of several lines go on where the string ends."""
        code = self._code(row.tokens)
        line = out.pop() + (" " if code[:1].isalnum() else "") + code if row.inside and out else " " * indent + code
        if row.comment is not None:
            last = line.rpartition("\n")[2]
            line += " " * max(2, row.column - len(last)) + row.comment if code else row.comment
        out.append(line)

    def _indent(self, number: int) -> int:
        row = self.rows[number]
        if row.logical is None:
            return self._comment_indent(number)
        line, level = self.lines[row.logical], self.levels[row.logical]
        extra = 0 if row.first else row.tokens[0].span.column - 1 - line.indent
        return max(0, STEP * level + extra)

    def _comment_indent(self, number: int) -> int:
        """A comment of its own goes with the next line if it stood as deep, else with the lines before that did."""
        column = self.rows[number].column
        for below, row in enumerate(self.rows[number + 1 :], number + 1):
            if row.logical is not None:
                offset = column - (row.tokens[0].span.column - 1)
                if offset == 0 or not row.first:
                    return max(0, self._indent(below) + offset)
                break
        for row in reversed(self.rows[:number]):
            if row.first and row.logical is not None and self.lines[row.logical].indent <= column:
                return STEP * self.levels[row.logical]
        return 0

    def _code(self, tokens: list[Token]) -> str:
        out = ""
        for i, token in enumerate(tokens):
            before = tokens[i - 1] if i else None
            if before is not None:
                gap = self._gap(tokens[i - 2] if i > 1 else None, before, token)
                out += " " * max(gap, _grow_together(before.text, token.text))
            out += token.text
            if token.kind in ("(", "[", "{"):
                self.depth.append(token.kind)
            elif token.kind in (")", "]", "}") and self.depth:
                self.depth.pop()
        return out

    def _gap(self, earlier: Token | None, before: Token, token: Token) -> int:
        """Spaces between two tokens on a line."""
        given = token.span.column - before.span.end_column if before.span.end_line == token.span.line else 0
        if given > 1 and (before.kind == ":" or token.text == "expect"):
            return given
        if self.depth and (
            (self.depth[-1] == "(" and "=" in (before.kind, token.kind))
            or (self.depth[-1] == "[" and ":" in (before.kind, token.kind))
        ):
            return min(given, 1)
        if before.kind in TIGHT_AFTER or token.kind in TIGHT_BEFORE:
            return 0
        if token.kind in ("(", "["):
            return 0 if before.kind in ("name", ")", "]", "}", "'") else min(given, 1) if before.kind.isalpha() else 1
        if before.kind == "-" and (earlier is None or earlier.kind not in OPERAND_END):
            return 0
        return min(given, 1) if "!" in (before.kind, token.kind) else 1
