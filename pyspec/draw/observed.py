"""How enum variables are seen to change in the steps of a model: what decides the transitions of a state machine that
the text of the actions leaves open."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pyspec.draw.explored import SMALL, interpret
from pyspec.model.errors import EvaluationError
from pyspec.model.instance import Instance
from pyspec.model.values import Atom, Map
from pyspec.native.build import CannotBuild
from pyspec.native.domains import CannotEmit
from pyspec.native.explore import explore

Seen = tuple[str, str, str]  # before, after, action

#: At most so many states are expanded. A number, no time: the same picture on a slow machine.
MOST = 60_000


@dataclass
class Observed:
    """For each variable the changes that were seen. `complete`: in all steps of the model, so that what is not among
    them does not occur in it."""

    met: dict[str, set[Seen]] = field(default_factory=dict)
    complete: bool = False

    def of(self, var: str) -> set[Seen]:
        """The changes of one variable."""
        return self.met.get(var, set())


def observe(instance: Instance, names: Sequence[str], wanted: dict[str, set[Seen]]) -> Observed:
    """Explores an instance until every wanted change was seen, or all steps, or MOST states."""
    found = Observed({name: set() for name in names})
    try:
        small = interpret(instance, SMALL, float("inf"))
    except EvaluationError:
        return found
    if small.complete:
        for name in names:
            values = [state.values()[name] for state in small.states]
            actions = [runner.name for runner in small.machine.runners]
            for source, action, target in small.transitions():
                found.met[name].update((p, q, actions[action]) for p, q in changed(values[source], values[target]))
        found.complete = True
        return found
    try:
        _native(instance, found, wanted)
    except (CannotBuild, CannotEmit):
        return found
    return found


def _native(instance: Instance, found: Observed, wanted: dict[str, set[Seen]]) -> None:
    """By the native engine, one state for each orbit: the changes of all nodes together are the same in all states of
    an orbit."""
    whole = dataclasses.replace(instance, view=None)
    with explore(whole, symmetry=True, max_states=MOST + 1) as graph:
        for number, node in enumerate(graph.states()):
            if number >= MOST:
                return
            for edge in graph.edges(node.words):
                for name, met in found.met.items():
                    old, new = graph.value(name, node.words), graph.value(name, edge.words)
                    if old is not new:
                        met.update((p, q, edge.action) for p, q in changed(old, new))
            if number % 512 == 0 and all(wanted.get(name, set()) <= met for name, met in found.met.items()):
                return
        found.complete = graph.complete


def changed(old: object, new: object) -> Iterator[tuple[str, str]]:
    """The pairs of members by which two values of a variable differ."""
    if isinstance(old, Atom) and isinstance(new, Atom):
        if old is not new:
            yield old.name, new.name
    elif isinstance(old, Map) and isinstance(new, Map):
        for key in old:
            yield from changed(old[key], new[key])
