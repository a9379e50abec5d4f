"""Which messages in the network a step goes by, other than the one that it handles: those that a guard asks for, that a
comprehension of its body collects, or that it picks. Found by running the step once more, statement by statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pyspec.lang import core
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.values import Map, Rec, Value, ordered
from pyspec.model.walk import nodes

MOST: Final = 2000  # runs of one step that are tried


@dataclass(frozen=True)
class Run:
    """One run so far."""

    state: Mapping[str, Value]
    locals: Mapping[str, Value]
    looked: tuple[tuple[str, Rec], ...] = ()  # variable, message

    def scope(self, spec: core.Spec) -> Scope:
        """What names mean now."""
        functions = {function.name: function for function in spec.functions}
        return Scope(dict(self.state), None, functions, dict(self.locals))


def looks(
    spec: core.Spec,
    action: core.Action,
    args: Mapping[str, Value],
    before: Mapping[str, Value],
    after: Mapping[str, Value],
) -> tuple[tuple[str, Rec], ...]:
    """The messages that a step went by, as pairs of variable and message; none if the run cannot be found again."""
    pools = frozenset(info.var for info in spec.messages if info.network != "fifo")
    if not pools & {node.name for node in nodes(action) if isinstance(node, core.StateVar)}:
        return ()
    taken = {id(value) for value in args.values()}
    try:
        for number, run in enumerate(_block(action.body, Run(dict(before), dict(args)), _Spec(spec, pools))):
            if number > MOST:
                return ()
            if all(run.state[name] == value for name, value in after.items()):
                return tuple(dict.fromkeys(pair for pair in run.looked if id(pair[1]) not in taken))
    except EvaluationError:
        return ()
    return ()


@dataclass(frozen=True)
class _Spec:
    spec: core.Spec
    pools: frozenset[str]


# ----------------------------------------------------------------------------------------------- statements


def _block(block: core.Block, run: Run, of: _Spec) -> Iterator[Run]:
    if not block:
        yield run
        return
    first, *rest = block
    for after in _STATEMENTS[type(first)](first, run, of):
        yield from _block(tuple(rest), after, of)


def _when(node: core.When, run: Run, of: _Spec) -> Iterator[Run]:
    if evaluate(node.cond, run.scope(of.spec)):
        yield replace(run, looked=(*run.looked, *_asked(node.cond, run.scope(of.spec), of)))


def _let(node: core.Let, run: Run, of: _Spec) -> Iterator[Run]:
    scope = run.scope(of.spec)
    looked = (*run.looked, *_asked(node.value, scope, of))
    yield Run(run.state, {**run.locals, node.name: evaluate(node.value, scope)}, looked)


def _assign(node: core.Assign, run: Run, of: _Spec) -> Iterator[Run]:
    scope = run.scope(of.spec)
    steps = [evaluate(s.key, scope) if isinstance(s, core.IndexStep) else s.name for s in node.path]
    new = _put(run.state[node.var], steps, evaluate(node.value, scope))
    yield replace(run, state={**run.state, node.var: new})


def _put(whole: Value, path: list[Value], new: Value) -> Value:
    if not path:
        return new
    at, rest = path[0], path[1:]
    if isinstance(whole, Map):
        return whole.put(at, _put(whole[at], rest, new))
    if isinstance(whole, Rec):
        return whole._with(str(at), _put(whole[str(at)], rest, new))
    assert isinstance(whole, tuple) and isinstance(at, int)
    return (*whole[:at], _put(whole[at], rest, new), *whole[at + 1 :])


def _if(node: core.If, run: Run, of: _Spec) -> Iterator[Run]:
    scope = run.scope(of.spec)
    if evaluate(node.cond, scope):
        yield from _block(node.then, replace(run, looked=(*run.looked, *_asked(node.cond, scope, of))), of)
    else:
        yield from _block(node.other, run, of)


def _any(node: core.Any, run: Run, of: _Spec) -> Iterator[Run]:
    scope = run.scope(of.spec)
    for value in _elements(evaluate(node.domain, scope)):
        inner = scope.bind(**{node.var: value})
        if node.cond is None or evaluate(node.cond, inner):
            picked = _picked(node.domain, value, of)
            yield Run(run.state, {**run.locals, node.var: value}, (*run.looked, *picked))


def _either(node: core.Either, run: Run, of: _Spec) -> Iterator[Run]:
    for branch in node.branches:
        yield from _block(branch, run, of)


def _for(node: core.For, run: Run, of: _Spec) -> Iterator[Run]:
    runs = [run]
    for value in _elements(evaluate(node.domain, run.scope(of.spec))):
        bound = [replace(one, locals={**one.locals, node.var: value}) for one in runs]
        runs = [after for one in bound for after in _block(node.body, one, of)]
        if len(runs) > MOST:
            return
    yield from runs


_STATEMENTS: Final[dict[type, Callable[[Any, Run, _Spec], Iterator[Run]]]] = {
    core.When: _when,
    core.Let: _let,
    core.Assign: _assign,
    core.If: _if,
    core.Any: _any,
    core.Either: _either,
    core.For: _for,
    core.Assert: lambda node, run, of: iter((run,)),
}


# ---------------------------------------------------------------------------------------------- expressions


def _elements(value: Value) -> tuple[Value, ...]:
    if isinstance(value, frozenset):
        return ordered(value)
    assert isinstance(value, tuple)
    return value


def _pool(domain: core.Expr, of: _Spec) -> str | None:
    """The pool that a domain is: `network.M` of a set network or of a bag."""
    if isinstance(domain, core.Op) and domain.op in ("bag.support", "set.union"):
        domain = domain.args[0]
    return domain.name if isinstance(domain, core.StateVar) and domain.name in of.pools else None


def _picked(domain: core.Expr, value: Value, of: _Spec) -> list[tuple[str, Rec]]:
    pool = _pool(domain, of)
    return [(pool, value)] if pool is not None and isinstance(value, Rec) else []


def _asked(expr: core.Expr, scope: Scope, of: _Spec) -> Iterator[tuple[str, Rec]]:
    """The messages by which a true condition is true, or that a value is made of; what is denied is not entered."""
    if isinstance(expr, core.SetComp):
        yield from _collected(expr.gens, expr.cond, scope, of)
    elif isinstance(expr, core.Quant) and expr.kind == "exists":
        yield from _collected((core.Gen(expr.var, expr.domain),), expr.body, scope, of)
    elif isinstance(expr, core.Op) and expr.op in ("set.in", "bag.in"):
        pool = _pool(expr.args[1], of)
        item = evaluate(expr.args[0], scope) if pool is not None else None
        if pool is not None and isinstance(item, Rec) and evaluate(expr, scope):
            yield pool, item
        elif pool is None:
            yield from (pair for part in expr.args for pair in _asked(part, scope, of))
    elif isinstance(expr, core.Op) and expr.op != "not":
        parts = expr.args
        if expr.op == "or":
            parts = tuple(part for part in parts if evaluate(part, scope))
        yield from (pair for part in parts for pair in _asked(part, scope, of))
    elif isinstance(expr, core.IfExpr):
        yield from _asked(expr.then if evaluate(expr.cond, scope) else expr.other, scope, of)


def _collected(
    gens: tuple[core.Gen, ...], cond: core.Expr | None, scope: Scope, of: _Spec
) -> Iterator[tuple[str, Rec]]:
    """The members of pools that satisfy a condition, with what the other variables can be."""
    if not gens:
        return
    for gen, pool in ((gen, _pool(gen.domain, of)) for gen in gens):
        if pool is None:
            continue
        others = [one for one in gens if one is not gen]
        for value in _elements(evaluate(gen.domain, scope)):
            inner = scope.bind(**{gen.var: value})
            if isinstance(value, Rec) and _possible(others, cond, inner):
                yield pool, value


def _possible(gens: list[core.Gen], cond: core.Expr | None, scope: Scope) -> bool:
    if not gens:
        return cond is None or bool(evaluate(cond, scope))
    first, *rest = gens
    return any(_possible(rest, cond, scope.bind(**{first.var: v})) for v in _elements(evaluate(first.domain, scope)))
