"""What would make a rejected event acceptable: a value left aside, another order, a step that was not logged, or
leaving the event out. Each is tried, and counts only if the events that follow are then explained as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pyspec.base.diagnostics import SpecError
from pyspec.conform.lines import ABSENT
from pyspec.conform.plan import RulePlan
from pyspec.conform.rt import State
from pyspec.conform.search import Event, Search

if TYPE_CHECKING:
    from pyspec.conform.explain import Miss
    from pyspec.conform.session import Session

#: How many of the following events must be explained, if there are so many.
AHEAD = 3
#: How far a misplaced line is looked for.
REACH = 12
MOST = 800


def what_would_help(session: Session, search: Search, misses: tuple[Miss, ...]) -> tuple[str, list[str]]:
    """(the probable cause, notes). The cause is "value", "order", "missing", "extra", "forbidden" or "unknown"."""
    event = search.failed[0]
    if event.plan is None or not search.feed.single:
        return "unknown", [_no_idea(misses)]
    trial = _Trial(session, search, event)
    tries = (("order", trial.order), ("value", trial.value), ("missing", trial.missing), ("extra", trial.extra))
    found: list[str] = []
    cause = "unknown"
    for name, attempt in tries:
        note = attempt() if name != "extra" or not found else None
        if note is not None:
            found.append(note)
            cause = name if cause == "unknown" else cause
    if cause == "extra" and (guard := _forbidden(misses)) is not None:
        return "forbidden", [guard, *found]
    if cause == "unknown" and _forbidden(misses) is not None:
        cause = "forbidden"
    return cause, found or [_no_idea(misses)]


def _forbidden(misses: tuple[Miss, ...]) -> str | None:
    """What to say when the nearest step is one that a guard excludes."""
    if not misses or "its guard is false" not in misses[0].reasons[0]:
        return None
    return (
        "neither another order, nor one more step, nor leaving out a value explains it: "
        "the code does what the specification forbids, or the guard above is too strict"
    )


def _no_idea(misses: tuple[Miss, ...]) -> str:
    guard = _forbidden(misses)
    if guard is not None:
        return guard
    return (
        "neither another order, nor one more step, nor leaving out a value explains it: the code left the specification"
    )


class _Trial:
    def __init__(self, session: Session, search: Search, event: Event) -> None:
        self.session, self.search, self.event = session, search, event
        self.states = search.states[:20]
        self.coming = list(self._events(1, REACH))

    def _events(self, first: int, count: int) -> Iterator[Event]:
        """The events after the failed one; up to one that cannot be read."""
        (at,) = self.search.cut
        for position in range(at + first, at + first + count):
            try:
                line = self.search.feed.line(0, position)
                if line is None:
                    return
                yield self.session.event_of(line)
            except SpecError:
                return

    def advance(self, states: list[State], events: Iterable[Event]) -> list[State]:
        """The states after events, none if one of them is not explained."""
        for event in events:
            states = self.search.advance(states, event)[:50]
            if not states:
                break
        return states

    # --------------------------------------------------------------------------------------------- trials

    def order(self) -> str | None:
        """Whether the event is explained after some that follow it."""
        states = self.states
        for position, other in enumerate(self.coming):
            states = self.advance(states, [other])
            if not states:
                return None
            after = self.search.advance(states, self.event)
            if after and self._goes_on(after, self.coming[position + 1 :]):
                return (
                    f"explained if it comes after {other.line}: the log is out of order "
                    "(or two nodes' clocks differ: see [log] order and slack)"
                )
        return None

    def _goes_on(self, states: list[State], events: list[Event]) -> bool:
        return bool(self.advance(states, events[:AHEAD]))

    def value(self) -> str | None:
        """Whether all but one of the event's fields agree."""
        plan = self.event.plan
        assert plan is not None
        for slot, path in self._fields(plan):
            values = list(self.event.values)
            if values[slot] is ABSENT:
                continue
            values[slot] = ABSENT
            after = self.search.advance(self.states, Event(self.event.line, plan, values))[:50]
            if after and self._goes_on(after, self.coming):
                return (
                    f"explained but for the field {path}: this value is wrong in the code or in the log, "
                    "or the mapping reads it wrongly"
                )
        return None

    def _fields(self, plan: RulePlan) -> list[tuple[int, str]]:
        """The event's fields: those that are only compared first, then those that choose what is received."""
        compared = [check.slot for way in plan.ways for check in (*way.after, *way.before) if check.slot is not None]
        given = [
            slot
            for way in plan.ways
            for form in way.way.steps
            for binding in form.bindings.values()
            for slot in ([binding.whole] if binding.whole is not None else [s for _, s in binding.fields])
        ]
        read = [check.slot for way in plan.ways for checks in way.reads for check in checks if check.slot is not None]
        slots = dict.fromkeys([*compared, *read, *given])
        return [(slot, p) for slot in slots if isinstance(p := plan.readings[slot].path, str) and not p.startswith("=")]

    def missing(self) -> str | None:
        """Whether one more step before the event explains it."""
        from pyspec.conform.explain import call_text
        from pyspec.conform.steps import every_step

        tried = 0
        for state in self.states[:4]:
            for action in self.session.model.instance.spec.actions:
                for after, args in every_step(self.session.model, action, state):
                    tried += 1
                    if tried > MOST:
                        return None
                    found = self.search.advance([after], self.event)
                    if found and self._goes_on(found, self.coming):
                        step = call_text(action, args)
                        return (
                            f"explained if {step} came before it: a line is missing, "
                            f"or [silent] actions should name {action.name}"
                        )
        return None

    def extra(self) -> str | None:
        """Whether the trace goes on without the event."""
        if not self.coming or not self._goes_on(self.states, self.coming):
            return None
        return (
            "the events that follow are explained without it: it is one too many, "
            "or the mapping should not see a step in it"
        )


__all__ = ["what_would_help"]
