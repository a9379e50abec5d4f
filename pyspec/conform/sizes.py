"""How large the model of a trace is: from the mapping, or from what the logs mention."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspec.base.diagnostics import error
from pyspec.conform.decode import NONE, mentioned
from pyspec.conform.lines import ABSENT, Get, Record, getter, tester
from pyspec.conform.typed import TypedMapping
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.instance import Instance, choose_model, instantiate
from pyspec.model.walk import expressions, nodes

#: What a constant is that only says how far a model goes, when nothing says otherwise.
FAR = 1 << 20
#: The most elements of a sort in a trace.
MOST_NAMES = 1 << 20
CAPACITY = 1 << 16
BUDGET = 1 << 30


@dataclass
class Seen:
    """What logs mention: the words for elements of each sort, in order of appearance, and the greatest numbers."""

    words: dict[str, dict[str, None]] = field(default_factory=dict)
    greatest: dict[ty.Type, int] = field(default_factory=dict)
    records: int = 0

    def word(self, sort: str, word: str) -> None:
        """Notes a word for an element."""
        self.words.setdefault(sort, {})[word] = None


class Scanner:
    """Goes over records once, before anything is validated, and notes what they mention."""

    def __init__(self, typed: TypedMapping, seen: Seen) -> None:
        self.seen = seen
        self._kind = getter(typed.text.log.event)
        self._by_name: dict[str, list[tuple[Any, list[_Note]]]] = {}
        notes: dict[tuple[Any, ty.Type, ty.Type | None], _Note] = {}
        for rule in typed.rules:
            guard = tester(rule.rule.when)
            own = []
            for slot in rule.slots:
                if not slot.constant and _tells(slot.type):
                    key = (slot.path, slot.type, slot.declared)
                    own.append(notes.setdefault(key, _Note(getter(slot.path), slot.type, slot.declared, seen)))
            for name in rule.rule.names:
                self._by_name.setdefault(name, []).append((guard, own))

    def note(self, record: Record) -> None:
        """Notes what one record mentions."""
        self.seen.records += 1
        kind = self._kind(record)
        rules = self._by_name.get(kind if type(kind) is str else str(kind))
        for guard, notes in self._by_name.get("*", ()) if rules is None else rules:
            if guard is None or guard(record):
                for note in notes:
                    value = note.get(record)
                    if value is not ABSENT and value != note.last:
                        note.value(value)


class _Note:
    """What the values of one slot have mentioned; `last` is the latest value, which need not be looked at again."""

    __slots__ = ("bounds", "get", "greatest", "last", "of", "seen", "whole")

    def __init__(self, get: Get, of: ty.Type, bounds: ty.Type | None, seen: Seen) -> None:
        self.get, self.of, self.bounds, self.seen = get, of, bounds, seen
        self.whole = isinstance(of, ty.Int | ty.Range)
        self.last: Any = None
        self.greatest = seen.greatest.get(bounds, -1) if bounds is not None else -1

    def value(self, value: Any) -> None:
        """Notes a value."""
        self.last = value
        if self.whole:
            number = _number(value)
            if number is not None and self.bounds is not None and number > self.greatest:
                self.greatest = number
                self.seen.greatest[self.bounds] = max(number, self.seen.greatest.get(self.bounds, -1))
            return
        for sort, word in mentioned(value, self.of):
            self.seen.word(sort, word)


def _number(value: Any) -> int | None:
    if type(value) is int:
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value) else None


def _tells(of: ty.Type) -> bool:
    return not isinstance(of, ty.Bool | ty.Enum)


@dataclass(frozen=True)
class Sizes:
    """A concrete model for traces, how words of the log read, and where the sizes come from."""

    instance: Instance
    key: str
    renames: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...]


def sized(
    typed: TypedMapping,
    seen: Seen,
    model: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    flaws: tuple[str, ...] = (),
    made: Mapping[str, Instance] | None = None,
) -> Sizes:
    """The instance in which the traces are validated, one of those `made` before (by key) if it is the same.

    Raises SpecError when a size is missing or wrong.
    """
    return _Sizer(typed, seen, dict(overrides or {})).run(model, flaws, made or {})


class _Sizer:
    def __init__(self, typed: TypedMapping, seen: Seen, overrides: dict[str, Any]) -> None:
        self.typed, self.text, self.seen = typed, typed.text, seen
        self.spec = followed(typed.known.spec, typed.functions)
        self.given = {**dict(self.text.model), **overrides}
        self.base = self.given.pop("model", None)
        self.renames: dict[str, dict[str, str]] = {}
        self.values: dict[str, Any] = {}
        self.notes: list[str] = []

    def run(self, model: str | None, flaws: tuple[str, ...], made: Mapping[str, Instance]) -> Sizes:
        block = choose_model(self.spec, model or self.base)
        kept = tuple(one for one in block.settings if one.kind in ("size", "const"))
        self._names()
        for sort in self.spec.sorts:
            self._sort(sort)
        self._constants({one.name for one in kept})
        self._budgets()
        for name in ("capacity seq", "capacity set", "capacity bag", "capacity network"):
            self.values.setdefault(name, CAPACITY)
        values = {**self.values, **{name: _override(value) for name, value in self.given.items()}}
        key = repr((block.name, flaws, sorted(values.items())))
        if key in made:
            return Sizes(made[key], key, self.renames, tuple(self.notes))
        spec = dataclasses.replace(self.spec, functions=(*self.spec.functions, *self.typed.functions))
        trace_model = core.Model(block.name, kept, span=block.span)
        instance = instantiate(spec, trace_model, values, flaws, most_elements=MOST_NAMES)
        return Sizes(instance, key, self.renames, tuple(self.notes))

    # --------------------------------------------------------------------------------------------- names

    def _names(self) -> None:
        """[names]: for each sort or enum a table of words, or the list of its elements."""
        kinds = {n: k for n, k in self.spec.types.items() if isinstance(k, ty.Sort | ty.Enum)}
        for name, table in self.text.names.items():
            place = self.text.place("names", name)
            if name not in kinds:
                hint = f"sorts, roles and enums: {', '.join(kinds)}"
                raise error("E0823", f"[names] speaks of {name}, which is no sort or enum", place, hint)
            if isinstance(table, list):
                table = {str(word): str(word) for word in table}
            if not isinstance(table, dict):
                raise error("E0822", f"[names] {name} is a list of names or a table word = name", place)
            self.renames[name] = {word: str(value) for word, value in table.items()}
            kind = kinds[name]
            if isinstance(kind, ty.Enum):
                for word, value in self.renames[name].items():
                    if value not in (*kind.members, NONE):
                        hint = f"members: {', '.join(kind.members)}"
                        raise error("E0823", f"{name} has no member {value}", self.text.place(word, value), hint)

    def _sort(self, sort: str) -> None:
        listed = list(dict.fromkeys(name for name in self.renames.get(sort, {}).values() if name != NONE))
        closed = isinstance(self.text.names.get(sort), list)
        words = [w for w in self.seen.words.get(sort, ()) if w not in self.renames.get(sort, {})]
        size = self.given.pop(sort, None)
        if isinstance(size, list):
            listed, closed = [str(one) for one in size], True
            words = [word for word in words if word not in listed]
        if not listed and not words and size is None:
            return  # nothing is said: the model decides
        names = list(listed)
        for word in () if closed else sorted(words, key=_natural):
            name = self._element(sort, word, names)
            self.renames.setdefault(sort, {})[word] = name
            names.append(name)
        if isinstance(size, int):
            if size < len(names):
                message = f"[model] says {sort} = {size}, but there are {len(names)}: {', '.join(names[:20])}"
                raise error("E0832", message, self.text.place(sort))
            names += [f"{sort}{number}" for number in range(len(names) + 1, size + 1)]
        self.values[sort] = tuple(names)
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        self.notes.append(
            f"{sort} = {len(names)} ({shown}){'' if closed or (listed and not words) else ' from the logs'}"
        )

    def _element(self, sort: str, word: str, taken: list[str]) -> str:
        name = word if re.fullmatch(r"[^\W\d][\w.:-]*", word) and word != NONE else f"{sort}{word}"
        while name in taken:
            name += "_"
        return name

    # ----------------------------------------------------------------------------------------- constants

    def _constants(self, in_model: set[str]) -> None:
        bounds = [decl for decl in self.spec.consts if isinstance(decl.type, ty.Int | ty.Range)]
        for decl in bounds:
            if decl.name in self.given or decl.name.startswith("budget.") or decl.quorum is not None:
                continue
            if is_horizon(decl.name, self.spec):
                self.values[decl.name] = FAR
                self.notes.append(f"{decl.name} without limit")
            elif (needed := self._needed(decl.name)) is not None and decl.name not in in_model:
                at_least = decl.default.value if isinstance(decl.default, core.Lit) else 0
                assert isinstance(at_least, int)
                if needed > at_least:
                    self.values[decl.name] = needed
                    self.notes.append(f"{decl.name} = {needed} from the logs")

    def _needed(self, const: str) -> int | None:
        """The least value of a constant that makes the numbers in the logs fit the types it bounds."""
        found = [number - by for of, number in self.seen.greatest.items() if (by := _bound_by(of, const)) is not None]
        return max(found, default=None)

    def _budgets(self) -> None:
        """Faults that the mapping speaks of may happen any number of times."""
        actions = {form.action for rule in self.typed.rules for way in rule.ways for form in way.steps}
        for action in {*actions, *self.typed.silent}:
            for node in expressions(action):
                if isinstance(node, core.Const) and re.fullmatch(r"budget\.\w+", node.name):
                    short = node.name.removeprefix("budget.")
                    if short not in self.given:
                        self.values[short] = BUDGET


def _bound_by(of: ty.Type, const: str) -> int | None:
    """How much more than the constant the type allows (0 for `0..C`, 1 for `0..C + 1`), if the constant bounds it."""
    end = of.hi if isinstance(of, ty.Range) else of.capacity if isinstance(of, ty.Seq | ty.Set | ty.Bag) else None
    if isinstance(end, core.Const) and end.name == const:
        return 0
    if isinstance(end, core.Op) and end.op == "add" and isinstance(end.args[0], core.Const):
        by = end.args[1]
        if end.args[0].name == const and isinstance(by, core.Lit) and isinstance(by.value, int):
            return by.value
    return None


def _override(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _natural(word: str) -> tuple[object, ...]:
    """`n2` before `n10`."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", word) if part)


