"""The C side of liveness (runtime/live.h) for Python: the graph of a finished search, and lassos in it."""

from __future__ import annotations

import ctypes as c
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from pyspec.native.library import Search

N, U64, I64, P = c.c_uint32, c.c_uint64, c.c_int64, c.c_void_p
ANY = 2**32 - 1  # instead of a state: all with the given marks
INITIAL, INSIDE, START, FAIR, MUST, GOAL = 1, 2, 4, 8, 16, 32
SHAPES = {"eventually": 0, "always_eventually": 1, "eventually_always": 2, "leads_to": 3}
FAULTS = {
    -1: "there is not enough memory for the graph",
    -2: "a formula of it cannot be evaluated in some state",
    -3: "a step leads to a state that the search did not find",
    -4: "there are too many fair steps",
    -5: "the search had to spill to disk",
    -6: "the log of states cannot be read",
}
BATCH = 20_000  # states between two looks at the clock
STATE_BYTES, EDGE_BYTES, SLOT_BYTES = 52, 6, 4  # of the graph: runtime/live.h


class NoGraph(Exception):
    """The graph cannot be had; says why."""


@dataclass(frozen=True)
class Lasso:
    """States of a run by number: those from `loop` on repeat for ever."""

    states: tuple[int, ...]
    loop: int


def memory(distinct: int, generated: int, slots: int) -> int:
    """About how many bytes the graph takes."""
    return STATE_BYTES * distinct + EDGE_BYTES * generated * 3 // 2 + SLOT_BYTES * slots


class FairGraph:
    """The states and fair steps of a finished search (a context manager)."""

    def __init__(self, search: Search) -> None:
        self.lib = search.lib
        for name, kind in (("open", P), ("build", I64), ("path", U64), ("labels", N), ("at", U64), ("edges", N)):
            getattr(self.lib, f"liveness_{name}").restype = kind
        self._graph = P(self.lib.liveness_open(search.handle))
        if not self._graph:
            raise NoGraph(FAULTS[-1])
        self.distinct = search.progress().distinct

    def __enter__(self) -> FairGraph:
        return self

    def __exit__(self, *_: object) -> None:
        self.lib.liveness_close(self._graph)

    def build(self, enough: Callable[[], bool]) -> None:
        """Compute all edges. Raises NoGraph; also when `enough` says that time is up."""
        while left := self.lib.liveness_build(self._graph, N(BATCH)):
            if left < 0:
                raise NoGraph(FAULTS[left])
            if enough():
                raise NoGraph("time ran out while the graph was built")

    def violation(self, shape: str, formula: int) -> Lasso | None:
        """A fair run that violates a property, as a lasso. Raises NoGraph."""
        found = self.lib.liveness_decide(self._graph, SHAPES[shape], U64(formula))
        if found < 0:
            raise NoGraph(FAULTS[found])
        return self._lasso(shape) if found else None

    def at(self, state: int) -> int:
        """The log position of a state."""
        return int(self.lib.liveness_at(self._graph, N(state)))

    # ---------------------------------------------------------------------------------------- lassos

    def _path(self, start: int, through: int, goal: int, *, start_marks: int = 0, goal_marks: int = 0) -> list[int]:
        room = 1 << 12
        while True:
            out = (N * room)()
            length = self.lib.liveness_path(
                self._graph, N(start), start_marks, through, N(goal), goal_marks, out, N(room)
            )
            if not length:
                raise NoGraph(FAULTS[-3])
            if length <= room:
                return list(out[:length])[::-1]
            room = length

    def _lasso(self, shape: str) -> Lasso:
        """From an initial state to where the run may begin, into the fair part, and round it."""
        entry = self._path(ANY, INSIDE, ANY, start_marks=START, goal_marks=FAIR)
        lead = self._path(ANY, 0, entry[0], start_marks=INITIAL)
        prefix = [*lead, *entry[1:]]
        cycle = self._cycle(prefix[-1], shape == "eventually_always")
        return Lasso((*prefix[:-1], *cycle), len(prefix) - 1)

    def _cycle(self, start: int, must_meet: bool) -> list[int]:
        """A closed walk in the fair part that takes, or finds disabled, every fair step; without its last state."""
        walk = [start]
        if must_meet:
            walk += self._path(start, FAIR, ANY, goal_marks=FAIR | MUST)[1:]
        for label in range(self.lib.liveness_labels(self._graph)):
            ends = (N * 2)()
            if self.lib.liveness_taken(self._graph, N(label), ends):
                if (ends[0], ends[1]) not in set(itertools.pairwise(walk)):
                    walk += [*self._path(walk[-1], FAIR, ends[0])[1:], ends[1]]
            elif not self.lib.liveness_strong(self._graph, N(label)):
                walk += self._path(walk[-1], FAIR, ANY, goal_marks=FAIR | GOAL)[1:]
        walk += self._path(walk[-1], FAIR, start)[1:]
        if len(walk) == 1:
            walk += self._round(start)
        return walk[:-1] if len(walk) > 1 else walk

    def _round(self, start: int) -> list[int]:
        """A way back to a state: empty when it is alone and stutters."""
        out = (N * 1)()
        if not self.lib.liveness_edges(self._graph, N(start), out, N(1)):
            return []
        return [out[0], *self._path(out[0], FAIR, start)[1:]]
