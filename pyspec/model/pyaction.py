"""Actions as Python generators: one `yield` for each run that reaches the end of the body.

A guard that fails returns. What splits a run (`any`, `either`, and an `if` or `for` around one of them) puts the
rest of the body into an inner function, so that each run has a state of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import needs_check
from pyspec.model.layout import Code, Module, call, listed, quoted, text, tupled
from pyspec.model.pyexpr import Writer, always_fits
from pyspec.model.walk import nodes

#: Writes what comes after a block, at an indentation.
Finish = Callable[[int], None]


def splits(statement: core.Stmt) -> bool:
    """Whether one run may become several in a statement."""
    return any(isinstance(node, core.Any | core.Either) for node in nodes(statement))


class ActionWriter:
    """Writes the body of one action."""

    def __init__(self, module: Module, writer: Writer, types: dict[str, ty.Type]) -> None:
        self.module, self.writer, self.types = module, writer, types
        self._count = 0

    def body(self, block: core.Block, indent: int) -> None:
        """A whole body, its run ending in `yield state`."""
        self.block(block, indent, lambda deeper: self.module.line(deeper, "yield state"))

    def block(self, block: core.Block, indent: int, finish: Finish) -> None:
        """The statements of a block, then what comes after it."""
        for position, statement in enumerate(block):
            rest = block[position + 1 :]
            if isinstance(statement, core.Any):
                return self._any(statement, rest, indent, finish)
            if splits(statement):
                after = self._after(rest, indent, finish)
                return _SPLITTING[type(statement)](self, statement, indent, after)
            _PLAIN[type(statement)](self, statement, indent)
        return finish(indent)

    def quiet(self, block: core.Block, indent: int) -> None:
        """A block that splits no run, as part of a larger statement."""
        if not block:
            self.module.line(indent, "pass")
        self.block(block, indent, lambda deeper: None)

    def fresh(self, wish: str) -> str:
        """A name for an inner function."""
        self._count += 1
        return f"{wish}_{self._count}"

    def test(self, cond: core.Expr, indent: int, keyword: str = "if") -> None:
        """The head of a conditional."""
        self.module.line(indent, _headed(f"{keyword} ", self.writer.expr(cond), ":"), cond.span)

    # --------------------------------------------------------------------------------- one run in, one run out

    def _when(self, statement: core.When, indent: int) -> None:
        self.module.line(indent, _headed("if ", self.writer.expr(negated(statement.cond)), ":"), statement.span)
        self.module.line(indent + 1, "return")

    def _let(self, statement: core.Let, indent: int) -> None:
        name = self.writer.local(statement.name)
        self.module.line(indent, _headed(f"{name} = ", self.writer.expr(statement.value)), statement.span)

    def _assign(self, statement: core.Assign, indent: int) -> None:
        attribute = self.writer.names.attribute(statement.var)
        change = text(f"{attribute}=", self._stored(statement, f"state.{attribute}"))
        self.module.line(indent, text("state = ", listed("state.but(", [change], ")")), statement.span)

    def _stored(self, statement: core.Assign, old: str) -> Code:
        of = self.types[statement.var]
        if not statement.path:
            return self.writer.storing(statement.value, of, statement.var)
        place = place_type(of, statement.path)
        first = statement.path[0]
        one = len(statement.path) == 1 and isinstance(of, ty.Map) and not needs_check(of.key)
        if one and isinstance(first, core.IndexStep):
            stored = self.writer.storing(statement.value, place, statement.var)
            return text(old, call(".put", self.writer.expr(first.key), stored))
        path = tupled([self._step(step) for step in statement.path])
        value = self.writer.expr(statement.value)
        if always_fits(statement.value, place):
            return call("rt.stored", old, path, value)
        name = self.writer.types.name(place, f"{attribute_name(statement)}_type")
        return call("rt.stored", old, path, value, name, quoted(statement.var))

    def _step(self, step: core.IndexStep | core.FieldStep) -> Code:
        return text(quoted(step.name)) if isinstance(step, core.FieldStep) else self.writer.expr(step.key)

    def _if(self, statement: core.If, indent: int) -> None:
        self.test(statement.cond, indent)
        self.quiet(statement.then, indent + 1)
        other = statement.other
        while len(other) == 1 and isinstance(other[0], core.If):
            self.test(other[0].cond, indent, "elif")
            self.quiet(other[0].then, indent + 1)
            other = other[0].other
        if other:
            self.module.line(indent, "else:")
            self.quiet(other, indent + 1)

    def _for(self, statement: core.For, indent: int) -> None:
        self._loop(statement.var, statement.domain, indent, statement)
        self.quiet(statement.body, indent + 1)

    def _loop(self, var: str, domain: core.Expr, indent: int, statement: core.Stmt) -> None:
        head = f"for {self.writer.local(var)} in "
        self.module.line(indent, _headed(head, self.writer.items(domain), ":"), statement.span)

    def _assert(self, statement: core.Assert, indent: int) -> None:
        message = ascii(statement.message or "the assertion does not hold")
        self.module.line(indent, call("rt.check", self.writer.expr(statement.cond), message), statement.span)

    # --------------------------------------------------------------------------------- one run in, several out

    def _after(self, rest: core.Block, indent: int, finish: Finish) -> Finish:
        """How to go on after a statement that splits: directly if nothing is left, else through an inner function."""
        if not rest:
            return finish
        name = self.fresh("then")
        self.module.line(indent, f"def {name}(state):")
        self.block(rest, indent + 1, finish)
        self.module.line(indent)
        return lambda deeper: self.module.line(deeper, f"yield from {name}(state)")

    def _any(self, statement: core.Any, rest: core.Block, indent: int, finish: Finish) -> None:
        var = self.writer.local(statement.var)
        name = f"with_{statement.var}"
        self.module.line(indent, f"def {name}(state, {var}):")
        self.block(rest, indent + 1, finish)
        self.module.line(indent)
        self._loop(statement.var, statement.domain, indent, statement)
        if statement.cond is not None:
            indent += 1
            self.test(statement.cond, indent)
        self.module.line(indent + 1, f"yield from {name}(state, {var})")

    def _either(self, statement: core.Either, indent: int, after: Finish) -> None:
        names = [self.fresh("either") for _ in statement.branches]
        for name, branch in zip(names, statement.branches, strict=True):
            self.module.line(indent, f"def {name}(state):")
            self.block(branch, indent + 1, after)
            self.module.line(indent)
        for name in names:
            self.module.line(indent, f"yield from {name}(state)")

    def _split_if(self, statement: core.If, indent: int, after: Finish) -> None:
        self.test(statement.cond, indent)
        self.block(statement.then, indent + 1, after)
        self.module.line(indent, "else:")
        self.block(statement.other, indent + 1, after)

    def _split_for(self, statement: core.For, indent: int, after: Finish) -> None:
        name, var = self.fresh("each"), self.writer.local(statement.var)
        self.module.line(indent, f"def {name}(state, items):")
        self.module.line(indent + 1, "if not items:")
        after(indent + 2)
        self.module.line(indent + 2, "return")
        self.module.line(indent + 1, f"{var}, *items = items")
        self.block(
            statement.body, indent + 1, lambda deeper: self.module.line(deeper, f"yield from {name}(state, items)")
        )
        self.module.line(indent)
        items = call(name, "state", self.writer.items(statement.domain))
        self.module.line(indent, text("yield from ", items), statement.span)


_PLAIN: dict[type, Callable[..., None]] = {
    core.When: ActionWriter._when,
    core.Let: ActionWriter._let,
    core.Assign: ActionWriter._assign,
    core.If: ActionWriter._if,
    core.For: ActionWriter._for,
    core.Assert: ActionWriter._assert,
}

_SPLITTING: dict[type, Callable[..., None]] = {
    core.Either: ActionWriter._either,
    core.If: ActionWriter._split_if,
    core.For: ActionWriter._split_for,
}

STATEMENTS = frozenset({*_PLAIN, *_SPLITTING, core.Any})

_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "le": "gt", "gt": "le"}


def negated(cond: core.Expr) -> core.Expr:
    """The opposite of a condition, written the way a reader would."""
    if isinstance(cond, core.Op) and cond.op == "not":
        return cond.args[0]
    if isinstance(cond, core.Op) and cond.op in _OPPOSITE:
        return dataclasses.replace(cond, op=_OPPOSITE[cond.op])
    return core.Op(cond.type, "not", (cond,), span=cond.span)


def place_type(of: ty.Type, path: tuple[core.IndexStep | core.FieldStep, ...]) -> ty.Type:
    """The type of the place at the end of a path."""
    for step in path:
        if isinstance(step, core.FieldStep):
            assert isinstance(of, ty.Record)
            of = dict(of.fields)[step.name]
        elif isinstance(of, ty.Map):
            of = of.value
        else:
            assert isinstance(of, ty.Seq)
            of = of.item
    return of


def attribute_name(statement: core.Assign) -> str:
    """A name for the type of the place that is assigned."""
    return statement.var.replace(".", "_")


def _headed(head: str, code: Code, tail: str = "") -> Code:
    """A statement around one expression; in parentheses where the expression is too long for a line."""
    whole = text(head, code, tail)
    if whole.width <= 100 or code.brackets:
        return whole
    return text(head, listed("(", [code], ")"), tail)


headed = _headed
