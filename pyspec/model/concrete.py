"""A specification made concrete: every constant replaced by its value, every type by one whose bounds are numbers.

Constants, sizes and types may depend on one another, so each is worked out when it is first needed; a circle is an
error.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from pyspec.base.diagnostics import error
from pyspec.base.source import NOWHERE, Span
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import bound, cardinality, describe, member, values_of
from pyspec.model.errors import EVALUATION_ERRORS, EvaluationError
from pyspec.model.evaluate import LAZY, STRICT, Scope, enum_value, evaluate
from pyspec.model.given import Given
from pyspec.model.values import Atom, Value, show

#: A set of more possible elements than this gets a capacity, and is kept as a list by the packed engines.
LARGE = 64
MOST_ELEMENTS = 64
MOST_QUORUMS = 10_000

Node = TypeVar("Node")
Container = ty.Set | ty.Bag | ty.Seq


class Concretizer:
    """Works out constants, sorts and types on demand, and rewrites expressions and statements with them."""

    def __init__(
        self, spec: core.Spec, given: Given, flaws: tuple[str, ...], most_elements: int = MOST_ELEMENTS
    ) -> None:
        self.spec, self.given, self.flaws, self.most_elements = spec, given, flaws, most_elements
        self._consts = {decl.name: decl for decl in spec.consts}
        self._values: dict[str, Value] = {flaw.name: flaw.name in flaws for flaw in spec.flaws}
        self._elements: dict[str, tuple[str, ...]] = {}
        self._types: dict[tuple[ty.Type, bool], ty.Type] = {}
        self._busy: list[str] = []
        self._functions = {function.name: function for function in spec.functions}
        self._folded: dict[str, core.Function] = {}
        self._vars: dict[str, ty.Type] = {}

    # ------------------------------------------------------------------------------------------- constants

    def const(self, name: str) -> Value:
        """The value of a constant, quorum system or flaw switch."""
        if name not in self._values:
            decl = self._consts[name]
            self._values[name] = self._once(f"const {name}", decl.span, lambda: self._const(decl))
        return self._values[name]

    def _const(self, decl: core.ConstDecl) -> Value:
        given = self.given.constant(decl)
        kind = self.type(decl.type)
        if isinstance(given, core.Setting):
            assert given.value is not None
            return self._checked(self.constant(given.value), kind, decl.name, given.span)
        if given is not None:
            return self._checked(self.given.parse(given, kind, decl.name), kind, decl.name, decl.span)
        if decl.quorum in ("majority", "byzantine") and decl.quorum_of is not None:
            return self._quorums(decl.quorum_of, decl.quorum)
        if decl.default is None:
            hint = f"write `{decl.name} = ...` in the model, or give -c {decl.name}=VALUE"
            raise error("E0702", f"the model gives no value to const {decl.name}", decl.span, hint)
        value = self.constant(decl.default)
        return value if decl.name.startswith("budget.") else self._checked(value, kind, decl.name, decl.span)

    def _checked(self, value: Value, kind: ty.Type, name: str, span: Span) -> Value:
        if not member(value, kind):
            raise error("E0703", f"{name} = {show(value)} is not a value of {describe(kind)}", span)
        return value

    def _quorums(self, sort: str, kind: str) -> Value:
        members = values_of(ty.Sort(sort, elements=self.elements(sort)))
        count = len(members)
        size = count // 2 + 1 if kind == "majority" else count - (count - 1) // 3
        if math.comb(count, size) > MOST_QUORUMS:
            hint = f"a smaller {sort}, or quorums that are listed in the model"
            raise error(
                "E0713", f"{count} elements have {math.comb(count, size)} {kind} quorums", self._where(sort), hint
            )
        return frozenset(frozenset(part) for part in itertools.combinations(members, size))

    def _once(self, what: str, span: Span, work: Callable[[], Node]) -> Node:
        if what in self._busy:
            circle = " -> ".join([*self._busy[self._busy.index(what) :], what])
            raise error("E0704", f"the model defines things by one another: {circle}", span)
        self._busy.append(what)
        try:
            return work()
        finally:
            self._busy.pop()

    def constant(self, expr: core.Expr) -> Value:
        """The value of a constant expression."""
        folded = self.expr(expr)
        try:
            return evaluate(folded, Scope(functions=self.functions()))
        except EvaluationError as problem:
            code = EVALUATION_ERRORS[problem.kind][0]
            place = problem.span if problem.span != NOWHERE else expr.span
            raise error(code, f"in a constant: {problem.message}", place) from None

    def functions(self) -> Mapping[str, core.Function]:
        """Functions, folded when they are looked up."""
        return _Lazy(self)

    def function(self, name: str) -> core.Function:
        """A function with its constants folded."""
        if name not in self._folded:
            self._folded[name] = self.node(self._functions[name])
        return self._folded[name]

    # ----------------------------------------------------------------------------------------------- sorts

    def elements(self, name: str) -> tuple[str, ...]:
        """The names of the elements of a sort."""
        if name not in self._elements:
            self._elements[name] = self._once(f"sort {name}", NOWHERE, lambda: self._sized(name))
        return self._elements[name]

    def _sized(self, name: str) -> tuple[str, ...]:
        given = self.given.size(name)
        span = given.span if isinstance(given, core.Setting) else NOWHERE
        if isinstance(given, core.Setting) and given.elements is not None:
            return self._distinct(name, given.elements, span)
        if isinstance(given, core.Setting):
            assert given.value is not None
            size = self.constant(given.value)
        elif given is not None:
            names = self.given.names(given)
            if names is not None:
                return self._distinct(name, names, span)
            size = self.given.parse(given, ty.Int(), name)
        else:
            what = "the model gives no size to" if self.spec.models else "there is no model that gives a size to"
            line = f"`{name} = 3` in the model" if self.spec.models else f"`model ci: {name} = 3`"
            raise error("E0701", f"{what} sort {name}", self._where(name), f"write {line}, or give -c {name}=3")
        if not isinstance(size, int) or not 1 <= size <= self.most_elements:
            most = self.most_elements
            raise error("E0705", f"sort {name} cannot have {show(size)} elements, only 1 to {most}", span)
        return tuple(f"{name}{number}" for number in range(1, size + 1))

    def _where(self, sort: str) -> Span:
        return next((role.span for role in self.spec.roles if role.sort == sort), self.given.model.span)

    def _distinct(self, sort: str, names: tuple[str, ...], span: Span) -> tuple[str, ...]:
        if len(set(names)) != len(names) or not 1 <= len(names) <= self.most_elements:
            raise error("E0705", f"the elements of {sort} must be 1 to {self.most_elements} different names", span)
        return names

    # ----------------------------------------------------------------------------------------------- types

    def type(self, of: ty.Type, stored: bool = True) -> ty.Type:
        """A type with numbers for bounds. As the type of a place (`stored`), `int` is a range and containers have
        capacities."""
        key = (of, stored)
        if key not in self._types:
            self._types[key] = _TYPES[type(of)](self, of, stored)
        return self._types[key]

    def bound(self, value: core.Expr | int) -> int:
        """A bound or capacity as a number."""
        if isinstance(value, int):
            return value
        number = self.constant(value)
        assert isinstance(number, int)
        return number

    def range(self, of: ty.Range) -> ty.Range:
        """A range with numbers for its ends."""
        low, high = self.bound(of.lo), self.bound(of.hi)
        if low > high:
            span = of.hi.span if isinstance(of.hi, core.Expr) else NOWHERE
            raise error("E0706", f"the range {low}..{high} is empty", span)
        return ty.Range(low, high)

    def container(self, of: Container, stored: bool) -> ty.Type:
        """A set, bag or sequence; a place of such a type gets the default capacity unless it declares one."""
        item = self.type(of.item, stored)
        name = _CONTAINERS[type(of)]
        capacity = None if of.capacity is None else self.bound(of.capacity)
        if stored and capacity is None and (name != "set" or cardinality(item) > LARGE):
            capacity = self.given.default(name, self)
        if name == "set" and capacity is not None and capacity >= cardinality(item):
            capacity = None
        return type(of)(item, capacity)

    def map(self, of: ty.Map, stored: bool) -> ty.Type:
        """A map, whose keys must be few enough to list."""
        key = self.type(of.key)
        if cardinality(key) > 1 << 16:
            raise error("E0707", f"the key type {describe(key)} of a map has too many values")
        return ty.Map(key, self.type(of.value, stored))

    def record(self, of: ty.Record) -> ty.Record:
        """A record: its fields are places."""
        fields = tuple((name, self.type(kind)) for name, kind in of.fields)
        return ty.Record(of.name, fields, of.message)

    def var_type(self, var: core.Var) -> ty.Type:
        """The concrete type of a state variable, with the capacity that the model gives to it by name."""
        if var.name not in self._vars:
            kind = self.type(var.type)
            capacity = self.given.capacity(var, self)
            self._vars[var.name] = kind if capacity is None else with_capacity(kind, capacity)
        return self._vars[var.name]

    # --------------------------------------------------------------------------------- expressions, statements

    def expr(self, expr: core.Expr) -> core.Expr:
        """An expression with constants folded and types concrete."""
        if isinstance(expr, core.Const):
            return core.Lit(self.type(expr.type, False), self.const(expr.name), span=expr.span)
        if isinstance(expr, core.Lit):
            kind = self.type(expr.type, False)
            if isinstance(kind, ty.Sort) and isinstance(expr.value, str):
                return core.Lit(kind, self._element(kind, expr.value, expr.span), span=expr.span)
            return core.Lit(kind, enum_value(kind, expr.value), span=expr.span)
        if isinstance(expr, core.StateVar):
            var = next(var for var in self.spec.vars if var.name == expr.name)
            kind = self.var_type(var)
            if spent_from_the_start(var, kind):
                assert isinstance(kind, ty.Range)
                return core.Lit(ty.Int(), kind.lo, span=expr.span)
            return core.StateVar(kind, expr.name, span=expr.span)
        return simplify(self.node(expr))

    def _element(self, sort: ty.Sort, name: str, span: Span) -> Value:
        """The element of a sort that a model speaks of by its name."""
        known = self.elements(sort.name)
        if name not in known:
            shown = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
            raise error("E0708", f"{sort.name} has no element {name} in this model", span, f"it has {shown or 'none'}")
        return Atom(sort.name, known.index(name), name)

    def node(self, node: Node) -> Node:
        """Any node, its parts rewritten."""
        assert dataclasses.is_dataclass(node)
        changes = {}
        for part in dataclasses.fields(node):
            old = getattr(node, part.name)
            new = self._part(old, stored=part.name == "of" or isinstance(node, core.Property))
            if new is not old:
                changes[part.name] = new
        return dataclasses.replace(node, **changes) if changes else node  # type: ignore[type-var]

    def _part(self, part: object, stored: bool) -> object:
        if isinstance(part, core.Expr):
            return self.expr(part)
        if isinstance(part, ty.Type):
            return self.type(part, stored)
        if isinstance(part, tuple):
            if part and isinstance(part[0], core.Stmt):
                return self.block(part)
            return tuple(self._part(item, stored) for item in part)
        if isinstance(part, core.Gen | core.IndexStep | core.Param | core.Stmt):
            return self.node(part)
        return part

    def block(self, block: core.Block) -> core.Block:
        """A block, without what the constants make superfluous."""
        found: list[core.Stmt] = []
        for statement in block:
            new = self.node(statement)
            if isinstance(new, core.If) and isinstance(new.cond, core.Lit):
                found += new.then if new.cond.value else new.other
            elif not (isinstance(new, core.When | core.Assert) and is_lit(new.cond, True)):
                found.append(new)
        return tuple(found)


class _Lazy(Mapping[str, core.Function]):
    """The functions of a specification, each folded when it is first called."""

    def __init__(self, concretizer: Concretizer) -> None:
        self._concretizer = concretizer

    def __getitem__(self, name: str) -> core.Function:
        return self._concretizer.function(name)

    def __iter__(self) -> Iterator[str]:
        return iter(function.name for function in self._concretizer.spec.functions)

    def __len__(self) -> int:
        return len(self._concretizer.spec.functions)


_CONTAINERS: dict[type, str] = {ty.Set: "set", ty.Bag: "bag", ty.Seq: "seq"}

_TYPES: dict[type, Callable[..., ty.Type]] = {
    ty.Bool: lambda self, of, stored: of,
    ty.Int: lambda self, of, stored: self.given.integers(self) if stored else of,
    ty.Range: lambda self, of, stored: self.range(of),
    ty.Enum: lambda self, of, stored: of,
    ty.Sort: lambda self, of, stored: ty.Sort(of.name, of.ordered, self.elements(of.name)),
    ty.Record: lambda self, of, stored: self.record(of),
    ty.Union: lambda self, of, stored: ty.Union(of.name, tuple(map(self.record, of.cases))),
    ty.Option: lambda self, of, stored: ty.Option(self.type(of.item, stored)),
    ty.Tuple: lambda self, of, stored: ty.Tuple(tuple(self.type(part, stored) for part in of.items)),
    ty.Set: lambda self, of, stored: self.container(of, stored),
    ty.Bag: lambda self, of, stored: self.container(of, stored),
    ty.Seq: lambda self, of, stored: self.container(of, stored),
    ty.Map: lambda self, of, stored: self.map(of, stored),
}


def with_capacity(of: ty.Type, capacity: int) -> ty.Type:
    """The type with another capacity for its outermost set, bag or sequence (looking through maps and options)."""
    if isinstance(of, ty.Map):
        return ty.Map(of.key, with_capacity(of.value, capacity))
    if isinstance(of, ty.Option):
        return ty.Option(with_capacity(of.item, capacity))
    if isinstance(of, ty.Set):
        return ty.Set(of.item, None if capacity >= cardinality(of.item) else capacity)
    if isinstance(of, ty.Bag | ty.Seq):
        return type(of)(of.item, capacity)
    return of


def spent_from_the_start(var: core.Var, kind: ty.Type) -> bool:
    """Whether a variable is a budget that the model does not grant: always the same number, so no variable at all."""
    return var.kind == "budget" and isinstance(kind, ty.Range) and kind.lo == kind.hi


def has_capacity(of: ty.Type) -> bool:
    """Whether a capacity can be given to a place of this type."""
    if isinstance(of, ty.Map):
        return has_capacity(of.value)
    return has_capacity(of.item) if isinstance(of, ty.Option) else isinstance(of, ty.Set | ty.Bag | ty.Seq)


# -------------------------------------------------------------------------------------------- simplification


def is_lit(expr: core.Expr, value: bool) -> bool:
    """Whether an expression is the literal true or false."""
    return isinstance(expr, core.Lit) and expr.value is value


def simplify(expr: core.Expr) -> core.Expr:
    """What constants decide, decided: connectives, conditionals, and operators whose arguments are all plain
    literals."""
    if isinstance(expr, core.IfExpr) and isinstance(expr.cond, core.Lit):
        return expr.then if expr.cond.value else expr.other
    if not isinstance(expr, core.Op):
        return expr
    if expr.op in ("and", "or"):
        return _connective(expr, expr.op == "or")
    if expr.op == "implies":
        return _implication(expr)
    if expr.op == "map.at" and isinstance(expr.args[0], core.MapComp) and _blank(expr.args[0].body):
        return expr.args[0].body
    return _known(expr)


def _blank(expr: core.Expr) -> bool:
    """Whether an expression is a literal or an empty collection: the same for every key, and never an error."""
    return isinstance(expr, core.Lit) or (isinstance(expr, core.SetLit | core.SeqLit | core.BagLit) and not expr.items)


def _connective(expr: core.Op, decides: bool) -> core.Expr:
    parts: list[core.Expr] = []
    for part in expr.args:
        if not is_lit(part, not decides):
            parts.append(part)
        if is_lit(part, decides):
            break
    if not parts:
        return core.Lit(expr.type, not decides, span=expr.span)
    return parts[0] if len(parts) == 1 else dataclasses.replace(expr, args=tuple(parts))


def _implication(expr: core.Op) -> core.Expr:
    left, right = expr.args
    if is_lit(left, True):
        return right
    return core.Lit(expr.type, True, span=expr.span) if is_lit(left, False) else expr


def _known(expr: core.Op) -> core.Expr:
    plain = isinstance(expr.type, ty.Bool | ty.Int | ty.Range)
    if not plain or expr.op in LAZY or expr.op not in STRICT:
        return expr
    if not all(isinstance(part, core.Lit) and isinstance(part.value, bool | int | Atom | None) for part in expr.args):
        return expr
    try:
        value = evaluate(expr, Scope())
    except EvaluationError:
        return expr  # an error of the specification, if it is ever reached
    return core.Lit(expr.type, value, span=expr.span)


__all__ = ["Concretizer", "bound", "has_capacity", "is_lit", "simplify", "with_capacity"]
