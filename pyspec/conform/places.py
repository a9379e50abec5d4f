"""What a mapping can name in a specification: places in the state, parameters of actions, what an action sends."""

from __future__ import annotations

from collections.abc import Iterable

from pyspec.conform.received import received, sender_names
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.walk import nodes

Target = tuple[str, str | None, ty.Type]


def aliases(action: core.Action) -> dict[str, tuple[str, str, ty.Type]]:
    """Names that an action gives at once to fields of its parameters: `t` of `on Vote(t)` is field term of msg."""
    found = {}
    for statement in action.body:
        if not isinstance(statement, core.Let):
            continue
        value = statement.value
        if isinstance(value, core.Field) and isinstance(value.item, core.Local):
            whole = value.item.name
            if any(param.name == whole for param in action.params):
                found[statement.name] = (value.item.name, value.name, value.type)
    return found


def targets_of(action: core.Action) -> dict[str, Target]:
    """What `with` may give a value to: parameters, their fields, and the names that stand for fields."""
    found: dict[str, Target] = {}
    for param in action.params:
        found[param.name] = (param.name, None, param.type)
        if isinstance(param.type, ty.Record):
            for name, of in param.type.fields:
                found[f"{param.name}.{name}"] = (param.name, name, of)
    for name, (param_name, part, _) in aliases(action).items():
        of = next(param.type for param in action.params if param.name == param_name)
        assert isinstance(of, ty.Record)
        found[name] = (param_name, part, dict(of.fields)[part])
    return found | {name: (param.name, None, param.type) for name, param in sender_names(action).items()}


def read_names(action: core.Action) -> Iterable[str]:
    """The names of what an action takes from a channel, which `with` may compare."""
    message = received(action)
    return () if message is None else message.names


def sends(action: core.Action, spec: core.Spec) -> tuple[str, ...]:
    """The pools that an action adds messages to."""
    pools = {var.name for var in spec.vars if var.kind == "pool"}
    return tuple(
        dict.fromkeys(node.var for node in nodes(action) if isinstance(node, core.Assign) and node.var in pools)
    )


def variable_of(expr: core.Expr) -> str | None:
    """The variable that a place belongs to."""
    if isinstance(expr, core.StateVar):
        return expr.name
    return variable_of(expr.args[0]) if isinstance(expr, core.Op) and expr.op == "map.at" else None


def updated(place: core.Expr, value: core.Expr) -> core.Expr:
    """The value of a variable with another value at a place in it."""
    if isinstance(place, core.StateVar):
        return value
    assert isinstance(place, core.Op)
    whole, key = place.args
    return updated(whole, core.Op(whole.type, "map.update", (whole, key, value), span=place.span))


def declared(expr: core.Expr, spec: core.Spec) -> ty.Type | None:
    """The type of the place that an expression reads, with its bounds; for `len(x)` that of x."""
    if isinstance(expr, core.StateVar):
        return next(var.type for var in spec.vars if var.name == expr.name)
    if isinstance(expr, core.Op) and expr.op == "map.at":
        whole = declared(expr.args[0], spec)
        return whole.value if isinstance(whole, ty.Map) else None
    if isinstance(expr, core.Op) and expr.op == "seq.len":
        return declared(expr.args[0], spec)
    if isinstance(expr, core.Field) and isinstance(expr.item.type, ty.Record):
        return dict(expr.item.type.fields).get(expr.name)
    return None


__all__ = ["Target", "aliases", "declared", "read_names", "variable_of", "sends", "targets_of", "updated"]
