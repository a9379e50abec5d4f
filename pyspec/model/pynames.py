"""Python names for what a specification names, so that no two of a generated module collide."""

from __future__ import annotations

import builtins
import keyword

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.instance import Instance
from pyspec.model.rt import Names
from pyspec.model.state import State
from pyspec.model.walk import named_types

#: What the generated module uses under its own name.
TAKEN = {"rt", "ty", "Rec", "Map", "Bag", "State", "state", "after", "dataclass", "initial", "Atom", "annotations"}


def plain(name: str) -> str:
    """A name of the specification as a Python identifier."""
    text = "".join(letter if (letter.isalnum() and letter.isascii()) or letter == "_" else "_" for letter in name)
    return f"n{text}" if text[:1].isdigit() else text


class Naming:
    """The names of one generated module."""

    def __init__(self, instance: Instance) -> None:
        self._module: dict[tuple[str, str], str] = {}
        self._used = set(TAKEN) | set(keyword.kwlist) | set(dir(builtins))
        spec = instance.spec
        for kind in named_types(spec):
            assert isinstance(kind, ty.Enum | ty.Sort | ty.Record | ty.Union)
            self._claim("type", kind.name)
            if isinstance(kind, ty.Union):
                self._cases(kind)
        for function in spec.functions:
            self._claim("function", function.name)
        for action in spec.actions:
            self._claim("action", action.name)
        for prop in spec.properties:
            self._claim("property", prop.name)
        self._attributes = _attributes(spec)

    def _cases(self, of: ty.Union) -> None:
        for case in of.cases:
            self._claim("case", f"{of.name}.{case.name}", case.name)

    def _claim(self, kind: str, name: str, wish: str | None = None) -> str:
        key = (kind, name)
        if key not in self._module:
            found = plain(wish or name)
            while found in self._used or found.startswith("__"):
                found = f"{found}_" if not found.startswith("__") else f"n{found}"
            self._used.add(found)
            self._module[key] = found
        return self._module[key]

    def of(self, kind: str, name: str, wish: str | None = None) -> str:
        """The module-level name of a type, case, function, action, property, or of something made up on the way."""
        return self._claim(kind, name, wish)

    def local(self, name: str) -> str:
        """The name of a local variable."""
        found = plain(name)
        return f"{found}_" if found in self._used else found

    def attribute(self, var: str) -> str:
        """The attribute of the state that holds a variable."""
        return self._attributes[var]

    def attributes(self) -> dict[str, str]:
        """Variable -> attribute, in the order of the variables."""
        return dict(self._attributes)


def _attributes(spec: core.Spec) -> dict[str, str]:
    found: dict[str, str] = {}
    groups = {var.name.split(".")[0] for var in spec.vars if "." in var.name}
    used = set(keyword.kwlist) | set(dir(State)) | groups
    for var in spec.vars:
        name = plain(var.name)
        while name in used or name.startswith("_"):
            name = f"{name}_" if not name.startswith("_") else f"n{name}"
        used.add(name)
        found[var.name] = name
    return found


def member(of: str, item: str, position: int) -> str:
    """A member of an enum or sort: `Phase.working`, or by position where Python cannot say the name."""
    sayable = item.isidentifier() and item.isascii() and not keyword.iskeyword(item) and not hasattr(Names, item)
    return f"{of}.{item}" if sayable else f"{of}[{position}]"
