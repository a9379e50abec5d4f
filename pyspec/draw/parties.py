"""Who acts in a protocol: its roles; in a specification without roles the sorts whose members act; and `global` for
what is nobody's. Every picture takes names and colours from here."""

from __future__ import annotations

from dataclasses import dataclass

from pyspec.draw.theme import hue
from pyspec.lang import core
from pyspec.lang import types as ty

GLOBAL = "global"


@dataclass(frozen=True)
class Parties:
    """`names` in the order of colours; `sorts`: party -> the sort of its members."""

    names: tuple[str, ...]
    sorts: dict[str, str]

    def hue(self, name: str) -> str:
        """The colour of a party, in every picture of the specification."""
        return hue(self.names.index(name) if name in self.names else None)

    def of_sort(self, sort: str) -> str | None:
        """The party whose members are of this sort; the first, if several roles share it."""
        return next((name for name, of in self.sorts.items() if of == sort), None)

    def of_action(self, action: core.Action) -> str:
        """Who takes an action."""
        if action.role in self.names:
            return str(action.role)
        for param in actors(action):
            found = self.of_sort(param.type.name) if isinstance(param.type, ty.Sort) else None
            if found is not None:
                return found
        return GLOBAL

    def of_var(self, var: core.Var) -> str:
        """Whose a variable is."""
        if var.role in self.names:
            return str(var.role)
        key = var.type.key if isinstance(var.type, ty.Map) else None
        return (self.of_sort(key.name) if isinstance(key, ty.Sort) else None) or GLOBAL

    def legend(self, used: set[str]) -> tuple[tuple[str, str], ...]:
        """The parties that occur in a picture, with their colours."""
        return tuple((name, self.hue(name)) for name in (*self.names, GLOBAL) if name in used)


def parties(spec: core.Spec) -> Parties:
    """The parties of a specification."""
    sorts = {role.name: role.sort for role in spec.roles}
    acting = {
        param.type.name
        for action in spec.actions
        if action.role is None
        for param in actors(action)
        if isinstance(param.type, ty.Sort)
    }
    for var in spec.vars:
        key = var.type.key if isinstance(var.type, ty.Map) and var.kind == "var" and not var.ghost else None
        if isinstance(key, ty.Sort) and key.name in acting and key.name not in sorts.values():
            sorts.setdefault(key.name, key.name)
    return Parties(tuple(sorts), sorts)


def actors(action: core.Action) -> tuple[core.Param, ...]:
    """The parameters that may be the one who acts, the likeliest first."""
    me = tuple(param for param in action.params if param.name == "self")
    return me + tuple(param for param in action.params if param.name != "self" and param.name != "sender")


def action_text(action: core.Action) -> str:
    """The name of an action for a reader: `on Vote` instead of `on_Vote`."""
    name = action.name.rpartition(".")[2]
    if action.kind == "handler" and action.message is not None and name.startswith("on_"):
        return f"on {name.removeprefix('on_')}"
    return name.replace("_", " ") if action.kind == "fault" else name
