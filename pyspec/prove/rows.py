"""Truth rows: which atoms of a template hold together in reachable states, for some values of its variables.

A row is an integer, bit i for atom i. What no reachable row does is a candidate for a lemma.
"""

from __future__ import annotations

import itertools
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
from pyspec.model.walk import expressions
from pyspec.prove.sizes import Sizes
from pyspec.prove.vocabulary import BOOL, Template, substituted

#: How long random walks beyond the explored states are.
WALK = 60


@dataclass(frozen=True)
class Reach:
    """States that can be reached in one instance; `complete` if they are all of them."""

    machine: Machine
    states: tuple[State, ...]
    complete: bool


@dataclass(frozen=True)
class Place:
    """An atom of a template as a shared one, whose variables are called `argument 0` and so on in the order in which it
    names them: the function that evaluates it, its number there, and the places of the arguments among the template's
    variables."""

    function: int
    number: int
    places: tuple[int, ...]
    symmetric: bool

    def named(self, names: Sequence[str]) -> tuple[int, int, tuple[str, ...]]:
        """The same with the template's variables called by these names."""
        places = tuple(names[at] for at in self.places)
        return self.function, self.number, tuple(sorted(places)) if self.symmetric else places


@dataclass(frozen=True)
class _Share:
    """The atoms of a template about the same variables: the function that evaluates them, the places of its arguments
    among the template's variables, and for each of its truths the bit in the template's row (-1: none)."""

    function: int
    places: tuple[int, ...]
    bits: tuple[int, ...]


class Plan:
    """Which functions evaluate the atoms of templates: one for all atoms about variables of the same types, so that an
    atom that many templates have is evaluated once."""

    def __init__(self, templates: Sequence[Template]) -> None:
        self.templates = tuple(templates)
        self.functions: dict[tuple[ty.Type, ...], dict[core.Expr, int]] = {}
        self._numbers: dict[tuple[ty.Type, ...], int] = {}
        for template in templates:
            for _, kind in template.variables:
                self._function((kind,))
        self.placed = [[self._place(template, atom) for atom in template.atoms] for template in templates]
        self._atoms = [list(atoms) for atoms in self.functions.values()]
        self.shares = tuple(self._shares(row) for row in self.placed)

    def atom(self, place: Place) -> core.Expr:
        """The shared atom."""
        return self._atoms[place.function][place.number]

    def _function(self, kinds: tuple[ty.Type, ...]) -> int:
        self.functions.setdefault(kinds, {})
        return self._numbers.setdefault(kinds, len(self._numbers))

    def _place(self, template: Template, atom: core.Expr) -> Place:
        position = {name: at for at, (name, _) in enumerate(template.variables)}
        named = (node.name for node in expressions(atom) if isinstance(node, core.Local))
        places = tuple(dict.fromkeys(position[name] for name in named if name in position))
        kinds = tuple(template.variables[at][1] for at in places)
        given = {template.variables[at][0]: argument(kinds[number], number) for number, at in enumerate(places)}
        function = self._function(kinds)
        atoms = self.functions[kinds]
        symmetric = isinstance(atom, core.Op) and atom.op == "eq" and all(isinstance(x, core.Local) for x in atom.args)
        return Place(function, atoms.setdefault(substituted(atom, given), len(atoms)), places, symmetric)

    def _shares(self, placed: Sequence[Place]) -> tuple[_Share, ...]:
        found: dict[tuple[int, tuple[int, ...]], dict[int, int]] = {}
        for bit, place in enumerate(placed):
            found.setdefault((place.function, place.places), {})[place.number] = bit
        return tuple(
            _Share(function, places, tuple(bits.get(at, -1) for at in range(len(self._atoms[function]))))
            for (function, places), bits in found.items()
        )

    def extended(self, spec: core.Spec) -> core.Spec:
        """The specification with these functions."""
        made = []
        for number, (kinds, atoms) in enumerate(self.functions.items()):
            of = ty.Tuple((BOOL,) * (len(atoms) + 1))
            params = tuple((argument(kind, at).name, kind) for at, kind in enumerate(kinds))
            body = core.TupleExpr(of, (*atoms, core.Lit(BOOL, True)))
            made.append(core.Function(name(number), params, of, body))
        return replace(spec, functions=(*spec.functions, *made))


def argument(of: ty.Type, number: int) -> core.Local:
    """A variable of a shared atom."""
    return core.Local(of, f"argument {number}")


def name(number: int) -> str:
    """The function of a plan."""
    return f"atoms {number}"


def reach(instance: Instance, seconds: float, most: int, seed: int = 0) -> Reach:
    """The reachable states, breadth first; beyond half of `most`, or of the time, what random walks meet."""
    machine = Machine(instance)
    until = time.monotonic() + seconds
    level = list(dict.fromkeys(state for state in machine.initial() if machine.within_limits(state)))
    seen = dict.fromkeys(level)
    while level and len(seen) < most // 2 and time.monotonic() < until - seconds / 2:
        level = _following(machine, level, seen, until - seconds / 2)
    if level:
        chance = random.Random(seed)
        while time.monotonic() < until and len(seen) < most:
            _walk(machine, chance, chance.choice(level), seen)
    return Reach(machine, tuple(seen), not level)


