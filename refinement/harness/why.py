"""Why an action cannot be taken in a state: its statements are followed to the guard that is false."""

from __future__ import annotations

import contextlib
from pathlib import Path

from pyspec.base.source import NOWHERE
from pyspec.lang import core
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.explain import because
from pyspec.model.instance import Instance
from pyspec.model.say import said
from pyspec.model.state import State
from pyspec.model.values import Map, Rec, Value, ordered, show

Lines = list[str]


class _Abandoned(Exception):
    """A guard was false."""

    def __init__(self, passed: int, lines: Lines) -> None:
        super().__init__("; ".join(lines))
        self.passed = passed
        self.lines = lines


class _Run:
    """One run of an action by the evaluator, as far as it goes. `state` is a scratch copy."""

    def __init__(self, instance: Instance, state: State, args: dict[str, Value]) -> None:
        self.state = dict(state.values())
        functions = {function.name: function for function in instance.spec.functions}
        self.scope = Scope(self.state, None, functions, dict(args))
        self.passed = 0
        self.branches: Lines = []

    def block(self, statements: tuple[core.Stmt, ...]) -> None:
        for statement in statements:
            getattr(self, STATEMENTS[type(statement)])(statement)

    def when(self, statement: core.When) -> None:
        if evaluate(statement.cond, self.scope) is not True:
            shown = said(statement.cond, self.scope.locals)
            raise _Abandoned(self.passed, [f"{_place(statement)}when {shown}", *because(statement.cond, self.scope)])
        self.passed += 1

    def let(self, statement: core.Let) -> None:
        self.scope.locals[statement.name] = evaluate(statement.value, self.scope)

    def assign(self, statement: core.Assign) -> None:
        value = evaluate(statement.value, self.scope)
        shown = said(statement.value, self.scope.locals)
        self.branches.append(f"{_place(statement)}{statement.var} = {shown} = {show(value, statement.value.type)}")
        self.state[statement.var] = self._stored(self.state[statement.var], statement.path, value)

    def _stored(self, old: Value, path: tuple[core.IndexStep | core.FieldStep, ...], value: Value) -> Value:
        if not path:
            return value
        first, rest = path[0], path[1:]
        if isinstance(first, core.FieldStep):
            assert isinstance(old, Rec)
            return old._with(first.name, self._stored(old[first.name], rest, value))
        key = evaluate(first.key, self.scope)
        if isinstance(old, Map):
            return old.put(key, self._stored(old[key], rest, value))
        assert isinstance(old, tuple) and isinstance(key, int)
        return (*old[:key], self._stored(old[key], rest, value), *old[key + 1 :])

    def if_(self, statement: core.If) -> None:
        truth = evaluate(statement.cond, self.scope) is True
        reasons = because(statement.cond, self.scope)
        self.branches.append(
            f"{_place(statement)}if {said(statement.cond, self.scope.locals)}: {'true' if truth else 'false'}"
        )
        self.branches += [f"    {line}" for line in reasons]
        self.block(statement.then if truth else statement.other)

    def for_(self, statement: core.For) -> None:
        items = evaluate(statement.domain, self.scope)
        for item in ordered(items) if isinstance(items, frozenset) else items:  # type: ignore[attr-defined]
            self.scope.locals[statement.var] = item
            self.block(statement.body)

    def stop(self, statement: core.Stmt) -> None:
        """A choice of the action itself: what follows depends on it, so the story ends here."""
        raise _Abandoned(self.passed, ["none of the ways in which the action may go on fits"])

    def assert_(self, statement: core.Assert) -> None:
        self.when(core.When(statement.cond, span=statement.span))


STATEMENTS: dict[type, str] = {
    core.When: "when",
    core.Let: "let",
    core.Assign: "assign",
    core.If: "if_",
    core.For: "for_",
    core.Any: "stop",
    core.Either: "stop",
    core.Assert: "assert_",
}


def _place(statement: core.Stmt) -> str:
    return f"{Path(statement.span.file).name}:{statement.span.line}: " if statement.span != NOWHERE else ""


def branches(instance: Instance, action: core.Action, state: State, args: tuple[Value, ...]) -> Lines:
    """The conditions on which an action decides what to do, each with its truth and the values behind it."""
    run = _Run(instance, state, dict(zip((param.name for param in action.params), args, strict=False)))
    with contextlib.suppress(_Abandoned, EvaluationError):
        run.block(action.body)
    return run.branches


class _Decisions(_Run):
    """A run that only notes how conditions turn out."""

    def if_(self, statement: core.If) -> None:
        truth = evaluate(statement.cond, self.scope) is True
        self.branches.append(f"{_place(statement).rstrip(': ')} {'true' if truth else 'false'}")
        self.block(statement.then if truth else statement.other)

    def assign(self, statement: core.Assign) -> None:
        value = evaluate(statement.value, self.scope)
        self.state[statement.var] = self._stored(self.state[statement.var], statement.path, value)


def decisions(instance: Instance, action: core.Action, state: State, args: tuple[Value, ...]) -> tuple[str, ...]:
    """How the conditions in an action turn out, by their places."""
    run = _Decisions(instance, state, dict(zip((param.name for param in action.params), args, strict=False)))
    with contextlib.suppress(_Abandoned, EvaluationError):
        run.block(action.body)
    return tuple(run.branches)


def why_refused(instance: Instance, action: core.Action, state: State, args: tuple[Value, ...]) -> tuple[int, Lines]:
    """How many guards of an action hold in a state, and the first that does not with its values (empty: all hold)."""
    named = dict(zip((param.name for param in action.params), args, strict=False))
    run = _Run(instance, state, named)
    try:
        run.block(action.body)
    except _Abandoned as end:
        return end.passed, end.lines
    except EvaluationError as problem:
        return run.passed, [f"its evaluation fails: {problem.message}"]
    return run.passed, []
