"""The emitter's state: the body being written, names in scope, spans, shared constants and functions.

An expression is emitted as C statements appended to the current body and an operand, a C expression without side
effects that stays valid until the next assignment to a state variable. Statements come out in the language's evaluation
order, so the first evaluation error met is the one that is defined to happen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyspec.base.source import Span
from pyspec.lang import core
from pyspec.model.errors import EVALUATION_ERRORS
from pyspec.model.vacuity import Antecedent, antecedents
from pyspec.native import domains as d
from pyspec.native.ctypes_table import Types
from pyspec.native.domains import Dom
from pyspec.native.values import initializer, number, signed, tight

KINDS = {kind: i for i, kind in enumerate(EVALUATION_ERRORS)}
E_ROOM = len(KINDS)
NUMBER = re.compile(r"-?\d+(ULL|LL)?")


@dataclass(frozen=True, slots=True)
class V:
    """An operand: C text and the domain of its value. Text of a struct domain is an lvalue."""

    text: str
    dom: Dom


@dataclass(frozen=True, slots=True)
class VarCell:
    """A state variable: its member of struct S and its domain."""

    name: str
    member: str
    dom: Dom


def _implications(expr: core.Expr) -> Iterator[core.Expr]:
    """The implications that `antecedents` lists, in its order."""
    if (isinstance(expr, core.Quant) and expr.kind == "all") or isinstance(expr, core.LetExpr):
        yield from _implications(expr.body)
    elif isinstance(expr, core.Op) and expr.op == "and":
        for part in expr.args:
            yield from _implications(part)
    elif isinstance(expr, core.Op) and expr.op == "implies":
        yield expr
        yield from _implications(expr.args[1])


Rules = Mapping[Any, Callable[["Em", Any], V]]


class Em:
    """Everything the emission of one model shares, and the body being written."""

    def __init__(self, spec: core.Spec, rules: Rules, operators: Rules) -> None:
        self.spec, self.rules, self.operators = spec, rules, operators
        self.types = Types()
        self.vars = {v.name: VarCell(v.name, f"v{i}", d.of_type(v.type)) for i, v in enumerate(spec.vars)}
        self.functions = {f.name: f for f in spec.functions}
        self.spans: list[Span] = []
        self._span_ids: dict[Span, int] = {}
        self.cover: list[Antecedent] = []  # implications that warn when their left side was never true
        self.cover_ids: dict[int, int] = {}  # ... by the identity of the node
        self.globals: list[str] = []  # constants and functions, in order
        self.made: dict[object, V] = {}
        self.out: list[str] = []
        self.always: dict[str, V] = {}  # names in scope everywhere
        self.env: dict[str, V] = {}
        self.state, self.prime = "s", "n"
        self._counter = 0
        self.fallible = 0  # how many places that can fail have been emitted

    # ------------------------------------------------------------------------------------- text

    def fresh(self, stem: str = "t") -> str:
        """A new C identifier."""
        self._counter += 1
        return f"{stem}{self._counter}"

    def line(self, text: str) -> None:
        """One line of the current body."""
        self.out.append(text)

    @contextmanager
    def capture(self) -> Iterator[list[str]]:
        """Lines written inside go to the list that is yielded."""
        kept, self.out = self.out, []
        try:
            yield self.out
        finally:
            self.out = kept

    @contextmanager
    def bound(self, name: str, value: V) -> Iterator[None]:
        """A name in scope."""
        kept = self.env.get(name)
        self.env[name] = value
        try:
            yield
        finally:
            if kept is None:
                self.env.pop(name, None)
            else:
                self.env[name] = kept

    @contextmanager
    def body(self, state: str, prime: str = "n") -> Iterator[list[str]]:
        """A new function body with nothing in scope but what is everywhere."""
        kept = self.env, self.state, self.prime
        self.env, self.state, self.prime = dict(self.always), state, prime
        try:
            with self.capture() as lines:
                yield lines
        finally:
            self.env, self.state, self.prime = kept

    def temp(self, dom: Dom, text: str) -> V:
        """A new local variable."""
        name = self.fresh()
        self.line(f"{self.types.of(dom)} {name} = {text};")
        return V(name, dom)

    def declare(self, dom: Dom) -> V:
        """A local variable without a value."""
        name = self.fresh()
        self.line(f"{self.types.of(dom)} {name};")
        return V(name, dom)

    # ------------------------------------------------------------------------------------ errors

    def span(self, span: Span) -> int:
        """The number under which generated code reports a place."""
        if span not in self._span_ids:
            self._span_ids[span] = len(self.spans)
            self.spans.append(span)
        return self._span_ids[span]

    def fail(self, kind: str, span: Span) -> str:
        """A statement that reports an evaluation error."""
        self.fallible += 1
        return f"fail(cx, {KINDS[kind]}, {self.span(span)});"

    def fail_if(self, cond: str, kind: str, span: Span) -> None:
        """An evaluation error when the C condition holds."""
        self.line(f"if (UNLIKELY({cond})) {self.fail(kind, span)}")

    def out_of_room(self) -> str:
        """A statement that makes the whole search fall back to Python: a temporary is larger than planned."""
        self.fallible += 1
        return f"fail(cx, {E_ROOM}, 0);"

    def cover_all(self, prop: core.Property) -> None:
        """Number the implications of a property that may be vacuous: generated code notes when a left side is true.

        A property that holds is evaluated without stopping early on the way to these, so a note is as good as an
        evaluation of `Antecedent.tested`.
        """
        found = antecedents(prop)
        for antecedent, node in zip(found, _implications(prop.body) if found else (), strict=True):
            self.cover_ids[id(node)] = len(self.cover)
            self.cover.append(antecedent)

    # ------------------------------------------------------------------------------------- cells

    def load(self, dom: Dom, cell: str) -> V:
        """A cell of a container as an operand."""
        return V(self.types.load(dom, cell), dom)

    def cell(self, value: V) -> str:
        """A new lvalue that holds an operand the way containers do."""
        if value.dom.rep == "struct":
            return self.named(value).text
        name = self.fresh("c")
        ctype = self.types.cell(value.dom)
        self.line(f"{ctype} {name} = ({ctype}){self.types.store(value.dom, value.text)};")
        return name

    def named(self, value: V) -> V:
        """The operand as a name, a number or an lvalue, so that its text may be used more than once."""
        plain = value.dom.rep == "struct" or value.text.isidentifier() or NUMBER.fullmatch(value.text) is not None
        return value if plain else self.temp(value.dom, value.text)

    def constant(self, dom: Dom, value: object) -> V:
        """A Python value as an operand of the given domain, which must hold it."""
        if isinstance(dom, d.DInt):
            return V(signed(int(value)), dom)  # type: ignore[call-overload]
        if dom.rep == "U":
            from pyspec.native.values import encode

            return V(number(encode(dom, value)), dom)
        key = ("const", dom, value)
        if key not in self.made:
            name = self.fresh("K")
            self.globals.append(f"static const {self.types.struct(dom)} {name} UNUSED = {initializer(dom, value)};")
            self.made[key] = V(name, dom)
        return self.made[key]

    def literal(self, expr: core.Lit) -> V:
        """A literal as an operand of the tightest domain."""
        return self.constant(d.join(d.item_of(expr.type), tight(expr.type, [expr.value])), expr.value)


def emit(em: Em, expr: core.Expr) -> V:
    """The statements of an expression go to the current body; the operand is returned."""
    return em.rules[expr.__class__](em, expr)


def truth(em: Em, expr: core.Expr) -> str:
    """A boolean expression as a C condition."""
    return emit(em, expr).text


def captured(em: Em, expr: core.Expr) -> tuple[list[str], V]:
    """An expression emitted aside: its lines and its operand."""
    with em.capture() as lines:
        value = emit(em, expr)
    return lines, value
