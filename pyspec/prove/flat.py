"""Small collections inside elements, laid out in scalars (finite setting): a map by its keys, a set by the values that
it may have, a sequence by its length and its items. Then two elements are the same exactly if they are equal, and
neither needs a name."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pyspec.lang import types as ty
from pyspec.model.domains import cardinality, values_of
from pyspec.prove.logic import Truth, conj, disj, same
from pyspec.prove.values import MapVal, Row, SeqVal, SetVal, Shape, Val

if TYPE_CHECKING:
    from pyspec.prove.universe import Universe

#: Collections with more keys, values or items than this, or in more shapes, keep a name.
MOST_PARTS, MOST_SHAPES = 12, 64

#: For each way that a value may be laid out: the condition, the number of the shape, the scalars.
Decisions = list[tuple[Truth, int, tuple[Val, ...]]]


def layouts(u: Universe, of: ty.Type) -> tuple[Shape, ...] | None:
    """The ways to lay out a collection in scalars; None if there are too many, or if it has no bound."""
    if not u.finite:
        return None
    if isinstance(of, ty.Map):
        return _map(u, of)
    if isinstance(of, ty.Set):
        return _set(u, of)
    return _seq(u, of) if isinstance(of, ty.Seq) else None


def _few(of: ty.Type) -> bool:
    return cardinality(of) <= MOST_PARTS


def _map(u: Universe, of: ty.Map) -> tuple[Shape, ...] | None:
    from pyspec.prove.structure import lift, lookup

    if not _few(of.key):
        return None
    keys = [lift(u, of.key, key) for key in values_of(of.key)]
    if len(u.shapes(of.value)) ** len(keys) > MOST_SHAPES:
        return None

    def build(row: Row) -> MapVal:
        return lookup(u, of.key, tuple(zip(keys, row.items, strict=True)))

    return _built(u.product((of.value,) * len(keys)), "", build)


def _set(u: Universe, of: ty.Set) -> tuple[Shape, ...] | None:
    from pyspec.prove.structure import equal, lift

    if not _few(of.item):
        return None
    values = [lift(u, of.item, value) for value in values_of(of.item)]

    def build(row: tuple[Truth, ...]) -> SetVal:
        def contains(x: Val) -> Truth:
            return disj(conj((inside, equal(u, x, y))) for inside, y in zip(row, values, strict=True))

        def each(kind: str, body: Callable[[Val], Truth]) -> Truth:
            join = conj if kind == "all" else disj
            return join(u.guarded(kind, here, partial(body, y)) for here, y in zip(row, values, strict=True))

        return SetVal(of.item, contains, each, u.picker(of.item, contains))

    return (Shape("", (ty.Bool(),) * len(values), build),)


def _seq(u: Universe, of: ty.Seq) -> tuple[Shape, ...] | None:
    from pyspec.prove.structure import literal_seq

    width = len(u.shapes(of.item))
    if not isinstance(of.capacity, int) or of.capacity > MOST_PARTS:
        return None
    if sum(width**length for length in range(of.capacity + 1)) > MOST_SHAPES:
        return None

    def of_length(length: int) -> tuple[Shape, ...]:
        return _built(u.product((of.item,) * length), f"#{length}", lambda row: literal_seq(u, of.item, row.items))

    return tuple(itertools.chain.from_iterable(map(of_length, range(of.capacity + 1))))


def _built(shapes: tuple[Shape, ...], label: str, build: Callable[[Row], Val]) -> tuple[Shape, ...]:
    def with_rows(shape: Shape) -> Shape:
        return Shape(f"{label}{shape.label}", shape.leaves, lambda leaves: build(shape.build(leaves)))

    return tuple(map(with_rows, shapes))


def decide(u: Universe, of: ty.Type, value: Val) -> Decisions:
    """For each shape that a collection may have: the condition, the number of the shape, the scalars."""
    from pyspec.prove.structure import lift

    if isinstance(of, ty.Map):
        cells = tuple(value.at(lift(u, of.key, key)) for key in values_of(of.key))
        return u.decide_row((of.value,) * len(cells), cells)
    if isinstance(of, ty.Set):
        return [(True, 0, tuple(value.contains(lift(u, of.item, one)) for one in values_of(of.item)))]
    assert isinstance(of, ty.Seq)
    return _decide_seq(u, of, value)


def _decide_seq(u: Universe, of: ty.Seq, value: SeqVal) -> Decisions:
    assert isinstance(of.capacity, int)
    found: Decisions = []
    start, width = 0, len(u.shapes(of.item))
    for length in range(of.capacity + 1):
        long = same(value.length, length)
        if long is not False:
            rows = u.decide_row((of.item,) * length, tuple(value.at(at) for at in range(length)))
            found += [(conj((long, guard)), start + at, leaves) for guard, at, leaves in rows]
        start += width**length
    return found


__all__ = ["decide", "layouts"]
