"""Statements as they are written."""

from __future__ import annotations

from dataclasses import dataclass

from pyspec.lang.syntax.expressions import Binder, Expr, Name, Node, Pattern


@dataclass(frozen=True, slots=True)
class Stmt(Node):
    """Any statement."""


Suite = tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Doc(Stmt):
    text: str


@dataclass(frozen=True, slots=True)
class WhenStmt(Stmt):
    cond: Expr


@dataclass(frozen=True, slots=True)
class LetStmt(Stmt):
    name: Name | tuple[Name, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class AssignStmt(Stmt):
    """`op` is "=", "+=", "-=", "|=" or "&="."""

    target: Expr
    op: str
    value: Expr


@dataclass(frozen=True, slots=True)
class CallStmt(Stmt):
    call: Expr


@dataclass(frozen=True, slots=True)
class AnyStmt(Stmt):
    binders: tuple[Binder, ...]
    where: Expr | None


@dataclass(frozen=True, slots=True)
class DisconnectStmt(Stmt):
    """`disconnect NODE`, `disconnect SET`: closes the fifo channels between this node and others."""

    nodes: Expr


@dataclass(frozen=True, slots=True)
class SendStmt(Stmt):
    """`reply` has `reply` set; its receiver is the sender of the message being handled."""

    message: Expr
    to: Expr | None = None
    sender: Expr | None = None
    reply: bool = False


@dataclass(frozen=True, slots=True)
class AssertStmt(Stmt):
    cond: Expr
    message: str | None


@dataclass(frozen=True, slots=True)
class PassStmt(Stmt):
    """`pass`: nothing."""


@dataclass(frozen=True, slots=True)
class IfStmt(Stmt):
    branches: tuple[tuple[Expr, Suite], ...]
    other: Suite


@dataclass(frozen=True, slots=True)
class EitherStmt(Stmt):
    branches: tuple[Suite, ...]


@dataclass(frozen=True, slots=True)
class ForStmt(Stmt):
    binder: Binder
    body: Suite


@dataclass(frozen=True, slots=True)
class MatchStmt(Stmt):
    item: Expr
    cases: tuple[tuple[Pattern, Suite], ...]


@dataclass(frozen=True, slots=True)
class ReturnStmt(Stmt):
    """The value of a function body or of the block of a property."""

    value: Expr
