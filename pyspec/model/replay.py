"""Replaying: a list of states that another engine found becomes a trace only if the interpreter takes the same
steps."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from pyspec.lang import core
from pyspec.model.errors import EvaluationError
from pyspec.model.instance import Instance
from pyspec.model.machine import Args, Machine, Runner
from pyspec.model.state import State
from pyspec.model.symmetry import permutations, permute
from pyspec.model.trace import Failing, Step, Trace
from pyspec.model.values import Value

Values = tuple[Value, ...]


class EngineDisagreement(Exception):
    """The interpreter does not confirm what another engine found: a fault of this tool (exit code 4)."""


def replay(
    machine: Machine,
    states: Sequence[State],
    *,
    symmetric: Iterable[str] = (),
    failing: str | None = None,
) -> Trace:
    """The trace through the given states, its actions and arguments found by the interpreter.

    With `symmetric` sorts each state stands for all its permutations; the trace then holds states that do follow one
    another.
    `failing` names the property that the last state (or step) must violate. Raises EngineDisagreement.
    """
    steps = [Step(None, (), _first(machine, states[0], tuple(symmetric)))] if states else []
    for wanted in states[1:]:
        before = steps[-1].state
        assert before is not None
        steps.append(_step(machine, before, wanted, tuple(symmetric)))
    trace = Trace(tuple(steps), None, Failing(failing) if failing else None, machine.instance)
    if failing and not violates(machine, failing, trace.states()):
        raise EngineDisagreement(f"{failing} holds in {steps[-1].state!r}")
    return trace


def _first(machine: Machine, wanted: State, symmetric: tuple[str, ...]) -> State:
    same = orbit(wanted, machine.instance, symmetric)
    for state in machine.initial():
        if tuple(state.values().values()) in same:
            return state
    raise EngineDisagreement(f"not an initial state: {wanted!r}")


def _step(machine: Machine, before: State, wanted: State, symmetric: tuple[str, ...]) -> Step:
    same = orbit(wanted, machine.instance, symmetric)
    for runner, args, after in all_steps(machine, before):
        if tuple(after.values().values()) in same:
            return step_of(runner, args, after)
    raise EngineDisagreement(f"no action leads from {before!r} to {wanted!r}")


def all_steps(machine: Machine, state: State) -> Iterator[tuple[Runner, Args, State]]:
    """Every successor; an action whose evaluation fails counts up to there."""
    for runner in machine.runners:
        try:
            for args in machine.each_arguments(runner, state):
                for after in machine.each_run(runner, state, args):
                    yield runner, args, after
        except EvaluationError:
            continue


def orbit(state: State, instance: Instance, symmetric: tuple[str, ...]) -> set[Values]:
    """The values of a state and of all that differ from it by permutations of the given sorts."""
    values = tuple(state.values().values())
    lists = [permutations(instance.sort(name)) for name in symmetric]
    rows = ({old: new for part in row for old, new in part.items()} for row in itertools.product(*lists))
    return {tuple(permute(value, by) for value in values) for by in rows}


def violates(machine: Machine, name: str, states: Sequence[State]) -> bool:
    """Whether a property is false at the end of a list of states."""
    prop = next(one for one in machine.instance.spec.properties if one.name == name)
    last = states[-1]
    if prop.kind == "deadlock_free":
        return is_deadlock(machine, last)
    if prop.kind == "refines" and len(states) == 1:
        return not machine.second(name, last)
    if prop.kind in core.STEP_KINDS:
        return len(states) > 1 and not machine.holds(name, states[-2], last)
    return not machine.holds(name, last)


def is_deadlock(machine: Machine, state: State) -> bool:
    """Whether no action has a run, in a state that is not terminal."""
    terminal = [prop.name for prop in machine.instance.spec.properties if prop.kind == "terminal"]
    stuck = next(iter(machine.successors(state)), None) is None
    return stuck and not any(machine.holds(name, state) for name in terminal)


def step_of(runner: Runner | None, args: Args, state: State | None) -> Step:
    """A step of a trace, its arguments named."""
    if runner is None:
        return Step(None, (), state)
    names = (param.name for param in runner.action.params)
    return Step(runner.name, tuple(zip(names, args, strict=False)), state)
