"""When an expression has a value: what the language calls an evaluation error, as a condition.

It follows the order of evaluation: `and`, `or`, `implies` and `if` guard what they skip. A quantifier asks that its
body has a value for every element, though it may stop before.
"""

from __future__ import annotations

from collections.abc import Callable

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.bounds import item_type, narrowed
from pyspec.model.walk import nodes
from pyspec.prove.encode import Encoder, Env, called, position
from pyspec.prove.logic import Truth, conj, disj, implies, neg
from pyspec.prove.structure import fits, plain
from pyspec.prove.values import SeqVal, Val


def defined(e: Encoder, expr: core.Expr, env: Env) -> Truth:
    """The condition under which the evaluation of an expression succeeds."""
    if is_total(e, expr):
        return True
    return _RULES.get(type(expr), _strict)(e, expr, env)


def is_total(e: Encoder, expr: core.Expr) -> bool:
    """Whether nothing in an expression can fail, by its operators alone."""
    known = e.total.get(id(expr))
    if known is None:
        known = e.total[id(expr)] = (not any(_partial(e, node) for node in nodes(expr)), expr)
    return known[0]


def _partial(e: Encoder, node: object) -> bool:
    if isinstance(node, core.Op):
        return node.op in PARTIAL and (node.op != "map.at" or not _any_key(node.args[0].type))
    if isinstance(node, core.Call):
        return not is_total(e, e.functions[node.name].body)
    if isinstance(node, core.RecordExpr | core.With):
        of = node.type
        assert isinstance(of, ty.Record)
        return not all(plain(kind) or isinstance(kind, ty.Seq) for _, kind in of.fields) or _has_range(of)
    return isinstance(node, core.Choose | core.CaseField | core.CaseExpr)


def _any_key(of: ty.Type) -> bool:
    return isinstance(of, ty.Map) and plain(of.key)


def _has_range(of: ty.Record) -> bool:
    return any(not plain(kind) for _, kind in of.fields)


# ------------------------------------------------------------------------------------------------ structure


def _parts(e: Encoder, parts: tuple[core.Expr, ...], env: Env) -> Truth:
    return conj(defined(e, part, env) for part in parts)


def _strict(e: Encoder, expr: core.Expr, env: Env) -> Truth:
    from pyspec.model.walk import parts

    return _parts(e, tuple(part for part in parts(expr) if isinstance(part, core.Expr)), env)


def _op(e: Encoder, expr: core.Op, env: Env) -> Truth:
    if expr.op in ("and", "or", "implies"):
        return _connective(e, expr, env)
    if expr.op == "or_else":
        item = e.value(expr.args[0], env)
        return conj((defined(e, expr.args[0], env), disj((item.defined, defined(e, expr.args[1], env)))))
    inner = _parts(e, expr.args, env)
    if expr.op not in PARTIAL:
        return inner
    own = PARTIAL[expr.op](e, expr, *(e.value(part, env) for part in expr.args))
    return conj((inner, own))


def _connective(e: Encoder, expr: core.Op, env: Env) -> Truth:
    found: list[Truth] = []
    before: list[Truth] = []
    for part in expr.args:
        found.append(implies(conj(before), defined(e, part, env)))
        truth = e.truth(part, env)
        before.append(neg(truth) if expr.op == "or" else truth)
    return conj(found)


def _if(e: Encoder, expr: core.IfExpr, env: Env) -> Truth:
    cond = e.truth(expr.cond, env)
    then, other = defined(e, expr.then, env), defined(e, expr.other, env)
    return conj((defined(e, expr.cond, env), implies(cond, then), implies(neg(cond), other)))


def _let(e: Encoder, expr: core.LetExpr, env: Env) -> Truth:
    inner = env.bind(expr.name, e.value(expr.value, env), narrowed(expr.value, env.types))
    return conj((defined(e, expr.value, env), defined(e, expr.body, inner)))


def _all_of(e: Encoder, domain: Val, body: Callable[[Val], Truth]) -> Truth:
    from pyspec.prove.structure import within

    if isinstance(domain, SeqVal):
        return within(e.u, "all", domain, lambda i: body(domain.at(i)))
    truth: Truth = domain.each("all", body)
    return truth


def _quant(e: Encoder, expr: core.Quant, env: Env) -> Truth:
    domain, of = e.value(expr.domain, env), item_type(expr.domain, env.types)
    inner = _all_of(e, domain, lambda x: defined(e, expr.body, env.bind(expr.var, x, of)))
    return conj((defined(e, expr.domain, env), inner))


def _comprehension(e: Encoder, gens: tuple[core.Gen, ...], tail: Callable[[Env], Truth], env: Env) -> Truth:
    if not gens:
        return tail(env)
    gen, domain, of = gens[0], e.value(gens[0].domain, env), item_type(gens[0].domain, env.types)
    inner = _all_of(e, domain, lambda x: _comprehension(e, gens[1:], tail, env.bind(gen.var, x, of)))
    return conj((defined(e, gen.domain, env), inner))


def _set_comp(e: Encoder, expr: core.SetComp | core.SeqComp, env: Env) -> Truth:
    def tail(scope: Env) -> Truth:
        body = defined(e, expr.body, scope)
        if expr.cond is None:
            return body
        return conj((defined(e, expr.cond, scope), implies(e.truth(expr.cond, scope), body)))

    return _comprehension(e, expr.gens if isinstance(expr, core.SetComp) else (expr.gen,), tail, env)


