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
Path = tuple[Operation, ...]  # operations in the order in which they happen
Choices = tuple[tuple[Operation, ...], tuple[Operation, ...]]  # open operations that return, and that never do


class _Search:
    """Depth first over (event, state, open operations).

    What only looks happens as soon as it may. Operations that never return need not happen: of those that do the same
    one need only be tried, and of two configurations at the same event in the same state, with the same operations
    still to return, the one with more of the others left can do whatever the other can. A number or a text that only
    grows must not pass what is still to be seen of it.
    """

    def __init__(self, operations: list[Operation], model: Model, until: float) -> None:
        self.model, self.until = model, until
        self.events = sorted(
            [(o.start, 0, o) for o in operations] + [(o.end, 1, o) for o in operations if o.end < FOREVER],
            key=lambda event: event[:2],
        )
        self.bits = self._slots()
        self.optional = sum(self.bits[operation.id] for operation in operations if operation.end == FOREVER)
        table = model if isinstance(model, Table) else None
        alike = table.alike if table is not None else lambda operation: operation.id
        self.kinds = {o.id: alike(o) for o in operations if o.end == FOREVER}
        self.looking = {o.id for o in operations if table is not None and table.looks(o)}
        self.growth = table.growth(operations) if table is not None else None
        self.ceilings = self._ceilings()
        self.seen: dict[Config, list[int]] = {}
        self.timed_out = False
        self.deepest = -1
        self.states: dict[Any, None] = {}
        self.open_then: list[Operation] = []

    def _slots(self) -> dict[int, int]:
        """A bit for each operation; one that returns gives its bit to another one that does."""
        free: list[int] = []
        used = 0
        bits: dict[int, int] = {}
        for _, returns, operation in self.events:
            if returns:
                free.append(bits[operation.id])
            elif free and operation.end < FOREVER:
                bits[operation.id] = free.pop()
            else:
                bits[operation.id] = 1 << used
                used += 1
        return bits

    def run(self) -> list[Operation] | None:
        """An order, or None."""
        start: Config = (0, self.model.initial(), 0)
        opened = self._opened()
        stack: list[tuple[Path, Iterator[tuple[Path, Config]]]] = [((), self._next(start, opened))]
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
            path, config = step
            if config[0] == len(self.events):
                return [operation for taken, _ in [*stack, step] for operation in taken]
            path, config = self._settled(path, config, opened)
            if not self._hopeless(config, opened) and not self._covered(config):
                stack.append((path, self._next(config, opened)))
        return None

    def _settled(self, path: Path, config: Config, opened: list[Choices]) -> tuple[Path, Config]:
        """A configuration after all that may happen now and only looks: later is no better."""
        at, state, mask = config
        for operation in opened[at][0]:
            bit = self.bits[operation.id]
            if mask & bit and operation.id in self.looking and any(True for _ in self.model.step(state, operation)):
                path, mask = (*path, operation), mask & ~bit
        return path, (at, state, mask)

    def _ceilings(self) -> list[Any]:
        """For each event how far a state that only grows may have come for what is called from there on; None: any."""
        found: list[Any] = [None] * (len(self.events) + 1)
        if self.growth is not None:
            for at in range(len(self.events) - 1, -1, -1):
                _, returns, operation = self.events[at]
                own = None if returns else self.growth.limits.get(operation.id)
                limits = [limit for limit in (own, found[at + 1]) if limit is not None]
                found[at] = min(limits, key=self.growth.size, default=None)
        return found

    def _hopeless(self, config: Config, opened: list[Choices]) -> bool:
        """Whether a state that only grows has passed what is still to be seen of it."""
        if self.growth is None:
            return False
        at, state, mask = config
        still = [self.growth.limits.get(one.id) for one in opened[at][0] if mask & self.bits[one.id]]
        return any(limit is not None and self.growth.passed(state, limit) for limit in (self.ceilings[at], *still))

    def _covered(self, config: Config) -> bool:
        """Whether a configuration that can do as much was met before; else this one is remembered."""
        at, state, mask = config
        left = mask & self.optional
        known = self.seen.setdefault((at, state, mask & ~self.optional), [])
        if any(left & ~other == 0 for other in known):
            return True
        known.append(left)
        return False

    def _opened(self) -> list[Choices]:
        """For each event the operations called before it that may still be open: those that return, the earliest
        first; those that never do, alike ones together, the latest first (an old write that nobody saw is an unlikely
        help)."""
        found: list[Choices] = []
        returning: tuple[Operation, ...] = ()
        never: dict[Hashable, list[Operation]] = {}
        flat: tuple[Operation, ...] = ()
        for _, returns, operation in self.events:
            found.append((returning, flat))
            if returns:
                returning = tuple([one for one in returning if one is not operation])
            elif operation.end < FOREVER:
                returning = tuple(sorted([*returning, operation], key=lambda one: one.end))
            else:
                kind = self.kinds[operation.id]
                never[kind] = [*never.pop(kind, ()), operation]
                flat = tuple([one for alike in reversed(never.values()) for one in alike])
        return found

    def _next(self, config: Config, opened: list[Choices]) -> Iterator[tuple[Path, Config]]:
        at, state, mask = config
        _, returns, operation = self.events[at]
        bit = self.bits[operation.id]
        if not returns:
            yield (), (at + 1, state, mask | bit)
            return
        if not mask & bit:
            yield (), (at + 1, state, mask)
            return
        self._note(at, state, mask, opened)
        for after in self.model.step(state, operation):
            yield (operation,), (at + 1, after, mask & ~bit)
        later: list[tuple[Path, Config]] = []
        for other in self._choices(mask & ~bit, opened[at]):
            for after in self.model.step(state, other):
                if after != state or other.end < FOREVER:
                    found = (other,), (at, after, mask & ~self.bits[other.id])
                    if any(True for _ in self.model.step(after, operation)):
                        yield found
                    else:
                        later.append(found)
        yield from later

    def _choices(self, mask: int, opened: Choices) -> Iterator[Operation]:
        """The operations that may happen now, one of those that are alike and never return."""
        returning, never = opened
        yield from [operation for operation in returning if mask & self.bits[operation.id]]
        last: Hashable = None
        for operation in never:
            kind = self.kinds[operation.id]
            if kind != last and mask & self.bits[operation.id]:
                last = kind
                yield operation

    def _note(self, at: int, state: Any, mask: int, opened: list[Choices]) -> None:
        if at < self.deepest:
            return
        if at > self.deepest:
            self.deepest, self.states = at, {}
            self.open_then = [one for part in opened[at] for one in part if one is not self.events[at][2]]
        if len(self.states) < 50:
            self.states[state] = None

    def failure(self, key: Hashable) -> Failure:
        """The return that was never passed."""
        operation = self.events[self.deepest][2]
        states: Iterable[Any] = self.states
        return Failure(operation, tuple(states), tuple(self.open_then), key)
