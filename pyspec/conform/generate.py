"""An instance as Python that is fast to step.

One object with slots for a state, copied once for each run, and values that are shared (`pyspec.conform.values`). The
meaning is that of `pyspec.model.generate`, of whose writer this is a variant; the tests hold the two against each other
on random runs.
"""

from __future__ import annotations

from collections.abc import Callable

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.generate import Generated, ModuleWriter
from pyspec.model.instance import Instance
from pyspec.model.layout import Code, call, listed, quoted, text, tupled
from pyspec.model.pyaction import _PLAIN, _SPLITTING, ActionWriter, Finish, headed, place_type, splits
from pyspec.model.pyexpr import Writer, always_fits
from pyspec.model.pynames import plain
from pyspec.model.walk import nodes

HEAD = """
from pyspec.conform import rt
from pyspec.conform.values import Cells as Map
from pyspec.lang import types as ty
from pyspec.model.values import Atom, Bag, Rec

"""


def assigns(statement: core.Stmt) -> bool:
    """Whether a run changes the state in a statement."""
    return any(isinstance(node, core.Assign) for node in nodes(statement))


class FastWriter(Writer):
    """Expressions over shared values."""

    def expr(self, expr: core.Expr, level: int = 0) -> Code:
        """An expression, in parentheses if it binds less tightly than `level`."""
        if isinstance(expr, core.Field) and isinstance(expr.item.type, ty.Record):
            names = [name for name, _ in expr.item.type.fields]
            return text(super().expr(expr.item, 20), f"._values[{names.index(expr.name)}]")
        if isinstance(expr, core.Op) and expr.op == "seq.concat":
            return call("rt.concat", *self.all(expr.args))
        return super().expr(expr, level)

    def storing(self, value: core.Expr, of: ty.Type, place: str) -> Code:
        """A value on its way into a place of a type, with the check it needs."""
        if always_fits(value, of) or isinstance(of, ty.Range):
            return super().storing(value, of, place)
        return call("rt.kept", self.expr(value), self.types.name(of, plain(place) + "_type"), quoted(place))


class FastActions(ActionWriter):
    """Bodies of actions that copy the state before their first assignment, and then change the copy."""

    pools: frozenset[str] = frozenset()
    _owned = False
    _nested = False

    def block(self, block: core.Block, indent: int, finish: Finish) -> None:
        """The statements of a block, then what comes after it."""
        nested, outer = self._nested, self._owned
        self._nested, self._owned = False, outer and nested
        self._statements(block, indent, finish)
        self._owned = outer

    def _statements(self, block: core.Block, indent: int, finish: Finish) -> None:
        for position, statement in enumerate(block):
            rest = block[position + 1 :]
            if isinstance(statement, core.Any):
                return self._any(statement, rest, indent, finish)
            if not self._owned and assigns(statement):
                self.module.line(indent, "state = state.copy()")
                self._owned = True
            if splits(statement):
                after = self._after(rest, indent, finish)
                return SPLITTING[type(statement)](self, statement, indent, after)
            PLAIN[type(statement)](self, statement, indent)
        return finish(indent)

    def quiet(self, block: core.Block, indent: int) -> None:
        """A block that splits no run: it changes the state of what is around it."""
        self._nested = True
        super().quiet(block, indent)
        self._nested = False

    def either_way(self, statement: core.If, indent: int, after: Finish) -> None:
        """A conditional with a split in one of its branches."""
        self.test(statement.cond, indent)
        self._nested = True
        self.block(statement.then, indent + 1, after)
        self.module.line(indent, "else:")
        self._nested = True
        self.block(statement.other, indent + 1, after)

    def store(self, statement: core.Assign, indent: int) -> None:
        """An assignment, to the copy."""
        place = f"state.{self.writer.names.attribute(statement.var)}"
        sent = self._posted(statement)
        if sent is None:
            self.module.line(indent, headed(f"{place} = ", self._stored(statement, place)), statement.span)
            return
        self.module.line(indent, headed("sent = ", sent), statement.span)
        self.module.line(indent, "state.sent_ = (*state.sent_, *sent)")
        self.module.line(indent, f"{place} = {place}.plus(sent)")

    def _posted(self, statement: core.Assign) -> Code | None:
        """What an assignment adds to a pool of messages, if that is what it does."""
        value = statement.value
        if statement.var not in self.pools or statement.path or not isinstance(value, core.Op):
            return None
        if value.op not in ("set.union", "bag.add") or value.args[0] != core.StateVar(
            value.args[0].type, statement.var
        ):
            return None
        more = value.args[1]
        if isinstance(more, core.SetLit | core.BagLit) and more.items:
            return tupled(self.writer.all(more.items))
        return self.writer.expr(more)

    def _stored(self, statement: core.Assign, old: str) -> Code:
        first = statement.path[0] if statement.path else None
        of = self.types[statement.var]
        if len(statement.path) == 2 and isinstance(of, ty.Map) and isinstance(of.value, ty.Map):
            return self._in_map_of_maps(statement, old)
        simple = first is None or (len(statement.path) == 1 and isinstance(of, ty.Map))
        return super()._stored(statement, old) if simple else self._deep(statement, old)

    def _in_map_of_maps(self, statement: core.Assign, old: str) -> Code:
        """`m[a][b] = v`, the common case of a leader's view of its peers."""
        first, second = statement.path
        assert isinstance(first, core.IndexStep) and isinstance(second, core.IndexStep)
        one, two = self.writer.expr(first.key), self.writer.expr(second.key)
        value = self.writer.storing(
            statement.value, place_type(self.types[statement.var], statement.path), statement.var
        )
        return text(old, call(".put", one, text(old, "[", one, "]", call(".put", two, value))))

    def _deep(self, statement: core.Assign, old: str) -> Code:
        place = place_type(self.types[statement.var], statement.path)
        path = tupled([self._step(step) for step in statement.path])
        value = self.writer.expr(statement.value)
        if always_fits(statement.value, place):
            return call("rt.stored", old, path, value)
        name = self.writer.types.name(place, plain(statement.var) + "_place_type")
        return call("rt.stored", old, path, value, name, quoted(statement.var))


