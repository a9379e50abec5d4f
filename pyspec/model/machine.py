"""A generated model, loaded: initial states, successors, properties, with every error of the specification at its
place."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import Any, TypeVar

from pyspec.base.diagnostics import error
from pyspec.base.source import NOWHERE, Span
from pyspec.lang import core
from pyspec.model.errors import EvaluationError
from pyspec.model.generate import PREDICATES, Generated, generate, stateful
from pyspec.model.instance import Instance
from pyspec.model.state import State
from pyspec.model.values import Value

T = TypeVar("T")
Args = tuple[Value, ...]


@dataclass(frozen=True)
class Runner:
    """One action of a machine: the arguments it may be tried with in a state, and its runs with given ones."""

    action: core.Action
    arguments: Callable[[State], Iterable[Args]]
    run: Callable[..., Iterable[State]]

    @property
    def name(self) -> str:
        """The name of the action."""
        return self.action.name


class Machine:
    """The reference meaning of an instance: its generated Python module, executed."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.generated: Generated = self._generate()
        self._file = f"<model of {instance.spec.name} {instance.model.name}>"
        self._space = self._load()
        names = self.generated.names
        self.State: type[State] = self._space["State"]
        self.State.NAMES = {attribute: name for name, attribute in names.attributes().items()}
        self.State.TYPES = {var.name: var.type for var in instance.spec.vars}
        self.runners = tuple(self._runner(action) for action in instance.spec.actions)
        self._properties = {prop.name: prop for prop in instance.spec.properties if prop.kind in PREDICATES}
        self._stateful = stateful(instance.spec)
        self._limits = [self._space[names.of("limit", str(position))] for position in range(len(instance.limits))]

    @property
    def source(self) -> str:
        """The generated Python source."""
        return self.generated.source

    def _generate(self) -> Generated:
        try:
            return generate(self.instance)
        except RecursionError:
            raise error("E0712", f"{self.instance.spec.name} nests expressions or statements too deeply") from None

    def _load(self) -> dict[str, Any]:
        source = self.generated.source
        try:
            code = compile(source, self._file, "exec", dont_inherit=True)
        except (SyntaxError, RecursionError, MemoryError) as problem:
            message = f"{self.instance.spec.name} nests expressions or statements too deeply ({problem})"
            raise error("E0712", message) from None
        linecache.cache[self._file] = (len(source), None, source.splitlines(keepends=True), self._file)
        space: dict[str, Any] = {"__name__": f"pyspec.generated.{self.instance.spec.name}"}
        _execute(code, space)
        return space

    def _runner(self, action: core.Action) -> Runner:
        names = self.generated.names
        run = self._space[names.of("action", action.name)]
        arguments = self._space[names.of("params", action.name)] if action.params else _no_arguments
        return Runner(action, arguments, run)

    # ------------------------------------------------------------------------------------------- behaviour

    def initial(self) -> list[State]:
        """Every initial state, in order."""
        return self.located(lambda: list(self._space["initial"]()))

    def arguments(self, runner: Runner, state: State) -> list[Args]:
        """The arguments an action may be tried with."""
        return self.located(lambda: list(runner.arguments(state)))

    def runs(self, runner: Runner, state: State, args: Args) -> list[State]:
        """The successor of each run of an action."""
        return self.located(lambda: list(runner.run(state, *args)))

    def each_arguments(self, runner: Runner, state: State) -> Iterator[Args]:
        """The arguments an action may be tried with, one by one: an error comes after those before it."""
        return self._each(lambda: runner.arguments(state))

    def each_run(self, runner: Runner, state: State, args: Args) -> Iterator[State]:
        """The successors of the runs of an action, one by one."""
        return self._each(lambda: runner.run(state, *args))

    def _each(self, work: Callable[[], Iterable[T]]) -> Iterator[T]:
        items = iter(self.located(work))
        while (item := self.located(lambda: next(items, None))) is not None:
            yield item

    def successors(self, state: State) -> Iterator[tuple[Runner, Args, State]]:
        """Every successor with the action and the arguments that lead to it, in the order of the specification."""
        for runner in self.runners:
            for args in self.arguments(runner, state):
                for after in self.runs(runner, state, args):
                    yield runner, args, after

    def holds(self, name: str, state: State, after: State | None = None, args: Args = ()) -> bool:
        """Whether the predicate of a property holds in a state (a step property: from one state to the next), for
        these values of its parameters."""
        test = self._space[self.generated.names.of("property", name)]
        states = (state,) if self._properties[name].kind not in core.STEP_KINDS else (state, after)
        return bool(self.located(lambda: test(*states, *args)))

    def law(self, name: str, args: Args) -> bool:
        """Whether a law holds for these values of its parameters; it reads no state."""
        test = self._space[self.generated.names.of("property", name)]
        return bool(self.located(lambda: test(None, *args)))

    def call(self, name: str, state: State, args: Args = ()) -> Value:
        """The value of a function of the specification in a state."""
        function = self._space[self.generated.names.of("function", name)]
        given = (state, *args) if name in self._stateful else args
        return self.located(lambda: function(*given))

    def second(self, name: str, state: State, args: Args = ()) -> bool:
        """The right side of a `leads to`, or what a refinement asks of an initial state."""
        test = self._space[self.generated.names.of("second", name)]
        return bool(self.located(lambda: test(state, *args)))

    def within_limits(self, state: State) -> bool:
        """Whether a state may be expanded."""
        return self.located(lambda: all(limit(state) for limit in self._limits))

    def view(self, state: State) -> Value:
        """What tells states apart: the model's view of the state, or the state itself."""
        if self.instance.view is None:
            return state
        view = self._space[self.generated.names.of("view", "")]
        return self.located(lambda: view(state))

    def state(self, values: dict[str, Value]) -> State:
        """The state with these values of the variables, by their names in the specification."""
        return self.State.of(values)

    # ---------------------------------------------------------------------------------------------- errors

    def located(self, work: Callable[[], T]) -> T:
        """The result of some work of the generated module; an error in it is given its place in the specification."""
        try:
            return work()
        except EvaluationError as problem:
            if problem.span == NOWHERE:
                problem.span = self._place(problem.__traceback__) or NOWHERE
            raise
        except RecursionError:
            raise error("E0712", f"{self.instance.spec.name} needs too deep a recursion") from None

    def _place(self, traceback: TracebackType | None) -> Span | None:
        found = None
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if code.co_filename == self._file:
                found = self._span(code, traceback.tb_lasti) or found
            traceback = traceback.tb_next
        return found

    def _span(self, code: CodeType, instruction: int) -> Span | None:
        position = next(itertools.islice(code.co_positions(), instruction // 2, None))
        line, end_line, column, end_column = position
        if line is None or end_line is None or column is None or end_column is None:
            return None
        return self.generated.place((line, column), (end_line, end_column))


def _no_arguments(state: State) -> list[Args]:
    return [()]


def _execute(code: CodeType, space: dict[str, Any]) -> None:
    exec(
        code, space
    )  # the source was generated from a typed core; nothing of the user's text is in it but names and strings
