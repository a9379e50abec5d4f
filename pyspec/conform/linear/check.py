"""The search for an order.

Operations on different keys are looked at apart. The commit order of a log, where the history has one (`order`), is
tried first: that takes linear time. Else a depth-first search in the order of the calls and returns, which makes an
operation happen only when its return asks for it, and remembers where it has been (Wing and Gong, Testing and verifying
concurrent objects, 1993; Lowe, Testing for linearizability, 2017).
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pyspec.base.diagnostics import error
from pyspec.base.source import Span
from pyspec.conform.linear.history import FOREVER, History, Operation
from pyspec.conform.linear.models import Model, Table


@dataclass(frozen=True)
class Failure:
    """The first return that no order explains: what may have been the state then, and what was open besides."""

    operation: Operation
    states: tuple[Any, ...]
    concurrent: tuple[Operation, ...]
    key: Hashable = ""


@dataclass(frozen=True)
class Verdict:
    """`verdict`: "linearizable", "not linearizable", "unknown" (time ran out). `evidence`: "witness" where the commit
    order was one, "search" otherwise. `order` gives each operation (by id) its place in the order found."""

    verdict: str
    evidence: str
    operations: int
    keys: int
    seconds: float
    failure: Failure | None = None
    order: dict[int, int] = field(default_factory=dict)
    unknown_keys: tuple[Hashable, ...] = ()

    @property
    def linearizable(self) -> bool:
        """Whether an order was found for every key."""
        return self.verdict == "linearizable"


def check_history(history: History, model: Model, max_seconds: float = 60.0) -> Verdict:
    """Whether a history is linearizable. Raises SpecError for an operation that the model does not know."""
    started = time.monotonic()
    parts = _parts(history, model)
    order: dict[int, int] = {}
    unknown: list[Hashable] = []
    failure: Failure | None = None
    evidence = "witness"
    for key, operations in parts.items():
        found = _by_witness(operations, model)
        if found is None:
            evidence = "search"
            needed = model.needed(operations) if isinstance(model, Table) else operations
            search = _Search(needed, model, started + max_seconds)
            found = search.run()
            if found is None and search.timed_out:
                unknown.append(key)
                continue
            if found is None:
                failure = search.failure(key)
                break
        order |= {operation.id: place for place, operation in enumerate(found)}
    verdict = "not linearizable" if failure is not None else "unknown" if unknown else "linearizable"
    seconds = time.monotonic() - started
    return Verdict(verdict, evidence, len(history.operations), len(parts), seconds, failure, order, tuple(unknown))


def _parts(history: History, model: Model) -> dict[Hashable, list[Operation]]:
    parts: dict[Hashable, list[Operation]] = {}
    for operation in history.operations:
        if not model.knows(operation.f):
            known = getattr(model, "rules", {})
            near = difflib.get_close_matches(operation.f, list(known), 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
            place = Span(history.file, operation.line, 1, operation.line, 2)
            raise error("E0834", f"the model {model.name} has no operation {operation.f}", place, hint)
        parts.setdefault(model.key(operation), []).append(operation)
    if None in parts and len(parts) > 1:
        return {None: list(history.operations)}
    return parts


# ------------------------------------------------------------------------------------------------- witness


def _by_witness(operations: list[Operation], model: Model) -> list[Operation] | None:
    """The commit order as the order, if it is one: every operation that returned has a place in it, the places respect
    real time, and the model allows it."""
    if any(operation.order is None and operation.outcome == "ok" for operation in operations):
        return None
    placed = sorted((o for o in operations if o.order is not None), key=lambda o: (o.order, o.start))
    latest = float("-inf")
    states: list[Any] = [model.initial()]
    for operation in placed:
        if operation.end < latest:
            return None
        latest = max(latest, operation.start)
        states = list(dict.fromkeys(after for state in states for after in model.step(state, operation)))
        if not states:
            return None
    return placed


# -------------------------------------------------------------------------------------------------- search

Config = tuple[int, Any, int]  # the next event, the state, the open operations that have not happened (a mask)


class _Search:
    """Depth first over (event, state, open operations)."""

    def __init__(self, operations: list[Operation], model: Model, until: float) -> None:
        self.model, self.until = model, until
        self.events = sorted(
            [(o.start, 0, o) for o in operations] + [(o.end, 1, o) for o in operations if o.end < FOREVER],
            key=lambda event: event[:2],
        )
        self.bits = self._slots()
        self.timed_out = False
        self.deepest = -1
        self.states: dict[Any, None] = {}
        self.open_then: list[Operation] = []

    def _slots(self) -> dict[int, int]:
        """A bit for each operation; a bit is used again after the return of its operation."""
        free: list[int] = []
        used = 0
        bits: dict[int, int] = {}
        for _, returns, operation in self.events:
            if returns:
                free.append(bits[operation.id])
            else:
                if not free:
                    free.append(1 << used)
                    used += 1
                bits[operation.id] = free.pop()
        return bits

    def run(self) -> list[Operation] | None:
        """An order, or None."""
        start: Config = (0, self.model.initial(), 0)
        seen = {start}
        opened = self._opened()
        stack: list[tuple[Operation | None, Iterator[tuple[Operation | None, Config]]]] = [
            (None, self._next(start, opened))
        ]
        count = 0
        while stack:
            count += 1
            if not count & 1023 and time.monotonic() > self.until:
                self.timed_out = True
                return None
            step = next(stack[-1][1], None)
            if step is None:
                stack.pop()
                continue
            operation, config = step
            if config in seen:
                continue
            seen.add(config)
            if config[0] == len(self.events):
                return [one for one, _ in [*stack, (operation, None)] if one is not None]
            stack.append((operation, self._next(config, opened)))
        return None

    def _opened(self) -> list[tuple[Operation, ...]]:
        """For each return the operations called before it that may still be open: those that return, the earliest
        first, then those that never do, the latest first (an old write that nobody saw is an unlikely help)."""
        found: list[tuple[Operation, ...]] = []
        returning: dict[int, Operation] = {}
        never: dict[int, Operation] = {}
        for _, returns, operation in self.events:
            if not returns:
                (never if operation.end == FOREVER else returning)[operation.id] = operation
                found.append(())
                continue
            del returning[operation.id]
            found.append((*sorted(returning.values(), key=lambda o: o.end), *reversed(never.values())))
        return found

    def _next(self, config: Config, opened: list[tuple[Operation, ...]]) -> Iterator[tuple[Operation | None, Config]]:
        at, state, mask = config
        _, returns, operation = self.events[at]
        bit = self.bits[operation.id]
        if not returns:
            yield None, (at + 1, state, mask | bit)
            return
        if not mask & bit:
            yield None, (at + 1, state, mask)
            return
        self._note(at, state, mask, opened)
        for after in self.model.step(state, operation):
            yield operation, (at + 1, after, mask & ~bit)
        for other in opened[at]:
            own = self.bits[other.id]
            if not mask & own:
                continue
            for after in self.model.step(state, other):
                if after != state or other.end < FOREVER:
                    yield other, (at, after, mask & ~own)

    def _note(self, at: int, state: Any, mask: int, opened: list[tuple[Operation, ...]]) -> None:
        if at < self.deepest:
            return
        if at > self.deepest:
            self.deepest, self.states = at, {}
            self.open_then = list(opened[at])
        if len(self.states) < 50:
            self.states[state] = None

    def failure(self, key: Hashable) -> Failure:
        """The return that was never passed."""
        operation = self.events[self.deepest][2]
        states: Iterable[Any] = self.states
        return Failure(operation, tuple(states), tuple(self.open_then), key)
