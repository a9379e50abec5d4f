"""What an expression reads."""

from __future__ import annotations

from collections.abc import Mapping

from pyspec.lang import core
from pyspec.model.walk import nodes


def reads(expr: core.Expr, functions: Mapping[str, core.Function]) -> frozenset[str]:
    """The state variables that an expression reads, also in the functions that it calls."""
    found: set[str] = set()
    todo: list[object] = [expr]
    seen: set[str] = set()
    while todo:
        for node in nodes(todo.pop()):
            if isinstance(node, core.StateVar):
                found.add(node.name)
            elif isinstance(node, core.Call) and node.name not in seen:
                seen.add(node.name)
                todo.append(functions[node.name].body)
    return frozenset(found)
