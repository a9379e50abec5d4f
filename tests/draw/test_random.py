"""Pictures of random specifications: state machines leave out nothing that happens, saved traces come back, messages
arrive where they were, and every form can be written."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET

import pytest

from pyspec import draw
from pyspec.base.diagnostics import SpecError
from pyspec.draw.explored import interpret
from pyspec.draw.machine import mode_vars, moves
from pyspec.draw.observed import changed
from pyspec.draw.saved import trace_of
from pyspec.lang import core, load_text
from pyspec.model.errors import EvaluationError
from pyspec.model.instance import Instance, instantiate
from pyspec.model.machine import Machine
from pyspec.model.replay import step_of
from pyspec.model.trace import Step, Trace
from tests.random_specs.declarations import random_spec


def instance_of(seed: int) -> Instance | None:
    try:
        return instantiate(load_text(random_spec(seed)))
    except SpecError:
        return None


def walk(instance: Instance, length: int) -> Trace | None:
    """A run that takes the first step to another state, again and again."""
    machine = Machine(instance)
    try:
        steps = [Step(None, (), machine.initial()[0])]
        for _ in range(length):
            last = steps[-1].state
            assert last is not None
            found = next(((r, a, s) for r, a, s in machine.successors(last) if s != last), None)
            if found is None:
                break
            steps.append(step_of(*found))
    except (EvaluationError, IndexError):
        return None
    return Trace(tuple(steps), None, None, instance)


def check_machines(instance: Instance) -> int:
    spec: core.Spec = instance.spec
    try:
        explored = interpret(instance, 300, time.monotonic() + 5)
    except EvaluationError:
        return 0
    seen = 0
    for var in mode_vars(spec):
        allowed = {move.seen for move in moves(spec, var)}
        for source, action, target in explored.transitions():
            old, new = (explored.states[n].values()[var.name] for n in (source, target))
            for p, q in changed(old, new):
                assert (p, q, explored.machine.runners[action].name) in allowed
                seen += 1
    return seen


def test_machines_of_random_specifications() -> None:
    instances = [one for seed in range(100) if (one := instance_of(seed)) is not None and mode_vars(one.spec)]
    assert sum(map(check_machines, instances)) > 20, "something was compared"


@pytest.mark.parametrize("first", [0, 20])
def test_pictures_of_random_specifications(first: int) -> None:
    drawn = 0
    for instance in filter(None, map(instance_of, range(first, first + 20))):
        pictures = [draw.protocol_map(instance), *draw.state_machines(instance, look=False)]
        trace = walk(instance, 6)
        if trace is not None:
            again = trace_of(json.loads(json.dumps(trace.to_json())), instance)
            assert [s.values() for s in again.states()] == [s.values() for s in trace.states()]
            pictures.append(draw.message_chart(trace))
        for picture in pictures:
            ET.fromstring(picture.svg())
            assert picture.dot() and picture.mermaid() and picture.plantuml()
            drawn += 1
    assert drawn > 10
