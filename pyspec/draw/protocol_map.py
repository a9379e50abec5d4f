"""The map of a protocol: which actions send which messages, and who receives them. A specification without messages
gets a map of its actions and the variables they share."""

from __future__ import annotations

from collections.abc import Iterator

from pyspec.draw.graph import Edge, Graph, Node
from pyspec.draw.metrics import wrap, wrap_names
from pyspec.draw.parties import GLOBAL, Parties, action_text, parties
from pyspec.draw.sizes import DETAIL
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.unparse import type_text
from pyspec.model.walk import nodes, parts

DETAIL_WIDTH = 190.0
MOST_EDGES = 22  # of actions and variables; with more, only what is written is drawn


def protocol_map(spec: core.Spec, flaws: tuple[str, ...] = ()) -> Graph:
    """The map of a specification."""
    who = parties(spec)
    drawn, edges = _messages(spec, who) if spec.messages else _variables(spec, who)
    reads_drawn = any(edge.style == "dashed" for edge in edges)
    hues = {node.hue for node in drawn if node.shape != "message"}
    used = {name for name in (*who.names, GLOBAL) if who.hue(name) in hues}
    legend = [(name if name != GLOBAL else "outside any role", hue) for name, hue in who.legend(used)]
    return Graph(
        name=f"{spec.name}-map",
        title=f"{spec.name}: {_title(spec, reads_drawn)}",
        about=f"Actions of {spec.name} and the {'messages' if spec.messages else 'variables'} between them.",
        nodes=tuple(drawn),
        edges=tuple(edges),
        kind="map",
        legend=tuple(legend),
        notes=tuple(_notes(spec, reads_drawn)),
    )


def _title(spec: core.Spec, reads_drawn: bool) -> str:
    if spec.messages:
        return "who sends what to whom"
    return "what reads and writes what" if reads_drawn else "what writes what"


def _notes(spec: core.Spec, dashed: bool) -> Iterator[str]:
    if dashed:
        yield "Dashed: looks for it in the network." if spec.messages else "Dashed: reads it."
    silent = [action_text(a) for a in spec.actions if a.kind == "action" and not _touches(a, spec)]
    if spec.messages and silent:
        yield f"Actions that neither send nor receive: {', '.join(silent)}."


# ----------------------------------------------------------------------------------------------- messages


def sends(action: core.Action, spec: core.Spec) -> tuple[str, ...]:
    """The messages that an action puts into the network."""
    found: dict[str, None] = {}
    for node in nodes(action):
        if isinstance(node, core.Assign):
            of = {info.type.name for info in spec.messages if info.var == node.var}
            for part in nodes(node.value):
                if isinstance(part, core.RecordExpr) and getattr(part.type, "name", "") in of:
                    found[part.type.name] = None  # type: ignore[attr-defined]
                if isinstance(part, core.CaseExpr) and part.case in of:
                    found[part.case] = None
    return tuple(info.type.name for info in spec.messages if info.type.name in found)


def receives(action: core.Action, spec: core.Spec) -> tuple[str, ...]:
    """The messages that an action handles, or looks for in the network."""
    if action.kind == "handler":
        own = (action.message,) if action.message else ()
        return own + tuple(m for m in looked_at(action, spec) if m not in own)
    return looked_at(action, spec)


def looked_at(action: core.Action, spec: core.Spec) -> tuple[str, ...]:
    """The messages in pools that an action, or a function it calls, reads other than to add to them."""
    pools = {info.var: info.type.name for info in spec.messages if info.network != "fifo"}
    functions = {function.name: function for function in spec.functions}
    found: dict[str, None] = {}
    for name in variables_read(action, functions, set()):
        if name in pools:
            found[pools[name]] = None
    return tuple(found)


def variables_read(node: object, functions: dict[str, core.Function], seen: set[str]) -> Iterator[str]:
    """The variables read below a node, except where a variable is read to be assigned again."""
    if isinstance(node, core.Assign):
        for part in parts(node):
            yield from (name for name in variables_read(part, functions, seen) if name != node.var)
        return
    if isinstance(node, core.StateVar):
        yield node.name
    if isinstance(node, core.Call) and node.name in functions and node.name not in seen:
        yield from variables_read(functions[node.name].body, functions, {*seen, node.name})
    for part in parts(node):
        yield from variables_read(part, functions, seen)


