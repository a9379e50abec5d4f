"""The operators of the core over symbolic values: a table with the keys of `pyspec.lang.ops.OPS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.bounds import bounds, item_type
from pyspec.model.domains import cardinality
from pyspec.prove.constants import majorities
from pyspec.prove.encode import Encoder, Env, choose
from pyspec.prove.logic import Term, Truth, add, conj, disj, implies, ite, neg, sub
from pyspec.prove.structure import choice, common, each_key, equal, joined_item, literal_set, put, within
from pyspec.prove.unsupported import unsupported
from pyspec.prove.values import BagVal, MapVal, Opt, SeqVal, SetVal, Val

# ------------------------------------------------------------------------------------------------- booleans


def _and(e: Encoder, expr: core.Op, env: Env) -> Truth:
    return conj(e.truth(part, env) for part in expr.args)


def _or(e: Encoder, expr: core.Op, env: Env) -> Truth:
    return disj(e.truth(part, env) for part in expr.args)


def _implies(e: Encoder, expr: core.Op, env: Env) -> Truth:
    left = e.truth(expr.args[0], env)
    return True if left is False else implies(left, e.truth(expr.args[1], env))


def _or_else(e: Encoder, expr: core.Op, env: Env) -> Val:
    item = e.value(expr.args[0], env)
    return choice(e.u, item.defined, item.value, e.value(expr.args[1], env))


# ----------------------------------------------------------------------------------------------- sizes of sets

SIZES = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
#: `len(S) OP k` as (at least how many, whether negated), from k; equality is two of them.
_AT_LEAST: dict[str, Callable[[int], tuple[int, bool]]] = {
    "ge": lambda k: (k, False),
    "gt": lambda k: (k + 1, False),
    "lt": lambda k: (k, True),
    "le": lambda k: (k + 1, True),
}
_TURNED = {"ge": "le", "gt": "lt", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}
#: The greatest number that the size of a set is compared with by quantifiers.
MOST = 4


def sized(e: Encoder, expr: core.Op, env: Env) -> Truth | None:
    """A comparison of the size of a set with a small number, by quantifiers; None if this is not one."""
    left, right, op = expr.args[0], expr.args[1], expr.op
    if isinstance(right, core.Op) and right.op == "set.size":
        left, right, op = right, left, _TURNED[op]
    if not (isinstance(left, core.Op) and left.op == "set.size"):
        return None
    bound = e.value(right, env)
    if not isinstance(bound, int) or bound > MOST or (e.finite and not isinstance(left.args[0].type, ty.Set)):
        return None
    items = e.value(left.args[0], env)
    if op in ("eq", "ne"):
        exactly = conj((_at_least(e, items, bound), neg(_at_least(e, items, bound + 1))))
        return exactly if op == "eq" else neg(exactly)
    count, negated = _AT_LEAST[op](bound)
    found = _at_least(e, items, count)
    return neg(found) if negated else found


def _at_least(e: Encoder, items: SetVal, count: int, given: tuple[Val, ...] = ()) -> Truth:
    if count <= 0:
        return True

    def another(x: Val) -> Truth:
        different = conj(neg(equal(e.u, x, y)) for y in given)
        return conj((different, _at_least(e, items, count - 1, (*given, x))))

    return items.each("exists", another)


def _size(e: Encoder, expr: core.Op, env: Env) -> Term:
    items, total = e.value(expr.args[0], env), 0
    for x in e.elements(expr.args[0], env, "the size of a set"):
        total = add(total, ite(items.contains(x), 1, 0))
    return total


def _bag_size(e: Encoder, expr: core.Op, env: Env) -> Term:
    items, total = e.value(expr.args[0], env), 0
    for x in e.elements(expr.args[0], env, "the size of a bag"):
        total = add(total, items.count(x))
    return total


def _majority(e: Encoder, expr: core.Op, env: Env) -> Truth:
    items = e.value(expr.args[0], env)
    if not e.finite:
        return majorities(e, items.item).each("exists", lambda q: q.each("all", items.contains))
    return 2 * _size(e, expr, env) > cardinality(items.item)


def _extreme(greatest: bool) -> Callable[..., Val]:
    return lambda e, expr, env: choose(e, expr.args[0], env, e.value(expr.args[0], env), lambda x: True, greatest)


# ------------------------------------------------------------------------------------------------- integers


def _div(e: Encoder, expr: core.Op, a: Term, b: Term) -> Term:
    if isinstance(a, int) and isinstance(b, int):
        return a // b if b else 0
    if isinstance(b, int) and b > 0:
        return a / b
    a, b = e.u.term(a), e.u.term(b)
    return ite(b > 0, a / b, (-a) / (-b))


def _mod(e: Encoder, expr: core.Op, a: Term, b: Term) -> Term:
    if isinstance(a, int) and isinstance(b, int):
        return a % b if b else 0
    return a - b * _div(e, expr, a, b)


def _nth(offset: int) -> Callable[..., Val]:
    def neighbour(e: Encoder, expr: core.Op, a: Term) -> Term:
        of = expr.args[0].type
        assert isinstance(of, ty.Enum | ty.Sort)
        return e.u.nth(of, e.u.index(of, a) + offset)

    return neighbour


# ----------------------------------------------------------------------------------------------------- sets


def _union(e: Encoder, expr: core.Op, a: SetVal, b: SetVal) -> SetVal:
    def contains(x: Val) -> Truth:
        return disj((a.contains(x), b.contains(x)))

    def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
        return (conj if kind == "all" else disj)((a.each(kind, body), b.each(kind, body)))

    if a.items is not None and b.items is None:
        a, b = b, a
    root, touched = (None, ()) if b.items is None else (a.root or a, (*a.touched, *b.items))
    item = joined_item(a, b)
    return SetVal(item, contains, each, e.u.picker(item, contains), root=root, touched=touched)


def _diff(e: Encoder, expr: core.Op, a: SetVal, b: SetVal) -> SetVal:
    made = _filtered(e, a, lambda x: neg(b.contains(x)))
    if b.items is None:
        return made
    return replace(made, root=a.root or a, touched=(*a.touched, *b.items))


def _filtered(e: Encoder, a: SetVal, test: Callable[[Val], Truth]) -> SetVal:
    def contains(x: Val) -> Truth:
        return conj((a.contains(x), test(x)))

    def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
        return a.each(kind, lambda x: e.u.guarded(kind, test(x), lambda: body(x)))

    def pick(hint: str) -> tuple[Val, Truth]:
        x, guard = a.pick(hint)
        return x, conj((guard, test(x)))

    return SetVal(a.item, contains, each, pick)


def _subset(e: Encoder, expr: core.Op, a: SetVal, b: SetVal) -> Truth:
    places = common(a, b)
    if places is not None:
        return conj(implies(a.contains(x), b.contains(x)) for x in places)
    return a.each("all", b.contains)


def _subsets(e: Encoder, expr: core.Op, a: SetVal) -> SetVal:
    assert isinstance(expr.type, ty.Set)
    return e.u.predicate(expr.type.item, lambda x: x.each("all", a.contains))


def _flatten(e: Encoder, expr: core.Op, a: SetVal) -> SetVal:
    assert isinstance(expr.type, ty.Set)

    def contains(x: Val) -> Truth:
        return a.each("exists", lambda s: s.contains(x))

    def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
        return a.each(kind, lambda s: s.each(kind, body))

    return SetVal(expr.type.item, contains, each, e.u.picker(expr.type.item, contains))


def _interval(e: Encoder, expr: core.Op, env: Env) -> SetVal:
    """The set of the integers from one to another."""
    low, high = (e.value(part, env) for part in expr.args)
    if isinstance(low, int) and isinstance(high, int) and high - low < 8:
        return literal_set(e.u, ty.Int(), tuple(range(low, high + 1)))
    of = item_type(expr, env.types) if e.finite else ty.Int()
    return e.u.predicate(of, lambda x: conj((low <= x, x <= high)))


# ------------------------------------------------------------------------------------------ bags, sequences, maps


def _bag_diff(e: Encoder, expr: core.Op, a: BagVal, b: BagVal) -> BagVal:
    return BagVal(a.item, lambda x: ite(a.count(x) >= b.count(x), sub(a.count(x), b.count(x)), 0))


def _concat(e: Encoder, expr: core.Op, a: SeqVal, b: SeqVal) -> SeqVal:
    if isinstance(a.length, int) and a.length == 0:
        return b
    if isinstance(b.length, int) and b.length == 0:
        return a
    most = None if a.most is None or b.most is None else a.most + b.most
    at = lambda i: choice(e.u, i < a.length, a.at(i), b.at(sub(i, a.length)))  # noqa: E731
    return SeqVal(a.item, add(a.length, b.length), at, most=most)


def _slice(e: Encoder, expr: core.Op, a: SeqVal, low: Term, high: Term) -> SeqVal:
    length = high if isinstance(low, int) and low == 0 else sub(high, low)
    return SeqVal(a.item, ite(high <= low, 0, length), lambda i: a.at(add(i, low)), most=a.most)


def _prefix(e: Encoder, expr: core.Op, a: SeqVal, b: SeqVal) -> Truth:
    same = within(e.u, "all", a, lambda i: equal(e.u, a.at(i), b.at(i)))
    return conj((a.length <= b.length, same))


def sequence_items(e: Encoder, a: SeqVal) -> SetVal:
    """The set of the items of a sequence."""

    def contains(x: Val) -> Truth:
        return within(e.u, "exists", a, lambda i: equal(e.u, a.at(i), x))

    def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
        return within(e.u, kind, a, lambda i: body(a.at(i)))

    def pick(hint: str) -> tuple[Val, Truth]:
        at = e.u.element(ty.Int(), f"position of {hint}")
        return a.at(at), conj((at >= 0, at < a.length))

    return SetVal(a.item, contains, each, pick)


def _updated(e: Encoder, expr: core.Op, a: SeqVal, at: Term, value: Val) -> SeqVal:
    return SeqVal(a.item, a.length, lambda i: choice(e.u, equal(e.u, i, at), value, a.at(i)), most=a.most)


def _values(e: Encoder, expr: core.Op, a: MapVal) -> SetVal:
    assert isinstance(expr.type, ty.Set)
    item = expr.type.item

    def contains(x: Val) -> Truth:
        return each_key(e.u, "exists", a.key, lambda k: equal(e.u, a.at(k), x))

    def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
        return each_key(e.u, kind, a.key, lambda k: body(a.at(k)))

    return SetVal(item, contains, each, e.u.picker(item, contains))


def _range_seq(e: Encoder, expr: core.Op, env: Env) -> SeqVal:
    low, high = (e.value(part, env) for part in expr.args)
    least, greatest = (bounds(part, env.types) for part in expr.args)
    most = None if least is None or greatest is None else max(0, greatest[1] - least[0] + 1)
    return SeqVal(ty.Int(), ite(high < low, 0, add(sub(high, low), 1)), lambda i: add(i, low), most=most)


def _bag_in(e: Encoder, expr: core.Op, x: Val, a: BagVal) -> Truth:
    return a.count(x) > 0


def _order(make: Callable[[Encoder, ty.Type, Val, Val], Val]) -> Callable[..., Val]:
    return lambda e, expr, a, b: make(e, expr.args[0].type, a, b)


#: Operators that go through the elements of a collection, or do not evaluate every argument.
LAZY: dict[str, Callable[[Encoder, core.Op, Env], Val]] = {
    "and": _and,
    "or": _or,
    "implies": _implies,
    "or_else": _or_else,
    "set.size": _size,
    "set.majority": _majority,
    "set.min": _extreme(False),
    "set.max": _extreme(True),
    "set.only": _extreme(False),
    "bag.size": _bag_size,
    "range": _interval,
    "range.seq": _range_seq,
}

#: Operators that evaluate every argument first: the encoder, the node (for its types), the values.
STRICT: dict[str, Callable[..., Val]] = {
    "not": lambda e, expr, a: neg(a),
    "eq": lambda e, expr, a, b: equal(e.u, a, b),
    "ne": lambda e, expr, a, b: neg(equal(e.u, a, b)),
    "neg": lambda e, expr, a: -a,
    "add": lambda e, expr, a, b: add(a, b),
    "sub": lambda e, expr, a, b: sub(a, b),
    "mul": lambda e, expr, a, b: a * b,
    "div": _div,
    "mod": _mod,
    "abs": lambda e, expr, a: ite(a >= 0, a, -a),
    "lt": _order(lambda e, of, a, b: e.u.before(of, a, b)),
    "le": _order(lambda e, of, a, b: e.u.until(of, a, b)),
    "gt": _order(lambda e, of, a, b: e.u.before(of, b, a)),
    "ge": _order(lambda e, of, a, b: e.u.until(of, b, a)),
    "min2": _order(lambda e, of, a, b: choice(e.u, e.u.until(of, a, b), a, b)),
    "max2": _order(lambda e, of, a, b: choice(e.u, e.u.until(of, a, b), b, a)),
    "succ": _nth(1),
    "pred": _nth(-1),
    "index_of": lambda e, expr, a: e.u.index(expr.args[0].type, a),
    "set.in": lambda e, expr, x, a: a.contains(x),
    "set.union": _union,
    "set.inter": lambda e, expr, a, b: _filtered(e, a, b.contains),
    "set.diff": _diff,
    "set.subset": _subset,
    "set.subsets": _subsets,
    "set.flatten": _flatten,
    "bag.in": _bag_in,
    "bag.count": lambda e, expr, a, x: a.count(x),
    "bag.add": lambda e, expr, a, b: BagVal(a.item, lambda x: add(a.count(x), b.count(x))),
    "bag.diff": _bag_diff,
    "bag.support": lambda e, expr, a: e.u.predicate(a.item, lambda x: a.count(x) > 0),
    "seq.in": lambda e, expr, x, a: sequence_items(e, a).contains(x),
    "seq.at": lambda e, expr, a, i: a.at(i),
    "seq.len": lambda e, expr, a: a.length,
    "seq.concat": _concat,
    "seq.slice": _slice,
    "seq.prefix": _prefix,
    "seq.set": lambda e, expr, a: sequence_items(e, a),
    "seq.first": lambda e, expr, a: a.at(0),
    "seq.last": lambda e, expr, a: a.at(sub(a.length, 1)),
    "seq.update": _updated,
    "map.at": lambda e, expr, a, k: a.at(k),
    "map.update": lambda e, expr, a, k, v: put(e.u, a, k, v),
    "map.values": _values,
    "some": lambda e, expr, a: Opt(True, a),
    "unwrap": lambda e, expr, a: a.value,
}

__all__ = ["LAZY", "SIZES", "STRICT", "sequence_items", "sized", "unsupported"]
