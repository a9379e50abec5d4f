"""Predicates that stay: step properties that let a proof of a quantified predicate go by its name.

That a value which was chosen stays chosen, or that what cannot be chosen any more never can, is what proofs about
quorums say without a word; a solver has to find it anew within every other argument. So it is put to it by itself.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pyspec.lang import core
from pyspec.model.domains import values_of
from pyspec.model.errors import EvaluationError
from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.model.values import Value
from pyspec.model.walk import nodes
from pyspec.prove import rows
from pyspec.prove.sizes import Sizes
from pyspec.prove.vocabulary import BOOL, Variables, op, predicates, quantified

#: How many sampled states of an instance are followed, and seconds for it.
MOST_STATES, SECONDS = 400, 2.0


def steady(spec: core.Spec, samples: Mapping[Sizes, Sequence[Mapping[str, Value]]]) -> list[core.Property]:
    """Step properties that sampled steps do not violate: that a predicate with a quantifier, once true (or once false),
    stays so. A predicate that never changes in the sample says nothing."""
    several = [_Predicate(params, body) for params, body in _quantified(spec)]
    for sizes, states in samples.items():
        if several:
            _follow(spec, sizes, states, several)
    taken = {prop.name for prop in spec.properties}
    names = (name for at in itertools.count(1) if (name := f"stays_{at}") not in taken)
    return [one.stays(next(names)) for one in several if len(one.seen) == 1]


@dataclass
class _Predicate:
    """A predicate, and the values that it was seen to take on."""

    params: Variables
    body: core.Expr
    seen: set[bool] = field(default_factory=set)

    def stays(self, name: str) -> core.Property:
        """That it keeps the value that was seen to come about."""
        before, after = self.body, core.Prime(BOOL, self.body)
        given, then = (before, after) if self.seen == {True} else (after, before)
        return core.Property("step", name, quantified(self.params, op("implies", given, then)))


def _quantified(spec: core.Spec) -> Iterator[tuple[Variables, core.Expr]]:
    """Hints and boolean functions with a quantifier, about their parameters."""
    functions = {function.name: function for function in spec.functions}
    met: set[core.Expr] = set()
    for params, _, said in predicates(spec):
        body = said({})
        meaning = functions[body.name].body if isinstance(body, core.Call) else body
        if params and meaning not in met and any(isinstance(node, core.Quant) for node in nodes(meaning)):
            met |= {meaning, body}
            yield params, body


def _follow(
    spec: core.Spec, sizes: Sizes, states: Sequence[Mapping[str, Value]], several: Sequence[_Predicate]
) -> None:
    """Notes the changes that the steps from some of these states make."""
    functions = tuple(core.Function(_name(at), one.params, BOOL, one.body) for at, one in enumerate(several))
    made = rows.made(replace(spec, functions=(*spec.functions, *functions)), sizes)
    if made is None:
        return
    machine, until = Machine(made), time.monotonic() + SECONDS
    params = {f.name: [values_of(kind) for _, kind in f.params] for f in machine.instance.spec.functions}
    choices = [list(itertools.product(*params[_name(at)])) for at in range(len(several))]
    for values in random.Random(0).sample(list(states), min(MOST_STATES, len(states))):
        before = machine.state(dict(values))
        for after in dict.fromkeys(rows.successors(machine, before)):
            for at, one in enumerate(several):
                if len(one.seen) < 2:
                    one.seen |= {new for old, new in _changes(machine, _name(at), (before, after), choices[at])}
            if time.monotonic() > until:
                return


def _changes(
    machine: Machine, name: str, step: tuple[State, State], choices: Sequence[tuple[Value, ...]]
) -> Iterator[tuple[bool, bool]]:
    for args in choices:
        try:
            old, new = (bool(machine.call(name, state, args)) for state in step)
        except EvaluationError:
            continue
        if old != new:
            yield old, new


def _name(number: int) -> str:
    return f"the predicate {number}"


__all__ = ["steady"]
