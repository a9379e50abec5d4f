"""Generated Python text that remembers where it came from.

Fragments (`Code`) nest, may break over lines where they have soft breaks, and may carry the place in the
specification that they stand for. A `Module` lays them out and can say which place a position in the text belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from pyspec.base.source import Span

WIDTH = 110


@dataclass(frozen=True, slots=True)
class Soft:
    """A place to break a line: `flat` if it is not broken; otherwise the next line starts `deeper` levels further
    in."""

    flat: str = " "
    deeper: int = 1


@dataclass(frozen=True, slots=True)
class Code:
    """A fragment of an expression. One with `brackets` may break its lines anywhere; others only inside such a one."""

    parts: tuple[str | Soft | Code, ...]
    span: Span | None = None
    level: int = 20  # how tightly it binds, see pyspec.model.pyexpr
    brackets: bool = False
    width: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        total = sum(len(part.flat) if isinstance(part, Soft) else _width(part) for part in self.parts)
        object.__setattr__(self, "width", total)

    def __str__(self) -> str:
        return "".join(part.flat if isinstance(part, Soft) else str(part) for part in self.parts)


def _width(part: str | Code) -> int:
    return len(part) if isinstance(part, str) else part.width


def text(*parts: str | Soft | Code, span: Span | None = None, level: int = 20) -> Code:
    """A fragment from its parts."""
    return Code(parts, span, level)


def listed(
    opening: str, items: Sequence[Code | str], closing: str, separator: str = ",", span: Span | None = None
) -> Code:
    """Items between brackets, on one line or one a line."""
    parts: list[str | Soft | Code] = [opening]
    for position, item in enumerate(items):
        parts += [Soft("" if position == 0 else " "), item]
        if separator and position + 1 < len(items):
            parts.append(separator)
    if items:
        parts.append(Soft("", 0))
    return Code((*parts, closing), span, brackets=True)


def tupled(items: Sequence[Code | str]) -> Code:
    """A tuple display."""
    return Code(("(", items[0], ",)")) if len(items) == 1 else listed("(", items, ")")


def quoted(name: str | tuple[str, ...]) -> str:
    """A name, or several, as Python strings in double quotes."""
    if isinstance(name, str):
        return json.dumps(name)
    inner = ", ".join(map(json.dumps, name))
    return f"({inner},)" if len(name) == 1 else f"({inner})"


def call(name: str, *arguments: Code | str, span: Span | None = None) -> Code:
    """A function call."""
    return listed(f"{name}(", arguments, ")", span=span)


Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of generated text (lines from 1, columns from 0) and the place it stands for."""

    start: Position
    end: Position
    span: Span


class Module:
    """Python source, built line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.regions: list[Region] = []

    def line(self, indent: int, content: str | Code = "", span: Span | None = None) -> None:
        """One logical line; a fragment that is too long breaks where it can."""
        start = (len(self.lines) + 1, 4 * indent)
        if isinstance(content, str):
            self.lines.append("    " * indent + content if content else "")
        else:
            self.lines.append("    " * indent)
            self._put(content, indent, content.brackets, 4 * indent + content.width > WIDTH)
        if span is not None:
            self.regions.append(Region(start, self._here(), span))

    def source(self) -> str:
        """The whole text."""
        return "\n".join(self.lines) + "\n"

    def place(self, start: Position, end: Position) -> Span | None:
        """The innermost place whose text includes the given stretch."""
        around = [region for region in self.regions if region.start <= start and end <= region.end]
        return (
            max(around, key=lambda region: (region.start, tuple(-part for part in region.end))).span if around else None
        )

    def _here(self) -> Position:
        return (len(self.lines), len(self.lines[-1]))

    def _put(self, code: Code, indent: int, may_break: bool, wide: bool) -> None:
        start = self._here()
        may_break = may_break or code.brackets
        breaks = wide and may_break and any(isinstance(part, Soft) for part in code.parts)
        for part in code.parts:
            if isinstance(part, Code):
                too_wide = wide and len(self.lines[-1]) + part.width > WIDTH
                self._put(part, indent + 1 if breaks else indent, may_break, too_wide)
            elif isinstance(part, Soft) and breaks:
                self.lines[-1] = self.lines[-1].rstrip()
                self.lines.append("    " * (indent + part.deeper))
            else:
                self.lines[-1] += part.flat if isinstance(part, Soft) else part
        if code.span is not None:
            self.regions.append(Region(start, self._here(), code.span))
