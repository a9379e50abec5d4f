"""The statements of the typed core: what the body of an action is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspec.base.source import NOWHERE, Span
from pyspec.lang.core.expressions import Expr


@dataclass(frozen=True, slots=True)
class Stmt:
    """Any statement."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


Block = tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class When(Stmt):
    """A guard: a false condition abandons this run of the action. Allowed anywhere in a body."""

    cond: Expr


@dataclass(frozen=True, slots=True)
class Let(Stmt):
    """Names a value for the rest of the block."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class IndexStep:
    """`[key]` in the path of an assignment: a map key or a sequence index (the cell must exist)."""

    key: Expr


@dataclass(frozen=True, slots=True)
class FieldStep:
    """`.name` in the path of an assignment: a record field."""

    name: str


@dataclass(frozen=True, slots=True)
class Assign(Stmt):
    """`var path = value`. Path keys are evaluated left to right, then the value; the store checks ranges and capacities
    against `Var.type` at every level."""

    var: str
    path: tuple[IndexStep | FieldStep, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class If(Stmt):
    cond: Expr
    then: Block
    other: Block


@dataclass(frozen=True, slots=True)
class Any(Stmt):
    """`any var in domain where cond`: one run for each element that satisfies cond, for the rest of the block."""

    var: str
    domain: Expr
    cond: Expr | None


@dataclass(frozen=True, slots=True)
class Either(Stmt):
    """One run for each branch; each goes on with the rest of the enclosing block."""

    branches: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class For(Stmt):
    """The body for each element, in canonical order of a set or in the order of a sequence. The domain is evaluated
    once."""

    var: str
    domain: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class Assert(Stmt):
    """A condition that must hold whenever it is reached; otherwise an evaluation error of kind `assertion`."""

    cond: Expr
    message: str | None = None
