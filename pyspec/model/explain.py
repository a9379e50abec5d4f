"""Why a property is false: quantifiers instantiated with witnesses, the deciding part, and the values of what it
reads."""

from __future__ import annotations

from collections.abc import Callable

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import Instance
from pyspec.model.say import binds, said
from pyspec.model.state import State
from pyspec.model.values import Value, ordered, show
from pyspec.model.walk import locals_in, parts

Lines = list[str]


def explain(prop: core.Property, states: list[State], instance: Instance) -> Lines:
    """Why a property is false in the last state, or from the last but one to the last for a step property."""
    functions = {function.name: function for function in instance.spec.functions}
    if prop.kind == "refines":
        return _refined(prop, states, instance, functions)
    if prop.kind == "step" and len(states) > 1:
        scope = Scope(states[-2].values(), states[-1].values(), functions)
    else:
        scope = Scope(states[-1].values(), None, functions)
    try:
        return because(prop.body, scope)
    except EvaluationError as problem:
        return [f"its evaluation fails: {problem.message}"]


def _refined(
    prop: core.Property, states: list[State], instance: Instance, functions: dict[str, core.Function]
) -> Lines:
    from pyspec.model.refinement import why_not_refined

    refines = next(one for one in instance.spec.refines if f"refines_{one.other}" == prop.name)
    after = Scope(states[-1].values(), None, functions)
    before = Scope(states[-2].values(), None, functions) if len(states) > 1 else None
    return why_not_refined(refines, prop, before, after)


def because(expr: core.Expr, scope: Scope) -> Lines:
    """Why a boolean expression has the value that it has."""
    key = expr.op if isinstance(expr, core.Op) else type(expr)
    return _REASONS.get(key, _plain)(expr, scope)


def _truth(expr: core.Expr, scope: Scope) -> bool:
    return evaluate(expr, scope) is True


def _and(expr: core.Op, scope: Scope) -> Lines:
    for part in expr.args:
        if not _truth(part, scope):
            return because(part, scope)
    return [line for part in expr.args for line in because(part, scope)]


def _or(expr: core.Op, scope: Scope) -> Lines:
    for part in expr.args:
        if _truth(part, scope):
            return because(part, scope)
    return [line for part in expr.args for line in because(part, scope)]


def _implies(expr: core.Op, scope: Scope) -> Lines:
    left, right = expr.args
    if not _truth(left, scope):
        return because(left, scope)
    if _truth(right, scope):
        return because(right, scope)
    return [*because(left, scope), *because(right, scope)]


def _quant(expr: core.Quant, scope: Scope) -> Lines:
    decides = expr.kind == "exists"
    items = evaluate(expr.domain, scope)
    if isinstance(items, frozenset):
        items = ordered(items)
    assert isinstance(items, tuple)
    item_type = expr.domain.type.item if isinstance(expr.domain.type, ty.Set | ty.Seq) else None
    for item in items:
        scope.locals[expr.var] = item
        if _truth(expr.body, scope) == decides:
            return _with(f"{expr.var} = {show(item, item_type)}", because(expr.body, scope))
    domain = f"{expr.var} in {said(expr.domain, scope.locals, 6)}"
    if not items:
        return [f"there is no {domain}: the set is empty"]
    word = "no" if decides else "every"
    body = said(expr.body, {name: value for name, value in scope.locals.items() if name != expr.var})
    return [f"{word} {domain}{_set(expr.domain, items, item_type)} has {body}", *_values(expr, scope)]


def _with(binding: str, lines: Lines) -> Lines:
    """A binding before the lines it holds for, on one line with the bindings that follow it."""
    if lines and lines[0].startswith("with "):
        return [f"with {binding}, {lines[0].removeprefix('with ')}", *lines[1:]]
    return [f"with {binding}:", *lines]


def _set(domain: core.Expr, items: tuple[Value, ...], item_type: ty.Type | None) -> str:
    if isinstance(domain, core.Domain) or len(items) > 12:
        return ""
    return f" = {{{', '.join(show(item, item_type) for item in items)}}}"


def _let(expr: core.LetExpr, scope: Scope) -> Lines:
    value = evaluate(expr.value, scope)
    scope.locals[expr.name] = value
    return _with(f"{expr.name} = {show(value, expr.value.type)}", because(expr.body, scope))


def _if(expr: core.IfExpr, scope: Scope) -> Lines:
    branch = expr.then if _truth(expr.cond, scope) else expr.other
    return [*because(expr.cond, scope), *because(branch, scope)]


def _call(expr: core.Call, scope: Scope) -> Lines:
    function = scope.functions[expr.name]
    names = [name for name, _ in function.params]
    values = [evaluate(argument, scope) for argument in expr.args]
    truth = "true" if _truth(expr, scope) else "false"
    inner = Scope(scope.state, scope.next, scope.functions, dict(zip(names, values, strict=True)))
    bound = [f"{n} = {show(v, kind)}" for (n, kind), v in zip(function.params, values, strict=True)]
    where = f", with {', '.join(bound)}" if bound else ""
    return [f"{said(expr, scope.locals)} is {truth}{where}:", *(f"  {line}" for line in because(function.body, inner))]


def _plain(expr: core.Expr, scope: Scope) -> Lines:
    truth = _truth(expr, scope)
    says = isinstance(expr, core.Op) and expr.op == ("eq" if truth else "ne") and isinstance(expr.args[1], core.Lit)
    return [f"{said(expr, scope.locals)} is {'true' if truth else 'false'}", *([] if says else _values(expr, scope))]


_REASONS: dict[object, Callable[..., Lines]] = {
    "and": _and,
    "or": _or,
    "implies": _implies,
    "not": lambda expr, scope: because(expr.args[0], scope),
    core.Quant: _quant,
    core.LetExpr: _let,
    core.IfExpr: _if,
    core.Call: _call,
}


# ----------------------------------------------------------------------------------------- values of parts


def _values(expr: core.Expr, scope: Scope) -> Lines:
    """The values of what an expression reads: its largest parts that are neither boolean nor plain names."""
    lines: Lines = []
    for part in _reads(expr, frozenset()):
        try:
            line = f"    {said(part, scope.locals)} = {show(evaluate(part, scope), part.type)}"
        except EvaluationError:
            continue
        if line not in lines:
            lines.append(line)
    return lines


def _reads(expr: core.Expr, bound: frozenset[str]) -> list[core.Expr]:
    if isinstance(expr, core.Lit | core.Local | core.Domain):
        return []
    open_ = bound & locals_in(expr)
    variable = any(isinstance(node, core.StateVar | core.Call) for node in _all(expr))
    if variable and not open_ and not isinstance(expr.type, ty.Bool) and not isinstance(expr, core.Quant):
        return [expr]
    if isinstance(expr, core.StateVar) or (isinstance(expr.type, ty.Bool) and _place(expr) and not open_):
        return [expr]
    inside = bound | binds(expr)
    return [found for part in _expressions(expr) for found in _reads(part, inside)]


def _place(expr: core.Expr) -> bool:
    return isinstance(expr, core.Op) and expr.op == "map.at" and isinstance(expr.args[0], core.StateVar)


def _expressions(node: object) -> list[core.Expr]:
    found: list[core.Expr] = []
    for part in parts(node):
        found += [part] if isinstance(part, core.Expr) else _expressions(part)
    return found


def _all(expr: core.Expr) -> list[core.Expr]:
    return [expr, *(inner for part in _expressions(expr) for inner in _all(part))]
