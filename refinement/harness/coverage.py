"""Which behaviours of the specification there are, and which of them the implementation has shown.

A class of behaviour is an action together with the outcomes of the conditions on which it decides what to do.
"""

from __future__ import annotations

import time
from collections import deque
from random import Random

from impl.runtime import world as small
from pyspec.model.errors import EvaluationError
from pyspec.model.state import State
from pyspec.model.values import Value
from refinement.harness import worlds
from refinement.harness.abstract import Abstract, Beyond
from refinement.harness.chaos import random_scenario
from refinement.harness.mapping import ProtocolMapping
from refinement.harness.refiner import Rejection
from refinement.harness.scenario import run
from refinement.harness.walk import Move
from refinement.harness.why import decisions
from refinement.harness.worlds import Judged, Walked

Class = tuple[str, tuple[str, ...]]
"""An action, and each condition in it with its outcome, such as `raft.pspec:115 true`."""


def class_of(abstract: Abstract, state: State, action: str, args: tuple[Value, ...]) -> Class:
    """The class of a step of the specification."""
    return action, decisions(abstract.instance, abstract.runners[action].action, state, args)


def classes(abstract: Abstract, most: int, until: float) -> set[Class]:
    """The classes of all steps of a small model, as far as its states are listed in time."""
    found: set[Class] = set()
    start = abstract.initial
    seen, frontier = {start}, deque([start])
    while frontier and time.monotonic() < until:
        state = frontier.popleft()
        try:
            for runner, args, after in abstract.machine.successors(state):
                found.add(class_of(abstract, state, runner.name, args))
                if after not in seen and len(seen) < most and abstract.machine.within_limits(after):
                    seen.add(after)
                    frontier.append(after)
        except EvaluationError:
            continue
    return found


def shown_by(abstract: Abstract, moves: tuple[Move, ...]) -> set[Class]:
    """The classes of some moves."""
    return {class_of(abstract, move.before, move.action, move.args) for move in moves if move.action is not None}


def guided_walk(judged: Judged, wanted: set[Class], covered: set[Class], random: Random, most: int) -> Walked:
    """A walk that looks one choice ahead, and prefers what shows something new of the specification."""
    found = Walked([], [])
    try:
        place = judged.start()
        weights = worlds.random_weights(random)
        for _ in range(most):
            options = small.choices(place.world)
            tried = random.sample(options, min(len(options), 6))
            best: tuple[int, small.Choice] | None = None
            for choice in tried:
                try:
                    _, _, moves = judged.judge(place, choice)
                except Rejection:
                    found.choices.append(choice)
                    raise
                fresh = (shown_by(judged.refiner.abstract, moves) & wanted) - covered
                if best is None or len(fresh) > best[0]:
                    best = (len(fresh), choice)
            chosen = best[1] if best is not None and best[0] else worlds.pick(options, weights, random.getrandbits(30))
            if chosen is None:
                break
            found.choices.append(chosen)
            place, steps, moves = judged.judge(place, chosen)
            found.steps += [(float(len(found.choices)), step) for step in steps]
            covered |= shown_by(judged.refiner.abstract, moves)
            if any(judged.mapping.beyond(step.after) for step in steps):
                break
    except Rejection as rejection:
        found.rejection = rejection
    except Beyond:
        pass  # the sizes of the specification end here
    return found


def guide(mapping: ProtocolMapping, seconds: float, seed: int) -> tuple[set[Class], set[Class], Walked | None, Judged]:
    """The classes of the specification, those that the code has shown, and what was wrong on the way, if anything."""
    began = time.monotonic()
    every = classes(mapping.small(), 20_000, began + 0.3 * seconds)
    wanted = {found for found in every if found[0] not in mapping.elsewhere}
    covered: set[Class] = set()
    random = Random(seed)
    judges = [Judged(mapping, bounds) for bounds in mapping.walks()]
    while time.monotonic() < began + seconds and wanted - covered:
        judged = random.choice(judges)
        walked = guided_walk(judged, wanted, covered, random, 150)
        if walked.rejection is not None:
            return wanted, covered, walked, judged
        scenario = random_scenario(mapping, random, 4.0)
        covered |= shown_by(mapping.of(scenario.nodes).abstract, tuple(run(mapping, scenario).moves))
    return wanted, covered, None, judges[0]
