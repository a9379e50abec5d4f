"""Bounds of integer expressions that are known without running anything."""

from __future__ import annotations

from collections.abc import Callable

from pyspec.lang import core
from pyspec.lang import types as ty

Bounds = tuple[int, int]
FAR = 2**62


def bounds(expr: core.Expr) -> Bounds | None:
    """The least and greatest value of an integer expression, if something stored or literal bounds it."""
    if isinstance(expr, core.Lit):
        return (expr.value, expr.value) if type(expr.value) is int else None
    if isinstance(expr, core.Op):
        return _OPS[expr.op](*expr.args) if expr.op in _OPS else _of_place(expr)
    return _of_place(expr)


def small(expr: core.Expr) -> bool:
    """Whether the value surely stays within 64 bits."""
    found = bounds(expr)
    return found is not None and found[0] >= -FAR and found[1] <= FAR


def _of_place(expr: core.Expr) -> Bounds | None:
    of = place_type(expr)
    if isinstance(of, ty.Range) and isinstance(of.lo, int) and isinstance(of.hi, int):
        return (of.lo, of.hi)
    return None


def place_type(expr: core.Expr) -> ty.Type | None:
    """The type of the place that an expression reads, if it reads a part of a variable or a field of a record: what
    is there was checked when it was stored."""
    if isinstance(expr, core.StateVar):
        return expr.type
    if isinstance(expr, core.Prime):
        return place_type(expr.item)
    if isinstance(expr, core.Field) and isinstance(expr.item.type, ty.Record):
        return dict(expr.item.type.fields)[expr.name]
    if isinstance(expr, core.Op) and expr.op in ("map.at", "seq.at", "seq.first", "seq.last", "unwrap"):
        whole = place_type(expr.args[0])
        if isinstance(whole, ty.Map):
            return whole.value
        return whole.item if isinstance(whole, ty.Seq | ty.Option) else None
    return None


def _add(left: core.Expr, right: core.Expr) -> Bounds | None:
    a, b = bounds(left), bounds(right)
    return None if a is None or b is None else (a[0] + b[0], a[1] + b[1])


def _sub(left: core.Expr, right: core.Expr) -> Bounds | None:
    a, b = bounds(left), bounds(right)
    return None if a is None or b is None else (a[0] - b[1], a[1] - b[0])


def _mul(left: core.Expr, right: core.Expr) -> Bounds | None:
    a, b = bounds(left), bounds(right)
    if a is None or b is None:
        return None
    corners = [x * y for x in a for y in b]
    return (min(corners), max(corners))


def _size(*_: core.Expr) -> Bounds | None:
    return (0, 2**31)


_OPS: dict[str, Callable[..., Bounds | None]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "set.size": _size,
    "seq.len": _size,
    "bag.size": _size,
    "bag.count": _size,
    "index_of": _size,
}
