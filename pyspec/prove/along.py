"""Counterexamples to induction in runs from an initial state: the first step that breaks an invariant or lemma."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import Instance
from pyspec.model.state import State
from pyspec.model.trace import Trace
from pyspec.prove.obligations import INDUCTIVE, Part, parts_of


@dataclass(frozen=True)
class Break:
    """The step of that number, by this action, from a state that satisfies every invariant and lemma to one that
    violates some: the conjuncts of these labels."""

    step: int
    action: str
    conjuncts: tuple[str, ...]


def first_break(trace: Trace) -> Break | None:
    """The first such step of a trace; None if the initial state violates one already, or no state does. The
    interpreter has the word."""
    assert trace.instance is not None
    parts = [part for prop in trace.instance.spec.properties if prop.kind in INDUCTIVE for part in parts_of(prop)]
    before = trace.steps[0].state
    if before is None or any(_false(trace.instance, parts, before)):
        return None
    for number, (_, step) in enumerate(pairwise(trace.steps), 1):
        broken = () if step.state is None else tuple(_false(trace.instance, parts, step.state))
        if broken:
            return Break(number, step.action or "", broken)
    return None


def _false(instance: Instance, parts: list[Part], state: State) -> Iterator[str]:
    functions = {function.name: function for function in instance.spec.functions}
    scope = Scope(state.values(), None, functions)
    for part in parts:
        try:
            true = evaluate(part.body, scope) is True
        except EvaluationError:
            true = False
        if not true:
            yield part.label


__all__ = ["Break", "first_break"]
