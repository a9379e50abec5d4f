"""The replicated log as a persistent value: a window of entries above a compacted prefix."""

from collections.abc import Iterable
from typing import Any

from impl.raft.messages import Entry


class Log:
    """Entries `base + 1 .. last`. Values never change; those that extend each other share their storage.

    The shared list only grows at its end, and only through the value that reaches that far; any other copies first.
    """

    __slots__ = ("_shared", "base", "base_term", "base_time", "last")

    def __init__(self, base: int = 0, base_term: int = 0, base_time: int = 0, entries: Iterable[Entry] = ()) -> None:
        self._shared = list(entries)
        self.base = base
        self.base_term = base_term
        self.base_time = base_time
        self.last = base + len(self._shared)

    def _with(self, shared: list[Entry], last: int) -> "Log":
        log = Log.__new__(Log)
        log._shared, log.base, log.base_term, log.base_time, log.last = (
            shared,
            self.base,
            self.base_term,
            self.base_time,
            last,
        )
        return log

    def entry(self, index: int) -> Entry:
        """The entry at an index of the window."""
        if not self.base < index <= self.last:
            raise IndexError(index)
        return self._shared[index - self.base - 1]

    def term_at(self, index: int) -> int | None:
        """The term of the entry at `index`; None where the log does not reach or is compacted away."""
        if index == self.base:
            return self.base_term
        if not self.base < index <= self.last:
            return None
        return self._shared[index - self.base - 1].term

    @property
    def last_term(self) -> int:
        """The term of the last entry."""
        return self.base_term if self.last == self.base else self.entry(self.last).term

    @property
    def last_time(self) -> int:
        """The time of the last entry."""
        return self.base_time if self.last == self.base else self.entry(self.last).time

    def between(self, low: int, high: int) -> tuple[Entry, ...]:
        """The entries `low .. high`, both included and within the window."""
        return tuple(self._shared[low - self.base - 1 : high - self.base])

    def upto_bytes(self, low: int, limit: int) -> tuple[Entry, ...]:
        """Entries from `low` until their data exceeds `limit` bytes; at least one where there is one."""
        taken: list[Entry] = []
        size = 0
        for index in range(low, self.last + 1):
            entry = self.entry(index)
            size += len(entry.data) + 32
            if taken and size > limit:
                break
            taken.append(entry)
        return tuple(taken)

    def append(self, entries: tuple[Entry, ...]) -> "Log":
        """This log with entries at its end."""
        length = self.last - self.base
        shared = self._shared if len(self._shared) == length else self._shared[:length]
        shared.extend(entries)
        return self._with(shared, self.last + len(entries))

    def cut(self, last: int) -> "Log":
        """This log without what follows `last`."""
        return self if last >= self.last else self._with(self._shared, last)

    def compact(self, index: int) -> "Log":
        """This log with its prefix up to `index` folded away."""
        if index <= self.base:
            return self
        entry = self.entry(index)
        return Log(index, entry.term, entry.time, self.between(index + 1, self.last))

    def agrees_below(self, index: int, term: int) -> int:
        """The largest index up to `index` whose term is at most `term`: a log cannot agree above it."""
        index = min(index, self.last)
        while index > self.base and self.entry(index).term > term:
            index -= 1
        return index

    def entries(self) -> tuple[Entry, ...]:
        """All entries of the window."""
        return self.between(self.base + 1, self.last)

    def _key(self) -> tuple[Any, ...]:
        return (self.base, self.base_term, self.entries())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Log) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Log({self.base}:{self.base_term}, {[entry.term for entry in self.entries()]})"
