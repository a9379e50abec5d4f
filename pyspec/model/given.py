"""What a model block and the command line give: sizes, constants, budgets, capacities, the range of `int`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyspec.base.diagnostics import SpecError, error
from pyspec.base.source import NOWHERE, Span
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import LISTABLE, cardinality, describe, member, values_of
from pyspec.model.values import Value, show

if TYPE_CHECKING:
    from pyspec.model.concrete import Concretizer

Override = Value
DEFAULT_CAPACITY = {"seq": 8, "bag": 16, "set": 16}
DEFAULT_INT = (-(2**31), 2**31 - 1)


class Given:
    """The settings of a model block, and overrides from the command line, which win."""

    def __init__(self, spec: core.Spec, model: core.Model, overrides: Mapping[str, Override]) -> None:
        self.spec, self.model, self.overrides = spec, model, dict(overrides)
        self._settings = {(setting.kind, setting.name): setting for setting in model.settings}
        self._check_names()

    # ------------------------------------------------------------------------------------------ look-ups

    def constant(self, decl: core.ConstDecl) -> core.Setting | Override | None:
        """What is given for a constant (a budget is the constant `budget.NAME`)."""
        short = decl.name.removeprefix("budget.")
        for name in (decl.name, short):
            if name in self.overrides:
                return self.overrides[name]
        kind = "budget" if decl.name.startswith("budget.") else "const"
        return self._settings.get((kind, short)) or self._settings.get((kind, decl.name))

    def size(self, sort: str) -> core.Setting | Override | None:
        """What is given for the size of a sort."""
        return self.overrides[sort] if sort in self.overrides else self._settings.get(("size", sort))

    def default(self, container: str, concretizer: Concretizer) -> int:
        """The capacity of a `seq`, `bag` or `set` that has none of its own."""
        found = self._capacity((container,), concretizer)
        return DEFAULT_CAPACITY[container] if found is None else found

    def capacity(self, var: core.Var, concretizer: Concretizer) -> int | None:
        """The capacity given to a variable by its name, full or short."""
        short = var.name.rsplit(".", 1)[-1]
        names: tuple[str, ...] = (var.name, short)
        if var.kind in ("pool", "channel"):
            names = (*names, "network")
        return self._capacity(names, concretizer)

    def _capacity(self, names: tuple[str, ...], concretizer: Concretizer) -> int | None:
        for name in names:
            value: Value = None
            if f"capacity {name}" in self.overrides:
                value = self.parse(self.overrides[f"capacity {name}"], ty.Int(), f"capacity {name}")
            elif (setting := self._settings.get(("capacity", name))) is not None and setting.value is not None:
                value = concretizer.constant(setting.value)
            if value is not None:
                if not isinstance(value, int) or not 0 <= value <= 1 << 16:
                    raise error("E0705", f"capacity {name} cannot be {show(value)}", self.model.span)
                return value
        return None

    def integers(self, concretizer: Concretizer) -> ty.Range:
        """The range of a stored `int`."""
        setting = next((one for one in self.model.settings if one.kind == "int"), None)
        if setting is None or setting.value is None or setting.upper is None:
            return ty.Range(*DEFAULT_INT)
        low, high = concretizer.constant(setting.value), concretizer.constant(setting.upper)
        assert isinstance(low, int) and isinstance(high, int)
        if low > high:
            raise error("E0706", f"the range {low}..{high} of int is empty", setting.span)
        return ty.Range(low, high)

    # -------------------------------------------------------------------------------------------- names

    def _known(self) -> dict[str, set[str]]:
        consts = {decl.name for decl in self.spec.consts}
        budgets = {name.removeprefix("budget.") for name in consts if name.startswith("budget.")}
        variables = {var.name for var in self.spec.vars}
        short = {name.rsplit(".", 1)[-1] for name in variables}
        capacities = variables | short | {"network", "seq", "bag", "set"}
        return {
            "size": set(self.spec.sorts),
            "const": {name for name in consts if not name.startswith("budget.")},
            "budget": budgets,
            "capacity": capacities,
        }

    def _check_names(self) -> None:
        known = self._known()
        problems: list[SpecError] = []
        for setting in self.model.settings:
            if setting.kind in known and setting.name not in known[setting.kind]:
                problems.append(_unknown(setting.kind, setting.name, known[setting.kind], setting.span))
        anything = known["size"] | known["const"] | known["budget"] | {f"budget.{name}" for name in known["budget"]}
        anything |= {f"capacity {name}" for name in known["capacity"]}
        for name in self.overrides:
            if name not in anything:
                problems.append(_unknown("constant or sort", name, anything, NOWHERE))
        if problems:
            raise SpecError([one for problem in problems for one in problem.diagnostics])

    # ------------------------------------------------------------------------------------------- values

    def names(self, text: Override) -> tuple[str, ...] | None:
        """The names of a sort's elements, when an override lists them: `a,b,c`."""
        if isinstance(text, tuple | list):
            return tuple(str(item) for item in text)
        if isinstance(text, str) and not text.strip().lstrip("-").isdigit():
            parts = tuple(part.strip() for part in text.strip("{} ").split(",") if part.strip())
            wrong = next((part for part in parts if not part.isidentifier()), None)
            if len(parts) == 1 and not text.strip().startswith("{"):
                wrong = parts[0]  # a size that was misspelt, more likely than a sort of one element
            if wrong is not None:
                hint = "a sort is given a size, -c NAME=3, or names, -c NAME=a,b,c"
                raise error("E0703", f"{wrong[:40]} is neither a size nor a list of names", hint=hint)
            return parts
        return None

    def parse(self, text: Override, kind: ty.Type, name: str) -> Value:
        """An override as a value: a value already, or text in the notation of the language."""
        if not isinstance(text, str):
            return frozenset(text) if isinstance(text, set) else text
        value = parse_value(text.strip(), kind)
        if value is None and text.strip() != "none":
            raise error("E0703", f"-c {name}={text}: not a value of {describe(kind)}")
        return value


def _unknown(kind: str, name: str, known: set[str], span: Span) -> SpecError:
    close = difflib.get_close_matches(name, known, 1) or [other for other in known if other.lower() == name.lower()]
    hint = f"did you mean {close[0]}?" if close else None
    what = {"size": "sort or role", "const": "const", "budget": "budget", "capacity": "variable"}.get(kind, kind)
    return error("E0708", f"there is no {what} {name}", span, hint)


def parse_value(text: str, kind: ty.Type) -> Value:
    """A value written as the language shows it; None when the text is not a value of the type (or is `none`)."""
    if isinstance(kind, ty.Option):
        kind = kind.item
    if isinstance(kind, ty.Int | ty.Range):
        try:
            number = int(text)
        except ValueError:
            return None
        return number if isinstance(kind, ty.Int) or member(number, kind) else None
    if isinstance(kind, ty.Set) and text.startswith("{") and text.endswith("}"):
        parts = [part.strip() for part in text[1:-1].split(",") if part.strip()]
        items = [parse_value(part, kind.item) for part in parts]
        return None if None in items else frozenset(items)
    if cardinality(kind) > LISTABLE:
        return None
    return next((value for value in values_of(kind) if show(value, kind) == text), None)


__all__ = ["Given", "parse_value"]