def _map_comp(e: Encoder, expr: core.MapComp, env: Env) -> Truth:
    from pyspec.prove.structure import each_key

    assert isinstance(expr.type, ty.Map)
    key_type = expr.type.key
    return each_key(e.u, "all", key_type, lambda key: defined(e, expr.body, env.bind(expr.var, key, key_type)))


def _choose(e: Encoder, expr: core.Choose, env: Env) -> Truth:
    domain, of = e.value(expr.domain, env), item_type(expr.domain, env.types)
    cond = expr.cond

    def test(x: Val) -> Truth:
        return True if cond is None else e.truth(cond, env.bind(expr.var, x, of))

    found = domain.each("exists", test)
    tested = True
    if cond is not None:
        tested = _all_of(e, domain, lambda x: defined(e, cond, env.bind(expr.var, x, of)))
    return conj((defined(e, expr.domain, env), tested, found))


def _fold(e: Encoder, expr: core.Fold, env: Env) -> Truth:
    return conj((defined(e, expr.init, env), defined(e, expr.domain, env)))


def _call(e: Encoder, expr: core.Call, env: Env) -> Truth:
    function = e.functions[expr.name]
    return conj((_parts(e, expr.args, env), defined(e, function.body, called(e, function, expr.args, env))))


def _prime(e: Encoder, expr: core.Prime, env: Env) -> Truth:
    assert env.next is not None
    return defined(e, expr.item, Env(env.next, None, env.locals, env.types))


def _record(e: Encoder, expr: core.RecordExpr, env: Env) -> Truth:
    assert isinstance(expr.type, ty.Record)
    kinds = zip(expr.type.fields, expr.fields, strict=True)
    stores = conj(fits(e.u, kind, e.value(part, env)) for (_, kind), part in kinds if not plain(kind))
    return conj((_parts(e, expr.fields, env), stores))


def _case(e: Encoder, expr: core.CaseExpr, env: Env) -> Truth:
    assert isinstance(expr.type, ty.Union)
    case = next(case for case in expr.type.cases if case.name == expr.case)
    stores = conj(
        fits(e.u, kind, e.value(part, env))
        for (_, kind), part in zip(case.fields, expr.fields, strict=True)
        if not plain(kind)
    )
    return conj((_parts(e, expr.fields, env), stores))


def _with(e: Encoder, expr: core.With, env: Env) -> Truth:
    of = expr.item.type
    assert isinstance(of, ty.Record)
    kind = of.fields[position(of, expr.name)][1]
    return conj((_parts(e, (expr.item, expr.value), env), fits(e.u, kind, e.value(expr.value, env))))


def _case_field(e: Encoder, expr: core.CaseField, env: Env) -> Truth:
    is_case = e.truth(core.IsCase(ty.Bool(), expr.item, expr.case), env)
    return conj((defined(e, expr.item, env), is_case))


_RULES: dict[type, Callable[..., Truth]] = {
    core.Op: _op,
    core.IfExpr: _if,
    core.LetExpr: _let,
    core.Quant: _quant,
    core.SetComp: _set_comp,
    core.SeqComp: _set_comp,
    core.MapComp: _map_comp,
    core.Choose: _choose,
    core.Fold: _fold,
    core.Call: _call,
    core.Prime: _prime,
    core.RecordExpr: _record,
    core.CaseExpr: _case,
    core.With: _with,
    core.CaseField: _case_field,
}


# ------------------------------------------------------------------------------------------- partial operators


def _not_empty(e: Encoder, expr: core.Op, a: Val) -> Truth:
    return a.each("exists", lambda x: True)


def _inside(e: Encoder, expr: core.Op, a: Val, i: Val, *rest: Val) -> Truth:
    return conj((i >= 0, i < a.length))


def _has_length(e: Encoder, expr: core.Op, a: Val) -> Truth:
    return a.length > 0


def _key(e: Encoder, expr: core.Op, a: Val, key: Val, *rest: Val) -> Truth:
    of = expr.args[0].type
    assert isinstance(of, ty.Map)
    return fits(e.u, of.key, key)


def _only(e: Encoder, expr: core.Op, a: Val) -> Truth:
    from pyspec.prove.structure import equal

    one = a.each("all", lambda x: a.each("all", lambda y: equal(e.u, x, y)))
    return conj((_not_empty(e, expr, a), one))


def _nonzero(e: Encoder, expr: core.Op, a: Val, b: Val) -> Truth:
    return b != 0


def _neighbour(offset: int) -> Callable[..., Truth]:
    def exists(e: Encoder, expr: core.Op, a: Val) -> Truth:
        of = expr.args[0].type
        assert isinstance(of, ty.Enum | ty.Sort)
        size = len(of.members) if isinstance(of, ty.Enum) else e.u.size(of)
        at = e.u.index(of, a) + offset
        return conj((at >= 0, at < size))

    return exists


#: Operators that may fail: the encoder, the node, the values of the arguments. (Overflow of 64 bits is left out:
#: integers are unbounded here, and every verdict says so.)
PARTIAL: dict[str, Callable[..., Truth]] = {
    "div": _nonzero,
    "mod": _nonzero,
    "succ": _neighbour(1),
    "pred": _neighbour(-1),
    "set.min": _not_empty,
    "set.max": _not_empty,
    "set.only": _only,
    "seq.at": _inside,
    "seq.slice": lambda e, expr, a, low, high: conj((low >= 0, high <= a.length)),
    "seq.first": _has_length,
    "seq.last": _has_length,
    "seq.update": _inside,
    "map.at": _key,
    "map.update": _key,
    "unwrap": lambda e, expr, a: a.defined,
}
