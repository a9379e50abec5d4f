"""Walking over the core: the parts of a node, whatever its class."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from pyspec.lang import core
from pyspec.lang import types as ty


def parts(node: object) -> Iterator[object]:
    """The expressions, statements and helper nodes directly below a node; types are not entered."""
    assert dataclasses.is_dataclass(node)
    for field in dataclasses.fields(node):
        yield from _flat(getattr(node, field.name))


def _flat(value: object) -> Iterator[object]:
    if isinstance(value, core.Expr | core.Stmt | core.Gen | core.IndexStep | core.FieldStep | core.Param):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _flat(item)


def nodes(node: object) -> Iterator[object]:
    """A node and everything below it, from the top."""
    yield node
    for part in parts(node):
        yield from nodes(part)


def expressions(node: object) -> Iterator[core.Expr]:
    """Every expression at or below a node."""
    return (found for found in nodes(node) if isinstance(found, core.Expr))


def bodies(spec: core.Spec) -> Iterator[object]:
    """Everything in a specification that is evaluated in states: variables' initial values, functions, actions,
    properties."""
    yield from spec.vars
    yield from spec.init_where
    yield from spec.functions
    yield from spec.actions
    yield from spec.properties


def sorts_in(of: ty.Type) -> set[str]:
    """The sorts whose elements may occur in a value of a type."""
    found = {of.name} if isinstance(of, ty.Sort) else set()
    for part in type_parts(of):
        found |= sorts_in(part)
    return found


def type_parts(of: ty.Type) -> tuple[ty.Type, ...]:
    """The types that a type is made of."""
    if isinstance(of, ty.Record):
        return tuple(kind for _, kind in of.fields)
    if isinstance(of, ty.Union):
        return of.cases
    if isinstance(of, ty.Tuple):
        return of.items
    if isinstance(of, ty.Map):
        return (of.key, of.value)
    return (of.item,) if isinstance(of, ty.Option | ty.Set | ty.Bag | ty.Seq) else ()


def named_types(spec: core.Spec) -> list[ty.Type]:
    """The enums, sorts, records and unions of a specification: declared, or made for its variables (fifo channels)."""
    found = {
        kind.name: kind for kind in spec.types.values() if isinstance(kind, ty.Enum | ty.Sort | ty.Record | ty.Union)
    }
    todo: list[ty.Type] = [var.type for var in spec.vars]
    while todo:
        kind = todo.pop(0)
        if isinstance(kind, ty.Record | ty.Union):
            found.setdefault(kind.name, kind)
        if not isinstance(kind, ty.Union):
            todo += type_parts(kind)
    return list(found.values())


def rewritten(expr: core.Expr, change: Callable[[core.Expr], core.Expr | None]) -> core.Expr:
    """The expression with what `change` gives in the place of its parts, looked at from the top; None: no change."""
    found = change(expr)
    if found is not None:
        return found
    changes: dict[str, Any] = {}
    for name in expr.__dataclass_fields__:
        value = getattr(expr, name)
        fresh = _inside(value, change)
        if fresh is not value:
            changes[name] = fresh
    return dataclasses.replace(expr, **changes) if changes else expr


def _inside(value: Any, change: Callable[[core.Expr], core.Expr | None]) -> Any:
    if isinstance(value, core.Expr):
        return rewritten(value, change)
    if isinstance(value, core.Gen):
        return dataclasses.replace(value, domain=rewritten(value.domain, change))
    if isinstance(value, tuple) and value:
        fresh = tuple(_inside(item, change) for item in value)
        return fresh if any(a is not b for a, b in zip(fresh, value, strict=True)) else value
    return value


def reads(node: object) -> set[str]:
    """The state variables read at or below a node (functions it calls are not entered)."""
    return {found.name for found in expressions(node) if isinstance(found, core.StateVar)}


def locals_in(node: object) -> set[str]:
    """The local names used at or below a node."""
    return {found.name for found in expressions(node) if isinstance(found, core.Local)}
