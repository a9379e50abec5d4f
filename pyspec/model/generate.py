"""An instance as a Python module that reads well: types, the state, functions, one generator an action, one function
a property."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyspec.base.source import Span
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import describe
from pyspec.model.instance import Instance, describe_constants
from pyspec.model.layout import Code, Module, Position, Region, listed, quoted, text, tupled
from pyspec.model.pyaction import ActionWriter, headed
from pyspec.model.pyexpr import Writer
from pyspec.model.pynames import Naming
from pyspec.model.pytypes import TypeTable
from pyspec.model.walk import expressions, named_types

#: Kinds of properties whose body is a predicate of one state, or of a step.
PREDICATES = frozenset({
    "invariant", "step", "refines", "reachable", "terminal", "lemma",
    "eventually", "always_eventually", "eventually_always", "leads_to", "law",
})  # fmt: skip


@dataclass(frozen=True)
class Generated:
    """The source of a model and what its parts are called."""

    source: str
    regions: tuple[Region, ...]
    names: Naming

    def place(self, start: Position, end: Position) -> Span | None:
        """The place in the specification that a stretch of the source stands for."""
        module = Module()
        module.regions.extend(self.regions)
        return module.place(start, end)


def generate(instance: Instance) -> Generated:
    """The Python source of an instance."""
    return ModuleWriter(instance).run()


HEAD = """
from dataclasses import dataclass

from pyspec.lang import types as ty
from pyspec.model import rt
from pyspec.model.values import Atom, Bag, Map, Rec

