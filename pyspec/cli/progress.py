"""The progress line of a search: states, rate, depth, queue, and a guess at where it will end."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pyspec.cli.console import count, duration, size

REFRESH = 0.2  # seconds between two lines
START = 0.5  # seconds before the first line: short searches say nothing
BYTES_PER_STATE = 24


@dataclass
class Growth:
    """The sizes of the breadth-first levels so far, and what they say about the rest.

    Levels of a finite graph grow, then shrink: the ratio of one level to the one before falls. The estimate lets the
    ratio go on falling as it did over the last levels. Without five levels and a falling ratio
    there is no telling.
    """

    distinct_at: list[int] = field(default_factory=list)  # distinct states when each level was complete

    def level_done(self, depth: int, distinct: int) -> None:
        """Notes that all states up to `depth` steps are known."""
        del self.distinct_at[depth:]
        self.distinct_at += [distinct] * (depth + 1 - len(self.distinct_at))

    def levels(self) -> list[int]:
        """New states of each level."""
        totals = [0, *self.distinct_at]
        return [b - a for a, b in itertools.pairwise(totals)]

    def estimate(self) -> int | None:
        """How many distinct states there may be in the end; None when there is no telling yet."""
        sizes = [s for s in self.levels() if s > 0]
        if len(sizes) < 5:
            return None
        ratios = [b / a for a, b in itertools.pairwise(sizes[-5:])]
        fall = (ratios[0] - ratios[-1]) / (len(ratios) - 1)
        if fall <= 0.001:
            return None
        total, level, ratio = float(self.distinct_at[-1]), float(sizes[-1]), ratios[-1]
        for _ in range(1000):
            ratio -= fall
            if ratio <= 0 or level < 1:
                break
            level *= ratio
            total += level
        return int(total)


@dataclass
class ProgressLine:
    """Rewrites one line on a terminal's standard error; call it as often as there is news."""

    write: Callable[[str], object] = sys.stderr.write
    clock: Callable[[], float] = time.monotonic
    growth: Growth = field(default_factory=Growth)
    shown: bool = False

    def __post_init__(self) -> None:
        self.began = self.last = self.clock()
        self.depth = 0

    def __call__(self, distinct: int, generated: int, depth: int, queue: int) -> None:
        """News of a search: states found, successors computed, the level being expanded, states waiting."""
        if depth > self.depth:
            self.growth.level_done(depth - 1, distinct)
            self.depth = depth
        now = self.clock()
        if now - self.began < START or now - self.last < REFRESH:
            return
        self.last = now
        self.write("\r\x1b[2K" + self.line(distinct, generated, depth, queue, now - self.began))
        sys.stderr.flush()
        self.shown = True

    def line(self, distinct: int, generated: int, depth: int, queue: int, seconds: float) -> str:
        """The text of the line."""
        text = f"{count(distinct)} states, {count(generated / seconds)}/s, depth {depth}, queue {count(queue)}"
        text += f", {duration(seconds)}"
        estimate = self.growth.estimate()
        if estimate and estimate > distinct:
            text += f"; about {count(float(f'{estimate:.2g}'))} in the end, {size(estimate * BYTES_PER_STATE)}"
        return text

    def close(self) -> None:
        """Removes the line."""
        if self.shown:
            self.write("\r\x1b[2K")
            sys.stderr.flush()


def progress_line(*, quiet: bool) -> ProgressLine | None:
    """A progress line if standard error is a terminal and nobody asked for silence."""
    return None if quiet or not sys.stderr.isatty() else ProgressLine()
