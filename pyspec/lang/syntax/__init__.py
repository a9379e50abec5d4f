"""The syntax tree: what is written, before names and types mean anything. Spans do not take part in equality."""

from __future__ import annotations

from dataclasses import dataclass

from pyspec.lang.syntax.expressions import (
    Attr,
    Binary,
    Binder,
    CallExpr,
    ChooseExpr,
    Compare,
    Comprehension,
    Expr,
    FoldExpr,
    Index,
    LetIn,
    Literal,
    Logic,
    MapDisplay,
    Name,
    NamedArg,
    NamedPattern,
    Node,
    OptionType,
    Pattern,
    PrimeExpr,
    Quantifier,
    SeqDisplay,
    SetDisplay,
    Slice,
    Ternary,
    TupleDisplay,
    Unary,
    Unwrap,
)
from pyspec.lang.syntax.statements import (
    AnyStmt,
    AssertStmt,
    AssignStmt,
    CallStmt,
    DisconnectStmt,
    Doc,
    EitherStmt,
    ForStmt,
    IfStmt,
    LetStmt,
    MatchStmt,
    PassStmt,
    ReturnStmt,
    SendStmt,
    Stmt,
    Suite,
    WhenStmt,
)


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


__all__ = [
    "ActionDecl", "AliasDecl", "AnyStmt", "AssertStmt", "AssignStmt", "Attr", "Binary", "Binder", "CallExpr",
    "CallStmt", "ChooseExpr", "Compare", "Comprehension", "ConstDeclaration", "DeadlockDecl", "Decl", "DefDecl",
    "DisconnectStmt", "Doc", "DocDecl", "EitherStmt", "EnumDecl", "Expr", "FieldDecl", "File", "FlawDecl",
    "FoldExpr", "ForStmt", "HandlerDecl", "Header", "IfStmt", "Import", "Index", "InitDecl", "LetIn", "LetStmt",
    "Literal", "LivenessDecl", "Logic", "MapDisplay", "MatchStmt", "MessageDecl", "ModelDecl", "ModuleParam",
    "Name", "NamedArg", "NamedPattern", "NetworkDecl", "Node", "OptionType", "ParamDecl", "PassStmt", "Pattern",
    "PrimeExpr", "ProcedureDecl", "PropertyDecl", "Quantifier", "QuorumDecl", "RecordDecl", "RefinesDecl",
    "RestartItem", "ReturnStmt", "RoleDecl", "SendStmt", "SeqDisplay", "SetDisplay", "SettingDecl", "Slice",
    "SortDecl", "Stmt", "Suite", "Ternary", "TupleDisplay", "Unary", "UnionDecl", "Unwrap", "VarDecl", "WhenStmt",
]  # fmt: skip
