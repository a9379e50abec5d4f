"""Making a failure small: what can be left out without losing it is left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from impl.runtime.world import Choice
from refinement.harness import scenario as runs
from refinement.harness import worlds
from refinement.harness.mapping import ProtocolMapping
from refinement.harness.scenario import Outcome

T = TypeVar("T")


def smaller(items: Sequence[T], still: Callable[[list[T]], bool], until: float) -> list[T]:
    """Delta debugging: a sublist, found before a moment of `time.monotonic`, that still fails."""
    kept = list(items)
    size = max(1, len(kept) // 2)
    while size >= 1:
        place = 0
        while place < len(kept):
            if time.monotonic() > until:
                return kept
            rest = kept[:place] + kept[place + size :]
            if still(rest):
                kept = rest
            else:
                place += size
        size = size // 2 if size > 1 else 0
    return kept


def smaller_walk(judged: worlds.Judged, walked: worlds.Walked, seconds: float) -> worlds.Walked:
    """The same failure by fewer choices."""
    kind = walked.rejection.kind if walked.rejection is not None else ""
    best = walked

    def still(choices: list[Choice]) -> bool:
        nonlocal best
        found = worlds.follow(judged, choices)
        if found.rejection is None or found.rejection.kind != kind:
            return False
        best = found
        return True

    until = time.monotonic() + seconds
    before = len(best.choices) + 1
    while len(best.choices) < before and time.monotonic() < until:
        before = len(best.choices)
        smaller(best.choices, still, until)
    return best


def smaller_scenario(mapping: ProtocolMapping, outcome: Outcome, seconds: float) -> Outcome:
    """The same kind of failure by fewer faults and calls, in a shorter run."""
    assert outcome.rejection is not None
    kind = outcome.rejection.kind
    best = outcome
    base = outcome.scenario
    if kind != "history":
        base = replace(base, seconds=round(outcome.moment + 0.001, 3))

    healing = tuple(event for event in base.schedule if kind == "history" and event[0] >= base.seconds - mapping.calm)

    def still(events: list[object]) -> bool:
        nonlocal best
        faults = (*(event for event in events if isinstance(event, tuple)), *healing)
        calls = tuple(event for event in events if not isinstance(event, tuple))
        found = runs.run(mapping, replace(base, schedule=faults, calls=calls))  # type: ignore[arg-type]
        if found.rejection is None or found.rejection.kind != kind:
            return False
        best = found
        return True

    def moment(event: object) -> float:
        return event[0] if isinstance(event, tuple) else event.at  # type: ignore[attr-defined,no-any-return]

    loose = [event for event in base.schedule if event not in healing]
    before = [event for event in (*loose, *base.calls) if moment(event) <= base.seconds]
    smaller(before, still, time.monotonic() + seconds)
    return best
