"""Source files and places in them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A region of a source file; lines and columns count from 1, the end is exclusive."""

    file: str = "<none>"
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    def to(self, other: "Span") -> "Span":
        """The region from the start of this one to the end of the other."""
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Span()


@dataclass(frozen=True, slots=True)
class Source:
    """One source file as text."""

    file: str
    text: str

    def line(self, number: int) -> str:
        """Line `number` (from 1) without its end, or an empty string past the end."""
        lines = self.text.splitlines()
        return lines[number - 1] if 1 <= number <= len(lines) else ""
