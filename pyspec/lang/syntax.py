"""The syntax tree: what is written, before names and types mean anything. Spans do not take part in equality."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspec.base.source import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Node:
    """Anything with a place in the text."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


# --------------------------------------------------------------------------------------------- expressions


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


# ------------------------------------------------------------------------------------------------ patterns


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


# ---------------------------------------------------------------------------------------------- statements


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


# -------------------------------------------------------------------------------------------- declarations


@dataclass(frozen=True, slots=True)
class Decl(Node):
    """Any declaration."""


@dataclass(frozen=True, slots=True)
class ModuleParam(Node):
    """A parameter of a module: a type when `type` is None, else a constant."""

    name: str
    type: Expr | None


@dataclass(frozen=True, slots=True)
class Header(Decl):
    """`protocol NAME` or `module NAME(params)`."""

    kind: str
    name: str
    params: tuple[ModuleParam, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class DocDecl(Decl):
    text: str


@dataclass(frozen=True, slots=True)
class Import(Decl):
    path: tuple[str, ...]
    args: tuple[Expr | NamedArg, ...]
    alias: str | None


@dataclass(frozen=True, slots=True)
class SortDecl(Decl):
    names: tuple[Name, ...]
    ordered: bool
    doc: str | None


@dataclass(frozen=True, slots=True)
class EnumDecl(Decl):
    name: str
    members: tuple[Name, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class FieldDecl(Node):
    name: str
    type: Expr


@dataclass(frozen=True, slots=True)
class RecordDecl(Decl):
    name: str
    fields: tuple[FieldDecl, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class UnionDecl(Decl):
    name: str
    cases: tuple[RecordDecl, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class AliasDecl(Decl):
    """`type Name = T`; without a right side, a type parameter that a module leaves open."""

    name: str
    type: Expr | None
    doc: str | None


@dataclass(frozen=True, slots=True)
class ConstDeclaration(Decl):
    name: str
    type: Expr
    default: Expr | None
    doc: str | None


@dataclass(frozen=True, slots=True)
class QuorumDecl(Decl):
    name: str
    sort: Name
    kind: str | None
    default: Expr | None
    doc: str | None


@dataclass(frozen=True, slots=True)
class MessageDecl(Decl):
    name: str
    fields: tuple[FieldDecl, ...]
    sender: Name | None
    to: Name | None
    via: tuple[Name, ...] | None
    doc: str | None


@dataclass(frozen=True, slots=True)
class NetworkDecl(Decl):
    words: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class VarDecl(Decl):
    """`var`, or a field of a role. `storage`: "var", "stable", "volatile" or "ghost". `unless`: flaws by which a
    stable field is lost in a crash."""

    names: tuple[Name, ...]
    type: Expr
    init: Expr | None
    choices: Expr | None
    storage: str
    doc: str | None
    unless: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class InitDecl(Decl):
    """`init where P`: filters the initial states."""

    where: Expr


@dataclass(frozen=True, slots=True)
class ParamDecl(Node):
    """`a, b: T`, or `a in S where P`."""

    names: tuple[Name, ...]
    type: Expr | None
    domain: Expr | None = None
    where: Expr | None = None


@dataclass(frozen=True, slots=True)
class DefDecl(Decl):
    name: str
    params: tuple[ParamDecl, ...]
    result: Expr | None
    body: Suite


@dataclass(frozen=True, slots=True)
class ActionDecl(Decl):
    name: str
    params: tuple[ParamDecl, ...]
    fair: str | None
    body: Suite


@dataclass(frozen=True, slots=True)
class HandlerDecl(Decl):
    message: Name
    patterns: tuple[Pattern | NamedPattern, ...] | None
    sender: Pattern | None
    to: Pattern | None
    alias: str | None
    cond: Expr | None
    fair: str | None
    body: Suite


@dataclass(frozen=True, slots=True)
class ProcedureDecl(Decl):
    name: str
    params: tuple[ParamDecl, ...]
    body: Suite


@dataclass(frozen=True, slots=True)
class RestartItem(Decl):
    """`restart later`: a crashed node stays down until a separate step."""

    word: Name


@dataclass(frozen=True, slots=True)
class RoleDecl(Decl):
    name: str
    sort: Name | None
    self_name: str
    byzantine: bool
    items: tuple[Decl, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class PropertyDecl(Decl):
    """invariant, step, reachable, terminal, lemma, assume, law, hint."""

    kind: str
    name: str
    params: tuple[ParamDecl, ...]
    body: Suite


@dataclass(frozen=True, slots=True)
class LivenessDecl(Decl):
    """`shape`: eventually, always_eventually, eventually_always, leads_to."""

    name: str
    params: tuple[ParamDecl, ...]
    shape: str
    body: Expr
    second: Expr | None
    doc: str | None


@dataclass(frozen=True, slots=True)
class DeadlockDecl(Decl):
    """`deadlock free`."""


@dataclass(frozen=True, slots=True)
class SettingDecl(Node):
    """`kind`: "=", "<=", "in", "limit", "view", "capacity", "symmetry", "count", "violated"."""

    kind: str
    name: str = ""
    value: Expr | None = None
    words: tuple[str, ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True)
class FlawDecl(Decl):
    name: str
    violates: tuple[Name, ...]
    model: Name | None
    settings: tuple[SettingDecl, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class ModelDecl(Decl):
    name: str
    base: Name | None
    settings: tuple[SettingDecl, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class RefinesDecl(Decl):
    other: str
    mapping: tuple[NamedArg, ...]


@dataclass(frozen=True, slots=True)
class File:
    """One parsed file: its declarations in order."""

    path: str
    decls: tuple[Decl, ...]
