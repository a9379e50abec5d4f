"""The C interface of a compiled model (runtime/api.h) for Python."""

from __future__ import annotations

import ctypes as c
import os
from collections.abc import Iterator
from dataclasses import dataclass

from pyspec.native.emit_model import Generated

U64, I64, P = c.c_uint64, c.c_int64, c.c_void_p
NO_PARENT = (1 << 48) - 1
STOPS = {2: "time", 3: "states", 4: "memory", 5: "interrupt"}
S_TIME, S_STATES, S_MEMORY, S_INTERRUPT, S_FAULT, S_ROOM = range(2, 8)
#: what resume() in runtime/checkpoint.h returns: why a search cannot go on
UNSAVED = {
    -1: "no search is saved there (a finished search removes its files)",
    -2: "the search saved there is of another model, or of another version of this program",
    -3: "the search saved there is damaged",
}


class Unsaved(Exception):
    """There is nothing to resume."""


class Options(c.Structure):
    """As in runtime/cx.h."""

    _fields_ = (
        ("threads", I64), ("symmetry", I64), ("keep_going", I64), ("stop_when_decided", I64),
        ("max_states", U64), ("max_slots_log2", U64),
        ("folder", c.c_char_p), ("checkpoint", c.c_char_p), ("wanted", c.c_char_p),
        ("checkpoint_ms", I64), ("resume", I64), ("variant", I64),
    )  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """Where a search stands."""

    distinct: int
    generated: int
    depth: int
    stop: int
    fault: int
    slots: int
    chunks_now: int
    chunks_next: int
    runs: int
    outside: int
    checkpoints: int
    queue: int


@dataclass(frozen=True)
class Finding:
    """How a property was decided: see runtime/cx.h."""

    checking: bool
    starting: bool
    action: int
    kind: int
    span: int
    at: int
    words: tuple[int, ...]
    level: int


@dataclass(frozen=True)
class Successor:
    """One successor: the number of its action, the packed state, and what stands for it under symmetry."""

    action: int
    words: tuple[int, ...]
    representative: tuple[int, ...]


class Search:
    """One search: start, wait, read the results, free (a context manager)."""

    def __init__(self, handle: c.CDLL, made: Generated, options: Options) -> None:
        self.lib, self.made = handle, made
        handle.search_new.restype = P
        self.handle = P(handle.search_new(c.byref(options)))
        if not self.handle:
            raise MemoryError("no memory for the search")
        self.most = max(made.layout.most, 1)
        self.abandoned = False  # threads still run: nothing may be freed

    def __enter__(self) -> Search:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.abandoned:
            self.lib.search_free(self.handle)

    def start(self) -> None:
        """Start the threads. Raises OSError, and Unsaved when there is nothing to resume."""
        error = self.lib.search_start(self.handle)
        if error in UNSAVED:
            raise Unsaved(UNSAVED[error])
        if error:
            raise OSError(error, os.strerror(error))

    def wait(self, seconds: float) -> bool:
        """Whether the search is over, after so long at most."""
        return bool(self.lib.search_wait(self.handle, int(seconds * 1000)))

    def stop(self, reason: int, *, at_once: bool = False) -> None:
        """Ask the threads to stop: after a checkpoint where there is a folder for one, unless `at_once`."""
        stop = self.lib.search_stop if at_once else self.lib.search_stop_saved
        stop(self.handle, reason)

    def checkpoint(self) -> None:
        """Ask for a checkpoint at the next opportunity."""
        self.lib.search_checkpoint(self.handle)

    def progress(self) -> Progress:
        """Where the search stands."""
        to = (U64 * 12)()
        self.lib.search_progress(self.handle, to)
        return Progress(*to)

    def counters(self) -> tuple[list[int], list[bool]]:
        """Successors of each action; which implications were tested."""
        fired = (U64 * max(len(self.made.actions), 1))()
        cover = (c.c_uint8 * max(len(self.made.cover), 1))()
        self.lib.search_counters(self.handle, fired, cover)
        return list(fired)[: len(self.made.actions)], [bool(x) for x in cover][: len(self.made.cover)]

    def finding(self, number: int) -> Finding | None:
        """What was found for a property."""
        to, words = (I64 * 8)(), (U64 * self.most)()
        self.lib.search_finding(self.handle, number, to, words)
        found, phase, action, kind, span, at, n, level = to
        if not found:
            return None
        return Finding(phase == 0, phase == 2, action, kind, span, at & NO_PARENT, tuple(words)[:n], level)

    def record(self, at: int) -> tuple[list[int], int]:
        """The packed state at a log position, and the position of its parent."""
        words, parent = (U64 * self.most)(), U64()
        n = self.lib.search_record(self.handle, U64(at), words, c.byref(parent))
        if n < 0:
            raise OSError("the log of states cannot be read")
        return list(words)[:n], parent.value

    def log(self) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Every distinct state in the order in which it was found: log position, that of its parent, packed state."""
        self.lib.search_log_end.restype = U64
        end, at, step = self.lib.search_log_end(self.handle), 0, 1 << 14
        while at < end:
            n = min(end - at, step + self.most + 1)
            to = (U64 * n)()
            if self.lib.search_log(self.handle, U64(at), U64(n), to):
                raise OSError("the log of states cannot be read")
            i = 0
            while i < min(n, step):
                size = to[i] & 0xFFFF
                if size:
                    yield at + i, to[i] >> 16, tuple(to[i + 1 : i + 1 + size])
                i += size + 1
            at += i

    def successors(self, words: list[int] | None) -> list[Successor]:
        """The successors of a packed state; without one, the initial states. As far as evaluation errors let."""
        stride, room = 3 + 2 * self.most, 256
        given = (U64 * self.most)(*(words or ()))
        self.lib.search_successors.restype = I64
        while True:
            to = (U64 * (room * stride))()
            n = self.lib.search_successors(self.handle, given, -1 if words is None else len(words), to, U64(room))
            if n < 0:
                raise MemoryError("no memory for successors")
            if n <= room:
                break
            room = n
        rows = [to[i * stride : (i + 1) * stride] for i in range(n)]
        at = 3 + self.most
        return [Successor(row[0], tuple(row[3 : 3 + row[1]]), tuple(row[at : at + row[2]])) for row in rows]

    def chain(self, at: int) -> list[list[int]]:
        """The packed states from an initial one to the one at a log position."""
        states = []
        while at != NO_PARENT:
            words, at = self.record(at)
            states.append(words)
        return states[::-1]
