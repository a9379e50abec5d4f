"""Mechanical mutants of a specification: each is the specification with one small thing wrong.

A guard or one conjunct of it dropped, a comparison flipped, an assignment (a send, too) removed, a stable field made
volatile, a quorum weakened. Properties and faults of the environment are left alone: what a function is for them it
stays. A mutant that no property notices shows either that a property is missing or that the change does not matter
(R. A. DeMillo, R. J. Lipton, F. G. Sayward, Hints on Test Data Selection, Computer 11(4), 1978).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import types as t
from pyspec.model.walk import nodes

#: what was done, where, and what stands there instead (None: nothing)
Variant = tuple[str, Span, Any]

_FLIPS = {"lt": "le", "le": "lt", "gt": "ge", "ge": "gt", "eq": "ne", "ne": "eq"}
_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_INT, _BOOL = t.Int(), t.Bool()


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A changed specification: `what` was changed, in which action or declaration, and where."""

    what: str
    owner: str
    span: Span
    spec: c.Spec


def mutants(spec: c.Spec) -> Iterator[Mutant]:
    """Every mutant of a specification, in the order of its text."""
    spec, acting = _apart(spec)
    for position, action in enumerate(spec.actions):
        if action.kind == "fault":
            continue
        for what, span, body in _variants(action.body, action.span):
            changed = dataclasses.replace(action, body=body)
            yield Mutant(what, action.name, span, _with_action(spec, position, changed))
    for number, function in enumerate(spec.functions):
        if function.name not in acting:
            continue
        for what, span, body in _variants(function.body, function.span):
            changed_function = dataclasses.replace(function, body=body)
            functions = (*spec.functions[:number], changed_function, *spec.functions[number + 1 :])
            yield Mutant(what, acting[function.name], span, dataclasses.replace(spec, functions=functions))
    yield from _volatile(spec)
    yield from _quorums(spec)


def _apart(spec: c.Spec) -> tuple[c.Spec, dict[str, str]]:
    """The specification with functions of their own for actions, so that a mutant of what an action calls leaves
    properties alone; the original name of each such function."""
    bodies = {function.name: function for function in spec.functions}
    called: dict[str, str] = {}
    todo = [name for action in spec.actions if action.kind != "fault" for name in _calls(action)]
    while todo:
        name = todo.pop()
        if name not in called:
            called[name] = f"{name} (acting)"
            todo += _calls(bodies[name])
    copies = tuple(
        dataclasses.replace(_renamed(f, called), name=called[f.name]) for f in spec.functions if f.name in called
    )
    actions = tuple(a if a.kind == "fault" else _renamed(a, called) for a in spec.actions)
    return dataclasses.replace(spec, functions=(*spec.functions, *copies), actions=actions), {
        copy: name for name, copy in called.items()
    }


def _calls(node: object) -> list[str]:
    return [found.name for found in nodes(node) if isinstance(found, c.Call)]


def _renamed(node: Any, names: dict[str, str]) -> Any:
    """A node with other names for the functions it calls."""
    if isinstance(node, tuple):
        return tuple(_renamed(item, names) for item in node)
    if not isinstance(node, (c.Expr, c.Stmt, c.Gen, c.IndexStep, c.Param, c.Action, c.Function)):
        return node
    changes = {f.name: _renamed(getattr(node, f.name), names) for f in dataclasses.fields(node) if f.name != "type"}
    if isinstance(node, c.Call):
        changes["name"] = names[node.name]
    return dataclasses.replace(node, **changes)


def _with_action(spec: c.Spec, position: int, action: c.Action) -> c.Spec:
    return dataclasses.replace(spec, actions=(*spec.actions[:position], action, *spec.actions[position + 1 :]))


def _variants(node: object, owner: Span) -> Iterator[Variant]:
    """All trees that differ from this one in one place. Statements that the sugar added carry the owner's span."""
    if isinstance(node, tuple):
        yield from _in_tuple(node, owner)
        return
    if not isinstance(node, (c.Expr, c.Stmt, c.Gen, c.IndexStep)):
        return
    if isinstance(node, c.Stmt) and node.span == owner:
        return
    for kind, alternatives in _ALTERNATIVES.items():
        if isinstance(node, kind):
            yield from alternatives(node)
    for f in dataclasses.fields(node):
        if f.name in ("type", "span"):
            continue
        for what, span, changed in _variants(getattr(node, f.name), owner):
            yield what, span, dataclasses.replace(node, **{f.name: changed})


def _in_tuple(node: tuple[object, ...], owner: Span) -> Iterator[Variant]:
    for i, item in enumerate(node):
        for what, span, changed in _variants(item, owner):
            middle = () if changed is None else (changed,)
            yield what, span, node[:i] + middle + node[i + 1 :]


# A condition that is a constant or a flaw is left alone: without it this is another protocol, which has its own model.


