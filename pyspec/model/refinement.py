"""Why a step is no step of the refined protocol: the abstract states before and after, the nearest abstract action."""

from __future__ import annotations

from pyspec.lang import core
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.values import show

Lines = list[str]
#: How many witnesses of one `exists` are tried when looking for the nearest action.
WITNESSES = 200


def why_not_refined(refines: core.Refines, prop: core.Property, before: Scope | None, after: Scope) -> Lines:
    """The story of a step (without `before`: of an initial state) that the abstract protocol does not allow."""
    from pyspec.model.explain import because

    if before is None:
        return [
            f"no initial state of {refines.other} looks like this:",
            *_abstract(refines, after),
            *_initially(prop, after),
        ]
    old = {name: evaluate(expr, before) for name, expr in refines.mapping}
    new = {name: evaluate(expr, after) for name, expr in refines.mapping}
    lines = [f"seen as a step of {refines.other}:"]
    for name, expr in refines.mapping:
        short = _short(refines, name)
        if old[name] == new[name]:
            lines.append(f"    {short} = {show(old[name], expr.type)}, unchanged")
        else:
            lines.append(f"    {short}: {show(old[name], expr.type)} -> {show(new[name], expr.type)}")
    scope = Scope(before.state, after.state, before.functions)
    for name in old:
        plain = name.replace(".", "_")
        scope = scope.bind(**{f"{plain}_before": old[name], f"{plain}_after": new[name]})
    nearest = [(*_nearest(expr, scope, ()), action) for action, expr in refines.steps]
    if not nearest:
        return [*lines, f"{refines.other} has no actions"]
    _, wrong, inner, bound, action = max(nearest, key=lambda found: found[0])
    given = ", ".join(f"{name.removeprefix(refines.other + '_')} = {value}" for name, value in bound)
    lines.append(f"nearest action of {refines.other}: {action}({given}), where this is false:")
    return [*lines, *(f"    {line}" for line in (because(wrong, inner) if wrong is not None else []))]


def _initially(prop: core.Property, scope: Scope) -> Lines:
    from pyspec.model.explain import because

    return because(prop.second, scope) if prop.second is not None else []


def _abstract(refines: core.Refines, scope: Scope) -> Lines:
    return [f"    {_short(refines, n)} = {show(evaluate(e, scope), e.type)}" for n, e in refines.mapping]


def _short(refines: core.Refines, name: str) -> str:
    return name.removeprefix(f"{refines.other}.").replace(f"network.{refines.other}.", "network.")


Found = tuple[int, core.Expr | None, Scope, tuple[tuple[str, str], ...]]


def _nearest(expr: core.Expr, scope: Scope, bound: tuple[tuple[str, str], ...]) -> Found:
    """How many conditions hold before the first false one, that one, its scope, and the witnesses chosen."""
    try:
        if isinstance(expr, core.LetExpr):
            inner = scope.bind(**{expr.name: evaluate(expr.value, scope)})
            return _nearest(expr.body, inner, bound)
        if isinstance(expr, core.IfExpr):
            return _nearest(expr.then if evaluate(expr.cond, scope) else expr.other, scope, bound)
        if isinstance(expr, core.Quant) and expr.kind == "exists":
            return _witnesses(expr, scope, bound)
        if isinstance(expr, core.Op) and expr.op == "or":
            return max((_nearest(part, scope, bound) for part in expr.args), key=lambda found: found[0])
        if isinstance(expr, core.Op) and expr.op == "and":
            return _conditions(expr.args, scope, bound)
        return (1, None, scope, bound) if evaluate(expr, scope) else (0, expr, scope, bound)
    except EvaluationError:
        return (0, None, scope, bound)


def _witnesses(expr: core.Quant, scope: Scope, bound: tuple[tuple[str, str], ...]) -> Found:
    items = evaluate(expr.domain, scope)
    assert isinstance(items, frozenset)
    best: Found = (-1, expr, scope, bound)
    for item in list(items)[:WITNESSES]:
        named = (*bound, (expr.var, show(item)))
        found = _nearest(expr.body, scope.bind(**{expr.var: item}), named)
        best = max(best, found, key=lambda one: one[0])
    return best


def _conditions(parts: tuple[core.Expr, ...], scope: Scope, bound: tuple[tuple[str, str], ...]) -> Found:
    total = 0
    wrong: Found | None = None
    for part in parts:
        found = _nearest(part, scope, bound)
        total += found[0]
        wrong = wrong or (None if found[1] is None else found)
        if not isinstance(part, core.Op) and found[1] is not None:
            break
    if wrong is None:
        return (total, None, scope, bound)
    return (total, wrong[1], wrong[2], wrong[3])
