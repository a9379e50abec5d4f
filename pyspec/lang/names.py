"""What the names of a specification stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pyspec.base.diagnostics import Diagnostic, SpecError, error
from pyspec.base.source import NOWHERE, Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.messages import closest


@dataclass
class FunctionSig:
    """A `def`: its parameters and result; `role` when it has an implicit first parameter, the node."""

    name: str
    params: tuple[tuple[str, t.Type], ...]
    result: t.Type | None
    decl: s.DefDecl
    role: str | None = None


@dataclass
class Role:
    """A role: its sort and how its bodies call the node."""

    name: str
    sort: t.Sort
    decl: s.RoleDecl
    fields: dict[str, str] = field(default_factory=dict)  # field -> state variable
    functions: dict[str, str] = field(default_factory=dict)
    procedures: dict[str, s.ProcedureDecl] = field(default_factory=dict)
    separate_restart: bool = False


@dataclass
class Message:
    """A message type and the network that carries it."""

    record: t.Record
    decl: s.MessageDecl
    network: str = "set"
    lossy: bool = False
    duplicating: bool = False
    var: str = ""
    channel: t.Union | None = None

    @property
    def payload(self) -> tuple[tuple[str, t.Type], ...]:
        """The fields without sender and receiver."""
        extra = (self.decl.sender is not None) + (self.decl.to is not None)
        return self.record.fields[: len(self.record.fields) - extra]


@dataclass
class Names:
    """Everything that top-level declarations introduce."""

    types: dict[str, t.Type] = field(default_factory=dict)
    members: dict[str, list[t.Enum]] = field(default_factory=dict)
    cases: dict[str, t.Union] = field(default_factory=dict)
    consts: dict[str, c.ConstDecl] = field(default_factory=dict)
    flaws: dict[str, s.FlawDecl] = field(default_factory=dict)
    vars: dict[str, c.Var] = field(default_factory=dict)
    functions: dict[str, FunctionSig] = field(default_factory=dict)
    procedures: dict[str, s.ProcedureDecl] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    players: dict[str, str] = field(default_factory=dict)  # a role played by the nodes of a sort -> the sort
    messages: dict[str, Message] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    elements: dict[str, t.Sort] = field(default_factory=dict)  # names of sort elements (inside model blocks)
    model_elements: dict[str, str] = field(default_factory=dict)  # names that models give to elements -> the model
    sorts: list[str] = field(default_factory=list)
    pending: dict[str, Callable[[Span], t.Type]] = field(default_factory=dict)  # types not resolved yet
    network: tuple[str, bool, bool] = ("set", False, False)
    inferring: set[str] = field(default_factory=set)  # functions whose result is being found

    def declare(self, name: str, span: Span) -> None:
        """Note that a name is taken.

        Raises SpecError if it already is.
        """
        if name in self.places:
            first = self.places[name]
            note = (("first declared here", first),)
            raise SpecError([Diagnostic("E0201", f"`{name}` is declared twice", span, notes=note)])
        if name in RESERVED:
            raise error("E0202", f"`{name}` is the name of something built in", span, "choose another name")
        self.places[name] = span

    def known(self) -> list[str]:
        """All names, for suggestions."""
        tables = (
            self.types,
            self.members,
            self.cases,
            self.consts,
            self.flaws,
            self.vars,
            self.functions,
            self.messages,
        )
        return [name for table in tables for name in table]

    def unknown(self, name: str, span: Span, extra: tuple[str, ...] = (), what: str = "name") -> SpecError:
        """The error for a name that stands for nothing."""
        hint = closest(name, [*extra, *self.known()])
        if name in self.model_elements:
            where = self.model_elements[name]
            hint = f"model `{where}` names an element so, but only lines of a model may use it: make it a constant"
        return error("E0203", f"unknown {what} `{name}`", span, hint)

    def fields_of(self, sort: str) -> dict[str, str]:
        """Fields of all roles that nodes of this sort play: field -> state variable."""
        return {f: v for role in self.roles.values() if role.sort.name == sort for f, v in role.fields.items()}

    def method(self, sort: str, name: str) -> str | None:
        """The function that a role of this sort defines under this name."""
        for role in self.roles.values():
            if role.sort.name == sort and name in role.functions:
                return role.functions[name]
        return None


@dataclass
class Env:
    """What is in scope inside one body."""

    names: Names
    locals: dict[str, tuple[t.Type, c.Expr]] = field(default_factory=dict)
    role: Role | None = None
    self_expr: c.Expr | None = None
    sender: c.Expr | None = None
    step: bool = False  # primes are allowed
    constant: bool = False  # state variables are not
    why_constant: str = ""
    used: set[str] = field(default_factory=set)
    inlining: frozenset[str] = frozenset()
    renaming: bool = False  # inside an inlined procedure: local names get fresh names

    def child(self) -> Env:
        """The same scope, to be extended."""
        return Env(
            self.names, dict(self.locals), self.role, self.self_expr, self.sender, self.step, self.constant,
            self.why_constant, self.used, self.inlining, self.renaming,
        )  # fmt: skip

    def bind(self, name: s.Name, type_: t.Type) -> c.Local:
        """Introduce a local name.

        Raises SpecError if it hides another one.
        """
        if name.name != "_":
            self.refuse_hiding(name)
        shown = self.fresh(name.name) if self.renaming else name.name
        local = c.Local(type_, shown, span=name.span)
        self.locals[name.name] = (type_, local)
        return local

    def refuse_hiding(self, name: s.Name) -> None:
        """Raise SpecError when a new local name would hide something."""
        fields = self.role.fields if self.role else {}
        table = self.names
        taken = (
            name.name in self.locals or name.name in fields or name.name in table.places or name.name in table.members
        )
        if taken or name.name in ("network", "others"):
            what = "a field of this role" if name.name in fields else "another one"
            note: tuple[tuple[str, Span], ...] = ()
            if name.name in self.names.places:
                note = (("declared here", self.names.places[name.name]),)
            message = f"`{name.name}` would hide {what} of the same name"
            raise SpecError([Diagnostic("E0204", message, name.span, "choose another name", notes=note)])

    def fresh(self, name: str) -> str:
        """A local name like this one that nothing in scope has."""
        candidate, number = name, 1
        while candidate in self.locals or candidate in self.used or candidate in self.names.places:
            number += 1
            candidate = f"{name}_{number}"
        self.used.add(candidate)
        return candidate


RESERVED = frozenset(["network", "others", "seq", "bag", "map", "set", "bool", "int"])

__all__ = ["NOWHERE", "Env", "FunctionSig", "Message", "Names", "RESERVED", "Role"]
