"""The table at the end of a run over several specifications or flaws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from pyspec.cli.console import plain


@dataclass(frozen=True)
class Row:
    """One line: the texts of its cells, and whether it is good, bad or open (decides the colour of the third cell)."""

    cells: tuple[str, ...]
    style: str = ""
    indent: bool = False


COLUMNS = ("protocol", "model", "result", "states", "depth", "time")
RIGHT = {"states", "depth", "steps", "time"}


def show(console: Console, rows: Sequence[Row], columns: Sequence[str] = COLUMNS, styled: int = 2) -> None:
    """Prints rows under their headings; columns as wide as their widest cell."""
    table = [tuple(plain(("  " if r.indent and i == 0 else "") + c) for i, c in enumerate(r.cells)) for r in rows]
    widths = [max(cell_len(line[i]) for line in [tuple(columns), *table]) for i in range(len(columns))]

    def line(cells: Sequence[str], styles: Sequence[str]) -> Text:
        text = Text()
        for i, (cell, width, style) in enumerate(zip(cells, widths, styles, strict=True)):
            pad = " " * (width - cell_len(cell))
            right = columns[i] in RIGHT
            text.append("  " if i else "")
            text.append(pad if right else "").append(cell, style or None).append("" if right else pad)
        text.rstrip()
        return text

    console.print(line(columns, ["bold"] * len(columns)))
    console.print(Text("-" * (sum(widths) + 2 * (len(widths) - 1)), "dim"))
    for row, cells in zip(rows, table, strict=True):
        console.print(line(cells, [row.style if i == styled else "" for i in range(len(columns))]))
