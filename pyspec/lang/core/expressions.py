"""The expressions of the typed core. What they mean together stands in the package."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspec.base.source import NOWHERE, Span
from pyspec.lang.types import Type

Value = object  # a value of the language: see pyspec.model.values


@dataclass(frozen=True, slots=True)
class Expr:
    """Any expression; `type` is never None after typing."""

    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Lit(Expr):
    """A constant: bool, int, enum member (its name as str), or `none` (None). In an instance: any value (of
    `pyspec.model.values`), since constants, sort elements and flaw switches have been folded."""

    value: Value


@dataclass(frozen=True, slots=True)
class Const(Expr):
    """A `const`, a `quorum` system, or a flaw switch, by name. Absent from an instance."""

    name: str


@dataclass(frozen=True, slots=True)
class StateVar(Expr):
    """The current value of a state variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Local(Expr):
    """A parameter, a `let`, or a bound variable. A name is never shadowed; sibling scopes may use the same name."""

    name: str


@dataclass(frozen=True, slots=True)
class Prime(Expr):
    """The value of `item` in the next state (step properties only, never nested)."""

    item: Expr


@dataclass(frozen=True, slots=True)
class Op(Expr):
    """A built-in operator applied to arguments; `op` is a key of `pyspec.lang.ops.OPS`."""

    op: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class IfExpr(Expr):
    cond: Expr
    then: Expr
    other: Expr


@dataclass(frozen=True, slots=True)
class LetExpr(Expr):
    name: str
    value: Expr
    body: Expr


@dataclass(frozen=True, slots=True)
class Quant(Expr):
    """`all`/`exists` `var` in `domain` (a set): `body`."""

    kind: str  # "all" | "exists"
    var: str
    domain: Expr
    body: Expr


@dataclass(frozen=True, slots=True)
class Gen:
    """One generator `var in domain` of a comprehension; the domain is a set (or a sequence in `SeqComp`)."""

    var: str
    domain: Expr


@dataclass(frozen=True, slots=True)
class SetComp(Expr):
    """`{body for gens if cond}`; later domains may use earlier variables; `cond` sees all of them."""

    gens: tuple[Gen, ...]
    cond: Expr | None
    body: Expr


@dataclass(frozen=True, slots=True)
class SeqComp(Expr):
    """`[body for gen if cond]` over a sequence, in its order."""

    gen: Gen
    cond: Expr | None
    body: Expr


@dataclass(frozen=True, slots=True)
class MapComp(Expr):
    """`{var: body for var in K}`: a total map; `var` ranges over all values of the key type."""

    var: str
    body: Expr


@dataclass(frozen=True, slots=True)
class Choose(Expr):
    """`choose var in domain where cond`: the first element (in canonical order) that satisfies cond; none is an
    error."""

    var: str
    domain: Expr
    cond: Expr | None


@dataclass(frozen=True, slots=True)
class Fold(Expr):
    """`fold acc = init, var in domain: body`: over a set in canonical order, or over a sequence in its order."""

    acc: str
    init: Expr
    var: str
    domain: Expr
    body: Expr


@dataclass(frozen=True, slots=True)
class Domain(Expr):
    """The set of all values of a finite type: `RM` or `Phase` used as a set. `of` is that type; `type` is Set(of)."""

    of: Type


@dataclass(frozen=True, slots=True)
class RecordExpr(Expr):
    """A record with all its fields, in declared order. `type` is the Record. Each field is a store: ranges are
    checked."""

    fields: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class CaseExpr(Expr):
    """A value of union `type`, case `case`, with all fields of the case."""

    case: str
    fields: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class IsCase(Expr):
    """Whether a union value is of the given case."""

    item: Expr
    case: str


@dataclass(frozen=True, slots=True)
class CaseField(Expr):
    """Field of a union value that must be of the given case; another case is an evaluation error."""

    item: Expr
    case: str
    name: str


@dataclass(frozen=True, slots=True)
class Field(Expr):
    """Field of a record or message."""

    item: Expr
    name: str


@dataclass(frozen=True, slots=True)
class With(Expr):
    """A record equal to `item` but for one field (a store)."""

    item: Expr
    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class TupleExpr(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Proj(Expr):
    """Component `index` (from 0) of a tuple."""

    item: Expr
    index: int


@dataclass(frozen=True, slots=True)
class SetLit(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class BagLit(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SeqLit(Expr):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class MapLit(Expr):
    """Every key once, given as constant expressions."""

    items: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A call of a `def`; arguments are evaluated first. Not recursive."""

    name: str
    args: tuple[Expr, ...]
