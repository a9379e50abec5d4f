"""Counterexamples to induction in runs from an initial state: the first step that breaks an invariant, a lemma or a
step property."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import Instance
from pyspec.model.state import State
from pyspec.model.trace import Trace
from pyspec.prove.obligations import INDUCTIVE, parts_of


@dataclass(frozen=True)
class Break:
    """The step of that number, by this action, from a state that satisfies every invariant and lemma, that leads to one
    that does not, or is none that a step property allows: the conjuncts of these labels."""

    step: int
    action: str
    conjuncts: tuple[str, ...]


def first_break(trace: Trace) -> Break | None:
    """The first such step of a trace; None if the initial state violates one already, or no step does. The
    interpreter has the word."""
    assert trace.instance is not None
    first = trace.steps[0].state
    if first is None or any(_false(trace.instance, INDUCTIVE, first)):
        return None
    for number, (last, step) in enumerate(pairwise(trace.steps), 1):
        if last.state is None or step.state is None:
            return None
        state = _false(trace.instance, INDUCTIVE, step.state)
        broken = (*state, *_false(trace.instance, ("step",), last.state, step.state))
        if broken:
            return Break(number, step.action or "", broken)
    return None


def _false(instance: Instance, kinds: tuple[str, ...], state: State, after: State | None = None) -> Iterator[str]:
    """The conjuncts of properties of these kinds that are false in a state (of a step, with the state after it)."""
    functions = {function.name: function for function in instance.spec.functions}
    scope = Scope(state.values(), None if after is None else after.values(), functions)
    for part in (part for prop in instance.spec.properties if prop.kind in kinds for part in parts_of(prop)):
        try:
            true = evaluate(part.body, scope) is True
        except EvaluationError:
            true = False
        if not true:
            yield part.label


__all__ = ["Break", "first_break"]
