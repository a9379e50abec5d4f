"""The action of the specification that comes nearest to a step of the implementation."""

from __future__ import annotations

import itertools

from pyspec.model.errors import EvaluationError
from pyspec.model.values import Atom, Rec
from refinement.harness.mapping import ProtocolMapping, Step, View
from refinement.harness.refiner import Refiner, Rejection
from refinement.harness.walk import Position, Walk
from refinement.harness.why import branches, why_refused

TRIED = 3000


def nearest(mapping: ProtocolMapping, position: Position, rejection: Rejection) -> list[str]:
    """Which action of the node, with which arguments, would come nearest to where its step led, and what is wrong with
    it. Where the mapping found actions, the last of them is meant: how it decided is told then."""
    step = rejection.step
    if step is None or rejection.kind not in ("step", "message"):
        return []
    taken = [move for move in rejection.moves if move.action is not None]
    if taken:
        last = taken[-1]
        action = mapping.abstract.runners[last.action or ""].action
        how = branches(mapping.abstract.instance, action, last.before, last.args)
        return [f"{last.text}, which decides so:", *(f"    {line}" for line in how)] if how else [last.text]
    return _searched(mapping, position, step)


def _searched(mapping: ProtocolMapping, position: Position, step: Step) -> list[str]:
    walk = Walk(mapping.abstract, position, mapping.free)
    refiner = Refiner(mapping)
    view = mapping.view(walk, step.node, step.after)
    me = mapping.atom(step.node) if mapping.role is not None else None
    best: tuple[tuple[int, int], list[str]] | None = None
    full = refiner.full(position)
    for runner in mapping.abstract.machine.runners:
        for args in itertools.islice(mapping.abstract.machine.each_arguments(runner, full), TRIED):
            if runner.action.kind == "fault" or (me is not None and not _acts(me, args)):
                continue
            found = _how_near(mapping, refiner, walk, runner.name, args, view)
            if best is None or found[0] < best[0]:
                best = found
    return best[1] if best is not None else []


def _acts(me: Atom, args: tuple[object, ...]) -> bool:
    """Whether a node is the one that acts: the first argument, or the receiver of the first message."""
    first = args[0] if args else None
    return first is me or (isinstance(first, Rec) and "to" in first._names and first["to"] is me)


def _how_near(
    mapping: ProtocolMapping, refiner: Refiner, walk: Walk, action: str, args: tuple[object, ...], view: View
) -> tuple[tuple[int, int], list[str]]:
    """How many parts of the state differ after an action (one that is not enabled counts as far), and why."""
    runner = mapping.abstract.runners[action]
    name = walk.text(action, args)
    try:
        outcomes = mapping.abstract.machine.runs(runner, walk.state, args)
    except EvaluationError:
        return (1000, 0), []
    if not outcomes:
        passed, lines = why_refused(mapping.abstract.instance, runner.action, walk.state, args)
        return (500, -passed), [f"{name}, but this is false:", *(f"    {line}" for line in lines)]
    differences = refiner.differences(outcomes[0], view)
    return (len(differences), 0), [f"{name}, but then:", *(f"    {line}" for line in differences)]
