"""A protocol as a Python object: states, what is enabled in them, steps, searches, random walks."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pyspec.check.search import check
from pyspec.check.simulate import simulate
from pyspec.lang import core
from pyspec.model.domains import describe
from pyspec.model.explain import explain
from pyspec.model.given import parse_value
from pyspec.model.instance import Instance
from pyspec.model.machine import Args, Machine, Runner
from pyspec.model.replay import replay, step_of
from pyspec.model.result import CheckResult
from pyspec.model.state import State
from pyspec.model.trace import Step, Trace
from pyspec.model.values import Value, show

Engine = Callable[..., CheckResult]


class Printer(Protocol):
    """What prints objects in notebooks and in reports of Hypothesis."""

    def text(self, text: str) -> None:
        """Print a text as it is."""


@dataclass(frozen=True)
class Choice:
    """Something that may happen in a state: an action with its arguments."""

    action: str
    args: tuple[tuple[str, Value], ...]

    def __repr__(self) -> str:
        return f"{self.action}({', '.join(f'{name}={show(value)}' for name, value in self.args)})"

    def _repr_pretty_(self, printer: Printer, cycle: bool) -> None:
        """How notebooks and Hypothesis show it."""
        printer.text(repr(self))


class NotEnabled(ValueError):
    """The step that was asked for cannot be taken in the state."""


class StateModel:
    """One instance of a protocol. Made by `pyspec.load`.

    States are immutable and hashable; variables are attributes (`state.phase`), those of a role are found by member
    (`state.Server[s].term`), those of the network by message (`state.network.Vote`).
    """

    def __init__(self, instance: Instance, native: Engine | None = None) -> None:
        self.instance = instance
        self.machine = Machine(instance)
        self._native = native
        self._runners = {runner.name: runner for runner in self.machine.runners}

    def __repr__(self) -> str:
        return f"<{self.instance.spec.name}, model {self.instance.model.name}>"

    @property
    def source(self) -> str:
        """The model as Python source."""
        return self.machine.source

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of all actions."""
        return tuple(self._runners)

    def values(self, type_name: str) -> tuple[Value, ...]:
        """The elements of a sort, the members of an enum, or all values of another named finite type."""
        from pyspec.model.domains import values_of

        return values_of(self.instance.spec.types[type_name])

    # ------------------------------------------------------------------------------------------ behaviour

    def initial(self) -> list[State]:
        """All initial states."""
        return self.machine.initial()

    def enabled(self, state: State) -> list[Choice]:
        """What can happen in a state: each action with each arguments that have at least one run."""
        found = dict.fromkeys(self._choice(runner, args) for runner, args, _ in self.machine.successors(state))
        return list(found)

    def successors(self, state: State) -> Iterator[tuple[Choice, State]]:
        """Every step from a state, with the state it leads to."""
        for runner, args, after in self.machine.successors(state):
            yield self._choice(runner, args), after

    def step(self, state: State, action: str | Choice, /, **args: Value) -> State:
        """The state after an action. Arguments are values or their names (`r="RM1"`).

        Raises NotEnabled, and ValueError if the action itself chooses among several outcomes: then use `steps`.
        """
        after = list(dict.fromkeys(self.steps(state, action, **args)))
        if not after:
            raise NotEnabled(f"{self._named(action, args)} is not enabled in this state")
        if len(after) > 1:
            raise ValueError(f"{self._named(action, args)} has {len(after)} outcomes here: use steps(...)")
        return after[0]

    def steps(self, state: State, action: str | Choice, /, **args: Value) -> list[State]:
        """Every outcome of an action; none if it is not enabled with these arguments."""
        name, args = _parts(action) if isinstance(action, Choice) else (action, args)
        runner = self._runner(name)
        given = self._arguments(runner, args)
        return self.machine.runs(runner, state, given) if given in self.machine.arguments(runner, state) else []

    def holds(self, name: str, state: State, after: State | None = None) -> bool:
        """Whether the predicate of a property is true in a state (a step property: from a state to the next)."""
        self._property(name)
        return self.machine.holds(name, state, after)

    def explain(self, name: str, *states: State) -> str:
        """Why a property has the value that it has in the last state."""
        return "\n".join(explain(self._property(name), list(states), self.instance))

    def state(self, **values: Value) -> State:
        """The state with these values, given by attribute name; the others are those of the first initial state."""
        return self.initial()[0].but(**values)

    def follow(self, choices: Sequence[str | Choice | tuple[str, Mapping[str, Value]]]) -> Trace:
        """The trace of a sequence of actions from the first initial state."""
        state = self.initial()[0]
        steps = [Step(None, (), state)]
        for item in choices:
            name, args = _parts(item)
            state = self.step(state, name, **args)
            runner = self._runner(name)
            steps.append(step_of(runner, self._arguments(runner, args), state))
        return Trace(tuple(steps), instance=self.instance)

    def replay(self, states: Sequence[State]) -> Trace:
        """The trace through these states; EngineDisagreement if they do not follow one another."""
        return replay(self.machine, states)

    # ------------------------------------------------------------------------------------------- engines

    def check(self, *, engine: str = "auto", **options: object) -> CheckResult:
        """Searches all reachable states. `engine`: "native", "python", or "auto" (native where there is a C compiler).

        Options: symmetry, max_states, max_seconds, only, keep_going; native: threads, memory.
        """
        if engine == "python" or (engine == "auto" and self._native is None):
            return check(self.instance, **options)  # type: ignore[arg-type]
        if self._native is None:
            raise ValueError("there is no C compiler on this machine: use engine='python'")
        return self._native(self.instance, **options)

    def simulate(self, runs: int = 100, depth: int = 100, seed: int = 0) -> CheckResult:
        """Random walks of at most `depth` steps."""
        return simulate(self.instance, runs=runs, steps=depth, seed=seed)

    # --------------------------------------------------------------------------------------------- names

    def _choice(self, runner: Runner, args: Args) -> Choice:
        return Choice(runner.name, step_of(runner, args, None).args)

    def _named(self, action: str | Choice, args: Mapping[str, Value]) -> str:
        return repr(action if isinstance(action, Choice) else Choice(action, tuple(args.items())))

    def _runner(self, name: str) -> Runner:
        if name not in self._runners:
            raise KeyError(_unknown("action", name, self._runners))
        return self._runners[name]

    def _property(self, name: str) -> core.Property:
        properties = {prop.name: prop for prop in self.instance.spec.properties}
        if name not in properties:
            raise KeyError(_unknown("property", name, properties))
        return properties[name]

    def _arguments(self, runner: Runner, args: Mapping[str, Value]) -> Args:
        names = [param.name for param in runner.action.params]
        if set(names) != set(args):
            raise TypeError(f"{runner.name} takes ({', '.join(names)}), not ({', '.join(args)})")
        found = []
        for param in runner.action.params:
            value = given = args[param.name]
            if isinstance(given, str):
                value = parse_value(given, param.type)
                if value is None and given != "none":
                    raise ValueError(f"{runner.name}({param.name}={given}): no value of {describe(param.type)}")
            found.append(value)
        return tuple(found)


def _parts(item: str | Choice | tuple[str, Mapping[str, Value]]) -> tuple[str, dict[str, Value]]:
    if isinstance(item, Choice):
        return item.action, dict(item.args)
    return (item, {}) if isinstance(item, str) else (item[0], dict(item[1]))


def _unknown(what: str, name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"there is no {what} {name}" + (f", did you mean {close[0]}?" if close else f"; known: {', '.join(known)}")
