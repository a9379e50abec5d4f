"""Expressions and patterns as they are written."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspec.base.source import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Node:
    """Anything with a place in the text."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Expr(Node):
    """Any expression; types are written as expressions too (`set[RM]`, `0..N`, `Value?`)."""


@dataclass(frozen=True, slots=True)
class Name(Expr):
    name: str


@dataclass(frozen=True, slots=True)
class Literal(Expr):
    """true, false, none, or an integer."""

    value: bool | int | None


@dataclass(frozen=True, slots=True)
class Unary(Expr):
    """`op` is "not" or "-"."""

    op: str
    item: Expr


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """`op` is one of + - * // % | & .. implies."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Logic(Expr):
    """`and` / `or` of two or more."""

    op: str
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Compare(Expr):
    """A chain `a < b <= c`; operators: == != < <= > >= in "not in" is "is not"."""

    items: tuple[Expr, ...]
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ternary(Expr):
    cond: Expr
    then: Expr
    other: Expr


@dataclass(frozen=True, slots=True)
class Binder(Node):
    """`a, b in domain`; a target is a name, or a tuple of names."""

    targets: tuple[Name | tuple[Name, ...], ...]
    domain: Expr


@dataclass(frozen=True, slots=True)
class Quantifier(Expr):
    kind: str
    binders: tuple[Binder, ...]
    where: Expr | None
    body: Expr


@dataclass(frozen=True, slots=True)
class ChooseExpr(Expr):
    binder: Binder
    where: Expr | None


@dataclass(frozen=True, slots=True)
class FoldExpr(Expr):
    acc: Name
    init: Expr
    binder: Binder
    body: Expr


@dataclass(frozen=True, slots=True)
class LetIn(Expr):
    name: Name | tuple[Name, ...]
    value: Expr
    body: Expr


@dataclass(frozen=True, slots=True)
class Attr(Expr):
    item: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Index(Expr):
    item: Expr
    keys: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Slice(Expr):
    item: Expr
    lo: Expr | None
    hi: Expr | None


@dataclass(frozen=True, slots=True)
class NamedArg(Node):
    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class CallExpr(Expr):
    func: Expr
    args: tuple[Expr, ...]
    named: tuple[NamedArg, ...] = ()


@dataclass(frozen=True, slots=True)
class PrimeExpr(Expr):
    item: Expr


@dataclass(frozen=True, slots=True)
class OptionType(Expr):
    item: Expr


@dataclass(frozen=True, slots=True)
class Unwrap(Expr):
    item: Expr


@dataclass(frozen=True, slots=True)
class TupleDisplay(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SeqDisplay(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SetDisplay(Expr):
    """`{a, b}`; empty: `{}`, which is also the empty bag."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class MapDisplay(Expr):
    items: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True, slots=True)
class Comprehension(Expr):
    """`kind`: "set", "seq", "map" (`key` is given), or "gen" (the argument of sum, count, min, max)."""

    kind: str
    body: Expr
    binders: tuple[Binder, ...]
    cond: Expr | None = None
    key: Expr | None = None


@dataclass(frozen=True, slots=True)
class Pattern(Node):
    """A name that binds (`_` does not), a literal that must be equal, or a union case with patterns for its fields."""

    name: str | None = None
    literal: Literal | None = None
    case: str | None = None
    items: tuple[Pattern | NamedPattern, ...] | None = None


@dataclass(frozen=True, slots=True)
class NamedPattern(Node):
    field: str
    pattern: Pattern