"""


class ModuleWriter:
    """Writes one module; a variant of the model overrides parts of it."""

    head: str = HEAD
    writes: type[Writer] = Writer

    def __init__(self, instance: Instance) -> None:
        self.instance, self.spec = instance, instance.spec
        self.names = Naming(instance)
        self.types = TypeTable(self.names)
        self.writer = self.writes(self.names, self.types, stateful(self.spec))
        self.module = Module()

    def run(self) -> Generated:
        """The body first, because it decides which types need a name; then the head before it."""
        self.state()
        self._records()
        for function in self.spec.functions:
            self._function(function)
        self._initial()
        for action in self.spec.actions:
            self.action(action)
        for prop in self.spec.properties:
            if prop.kind in PREDICATES:
                self.predicate(prop)
        self.extras()
        body, self.module = self.module, Module()
        self._head()
        shift = len(self.module.lines)
        regions = [_moved(region, shift) for region in body.regions]
        source = "\n".join([*self.module.lines, *body.lines]) + "\n"
        return Generated(source, tuple(regions), self.names)

    def line(self, indent: int = 0, content: str = "") -> None:
        """One line."""
        self.module.line(indent, content)

    def doc(self, indent: int, *parts: str | None) -> None:
        """A docstring."""
        lines = "\n".join(part.strip() for part in parts if part).replace("\\", "\\\\").replace('"', "'").splitlines()
        lines = lines or [""]
        self.line(indent, f'"""{lines[0]}' + ('"""' if len(lines) == 1 else ""))
        for line in lines[1:]:
            self.line(indent if line.strip() else 0, line.strip())
        if len(lines) > 1:
            self.line(indent, '"""')

    # -------------------------------------------------------------------------------------------- head, types

    def _head(self) -> None:
        flaws = f", with {', '.join(self.instance.flaws)}" if self.instance.flaws else ""
        sizes = describe_constants(self.instance)
        model = self.instance.model.name + (f" ({sizes})" if sizes else "")
        self.doc(0, f"{self.spec.name}, model {model}{flaws}.", self.spec.doc)
        for line in self.head.splitlines():
            self.line(0, line)
        listable = [kind for kind in self.spec.types.values() if isinstance(kind, ty.Enum | ty.Sort)]
        for kind in listable:
            self.types.named(kind)
        for line in self.types.lines:
            self.line(0, line)
        self.line()
        for kind in listable:
            self.line(0, f"{self.names.of('type', kind.name)} = rt.names({self.types.named(kind)})")

    def state(self) -> None:
        """The class of states."""
        self.line()
        self.line()
        self.line(0, "@dataclass(frozen=True, slots=True, repr=False)")
        self.line(0, "class State(rt.State):")
        self.doc(1, f"A state of {self.spec.name}.")
        self.line()
        for var in self.spec.vars:
            kind = f"{self.names.attribute(var.name)}: {_PYTHON.get(type(var.type), 'object')}"
            self.line(1, f"{kind}  # {describe(var.type)}{'' if '.' not in var.name else f', {var.name}'}")
        if not self.spec.vars:
            self.line(1, "pass")

    def _records(self) -> None:
        for kind in named_types(self.spec):
            if isinstance(kind, ty.Record):
                self.record(self.names.of("type", kind.name), kind, 0)
            for position, case in enumerate(kind.cases if isinstance(kind, ty.Union) else ()):
                assert isinstance(kind, ty.Union)
                self.record(self.names.of("case", f"{kind.name}.{case.name}", case.name), case, position)

    def record(self, name: str, of: ty.Record, position: int) -> None:
        """The constructor of a record, message or union case."""
        locals_ = [self.names.local(field) for field, _ in of.fields]
        self.def_(name, locals_)
        what = "message " if of.message else ""
        self.doc(1, f"{what}{of.name}({', '.join(f'{field}: {describe(kind)}' for field, kind in of.fields)})")
        stores = [
            self.writer.storing(core.Local(kind, field), kind, f"field {of.name}.{field}") for field, kind in of.fields
        ]
        values = tupled(stores) if stores else text("()")
        names = quoted(tuple(field for field, _ in of.fields))
        parts: list[Code | str] = [quoted(of.name), names, values, *([str(position)] if position else [])]
        self.module.line(1, text("return ", listed("Rec(", parts, ")")))

    def def_(self, name: str, parameters: Iterable[str]) -> None:
        """The head of a function."""
        self.line()
        self.line()
        self.line(0, f"def {name}({', '.join(parameters)}):")

    # ------------------------------------------------------------------------------------ functions, initial

    def _function(self, function: core.Function) -> None:
        first = ["state"] if function.name in self.writer.stateful else []
        self.def_(
            self.names.of("function", function.name), [*first, *(self.names.local(name) for name, _ in function.params)]
        )
        if function.doc:
            self.doc(1, function.doc)
        self.return_(function.body)

    def return_(self, expr: core.Expr, indent: int = 1) -> None:
        """A returned expression."""
        self.module.line(indent, headed("return ", self.writer.expr(expr)), expr.span)

    def _initial(self) -> None:
        self.def_("initial", [])
        self.doc(1, "Every initial state.")
        indent = 1
        values = []
        for var in self.spec.vars:
            attribute = self.names.attribute(var.name)
            if var.choices is not None:
                local = self.names.local(f"{attribute}_chosen")
                self.module.line(indent, headed(f"for {local} in ", self.writer.items(var.choices), ":"), var.span)
                indent += 1
                chosen = core.Local(var.type, f"{attribute}_chosen", span=var.span)
                values.append(text(f"{attribute}=", self.writer.storing(chosen, var.type, var.name)))
            elif var.init is not None:
                values.append(text(f"{attribute}=", self.writer.storing(var.init, var.type, var.name)))
        self.module.line(indent, text("state = ", listed("State(", values, ")")))
        for cond in self.spec.init_where:
            self.module.line(indent, headed("if not ", self.writer.expr(cond, 20), ":"), cond.span)
            self.line(indent + 1, "continue" if indent > 1 else "return")
        self.line(indent, "yield state")

    # ------------------------------------------------------------------------------------ actions, properties

    def action(self, action: core.Action) -> None:
        """An action: its parameters' values, and its runs."""
        name = self.names.of("action", action.name)
        locals_ = [self.names.local(param.name) for param in action.params]
        if action.params:
            self.def_(self.names.of("params", action.name, f"{name}_params"), ["state"])
            self.doc(1, f"The arguments that {action.name} may be tried with.")
            for depth, (local, param) in enumerate(zip(locals_, action.params, strict=True)):
                head = headed(f"for {local} in ", self.writer.items(param.domain), ":")
                self.module.line(depth + 1, head, param.domain.span)
            self.line(len(locals_) + 1, f"yield {tupled(locals_)}")
        self.def_(name, ["state", *locals_])
        signature = ", ".join(f"{param.name}: {describe(param.type)}" for param in action.params)
        self.doc(1, f"{action.kind} {action.name}({signature})", action.doc)
        types = {var.name: var.type for var in self.spec.vars}
        ActionWriter(self.module, self.writer, types).body(action.body, 1)

    def predicate(self, prop: core.Property) -> None:
        """The predicate of a property."""
        more = ["after"] if prop.kind in core.STEP_KINDS else []
        more += [self.names.local(name) for name, _ in prop.params]
        self.def_(self.names.of("property", prop.name), ["state", *more])
        self.doc(1, f"{prop.kind} {prop.name}", prop.doc)
        self.return_(prop.body)
        if prop.second is not None:
            start = prop.kind == "refines"
            suffix = "initially" if start else "goal"
            name = self.names.of("second", prop.name, f"{self.names.of('property', prop.name)}_{suffix}")
            self.def_(name, ["state", *(more if not start else [])])
            self.doc(1, f"What {prop.name} {'asks of an initial state' if start else 'leads to'}.")
            self.return_(prop.second)

    def extras(self) -> None:
        """Limits and view of the model."""
        for position, limit in enumerate(self.instance.limits):
            self.def_(self.names.of("limit", str(position), f"within_limit_{position + 1}"), ["state"])
            self.return_(limit)
        if self.instance.view is not None:
            self.def_(self.names.of("view", "", "view"), ["state"])
            self.return_(self.instance.view)


_PYTHON: dict[type, str] = {
    ty.Bool: "bool",
    ty.Range: "int",
    ty.Enum: "Atom",
    ty.Sort: "Atom",
    ty.Record: "Rec",
    ty.Union: "Rec",
    ty.Tuple: "tuple",
    ty.Set: "frozenset",
    ty.Bag: "Bag",
    ty.Seq: "tuple",
    ty.Map: "Map",
}


def _moved(region: Region, lines: int) -> Region:
    start, end = region.start, region.end
    return Region((start[0] + lines, start[1]), (end[0] + lines, end[1]), region.span)


def stateful(spec: core.Spec) -> frozenset[str]:
    """The functions that read the state, directly or through others."""
    bodies = {function.name: list(expressions(function.body)) for function in spec.functions}
    found = {name for name, parts in bodies.items() if any(isinstance(part, core.StateVar) for part in parts)}
    while True:
        callers = {
            name
            for name, parts in bodies.items()
            if name not in found and any(isinstance(part, core.Call) and part.name in found for part in parts)
        }
        if not callers:
            return frozenset(found)
        found |= callers