def _touches(action: core.Action, spec: core.Spec) -> bool:
    return bool(sends(action, spec) or receives(action, spec))


def _messages(spec: core.Spec, who: Parties) -> tuple[list[Node], list[Edge]]:
    drawn: list[Node] = []
    edges: list[Edge] = []
    for action in spec.actions:
        if action.kind != "fault" and _touches(action, spec):
            drawn.append(_action(action, who))
            edges += [Edge(f"action {action.name}", f"message {m}", ink=_ink(action, who)) for m in sends(action, spec)]
    for info in spec.messages:
        drawn.append(_message(info))
        edges += [_reception(info, action, spec) for action in spec.actions if _receives(action, info, spec)]
    return drawn, edges


def _receives(action: core.Action, info: core.MessageInfo, spec: core.Spec) -> bool:
    return action.kind != "fault" and info.type.name in receives(action, spec)


def _reception(info: core.MessageInfo, action: core.Action, spec: core.Spec) -> Edge:
    handled = action.kind == "handler" and action.message == info.type.name
    return Edge(f"message {info.type.name}", f"action {action.name}", style="solid" if handled else "dashed")


def _ink(action: core.Action, who: Parties) -> str:
    return f"{who.hue(who.of_action(action))}.line"


def _action(action: core.Action, who: Parties) -> Node:
    detail = () if who.of_action(action) == GLOBAL or len(who.names) < 2 else (who.of_action(action),)
    hue = who.hue(who.of_action(action))
    return Node(f"action {action.name}", (action_text(action),), detail, "action", hue, tip=action.doc or "")


def _message(info: core.MessageInfo) -> Node:
    fields = dict(info.type.fields)
    inner = [name for name in fields if name not in ("from", "to")]
    ends = " ".join(f"{word} {type_text(fields[word])}" for word in ("from", "to") if word in fields)
    faults = [word for word, on in (("lossy", info.lossy), ("duplicating", info.duplicating)) if on]
    lines = [*(wrap_names(inner, DETAIL, DETAIL_WIDTH) if inner else ()), *([ends] if ends else ())]
    lines += [f"{info.network}, {', '.join(faults)}"] if faults else []
    types = "\n".join(f"{name}: {type_text(kind)}" for name, kind in fields.items())
    tip = "\n\n".join(part for part in (info.doc, types) if part)
    return Node(f"message {info.type.name}", (info.type.name,), tuple(lines), "message", "grey", tip=tip)


# ----------------------------------------------------------------------------------------------- variables


def _variables(spec: core.Spec, who: Parties) -> tuple[list[Node], list[Edge]]:
    kept = {var.name: var for var in spec.vars if not var.ghost and var.kind in ("var", "field")}
    functions = {function.name: function for function in spec.functions}
    drawn: list[Node] = []
    edges: list[Edge] = []
    used: dict[str, None] = {}
    for action in spec.actions:
        if action.kind == "fault":
            continue
        written = dict.fromkeys(n.var for n in nodes(action) if isinstance(n, core.Assign) and n.var in kept)
        read = [n for n in dict.fromkeys(variables_read(action, functions, set())) if n in kept and n not in written]
        drawn.append(_action(action, who))
        edges += [Edge(f"action {action.name}", f"var {name}", ink=_ink(action, who)) for name in written]
        edges += [Edge(f"var {name}", f"action {action.name}", style="dashed") for name in read]
        used |= dict.fromkeys([*written, *read])
    if len(edges) > MOST_EDGES:
        edges = [edge for edge in edges if edge.style == "solid"]
        used = {name: None for name in used if any(edge.target == f"var {name}" for edge in edges)}
    for name in (name for name in kept if name in used):
        var = kept[name]
        own = var.kind == "field"
        text = tuple(
            wrap(type_text(var.type.value if own and isinstance(var.type, ty.Map) else var.type), DETAIL, DETAIL_WIDTH)
        )
        drawn.append(
            Node(
                f"var {name}", (name.rpartition(".")[2],), text, "variable", who.hue(who.of_var(var)), tip=var.doc or ""
            )
        )
    return drawn, edges


__all__ = ["looked_at", "protocol_map", "receives", "sends", "variables_read"]
