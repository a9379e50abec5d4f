"""Which choices commute: either order leads to the same world, so one order is enough (sleep sets).

After Godefroid, Partial-Order Methods for the Verification of Concurrent Systems (1996). A choice acts at one node: it
changes that node, takes from the links to it, and adds at the end of links from it. Two choices at different nodes
commute, unless both use up the last of one budget. Every world is still visited; what is saved are second ways to it.
"""

from __future__ import annotations

from typing import Any

from impl.runtime.world import Call, Choice, Crash, Deliver, Give, Lose, World


def node_of(choice: Choice) -> str:
    """Where a choice acts."""
    return choice.target if isinstance(choice, Deliver | Lose) else choice.node


def budget_of(choice: Choice) -> Any:
    """What a choice uses up, if it is limited in number."""
    if isinstance(choice, Give):
        return ("order", choice.order)
    if isinstance(choice, Crash):
        return "crash"
    if isinstance(choice, Lose):
        return "lose"
    return "duplicate" if isinstance(choice, Deliver) and choice.keep else None


def independent(world: World, one: Choice, other: Choice) -> bool:
    """Whether two choices that are both possible in a world commute there."""
    if node_of(one) == node_of(other):
        return False
    if isinstance(one, Call) and isinstance(other, Call):
        return False  # calls are numbered in the order in which they are made
    budget = budget_of(one)
    return budget is None or budget != budget_of(other) or world.left[budget] > 1
