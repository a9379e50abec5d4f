"""Where text for people is written: colour on a terminal only, plain text elsewhere; numbers and sizes in words."""

from __future__ import annotations

import os
import shutil
import sys

from rich.console import Console

PLAIN_WIDTH = 140


def make_console(*, stderr: bool = False) -> Console:
    """A console on standard output (or error). Not a terminal, or NO_COLOR set: plain text, wide enough for tables."""
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    width = max(60, shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns) if terminal else PLAIN_WIDTH
    return Console(
        file=stream,
        width=width,
        force_terminal=terminal,
        no_color=True if "NO_COLOR" in os.environ else None,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
    )


def plain(text: str) -> str:
    """Text that cannot disturb a terminal: control characters and lone surrogates become visible signs."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def count(number: float) -> str:
    """A number with thousands separators: 1,745,408."""
    return f"{number:,.0f}"


def duration(seconds: float) -> str:
    """Seconds for people: 0.02 s, 4.1 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60} min"


def size(octets: float) -> str:
    """Bytes for people: 512 B, 1.5 MB, 2.0 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if octets < 1000:
            return f"{octets:.0f} {unit}" if unit == "B" else f"{octets:.1f} {unit}"
        octets /= 1000
    return f"{octets:.1f} TB"


def plural(number: int, singular: str, many: str | None = None) -> str:
    """`1 step`, `3 steps`."""
    return f"{count(number)} {singular if number == 1 else many or singular + 's'}"
