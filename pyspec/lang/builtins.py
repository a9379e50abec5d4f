"""The built-in functions: one entry of `BUILTINS` for each, with its usage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspec.base.diagnostics import SpecError, error
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.binders import bind_all, with_lets
from pyspec.lang.displays import items_of
from pyspec.lang.exprs import (
    Want,
    boolean,
    check,
    coerce,
    combine,
    domain,
    element_type,
    infer,
    lift_items,
    op,
    pair,
)
from pyspec.lang.names import Env
from pyspec.lang.typeops import BOOL, INT, article, join, ordered, same, show, value_type

Builtin = Callable[[s.CallExpr, Env, Want], c.Expr]


def _args(e: s.CallExpr, usage: str, count: int) -> tuple[s.Expr, ...]:
    if e.named or len(e.args) != count:
        raise error(
            "E0323", f"{len(e.args) + len(e.named)} arguments where {count} are wanted", e.span, f"write {usage}"
        )
    return e.args


def _wrong(x: c.Expr, e: s.Expr, wanted: str, usage: str) -> SpecError:
    return error("E0301", f"expected {wanted}, found {article(x.type)}", e.span, f"write {usage}")


def _len(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "len(x)", 1)
    x = infer(arg, env)
    kinds: dict[type, str] = {t.Set: "set.size", t.Bag: "bag.size", t.Seq: "seq.len"}
    if type(x.type) not in kinds:
        raise _wrong(x, arg, "a set, bag or sequence", "len(x)")
    return op(kinds[type(x.type)], INT, e.span, x)


def _extreme(name: str) -> Builtin:
    def build(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
        if len(e.args) == 2 and not e.named:
            a, b = pair(e.args[0], e.args[1], env, want)
            if not same(a.type, b.type) or not ordered(a.type):
                raise error("E0305", f"{name} of {article(a.type)} and {article(b.type)}", e.span)
            return op(f"{name}2", a.type, e.span, a, b)
        (arg,) = _args(e, f"{name}(S), {name}(a, b) or {name}(e for x in S)", 1)
        x = _collected(arg, env)
        item = element_type(x, arg.span)
        if not ordered(item):
            raise error("E0305", f"values of type {show(item)} have no order", e.span)
        return op(f"set.{name}", item, e.span, x)

    return build


def _collected(arg: s.Expr, env: Env) -> c.Expr:
    """A set, or a generator read as a set."""
    if isinstance(arg, s.Comprehension) and arg.kind == "gen":
        arg = s.Comprehension("set", arg.body, arg.binders, arg.cond, span=arg.span)
    return domain(arg, env)


def _sum(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "sum(e for x in S)", 1)
    if not (isinstance(arg, s.Comprehension) and arg.kind == "gen"):
        return _sum_of(e, infer(arg, env), env)
    inner = env.child()
    bound = bind_all(arg.binders, inner)
    total: c.Expr = check(arg.body, inner, INT, "the body of sum")
    if arg.cond is not None:
        total = c.IfExpr(INT, boolean(arg.cond, inner), total, c.Lit(INT, 0, span=e.span), span=e.span)
    for name, over, lets in reversed(bound):
        acc = env.fresh("total")
        so_far = c.Local(INT, acc, span=e.span)
        body = op("add", INT, e.span, so_far, with_lets(lets, total))
        total = c.Fold(INT, acc, c.Lit(INT, 0, span=e.span), name, over, body, span=e.span)
    return total


def _sum_of(e: s.CallExpr, x: c.Expr, env: Env) -> c.Expr:
    if not isinstance(x.type, (t.Set, t.Seq)) or not same(x.type.item, INT):
        raise _wrong(x, e.args[0], "a set or sequence of integers", "sum(e for x in S)")
    acc, name = env.fresh("total"), env.fresh("item")
    body = op("add", INT, e.span, c.Local(INT, acc, span=e.span), c.Local(INT, name, span=e.span))
    return c.Fold(INT, acc, c.Lit(INT, 0, span=e.span), name, x, body, span=e.span)


def _count(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    usage = "count(x in S where P)"
    if len(e.args) == 2:
        a = infer(e.args[0], env)
        if isinstance(a, c.Op) and a.op == "bag.support":  # `network.M`: the messages, of which there may be copies
            a = a.args[0]
        if isinstance(a.type, t.Bag):
            return op("bag.count", INT, e.span, a, check(e.args[1], env, a.type.item, "the element"))
    (arg,) = _args(e, usage, 1)
    if isinstance(arg, s.Comprehension) and arg.kind == "gen" and len(arg.binders) == 1 and arg.cond is not None:
        target = arg.binders[0].targets
        if len(target) == 1 and target[0] == arg.body:
            found = infer(s.Comprehension("set", arg.body, arg.binders, arg.cond, span=arg.span), env)
            return op("set.size", INT, e.span, found)
    raise error("E0323", "count takes one variable and a condition, or a bag and an element", e.span, f"write {usage}")


def _subsets(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "subsets(S)", 1)
    x = domain(arg, env)
    return op("set.subsets", t.Set(t.Set(element_type(x, arg.span))), e.span, x)


def _flatten(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "flatten(set of sets)", 1)
    x = _collected(arg, env)
    item = element_type(x, arg.span)
    if not isinstance(item, t.Set):
        raise _wrong(x, arg, "a set of sets", "flatten(S)")
    return op("set.flatten", item, e.span, x)


def _majority(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "majority(S)", 1)
    x = infer(arg, env, want)
    if not (isinstance(x.type, t.Set) and isinstance(x.type.item, t.Sort)):
        raise _wrong(x, arg, "a set of nodes", "majority(S)")
    return op("set.majority", BOOL, e.span, x)


def _prefix(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    left, right = _args(e, "prefix(a, b)", 2)
    a, b = pair(left, right, env)
    if not isinstance(a.type, t.Seq) or not same(a.type, b.type):
        raise _wrong(a, left, "two sequences", "prefix(a, b)")
    return op("seq.prefix", BOOL, e.span, a, b)


def _end(name: str) -> Builtin:
    extreme = {"first": "set.min", "last": "set.max"}[name]

    def build(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
        (arg,) = _args(e, f"{name}(s)", 1)
        x = infer(arg, env)
        if isinstance(x.type, t.Seq):
            return op(f"seq.{name}", x.type.item, e.span, x)
        if isinstance(x.type, t.Set) and ordered(x.type.item):
            return op(extreme, x.type.item, e.span, x)
        raise _wrong(x, arg, "a sequence, or a set of an ordered type", f"{name}(s)")

    return build


def _tail(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "tail(s)", 1)
    x = infer(arg, env)
    if not isinstance(x.type, t.Seq):
        raise _wrong(x, arg, "a sequence", "tail(s)")
    return op("seq.slice", x.type, e.span, x, c.Lit(INT, 1, span=e.span), op("seq.len", INT, e.span, x))


def _append(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    left, right = _args(e, "append(s, x)", 2)
    a = infer(left, env, want)
    if not isinstance(a.type, t.Seq):
        raise _wrong(a, left, "a sequence", "append(s, x)")
    one = c.SeqLit(a.type, (check(right, env, a.type.item, "the item"),), span=right.span)
    return combine("+", a, one, e.span)


def _position(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "index(x)", 1)
    x = infer(arg, env)
    if not isinstance(x.type, (t.Enum, t.Sort)) or not ordered(x.type):
        raise _wrong(x, arg, "an enum member or an element of an ordered sort", "index(x)")
    return op("index_of", INT, e.span, x)


def _neighbour(name: str, usage: str) -> Builtin:
    def build(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
        (arg,) = _args(e, usage, 1)
        x = infer(arg, env, want)
        if not isinstance(x.type, (t.Enum, t.Sort)) or not ordered(x.type):
            raise _wrong(x, arg, "an enum member or an element of an ordered sort", usage)
        return op(name, x.type, e.span, x)

    return build


def _default(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    left, right = _args(e, "default(x, value)", 2)
    x = infer(left, env)
    if not isinstance(x.type, t.Option):
        raise _wrong(x, left, "an option", "default(x, value)")
    return op("or_else", x.type.item, e.span, x, check(right, env, x.type.item, "the default"))


def _only(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "only(S)", 1)
    x = domain(arg, env)
    return op("set.only", element_type(x, arg.span), e.span, x)


def _values(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "values(m)", 1)
    x = infer(arg, env)
    if not isinstance(x.type, t.Map):
        raise _wrong(x, arg, "a map", "values(m)")
    return op("map.values", t.Set(value_type(x.type.value)), e.span, x)


def _keys(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "keys(m)", 1)
    x = infer(arg, env)
    if not (isinstance(x.type, t.Map) and isinstance(x.type.value, t.Option)):
        raise _wrong(x, arg, "a map to an option type", "keys(m)")
    key = value_type(x.type.key)
    name = env.fresh("key")
    k = c.Local(key, name, span=e.span)
    at = op("map.at", value_type(x.type.value), e.span, x, k)
    cond = op("ne", BOOL, e.span, at, c.Lit(value_type(x.type.value), None, span=e.span))
    over = c.Domain(t.Set(key), x.type.key, span=e.span)
    return c.SetComp(t.Set(key), (c.Gen(name, over),), cond, k, span=e.span)


def _update(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    item, key, value = _args(e, "update(m, key, value)", 3)
    x = infer(item, env, want)
    if isinstance(x.type, t.Map):
        at = check(key, env, value_type(x.type.key), "the key")
        return op("map.update", x.type, e.span, x, at, check(value, env, value_type(x.type.value), "the value"))
    if isinstance(x.type, t.Seq):
        return op("seq.update", x.type, e.span, x, check(key, env, INT), check(value, env, x.type.item, "the value"))
    raise _wrong(x, item, "a map or a sequence", "update(m, key, value)")


def _set(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "set(s)", 1)
    return _collected(arg, env)


def _bag(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    if e.named:
        raise error("E0323", "bag takes its elements", e.span, "write bag(a, b, ...)")
    if not e.args:
        return infer(s.SetDisplay((), span=e.span), env, want)
    items, item = items_of(e.args, env, want.item if isinstance(want, t.Bag) else None)
    return c.BagLit(t.Bag(value_type(item)), items, span=e.span)


def _abs(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "abs(x)", 1)
    return op("abs", INT, e.span, check(arg, env, INT))


def _role_set(e: s.CallExpr, env: Env, usage: str) -> tuple[t.Sort, c.Expr]:
    """The argument of correct(Role), byzantine(Role): the sort and its set of Byzantine nodes."""
    (arg,) = _args(e, usage, 1)
    name = arg.name if isinstance(arg, s.Name) else ""
    var = env.names.vars.get(f"{name}.byzantine")
    if name not in env.names.roles or var is None:
        raise error("E0325", "this wants a role that may be Byzantine", arg.span, "declare `byzantine role Name`")
    sort = env.names.roles[name].sort
    return sort, c.StateVar(t.Set(sort), var.name, span=e.span)


def _correct(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    sort, byzantine = _role_set(e, env, "correct(Role)")
    return op("set.diff", t.Set(sort), e.span, c.Domain(t.Set(sort), sort, span=e.span), byzantine)


def _byzantine(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    return _role_set(e, env, "byzantine(Role)")[1]


def _up(e: s.CallExpr, env: Env, want: Want) -> c.Expr:
    (arg,) = _args(e, "up(node)", 1)
    x = infer(arg, env)
    roles = [r.name for r in env.names.roles.values() if x.type == r.sort and r.separate_restart]
    if not roles:
        raise error(
            "E0325", "up(node) wants a node of a role that restarts later", e.span, "add `restart later` to the role"
        )
    var = f"{roles[0]}.up"
    return op("map.at", BOOL, e.span, c.StateVar(env.names.vars[var].type, var, span=e.span), x)


BUILTINS: dict[str, Builtin] = {
    "len": _len, "min": _extreme("min"), "max": _extreme("max"), "sum": _sum, "count": _count, "abs": _abs,
    "subsets": _subsets, "flatten": _flatten, "majority": _majority, "correct": _correct, "byzantine": _byzantine,
    "up": _up,
    "bag": _bag, "prefix": _prefix, "first": _end("first"), "last": _end("last"), "append": _append, "index": _position,
    "next": _neighbour("succ", "next(x)"), "prev": _neighbour("pred", "prev(x)"), "default": _default, "only": _only,
    "values": _values, "keys": _keys, "tail": _tail, "update": _update, "set": _set, "elements": _set,
}  # fmt: skip

__all__ = ["BUILTINS", "Any", "coerce", "join", "lift_items"]
