"""The types of the language. Sizes, bounds and capacities are constant expressions in a specification and
plain numbers in an instance (a specification together with one model block)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspec.lang.core import Expr


class Type:
    """Any type of the language."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Bool(Type):
    """`bool`."""


@dataclass(frozen=True, slots=True)
class Int(Type):
    """`int` as the type of an expression: a 64-bit integer, overflow is an error. A *stored* `int` (variable, field,
    element) becomes a `Range` in an instance: the model's `int in lo..hi`, by default -2**31 .. 2**31-1."""


@dataclass(frozen=True, slots=True)
class Range(Type):
    """`lo..hi`, both ends included. As the type of an expression it means `Int`; storing a value outside is an
    error."""

    lo: Expr | int
    hi: Expr | int


@dataclass(frozen=True, slots=True)
class Enum(Type):
    """`enum Name: a, b, c`; members are ordered as written."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sort(Type):
    """`sort Name`, `ordered sort Name`, or the sort that a role declares: a finite set of names, sized by the model.
    In an instance `elements` holds the names in order (`RM1`, `RM2`, ... unless the model names them)."""

    name: str
    ordered: bool = False
    elements: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Record(Type):
    """`record Name(field: T, ...)` or `message Name(...)`. A message's sender and receiver, when declared, are the
    last fields and are called `from` and `to`."""

    name: str
    fields: tuple[tuple[str, Type], ...]
    message: bool = False


@dataclass(frozen=True, slots=True)
class Union(Type):
    """`union Name: A(x: T) | B`: exactly one of its cases; a case is a record."""

    name: str
    cases: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Option(Type):
    """`T?`: `none` or a value of T. T is never itself an option."""

    item: Type


@dataclass(frozen=True, slots=True)
class Tuple(Type):
    """`(A, B)`: two or more components."""

    items: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Set(Type):
    """`set[T]`. `capacity` is the greatest size that fits, None where the element type alone bounds it."""

    item: Type
    capacity: Expr | int | None = None


@dataclass(frozen=True, slots=True)
class Bag(Type):
    """`bag[T]`: a multiset. `capacity` bounds the total number of copies."""

    item: Type
    capacity: Expr | int | None = None


@dataclass(frozen=True, slots=True)
class Seq(Type):
    """`seq[T]`: a sequence, indexed from 0. `capacity` bounds its length."""

    item: Type
    capacity: Expr | int | None = None


@dataclass(frozen=True, slots=True)
class Map(Type):
    """`map[K, V]`: total, one V for every value of K (bool, range, enum, sort, tuple, option or record of these)."""

    key: Type
    value: Type