def _following(machine: Machine, level: list[State], seen: dict[State, None], until: float) -> list[State]:
    found: list[State] = []
    for state in level:
        if time.monotonic() > until:
            return [*found, state]
        for after in successors(machine, state):
            if after not in seen:
                seen[after] = None
                found.append(after)
    return found


def successors(machine: Machine, state: State) -> Iterator[State]:
    """The successors within the limits; none beyond a step that ends in an error, such as one without room."""
    for runner in machine.runners:
        for args in machine.arguments(runner, state):
            try:
                yield from (after for after in machine.runs(runner, state, args) if machine.within_limits(after))
            except EvaluationError:
                continue


def _walk(machine: Machine, chance: random.Random, state: State, seen: dict[State, None]) -> None:
    for _ in range(WALK):
        after = list(successors(machine, state))
        if not after:
            return
        seen.update(dict.fromkeys(after))
        state = chance.choice(after)


#: For each choice of arguments of a function the truth of its atoms; None if that cannot be evaluated.
_Truths = tuple[tuple[Value, ...] | None, ...]


class Atoms:
    """Evaluates the atoms of a plan in states of one instance (of the plan's extended specification)."""

    def __init__(self, machine: Machine, plan: Plan) -> None:
        self.machine, self.plan = machine, plan
        functions = {function.name: function for function in machine.instance.spec.functions}
        params = [tuple(kind for _, kind in functions[name(number)].params) for number in range(len(plan.functions))]
        self.types = {kinds[0]: here[0] for kinds, here in zip(plan.functions, params, strict=True) if len(kinds) == 1}
        self.values = [_choices(kinds) for kinds in params]
        self.keys = [self._keys(template, shares) for template, shares in zip(plan.templates, plan.shares, strict=True)]
        self.orderly = [
            [key for key, orderly in zip(keys, self._order(template), strict=True) if orderly]
            for template, keys in zip(plan.templates, self.keys, strict=True)
        ]
        self.met: list[set[tuple[object, ...]]] = [set() for _ in plan.templates]

    def _keys(self, template: Template, shares: Sequence[_Share]) -> list[tuple[int, ...]]:
        """For each choice of values for the variables: the place of each share's arguments among its own choices."""
        places = [{args: at for at, args in enumerate(self.values[share.function])} for share in shares]
        return [
            tuple(known[tuple(args[at] for at in share.places)] for share, known in zip(shares, places, strict=True))
            for args in _choices([self.types[kind] for _, kind in template.variables])
        ]

    def _order(self, template: Template) -> Iterator[bool]:
        """For each choice of values for the variables: whether those of each type ascend."""
        kinds = [kind for _, kind in template.variables]
        numbers = itertools.product(*(range(len(values_of(self.types[kind]))) for kind in kinds))
        alike = [at for at, (kind, after) in enumerate(itertools.pairwise(kinds)) if kind == after]
        return (all(row[at] <= row[at + 1] for at in alike) for row in numbers)

    def table(self, state: State, *, fresh: bool = False, orderly: bool = False) -> list[set[int]]:
        """The rows of each template in a state, one for each choice of values whose atoms can be evaluated; `fresh`:
        none where the atoms are as in a state that was asked for before; `orderly`: only for the choices in which the
        values of variables of one type ascend."""
        truths = [self._truths(number, state) for number in range(len(self.values))]
        keys = self.orderly if orderly else self.keys
        return [self._rows(number, keys[number], truths, fresh) for number in range(len(self.keys))]

    def _truths(self, number: int, state: State) -> _Truths:
        found: list[tuple[Value, ...] | None] = []
        for args in self.values[number]:
            try:
                truths = self.machine.call(name(number), state, args)
            except EvaluationError:
                found.append(None)
                continue
            assert isinstance(truths, tuple)
            found.append(truths)
        return tuple(found)

    def _rows(
        self,
        number: int,
        keys: Sequence[tuple[int, ...]],
        truths: Sequence[_Truths],
        fresh: bool,
    ) -> set[int]:
        shares = self.plan.shares[number]
        if fresh:
            key = tuple(truths[share.function] for share in shares)
            if key in self.met[number]:
                return set()
            self.met[number].add(key)
        parts = [[_row(share.bits, one) for one in truths[share.function]] for share in shares]
        rows = set()
        for places in keys:
            row = 0
            for part, place in zip(parts, places, strict=True):
                one = part[place]
                if one is None:
                    break
                row |= one
            else:
                rows.add(row)
        return rows


def _row(bits: Sequence[int], truths: tuple[Value, ...] | None) -> int | None:
    if truths is None:
        return None
    return sum(1 << bit for bit, truth in zip(bits, truths, strict=False) if truth and bit >= 0)


def _choices(kinds: Sequence[ty.Type]) -> list[tuple[Value, ...]]:
    """Every choice of values of these types."""
    return list(itertools.product(*(list(values_of(kind)) for kind in kinds)))


def made(spec: core.Spec, sizes: Sizes) -> Instance | None:
    """The instance of a specification with atoms; None if the sizes do not fit it."""
    try:
        return instantiate(spec, None, dict(sizes.values))
    except SpecError:
        return None
