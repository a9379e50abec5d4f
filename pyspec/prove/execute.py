"""Actions executed forward on symbolic values: one run for each way through `either`, branches of `if` merged.

The state after an action is the state before with other functions for the variables that it writes, so there are no
primed symbols and no frame conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pyspec.base.source import Span
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.bounds import Names, item_type, narrowed
from pyspec.prove.defined import defined
from pyspec.prove.encode import Encoder, Env, position, with_item
from pyspec.prove.logic import Truth, conj, implies, ite, neg
from pyspec.prove.loops import loop
from pyspec.prove.structure import choice, equal, fits, put, uncapped
from pyspec.prove.values import SeqVal, Val


@dataclass(frozen=True)
class Check:
    """Something an action must not get wrong: `guard` says when it is evaluated."""

    guard: Truth
    cond: Truth
    what: str
    span: Span


@dataclass(frozen=True)
class Run:
    """One way through an action: the state it leads to if all conditions hold, and what it evaluates on its way."""

    state: Mapping[str, Val]
    locals: Mapping[str, Val] = field(default_factory=dict)
    conds: tuple[Truth, ...] = ()
    checks: tuple[Check, ...] = ()
    facts: tuple[Truth, ...] = ()  # what is known of the symbols that it names
    types: Names = field(default_factory=dict)  # of local names, with what is known of their ranges

    @property
    def env(self) -> Env:
        """What names mean here."""
        return Env(self.state, None, self.locals, self.types)

    def when(self, *conds: Truth) -> Run:
        """This run under more conditions."""
        return replace(self, conds=(*self.conds, *(cond for cond in conds if cond is not True)))

    def bind(self, name: str, value: Val, of: ty.Type) -> Run:
        """This run with one more local name, of which the type is known with its ranges."""
        return replace(self, locals={**self.locals, name: value}, types={**self.types, name: of})

    def check(self, cond: Truth, what: str, span: Span) -> Run:
        """This run with one more thing that must hold once its conditions do."""
        if cond is True:
            return self
        return replace(self, checks=(*self.checks, Check(conj(self.conds), cond, what, span)))


def begin(e: Encoder, action: core.Action, state: Mapping[str, Val]) -> Run:
    """The run before the body: parameters are fresh symbols within their domains."""
    run = Run(state)
    for param in action.params:
        run = run.check(defined(e, param.domain, run.env), f"the domain of {param.name}", param.domain.span)
        value, guard = e.value(param.domain, run.env).pick(param.name)
        run = run.bind(param.name, value, item_type(param.domain, run.types)).when(guard)
    return run


def execute(e: Encoder, action: core.Action, state: Mapping[str, Val]) -> list[Run]:
    """The runs of an action from a state; also those that are abandoned, for what they evaluate before."""
    return block(e, action.body, begin(e, action, state))


def block(e: Encoder, statements: Iterable[core.Stmt], run: Run) -> list[Run]:
    """The runs of a block; names that it binds end with it."""
    runs = [run]
    for statement in statements:
        runs = [after for before in runs for after in STATEMENTS[type(statement)](e, statement, before)]
    return [replace(after, locals=run.locals) for after in runs]


def _evaluated(e: Encoder, expr: core.Expr, run: Run) -> Run:
    return run.check(defined(e, expr, run.env), "an undefined value", expr.span)


def _when(e: Encoder, s: core.When, run: Run) -> list[Run]:
    run = _evaluated(e, s.cond, run)
    return [run.when(e.truth(s.cond, run.env))]


def _let(e: Encoder, s: core.Let, run: Run) -> list[Run]:
    run = _evaluated(e, s.value, run)
    return [run.bind(s.name, e.value(s.value, run.env), narrowed(s.value, run.types))]


def _assert(e: Encoder, s: core.Assert, run: Run) -> list[Run]:
    run = _evaluated(e, s.cond, run)
    return [run.check(e.truth(s.cond, run.env), s.message or "an assertion", s.span)]


def _any(e: Encoder, s: core.Any, run: Run) -> list[Run]:
    run = _evaluated(e, s.domain, run)
    value, guard = e.value(s.domain, run.env).pick(s.var)
    run = run.bind(s.var, value, item_type(s.domain, run.types)).when(guard)
    if s.cond is not None:
        run = _evaluated(e, s.cond, run)
        run = run.when(e.truth(s.cond, run.env))
    return [run]


def _either(e: Encoder, s: core.Either, run: Run) -> list[Run]:
    return [after for branch in s.branches for after in block(e, branch, run)]


def _if(e: Encoder, s: core.If, run: Run) -> list[Run]:
    run = _evaluated(e, s.cond, run)
    cond = e.truth(s.cond, run.env)
    if isinstance(cond, bool):
        return block(e, s.then if cond else s.other, run)
    yes, no = block(e, s.then, run.when(cond)), block(e, s.other, run.when(neg(cond)))
    if len(yes) == 1 and len(no) == 1:
        return [merged(e, cond, run, yes[0], no[0])]
    return [*yes, *no]


def merged(e: Encoder, cond: Truth, before: Run, yes: Run, no: Run) -> Run:
    """One run for both branches."""
    start = len(before.conds) + 1
    conds = (implies(cond, conj(yes.conds[start:])), implies(neg(cond), conj(no.conds[start:])))
    state = {
        name: value if value is no.state[name] else choice(e.u, cond, value, no.state[name])
        for name, value in yes.state.items()
    }
    checks = (*yes.checks, *no.checks[len(before.checks) :])
    return replace(before, state=state, checks=checks).when(*conds)


def _assign(e: Encoder, s: core.Assign, run: Run) -> list[Run]:
    for step in s.path:
        if isinstance(step, core.IndexStep):
            run = _evaluated(e, step.key, run)
    run = _evaluated(e, s.value, run)
    keys = tuple(e.value(step.key, run.env) if isinstance(step, core.IndexStep) else step.name for step in s.path)
    value = e.value(s.value, run.env)
    var = next(var for var in e.spec.vars if var.name == s.var)
    places: list[tuple[Truth, str]] = []
    rooms: list[Truth] = []
    stored = store(e, var.type, run.state[s.var], keys, value, places, rooms)
    for cond, what in places:
        run = run.check(cond, f"{what} {s.var}", s.span)
    # Capacities are what makes a search finite, not the protocol's own: steps that exceed them are not looked at.
    return [replace(run.when(*rooms), state={**run.state, s.var: stored})]


def store(
    e: Encoder,
    of: ty.Type,
    old: Val,
    path: tuple[Val, ...],
    value: Val,
    places: list[tuple[Truth, str]],
    rooms: list[Truth],
) -> Val:
    """A value with the place at the end of a path replaced; what the store must satisfy is added to `places`, and to
    `rooms` that it is not too large."""
    if not path:
        places.append((fits(e.u, uncapped(of), value), "a value outside the range of"))
        rooms.append(implies(places[-1][0], fits(e.u, of, value)))
        return value
    key, rest = path[0], path[1:]
    if isinstance(of, ty.Record):
        assert isinstance(key, str)
        at = position(of, key)
        return with_item(old, at, store(e, of.fields[at][1], old.items[at], rest, value, places, rooms))
    if isinstance(of, ty.Map):
        places.append((fits(e.u, of.key, key), "a key outside"))
        cell = store(e, of.value, old.at(key), rest, value, places, rooms)
        return put(e.u, old, key, cell)
    assert isinstance(of, ty.Seq), "only maps and sequences have cells"
    places.append((conj((key >= 0, key < old.length)), "an index outside"))
    cell = store(e, of.item, old.at(key), rest, value, places, rooms)
    return SeqVal(old.item, old.length, lambda i: choice(e.u, equal(e.u, i, key), cell, old.at(i)), most=old.most)


def _for(e: Encoder, s: core.For, run: Run) -> list[Run]:
    return loop(e, s, _evaluated(e, s.domain, run), block)


STATEMENTS: dict[type, Callable[..., list[Run]]] = {
    core.When: _when,
    core.Let: _let,
    core.Assign: _assign,
    core.If: _if,
    core.Any: _any,
    core.Either: _either,
    core.For: _for,
    core.Assert: _assert,
}

__all__ = ["Check", "Run", "STATEMENTS", "begin", "block", "execute", "ite", "store"]
