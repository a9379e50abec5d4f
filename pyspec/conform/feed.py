"""In which order events are taken: chains of events (one for each file, or one for all), and which may come next."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pyspec.base.diagnostics import error
from pyspec.conform.lines import ABSENT, Get, Line, getter, lines_of
from pyspec.conform.mapping import LogForm

Cut = tuple[int, ...]
Before = Callable[[Line, Line], bool]


class Feed:
    """Chains of lines, read as they are needed. A cut says how many lines of each chain have been taken.

    Lines behind the cut given to `forget` are dropped; `before(a, b)` says whether a must come before b.
    """

    def __init__(self, chains: Iterable[Iterator[Line]], before: Before | None = None) -> None:
        self._chains = list(chains)
        self._kept: list[deque[Line]] = [deque() for _ in self._chains]
        self._start = [0] * len(self._chains)
        self._before = before
        self.single = len(self._chains) == 1

    @property
    def first(self) -> Cut:
        """The cut before every event."""
        return (0,) * len(self._chains)

    def line(self, chain: int, position: int) -> Line | None:
        """The line at a position of a chain; None after its end."""
        kept = self._kept[chain]
        at = position - self._start[chain]
        while at >= len(kept):
            line = next(self._chains[chain], None)
            if line is None:
                return None
            kept.append(line)
        return kept[at]

    def heads(self, cut: Cut) -> list[tuple[int, Line]]:
        """The lines that may come next, with their chains: those that no other head must precede."""
        heads = [(chain, line) for chain, at in enumerate(cut) if (line := self.line(chain, at)) is not None]
        if len(heads) < 2 or self._before is None:
            return heads
        before = self._before
        free = [(c, one) for c, one in heads if not any(before(two, one) for d, two in heads if d != c)]
        return free or heads

    def forget(self, cut: Cut) -> None:
        """Drops the lines before a cut."""
        for chain, at in enumerate(cut):
            while self._start[chain] < at and self._kept[chain]:
                self._kept[chain].popleft()
                self._start[chain] += 1


def number(value: Any) -> float | None:
    """A time: a number, a numeral, or a time of day (`2026-01-31T12:00:00.5Z`, `12:00:00.5`)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    try:
        return float(value)
    except ValueError:
        return _clock_time(value)


def _clock_time(text: str) -> float | None:
    from datetime import datetime, time

    try:
        return datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace(",", ".")).timestamp()
    except ValueError:
        pass
    try:
        found = time.fromisoformat(text.strip())
    except ValueError:
        return None
    return found.hour * 3600 + found.minute * 60 + found.second + found.microsecond / 1e6


def _timed(get: Get, path: str) -> Callable[[Line], float]:
    def read(line: Line) -> float:
        found = number(get(line.record))
        if found is None:
            raise error("E0833", f"this line has no time `{path}` to be ordered by", line.span)
        return found

    return read


def merged(chains: list[Iterator[Line]], time: Callable[[Line], float]) -> Iterator[Line]:
    """Several chains as one, by time; within a chain the order stays, also where its times go back."""
    queue: list[tuple[float, int, Line]] = []
    latest = [float("-inf")] * len(chains)

    def push(chain: int) -> None:
        line = next(chains[chain], None)
        if line is not None:
            latest[chain] = max(latest[chain], time(line))
            heapq.heappush(queue, (latest[chain], chain, line))

    for chain in range(len(chains)):
        push(chain)
    while queue:
        _, chain, line = heapq.heappop(queue)
        yield line
        push(chain)


def _intervals(form: LogForm) -> Before:
    """Intervals [start, end]: one event is before another if it ends before the other starts."""
    if form.order == "time":
        at = _timed(getter(form.time), form.time)
        slack = form.slack
        return lambda one, two: at(one) + slack < at(two) - slack
    start, end = _timed(getter(form.start), form.start), _timed(getter(form.end), form.end)
    return lambda one, two: end(one) < start(two)


def _clocks(form: LogForm) -> Before:
    """Vector clocks: one event is before another if its clock is less or equal everywhere, and less somewhere."""
    get = getter(form.clock)

    def read(line: Line) -> dict[str, int]:
        found = get(line.record)
        if found is ABSENT or not isinstance(found, dict | list):
            raise error("E0833", f"this line has no vector clock `{form.clock}` to be ordered by", line.span)
        pairs = found.items() if isinstance(found, dict) else ((str(at), count) for at, count in enumerate(found))
        try:
            return {str(name): int(count) for name, count in pairs}
        except (TypeError, ValueError):
            raise error(
                "E0833", f"`{form.clock}` is no vector clock: it has a part that is no number", line.span
            ) from None

    def before(one: Line, two: Line) -> bool:
        left, right = read(one), read(two)
        return left != right and all(count <= right.get(name, 0) for name, count in left.items())

    return before


def feed(files: list[str], form: LogForm, chains: list[Iterator[Line]] | None = None) -> Feed:
    """The events of the files of one trace, in the order that the mapping gives."""
    made = chains if chains is not None else [lines_of(file, form) for file in files]
    if form.order == "time" and not form.slack:
        return Feed([merged(made, _timed(getter(form.time), form.time))])
    if form.order in ("time", "interval"):
        return Feed(made, _intervals(form))
    if form.order == "clock":
        return Feed(made, _clocks(form))
    if form.order == "files":
        return Feed(made)
    return Feed([_after_another(made)])


def _after_another(chains: list[Iterator[Line]]) -> Iterator[Line]:
    for chain in chains:
        yield from chain
