"""Symbolic values: scalars are z3 terms (or plain Python ones), everything else is built from them in Python.

A set is a function from an element to a truth value, a map a function from a key to a value, a sequence a length and a
function from an index. So slices, comprehensions, updates and differences are just other functions; a quantifier
appears only where two collections are compared or something ranges over one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyspec.lang import types as ty
from pyspec.prove.logic import Term, Truth

#: A scalar, or one of the classes below.
Val = Any
Each = Callable[[str, Callable[[Val], Truth]], Truth]
Pick = Callable[[str], tuple[Val, Truth]]


@dataclass(frozen=True, slots=True)
class Opt:
    """An option: whether there is a value, and which (arbitrary if there is none)."""

    defined: Truth
    value: Val


@dataclass(frozen=True, slots=True)
class Row:
    """A record or a tuple."""

    items: tuple[Val, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """A value of a union: for each case whether it is this one, and the fields it then has."""

    tags: tuple[Truth, ...]
    cases: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class SetVal:
    """A set. `each(kind, body)` is the quantifier over its elements, `pick(hint)` an arbitrary element together with
    the condition that it is one. `ident` names the set where sets are themselves elements. `items` are the elements
    of a set that lists them. `root` and `touched`: it differs from another set at most in these elements."""

    item: ty.Type
    contains: Callable[[Val], Truth]
    each: Each
    pick: Pick
    ident: Term = None
    items: tuple[Val, ...] | None = None
    root: SetVal | None = None
    touched: tuple[Val, ...] = ()


@dataclass(frozen=True, slots=True)
class MapVal:
    """A total map. `root` and `touched`: it differs from another map at most at these keys."""

    key: ty.Type
    at: Callable[[Val], Val]
    ident: Term = None
    root: MapVal | None = None
    touched: tuple[Val, ...] = ()


@dataclass(frozen=True, slots=True)
class SeqVal:
    """A sequence; `at` is arbitrary outside 0..length-1. `most`: no value of its type is longer (finite setting)."""

    item: ty.Type
    length: Term
    at: Callable[[Term], Val]
    ident: Term = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class BagVal:
    """A multiset, by the number of copies of each element."""

    item: ty.Type
    count: Callable[[Val], Term]
    ident: Term = None


@dataclass(frozen=True)
class Shape:
    """One way the scalars of a flat type are laid out: its options decided, its union cases chosen. `leaves` are the
    types of the scalars, `build` makes the value from them."""

    label: str
    leaves: tuple[ty.Type, ...]
    build: Callable[[tuple[Term, ...]], Val] = field(compare=False)


def some(inner: Shape) -> Shape:
    """The shape of an option that has a value."""
    return Shape(f"some{inner.label}", inner.leaves, lambda leaves: Opt(True, inner.build(leaves)))


def joined(row: tuple[Shape, ...]) -> Shape:
    """The shape of a tuple, from those of its parts."""
    widths = [len(shape.leaves) for shape in row]
    starts = [sum(widths[:at]) for at in range(len(widths))]

    def build(leaves: tuple[Term, ...]) -> Val:
        parts = zip(row, starts, widths, strict=True)
        return Row(tuple(shape.build(leaves[start : start + width]) for shape, start, width in parts))

    leaves = tuple(leaf for shape in row for leaf in shape.leaves)
    return Shape("".join(f",{shape.label}" for shape in row if shape.label), leaves, build)


COLLECTIONS = (ty.Set, ty.Map, ty.Seq, ty.Bag)


def is_flat(of: ty.Type) -> bool:
    """Whether values of a type are made of a fixed number of scalars."""
    if isinstance(of, ty.Option):
        return is_flat(of.item)
    if isinstance(of, ty.Record):
        return all(is_flat(kind) for _, kind in of.fields)
    if isinstance(of, ty.Union):
        return all(is_flat(case) for case in of.cases)
    if isinstance(of, ty.Tuple):
        return all(map(is_flat, of.items))
    return not isinstance(of, COLLECTIONS)
