"""Truth rows: which atoms of a template hold together in reachable states, for some values of its variables.

A row is an integer, bit i for atom i. What no reachable row does is a candidate for a lemma.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pyspec.base.diagnostics import SpecError
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import values_of
from pyspec.model.errors import EvaluationError
from pyspec.model.instance import Instance, instantiate
from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.model.values import Value
from pyspec.prove.sizes import Sizes
from pyspec.prove.vocabulary import BOOL, Template

#: How long random walks beyond the explored states are.
WALK = 60


@dataclass(frozen=True)
class Reach:
    """States that can be reached in one instance; `complete` if they are all of them."""

    machine: Machine
    states: tuple[State, ...]
    complete: bool


def with_atoms(spec: core.Spec, templates: Sequence[Template]) -> core.Spec:
    """The specification with one function more for each template, which gives the truth of its atoms as a tuple."""
    made = tuple(
        core.Function(
            name(number),
            template.variables,
            ty.Tuple((BOOL,) * (len(template.atoms) + 1)),
            core.TupleExpr(ty.Tuple((BOOL,) * (len(template.atoms) + 1)), (*template.atoms, core.Lit(BOOL, True))),
        )
        for number, template in enumerate(templates)
    )
    return replace(spec, functions=(*spec.functions, *made))


def name(number: int) -> str:
    """The function of a template."""
    return f"atoms of template {number}"


def reach(instance: Instance, seconds: float, most: int, seed: int = 0) -> Reach:
    """The reachable states, breadth first; beyond `most` of them, or half of the time, random walks from the last."""
    machine = Machine(instance)
    until = time.monotonic() + seconds
    level = list(dict.fromkeys(state for state in machine.initial() if machine.within_limits(state)))
    seen = dict.fromkeys(level)
    while level and len(seen) < most and time.monotonic() < until - seconds / 2:
        level = _following(machine, level, seen, until - seconds / 2)
    if level:
        chance = random.Random(seed)
        while time.monotonic() < until and len(seen) < 2 * most:
            _walk(machine, chance, chance.choice(level), seen)
    return Reach(machine, tuple(seen), not level)


def _following(machine: Machine, level: list[State], seen: dict[State, None], until: float) -> list[State]:
    found: list[State] = []
    for state in level:
        if time.monotonic() > until:
            return [*found, state]
        for _, _, after in machine.successors(state):
            if after not in seen and machine.within_limits(after):
                seen[after] = None
                found.append(after)
    return found


def _walk(machine: Machine, chance: random.Random, state: State, seen: dict[State, None]) -> None:
    for _ in range(WALK):
        after = [s for _, _, s in machine.successors(state) if machine.within_limits(s)]
        if not after:
            return
        state = chance.choice(after)
        seen[state] = None


def assignments(machine: Machine, template: Template) -> Iterator[tuple[Value, ...]]:
    """Every choice of values for the variables of a template."""
    kinds = [_concrete(machine.instance.spec, kind) for _, kind in template.variables]
    rows: list[tuple[Value, ...]] = [()]
    for kind in kinds:
        rows = [(*row, value) for row in rows for value in values_of(kind)]
    yield from rows


def _concrete(spec: core.Spec, of: ty.Type) -> ty.Type:
    """A type of the specification as the instance has it."""
    if isinstance(of, ty.Sort | ty.Enum):
        return spec.types[of.name]
    return of


class Atoms:
    """Evaluates the atoms of templates in states of one instance (made with `with_atoms`)."""

    def __init__(self, machine: Machine, templates: Sequence[Template]) -> None:
        self.machine = machine
        functions = {function.name: function for function in machine.instance.spec.functions}
        self.templates = [
            replace(template, variables=functions[name(number)].params) for number, template in enumerate(templates)
        ]
        self.choices = [tuple(assignments(machine, template)) for template in self.templates]

    def rows(self, number: int, state: State) -> Iterator[int]:
        """The row of each choice of values in a state; choices whose atoms cannot be evaluated have none."""
        for args in self.choices[number]:
            try:
                truths = self.machine.call(name(number), state, args)
            except EvaluationError:
                continue
            assert isinstance(truths, tuple)
            yield sum(1 << at for at, truth in enumerate(truths[:-1]) if truth)

    def all_rows(self, number: int, states: Sequence[State]) -> set[int]:
        """The rows of a template in some states."""
        return {row for state in states for row in self.rows(number, state)}


def made(spec: core.Spec, sizes: Sizes) -> Instance | None:
    """The instance of a specification with atoms; None if the sizes do not fit it."""
    try:
        return instantiate(spec, None, dict(sizes.values))
    except SpecError:
        return None
