"""Confirming a lasso: the interpreter takes its steps again; the run is fair and violates what it should."""

from __future__ import annotations

from collections.abc import Sequence

from pyspec.lang import core
from pyspec.model.machine import Args, Machine
from pyspec.model.replay import EngineDisagreement, replay, step_of
from pyspec.model.state import State
from pyspec.model.trace import Failing, Step, Trace
from pyspec.model.values import Value

Label = tuple[str, Args]


def confirmed(
    machine: Machine, prop: core.Property, values: tuple[Value, ...], states: Sequence[State], loop: int
) -> Trace:
    """The trace of a lasso, `states[loop:]` repeating for ever (a single one stutters). Raises EngineDisagreement."""
    steps = list(replay(machine, states).steps)
    around = states[loop:]
    if len(around) > 1:
        steps.append(_closing(machine, around[-1], around[0]))
    if not _violates(machine, prop, values, states, loop):
        raise EngineDisagreement(f"the run does not violate {prop.name}")
    unfair = _unfair(machine, around)
    if unfair is not None:
        raise EngineDisagreement(f"the run violates {prop.name}, but is not fair to {unfair[0]}{unfair[1]}")
    said_of = tuple(zip((name for name, _ in prop.params), values, strict=True))
    return Trace(tuple(steps), loop, Failing(prop.name, said_of), machine.instance)


def _closing(machine: Machine, last: State, first: State) -> Step:
    for runner, args, after in machine.successors(last):
        if after == first:
            return step_of(runner, args, after)
    raise EngineDisagreement(f"no action leads back from {last!r} to {first!r}")


def _violates(
    machine: Machine, prop: core.Property, values: tuple[Value, ...], states: Sequence[State], loop: int
) -> bool:
    first = [machine.holds(prop.name, state, None, values) for state in states]
    if prop.kind == "eventually":
        return not any(first)
    if prop.kind == "always_eventually":
        return not any(first[loop:])
    if prop.kind == "eventually_always":
        return not all(first[loop:])
    second = [machine.second(prop.name, state, values) for state in states]
    return any(first[i] and not any(second[i:]) and not any(second[loop:]) for i in range(len(states)))


def _unfair(machine: Machine, around: Sequence[State]) -> Label | None:
    """A fair step that the loop starves, if there is one."""
    always: set[Label] | None = None
    sometimes: dict[Label, str] = {}
    taken: set[Label] = set()
    following = [*around[1:], around[0]]
    for state, after in zip(around, following, strict=True):
        enabled = set()
        for runner, args, reached in machine.successors(state):
            if runner.action.fair is None or reached == state:
                continue
            label = (runner.action.name, args)
            enabled.add(label)
            sometimes[label] = runner.action.fair
            if reached == after:
                taken.add(label)
        always = enabled if always is None else always & enabled
    for label, kind in sometimes.items():
        if label not in taken and (kind == "strong" or label in (always or set())):
            return label
    return None
