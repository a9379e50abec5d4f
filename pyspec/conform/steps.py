"""Every step of an action from a state; and the steps that no line shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspec.conform.machine import FastModel
from pyspec.conform.rt import State
from pyspec.lang import core
from pyspec.model.errors import EvaluationError
from pyspec.model.walk import nodes


def every_step(model: FastModel, action: core.Action, state: State) -> Iterator[tuple[State, tuple[Any, ...]]]:
    """Every step of an action from a state, with its arguments; steps that end in an error are passed over."""
    run = model.run(action.name)
    for args in every_argument(model, action, state, ()):
        try:
            yield from ((after, args) for after in run(state, *args))
        except EvaluationError:
            continue


def every_argument(
    model: FastModel, action: core.Action, state: State, so_far: tuple[Any, ...]
) -> Iterator[tuple[Any, ...]]:
    """Every choice of arguments of an action."""
    if len(so_far) == len(action.params):
        yield so_far
        return
    try:
        domain = list(model.domain(action.name, len(so_far))(state, *so_far))
    except EvaluationError:
        return
    for value in domain:
        yield from every_argument(model, action, state, (*so_far, value))


class SilentSteps:
    """The steps that no line shows.

    Some only add messages to sets of which everything else only takes messages out: with more messages in them all
    that was possible still is. Where any number of silent steps may be taken, these are taken at once, all of them.
    """

    def __init__(self, model: FastModel, actions: tuple[core.Action, ...], sets: frozenset[str]) -> None:
        self._model, self._actions = model, actions
        self._sends = tuple([action for action in actions if _only_adds(action, sets)])
        self._others = tuple([action for action in actions if action not in self._sends])
        self._pools = [model.attributes[name] for name in sets]

    def steps(self, state: State) -> Iterator[State]:
        """The states after one step."""
        return self._after(self._actions, state)

    def largest(self, state: State) -> State:
        """The state with all that can be sent."""
        for action in self._sends:
            run = self._model.run(action.name)
            for args in every_argument(self._model, action, state, ()):
                try:
                    state = next(iter(run(state, *args)), state)
                except EvaluationError:
                    continue
        return state

    def others(self, state: State) -> Iterator[State]:
        """The states after one step that does more than to send."""
        return self._after(self._others, state)

    def forgotten(self, state: State) -> int:
        """How many messages of the sets that `largest` makes larger are not remembered any more."""
        return sum(getattr(state, pool).forgotten for pool in self._pools) if self._sends else 0

    def _after(self, actions: tuple[core.Action, ...], state: State) -> Iterator[State]:
        for action in actions:
            for after, _ in every_step(self._model, action, state):
                yield after


def _only_adds(action: core.Action, sets: frozenset[str]) -> bool:
    """Whether a step of an action does nothing but to add to these sets, and is the only one with its arguments."""
    inside = [node for statement in action.body for node in nodes(statement)]
    chooses = any(isinstance(node, core.Any | core.Either) for node in inside)
    return not chooses and all(node.var in sets for node in inside if isinstance(node, core.Assign))
