"""Which states have been met: by state, by view, or by orbit under the permutations of the symmetric sorts."""

from __future__ import annotations

import itertools
import math

from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.model.symmetry import Permutation, permutations, permute
from pyspec.model.values import Value

#: More permutations than this cost more than they save here; the largest sorts are then left alone.
MOST = 1000


class Canonical:
    """The set of states met so far. A new state brings its whole orbit along, so that looking up is cheap."""

    def __init__(self, machine: Machine, symmetry: bool) -> None:
        self._machine = machine
        self.sorts = _affordable(machine) if symmetry else ()
        self._by = _combined(machine, self.sorts)
        self._met: set[Value] = set()

    def _key(self, state: State) -> Value:
        if self._machine.instance.view is not None:
            return self._machine.view(state)
        return tuple(state.values().values())

    def known(self, state: State) -> bool:
        """Whether the state, or one that differs by a permutation only, has been added."""
        return self._key(state) in self._met

    def add(self, state: State) -> None:
        """Adds a state and all that differ from it by a permutation."""
        key = self._key(state)
        if not self._by:
            self._met.add(key)
        for by in self._by:
            self._met.add(permute(key, by))


def _affordable(machine: Machine) -> tuple[str, ...]:
    chosen: list[str] = []
    total = 1
    sizes = {name: len(machine.instance.sort(name).elements or ()) for name in machine.instance.symmetric}
    for name in sorted(sizes, key=lambda name: sizes[name]):
        total *= math.factorial(sizes[name])
        if total <= MOST:
            chosen.append(name)
    return tuple(name for name in machine.instance.symmetric if name in chosen)


def _combined(machine: Machine, sorts: tuple[str, ...]) -> list[Permutation]:
    if not sorts:
        return []
    lists = [permutations(machine.instance.sort(name)) for name in sorts]
    return [{old: new for part in row for old, new in part.items()} for row in itertools.product(*lists)]
