"""Ghost variables are for properties: nothing that a protocol does may depend on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.base.source import Span
from pyspec.lang import core as c


def children(node: object) -> Iterator[object]:
    """Core nodes directly inside a core node."""
    if isinstance(node, tuple):
        for item in node:
            yield from children(item) if isinstance(item, tuple) else (item,)
    elif dataclasses.is_dataclass(node):
        for f in dataclasses.fields(node):
            value = getattr(node, f.name)
            if isinstance(value, tuple):
                yield from children(value)
            elif isinstance(value, (c.Expr, c.Stmt, c.Gen, c.IndexStep)):
                yield value


def walk(node: object) -> Iterator[object]:
    """A core node and all below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def reads(node: object, functions: dict[str, frozenset[str]]) -> frozenset[str]:
    """State variables that an expression reads, through functions too."""
    found: set[str] = set()
    for n in walk(node):
        if isinstance(n, c.StateVar):
            found.add(n.name)
        if isinstance(n, c.Call):
            found |= functions.get(n.name, frozenset())
    return frozenset(found)


def function_reads(spec: c.Spec) -> dict[str, frozenset[str]]:
    """State variables that each function reads; functions are not recursive, so a few rounds settle it."""
    table: dict[str, frozenset[str]] = {f.name: frozenset() for f in spec.functions}
    changed = True
    while changed:
        changed = False
        for f in spec.functions:
            now = reads(f.body, table)
            changed |= now != table[f.name]
            table[f.name] = now
    return table


def check_ghosts(spec: c.Spec) -> None:
    """Raise SpecError where a guard, a choice or an assignment to a real variable depends on a ghost."""
    ghosts = {v.name for v in spec.vars if v.ghost}
    if not ghosts:
        return
    table = function_reads(spec)
    found: list[Diagnostic] = []
    for action in spec.actions:
        tainted: set[str] = set()
        for node in walk(action.body):
            if isinstance(node, c.Let) and _tainted(node.value, ghosts, tainted, table):
                tainted.add(node.name)
            for span, expr in _uses(node, ghosts):
                if _tainted(expr, ghosts, tainted, table):
                    message = f"action {action.name} depends on a ghost variable here"
                    found.append(
                        Diagnostic(
                            "E0420", message, span, "ghosts are read by properties, and by assignments to ghosts"
                        )
                    )
    if found:
        raise SpecError(found)


def _tainted(expr: c.Expr, ghosts: set[str], locals_: set[str], table: dict[str, frozenset[str]]) -> bool:
    return bool(reads(expr, table) & ghosts) or any(isinstance(n, c.Local) and n.name in locals_ for n in walk(expr))


def _uses(node: object, ghosts: set[str]) -> list[tuple[Span, c.Expr]]:
    """Expressions of a statement that must not depend on ghosts."""
    if isinstance(node, c.When):
        return [(node.span, node.cond)]
    if isinstance(node, (c.Any, c.For)):
        return [(node.span, node.domain)] + ([(node.span, node.cond)] if isinstance(node, c.Any) and node.cond else [])
    if isinstance(node, c.Assign) and node.var not in ghosts:
        return [(node.span, node.value)] + [(node.span, x.key) for x in node.path if isinstance(x, c.IndexStep)]
    return []
