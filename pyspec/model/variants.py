"""Instances that differ in what their actions and functions do, as one: each body asks which variant is run.

What is generated and compiled for the one serves them all; a search is told its variant by number (the value of the
name VARIANT).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeVar

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.instance import Instance

#: A name no specification can use: the number of the variant.
VARIANT = "(variant)"

Body = TypeVar("Body")
Branch = Callable[[core.Expr, Body, Body], Body]


def combine(instances: Sequence[Instance]) -> Instance | None:
    """All of them as one instance; None if they differ in more than bodies of actions and functions."""
    first = instances[0]
    if not all(alike(first, other) for other in instances[1:]):
        return None
    spec = first.spec
    actions = tuple(
        dataclasses.replace(action, body=_choice([i.spec.actions[n].body for i in instances], 0, _either_block))
        for n, action in enumerate(spec.actions)
    )
    functions = tuple(
        dataclasses.replace(function, body=_choice([i.spec.functions[n].body for i in instances], 0, _either_value))
        for n, function in enumerate(spec.functions)
    )
    return dataclasses.replace(first, spec=dataclasses.replace(spec, actions=actions, functions=functions))


def alike(one: Instance, other: Instance) -> bool:
    """Whether two instances differ only in bodies of actions and functions."""
    return _frame(one) == _frame(other)


def _frame(instance: Instance) -> Instance:
    """An instance without its bodies."""
    spec = instance.spec
    actions = tuple(dataclasses.replace(a, body=()) for a in spec.actions)
    nothing = core.Lit(ty.Bool(), True)
    functions = tuple(dataclasses.replace(f, body=nothing) for f in spec.functions)
    return dataclasses.replace(instance, spec=dataclasses.replace(spec, actions=actions, functions=functions))


def _choice(bodies: Sequence[Body], start: int, branch: Branch[Body]) -> Body:
    """The body of the variant that is run; `start` is the number of the first. Halves, so as not to nest deeply."""
    if all(body == bodies[0] for body in bodies):
        return bodies[0]
    half = len(bodies) // 2
    number = core.Lit(ty.Int(), start + half)
    cond = core.Op(ty.Bool(), "lt", (core.Local(ty.Int(), VARIANT), number))
    return branch(cond, _choice(bodies[:half], start, branch), _choice(bodies[half:], start + half, branch))


def _either_block(cond: core.Expr, then: core.Block, other: core.Block) -> core.Block:
    return (core.If(cond, then, other),)


def _either_value(cond: core.Expr, then: core.Expr, other: core.Expr) -> core.Expr:
    return core.IfExpr(then.type, cond, then, other)
