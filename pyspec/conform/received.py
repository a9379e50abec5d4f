"""What a handler of a fifo channel receives: the message at the head of the channel, and the names it gives to fields.

A handler of a pool has its message as a parameter, whose fields `with` fixes. A fifo handler has the sender only; its
message is read from the channel by the first statements of its body. They become expressions over the handler's
parameters here, in front of an expression of the mapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.walk import locals_in

#: How a mapping names the whole message, as it does that of a pool's handler.
MESSAGE = "msg"


@dataclass(frozen=True)
class Received:
    """The head of a channel, and expressions over it by the names that a mapping may use."""

    head: core.Let
    names: Mapping[str, core.Expr]

    def around(self, expr: core.Expr) -> core.Expr:
        """An expression with the names that it uses bound to what they stand for."""
        used = sorted(locals_in(expr) & self.names.keys())
        for name in used:
            expr = core.LetExpr(expr.type, name, self.names[name], expr, span=expr.span)
        return self.within(expr) if used else expr

    def within(self, expr: core.Expr) -> core.Expr:
        """An expression over the head of the channel, as one over the parameters of the handler."""
        return core.LetExpr(expr.type, self.head.name, self.head.value, expr, span=expr.span)

    def types(self) -> dict[str, ty.Type]:
        """The names that expressions of a mapping can use."""
        return {name: expr.type for name, expr in self.names.items() if name.isidentifier()}


def received(action: core.Action) -> Received | None:
    """What a fifo handler receives; None for any other action."""
    head = next((one for one in action.body if isinstance(one, core.Let)), None)
    if action.kind != "handler" or head is None or not isinstance(head.value.type, ty.Union):
        return None
    whole = core.Local(head.value.type, head.name, span=head.span)
    record = next((case for case in head.value.type.cases if case.name == action.message), None)
    if record is None:
        return None
    names: dict[str, core.Expr] = {}
    for name, of in record.fields:
        names[f"{MESSAGE}.{name}"] = core.CaseField(of, whole, record.name, name)
    for statement in action.body:
        if isinstance(statement, core.Let) and _reads(statement.value, head.name):
            names[statement.name] = statement.value
    return Received(head, names)


def _reads(expr: core.Expr, head: str) -> bool:
    return isinstance(expr, core.CaseField) and isinstance(expr.item, core.Local) and expr.item.name == head


def sender_names(action: core.Action) -> dict[str, core.Param]:
    """Other names of parameters: `voter` of `on Vote from voter` where the parameter is `sender`."""
    params = {param.name: param for param in action.params}
    return {
        one.name: params[one.value.name]
        for one in action.body
        if isinstance(one, core.Let) and isinstance(one.value, core.Local) and one.value.name in params
    }