def is_horizon(const: str, spec: core.Spec) -> bool:
    """Whether a constant only says how far a model goes: it bounds types whose values are never listed, and stands
    elsewhere only as the upper limit of a comparison. Without a model, such a limit has no meaning."""
    for root in (*spec.actions, *spec.functions, *spec.vars, *spec.init_where):
        for node in nodes(root):
            if isinstance(node, core.Domain) and _mentions(node.of, const):
                return False
            if isinstance(node, core.MapComp) and _mentions(node.type, const, keys=True):
                return False
            if isinstance(node, core.Expr) and not isinstance(node, core.Const) and _uses(node, const):
                return False
    return not any(_mentions(var.type, const, keys=True) for var in spec.vars) and any(
        _mentions(kind, const) for kind in (*spec.types.values(), *(var.type for var in spec.vars))
    )


def _uses(node: core.Expr, const: str) -> bool:
    """Whether an expression has the constant as a direct part, other than as an upper limit."""
    parts = [
        part
        for name in (f.name for f in dataclasses.fields(node) if f.name not in ("type", "span"))
        for part in _direct(getattr(node, name))
    ]
    own = [part for part in parts if isinstance(part, core.Const) and part.name == const]
    if not own:
        return False
    limit = isinstance(node, core.Op) and (
        (node.op in ("lt", "le") and node.args[1] in own) or (node.op in ("gt", "ge") and node.args[0] in own)
    )
    return not limit