def _dropped_guard(node: c.When) -> Iterator[Variant]:
    if isinstance(node.cond, c.Op) and node.cond.op == "and":
        for i, part in enumerate(node.cond.args):
            if isinstance(part, c.Const):
                continue
            rest = node.cond.args[:i] + node.cond.args[i + 1 :]
            cond = rest[0] if len(rest) == 1 else dataclasses.replace(node.cond, args=rest)
            yield "one condition of the guard dropped", part.span, dataclasses.replace(node, cond=cond)
    else:
        yield "guard dropped", node.span, None


def _dropped_choice(node: c.Any) -> Iterator[Variant]:
    if node.cond is not None:
        yield "condition of the choice dropped", node.span, dataclasses.replace(node, cond=None)


def _removed(node: c.Assign) -> Iterator[Variant]:
    what = (
        f"send of {node.var.removeprefix('network.')}"
        if node.var.startswith("network.")
        else f"assignment to {node.var}"
    )
    yield f"{what} removed", node.span, None


def _fixed_condition(node: c.If) -> Iterator[Variant]:
    if isinstance(node.cond, c.Const):
        return
    for value in (True, False):
        cond = c.Lit(_BOOL, value, span=node.cond.span)
        yield f"condition of `if` always {str(value).lower()}", node.cond.span, dataclasses.replace(node, cond=cond)


def _changed_operator(node: c.Op) -> Iterator[Variant]:
    if node.op in _FLIPS:
        other = _FLIPS[node.op]
        yield f"`{_SIGNS[node.op]}` became `{_SIGNS[other]}`", node.span, dataclasses.replace(node, op=other)
    if node.op == "set.majority":
        yield "majority weakened to half", node.span, _half(node)


def _half(node: c.Op) -> c.Expr:
    """At least half of the nodes, rounded down, instead of more than half."""
    (chosen,) = node.args
    assert isinstance(chosen.type, t.Set)
    everyone = c.Domain(chosen.type, chosen.type.item, span=node.span)
    size = c.Op(_INT, "set.size", (chosen,), span=node.span)
    total = c.Op(_INT, "set.size", (everyone,), span=node.span)
    half = c.Op(_INT, "div", (total, c.Lit(_INT, 2, span=node.span)), span=node.span)
    return c.Op(_BOOL, "ge", (size, half), span=node.span)


_ALTERNATIVES: dict[type, Callable[..., Iterator[Variant]]] = {
    c.When: _dropped_guard,
    c.Any: _dropped_choice,
    c.Assign: _removed,
    c.If: _fixed_condition,
    c.Op: _changed_operator,
}


def _volatile(spec: c.Spec) -> Iterator[Mutant]:
    """Each stable field lost in a crash."""
    for var in spec.vars:
        if var.kind != "field" or not var.stable or var.ghost or not isinstance(var.init, c.MapComp):
            continue
        for position, action in enumerate(spec.actions):
            if action.kind == "fault" and action.role == var.role and action.name.split(".")[-1] == "crash":
                node = action.params[0]
                key = c.IndexStep(c.Local(node.type, node.name, span=var.span))
                lost = c.Assign(var.name, (key,), var.init.body, span=var.span)
                changed = dataclasses.replace(action, body=(*action.body, lost))
                yield Mutant(
                    f"stable {var.name} made volatile", var.name, var.span, _with_action(spec, position, changed)
                )


def _quorums(spec: c.Spec) -> Iterator[Mutant]:
    """Each quorum system of sets one smaller."""
    for position, const in enumerate(spec.consts):
        if const.quorum not in ("majority", "byzantine"):
            continue
        assert isinstance(const.type, t.Set) and isinstance(const.type.item, t.Set)
        weak = _smaller(const, const.type.item)
        changed = dataclasses.replace(const, quorum="custom", default=weak)
        consts = (*spec.consts[:position], changed, *spec.consts[position + 1 :])
        yield Mutant("quorums one node smaller", const.name, const.span, dataclasses.replace(spec, consts=consts))


def _smaller(const: c.ConstDecl, kind: t.Set) -> c.Expr:
    span = const.span

    def number(op: str, *args: c.Expr) -> c.Expr:
        return c.Op(_INT, op, args, span=span)

    def lit(value: int) -> c.Expr:
        return c.Lit(_INT, value, span=span)

    everyone = c.Domain(kind, kind.item, span=span)
    n = number("set.size", everyone)
    size = number("div", n, lit(2))
    if const.quorum == "byzantine":
        size = number("sub", number("sub", n, number("div", number("sub", n, lit(1)), lit(3))), lit(1))
    chosen = c.Local(kind, "chosen", span=span)
    cond = c.Op(_BOOL, "eq", (number("set.size", chosen), number("max2", size, lit(1))), span=span)
    subsets = c.Op(t.Set(kind), "set.subsets", (everyone,), span=span)
    return c.SetComp(t.Set(kind), (c.Gen("chosen", subsets),), cond, chosen, span=span)
