"""What is known of the values of expressions without running anything: bounds of integers, types with their ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pyspec.lang import core
from pyspec.lang import types as ty

Bounds = tuple[int, int]
#: Local names with types that their values surely lie in.
Names = Mapping[str, ty.Type]
FAR = 2**62
NONE: Names = {}


def bounds(expr: core.Expr, names: Names = NONE) -> Bounds | None:
    """The least and greatest value of an integer expression, if something stored or literal bounds it."""
    if isinstance(expr, core.Lit):
        return (expr.value, expr.value) if type(expr.value) is int else None
    if isinstance(expr, core.IfExpr):
        return _hull(bounds(expr.then, names), bounds(expr.other, names))
    if isinstance(expr, core.Op) and expr.op in _OPS:
        parts = [bounds(part, names) for part in expr.args]
        return None if None in parts else _OPS[expr.op](*parts)
    if isinstance(expr, core.Op) and expr.op in _SIZES:
        return _size(expr, names)
    return _of_type(place_type(expr, names))


def small(expr: core.Expr) -> bool:
    """Whether the value surely stays within 64 bits."""
    found = bounds(expr)
    return found is not None and found[0] >= -FAR and found[1] <= FAR


def place_type(expr: core.Expr, names: Names = NONE) -> ty.Type | None:
    """The type of the place that an expression reads, if it reads a part of a variable, a field of a record, or a local
    name of which it is known: what is there was checked when it was stored."""
    if isinstance(expr, core.StateVar):
        return expr.type
    if isinstance(expr, core.Local):
        return names.get(expr.name)
    if isinstance(expr, core.Prime):
        return place_type(expr.item, names)
    if isinstance(expr, core.Field) and isinstance(expr.item.type, ty.Record):
        return dict(expr.item.type.fields)[expr.name]
    if isinstance(expr, core.CaseField) and isinstance(expr.item.type, ty.Union):
        case = next(case for case in expr.item.type.cases if case.name == expr.case)
        return dict(case.fields)[expr.name]
    if isinstance(expr, core.Proj):
        row = place_type(expr.item, names)
        return row.items[expr.index] if isinstance(row, ty.Tuple) else None
    if isinstance(expr, core.Op) and expr.op in ("map.at", "seq.at", "seq.first", "seq.last", "unwrap"):
        whole = place_type(expr.args[0], names)
        if isinstance(whole, ty.Map):
            return whole.value
        return whole.item if isinstance(whole, ty.Seq | ty.Option) else None
    return None


def narrowed(expr: core.Expr, names: Names = NONE) -> ty.Type:
    """The type of an expression, with the ranges that its integers surely lie in."""
    if isinstance(expr.type, ty.Int | ty.Range):
        found = bounds(expr, names)
        return ty.Int() if found is None else ty.Range(*found)
    if isinstance(expr, core.TupleExpr):
        return ty.Tuple(tuple(narrowed(item, names) for item in expr.items))
    if isinstance(expr.type, ty.Set | ty.Bag | ty.Seq):
        return type(expr.type)(item_type(expr, names))
    return place_type(expr, names) or expr.type


def item_type(domain: core.Expr, names: Names = NONE) -> ty.Type:
    """The type of the elements of a set, bag or sequence, with the ranges that their integers surely lie in."""
    known = place_type(domain, names)
    if isinstance(known, ty.Set | ty.Bag | ty.Seq):
        return known.item
    if isinstance(domain, core.Domain):
        return domain.of
    if isinstance(domain, core.SetComp):
        return _of_comprehension(domain.gens, domain.body, names)
    if isinstance(domain, core.SeqComp):
        return _of_comprehension((domain.gen,), domain.body, names)
    if isinstance(domain, core.SetLit | core.BagLit | core.SeqLit) and domain.items:
        return _union(*(narrowed(item, names) for item in domain.items))
    if isinstance(domain, core.IfExpr):
        return _union(item_type(domain.then, names), item_type(domain.other, names))
    if isinstance(domain, core.Op):
        return _of_operator(domain, names)
    return _item(domain)


def _item(domain: core.Expr) -> ty.Type:
    assert isinstance(domain.type, ty.Set | ty.Bag | ty.Seq)
    return domain.type.item


def _of_comprehension(gens: tuple[core.Gen, ...], body: core.Expr, names: Names) -> ty.Type:
    for gen in gens:
        names = {**names, gen.var: item_type(gen.domain, names)}
    return narrowed(body, names)


def _of_operator(domain: core.Op, names: Names) -> ty.Type:
    if domain.op in ("range", "range.seq"):
        low, high = (bounds(part, names) for part in domain.args)
        return ty.Int() if low is None or high is None else ty.Range(low[0], max(low[0], high[1]))
    if domain.op in ("set.union", "bag.add", "seq.concat"):
        return _union(*(item_type(part, names) for part in domain.args))
    if domain.op in ("set.inter", "set.diff", "bag.diff", "bag.support", "seq.set", "seq.slice"):
        return item_type(domain.args[0], names)
    return _item(domain)


def _union(*several: ty.Type) -> ty.Type:
    """A type with the values of all of these, which differ in their ranges only."""
    first = several[0]
    if all(one == first for one in several):
        return first
    if isinstance(first, ty.Tuple):
        rows = [one.items for one in several if isinstance(one, ty.Tuple)]
        return ty.Tuple(tuple(_union(*column) for column in zip(*rows, strict=True)))
    found = _of_type(first)
    for one in several:
        found = _hull(found, _of_type(one))
    if found is None:
        return ty.Int() if isinstance(first, ty.Int | ty.Range) else first
    return ty.Range(*found)


def _of_type(of: ty.Type | None) -> Bounds | None:
    if isinstance(of, ty.Range) and isinstance(of.lo, int) and isinstance(of.hi, int):
        return (of.lo, of.hi)
    return None


def _hull(a: Bounds | None, b: Bounds | None) -> Bounds | None:
    return None if a is None or b is None else (min(a[0], b[0]), max(a[1], b[1]))


def _mul(a: Bounds, b: Bounds) -> Bounds:
    corners = [x * y for x in a for y in b]
    return (min(corners), max(corners))


def _size(expr: core.Op, names: Names) -> Bounds:
    of = place_type(expr.args[0], names)
    known = isinstance(of, ty.Seq) and isinstance(of.capacity, int)
    return (0, of.capacity if known else 2**31)  # type: ignore[union-attr]


#: Operators on numbers: the bounds of the result from those of the arguments.
_OPS: dict[str, Callable[..., Bounds]] = {
    "add": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "sub": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "neg": lambda a: (-a[1], -a[0]),
    "mul": _mul,
    "min2": lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "max2": lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
}
_SIZES = frozenset({"set.size", "seq.len", "bag.size", "bag.count", "index_of"})