def _direct(value: object) -> Iterable[object]:
    return value if isinstance(value, tuple) else (value,)


def _mentions(of: ty.Type, const: str, keys: bool = False) -> bool:
    """Whether the bounds in a type depend on a constant; with `keys`, only those of map keys."""
    if isinstance(of, ty.Map):
        return _mentions(of.key, const) or _mentions(of.value, const, keys)
    if isinstance(of, ty.Range) and not keys:
        return any(_within(end, const) for end in (of.lo, of.hi))
    if isinstance(of, ty.Option):
        return _mentions(of.item, const, keys)
    if isinstance(of, ty.Set | ty.Bag | ty.Seq):
        return _mentions(of.item, const, keys) or (not keys and _within(of.capacity, const))
    if isinstance(of, ty.Record):
        return any(_mentions(kind, const, keys) for _, kind in of.fields)
    if isinstance(of, ty.Union):
        return any(_mentions(case, const, keys) for case in of.cases)
    return isinstance(of, ty.Tuple) and any(_mentions(part, const, keys) for part in of.items)


def _within(end: object, const: str) -> bool:
    return isinstance(end, core.Expr) and any(
        isinstance(node, core.Const) and node.name == const for node in expressions(end)
    )


# ---------------------------------------------------------------------------------------------------- ghosts