PLAIN: dict[type, Callable[..., None]] = {**_PLAIN, core.Assign: FastActions.store}
SPLITTING: dict[type, Callable[..., None]] = {**_SPLITTING, core.If: FastActions.either_way}


class FastModule(ModuleWriter):
    """The module of a fast model."""

    head = HEAD
    writes = FastWriter

    def state(self) -> None:
        """The class of states."""
        slots = [self.names.attribute(var.name) for var in self.spec.vars]
        self.def_lines(
            0,
            "",
            "",
            "class State(rt.State):",
            f"    __slots__ = {quoted((*slots, 'digest_', 'sent_'))}",
            f"    NAMES = {quoted(tuple(slots)) if slots else '()'}",
            "",
            f"    def __init__(self, {', '.join(slots)}):",
            *(f"        self.{slot} = {slot}" for slot in slots),
            "        self.sent_ = ()",
            "",
            "    def copy(self):",
            "        made = new(State)",
            *(f"        made.{slot} = self.{slot}" for slot in slots),
            "        made.sent_ = self.sent_",
            "        return made",
            "",
            "    def unsent(self):",
            "        made = self.copy()",
            "        made.sent_ = ()",
            "        return made",
            "",
            "    def __hash__(self):",
            "        try:",
            "            return self.digest_",
            "        except AttributeError:",
            f"            self.digest_ = hash(({' '.join(f'rt.digest(self.{slot}),' for slot in slots)}))",
            "            return self.digest_",
            "",
            "    def __eq__(self, other):",
            f"        return {' and '.join(f'self.{slot} == other.{slot}' for slot in slots) or 'True'}",
            "",
            "",
            "new = object.__new__",
        )

    def def_lines(self, indent: int, *lines: str) -> None:
        """Several lines."""
        for line in lines:
            self.line(indent, line)

    def record(self, name: str, of: ty.Record, position: int) -> None:
        """The constructor of a record, message or union case."""
        self.def_(name, [self.names.local(field) for field, _ in of.fields])
        stores = [self._field(of, field, kind) for field, kind in of.fields]
        values = tupled(stores) if stores else text("()")
        parts: list[Code | str] = [quoted(of.name), quoted(tuple(field for field, _ in of.fields)), values]
        make = (
            "Rec(" if of.message or not any(isinstance(kind, ty.Seq) for _, kind in of.fields) else "Rec.hashed_late("
        )
        self.module.line(1, text("return ", listed(make, [*parts, str(position)], ")")))

    def _field(self, of: ty.Record, field: str, kind: ty.Type) -> Code | str:
        """A field on its way into a record. Messages are found by their fields, which have one form; the sequences of
        other records are shared."""
        stored = self.writer.storing(core.Local(kind, field), kind, f"field {of.name}.{field}")
        return call("rt.flat", stored) if of.message and isinstance(kind, ty.Seq) else stored

    def action(self, action: core.Action) -> None:
        """An action: for each parameter the set it ranges over, and the runs."""
        locals_ = [self.names.local(param.name) for param in action.params]
        for position, param in enumerate(action.params):
            self._domain(action, position, param, locals_[:position])
        self.def_(self.names.of("action", action.name), ["state", *locals_])
        types = {var.name: var.type for var in self.spec.vars}
        actions = FastActions(self.module, self.writer, types)
        actions.pools = frozenset(var.name for var in self.spec.vars if var.kind == "pool")
        actions.body(action.body, 1)

    def _domain(self, action: core.Action, position: int, param: core.Param, earlier: list[str]) -> None:
        """What a parameter ranges over, and whether a value is in it."""
        key, wish = f"{action.name} {position}", f"{plain(action.name)}_{position}"
        self.def_(self.names.of("domain", key, f"{wish}_domain"), ["state", *earlier])
        self.module.line(1, text("return ", self.writer.items(param.domain)), param.domain.span)
        self.def_(self.names.of("member", key, f"{wish}_has"), ["state", *earlier, "value"])
        domain = param.domain
        if isinstance(domain, core.Domain) and not isinstance(domain.of, ty.Range):
            self.line(1, "return True")
        elif isinstance(domain, core.Op) and domain.op == "range":
            low, high = self.writer.all(domain.args)
            self.module.line(1, text("return ", low, " <= value <= ", high))
        else:
            self.module.line(1, headed("return value in ", self.writer.expr(domain, 20)), domain.span)

    def predicate(self, prop: core.Property) -> None:
        """Properties are no part of a trace."""

    def extras(self) -> None:
        """Nor are limits and views."""


def generate(instance: Instance) -> Generated:
    """The Python source of a fast model."""
    return FastModule(instance).run()