def followed(spec: core.Spec, observers: Iterable[core.Function] = ()) -> core.Spec:
    """What it takes to follow a trace: no properties, no ghost variables that nothing asks for (no step depends on
    them), and only the functions that are then called."""
    asked = {node.name for one in _called(spec, observers) for node in _variables(one.body)}
    gone = {var.name for var in spec.vars if var.ghost and var.name not in asked}
    gone -= {node.name for one in observers for node in _variables(one.body)}
    actions = tuple(dataclasses.replace(a, body=_stripped(a.body, gone)) for a in spec.actions)
    lean = dataclasses.replace(spec, properties=(), refines=(), actions=actions)
    return dataclasses.replace(
        lean,
        functions=_called(lean, observers),
        vars=tuple(var for var in spec.vars if var.name not in gone),
        init_where=tuple(e for e in spec.init_where if not gone & {v.name for v in _variables(e)}),
    )


def _called(spec: core.Spec, observers: Iterable[core.Function]) -> tuple[core.Function, ...]:
    """The functions that actions, initial values or observers call, directly or through others. A function that only
    serves the assignment to a ghost variable is none of them."""
    ghosts = {var.name for var in spec.vars if var.ghost}
    actions = tuple(_stripped(action.body, ghosts) for action in spec.actions)
    domains = tuple(param for action in spec.actions for param in action.params)
    todo: list[object] = [*(s for body in actions for s in body), *domains, *spec.vars, *spec.init_where]
    todo += [one.body for one in observers]
    functions = {function.name: function for function in spec.functions}
    found: set[str] = set()
    while todo:
        calls = {node.name for node in expressions(todo.pop()) if isinstance(node, core.Call)} - found
        found |= calls
        todo += [functions[name].body for name in calls if name in functions]
    return tuple(function for function in spec.functions if function.name in found)


def _variables(root: object) -> Iterable[core.StateVar]:
    return (node for node in expressions(root) if isinstance(node, core.StateVar))


def _stripped(block: core.Block, gone: set[str]) -> core.Block:
    found: list[core.Stmt] = []
    for statement in block:
        if isinstance(statement, core.Assign) and statement.var in gone:
            continue
        if isinstance(statement, core.If):
            then, other = _stripped(statement.then, gone), _stripped(statement.other, gone)
            if not then and not other:
                continue
            statement = dataclasses.replace(statement, then=then, other=other)
        elif isinstance(statement, core.Either):
            statement = dataclasses.replace(statement, branches=tuple(_stripped(b, gone) for b in statement.branches))
        elif isinstance(statement, core.For):
            statement = dataclasses.replace(statement, body=_stripped(statement.body, gone))
        found.append(statement)
    return tuple(found)
