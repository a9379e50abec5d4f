"""A failure as a regression test: a file that fails until the code is right, and then guards it."""

from __future__ import annotations

import ast
import pprint
from dataclasses import replace
from pathlib import Path

from impl.runtime import world as small
from impl.runtime.effects import Command
from impl.runtime.schedule import from_json, to_json
from impl.runtime.world import Choice
from refinement.harness.campaign import Found
from refinement.harness.mapping import ProtocolMapping
from refinement.harness.refiner import Rejection
from refinement.harness.scenario import Call, Scenario, run
from refinement.harness.worlds import Judged

WALK = '''"""Found by `python -m refinement campaign {protocol}`: {title}."""

from refinement.harness.saving import walk_again
from refinement.{protocol} import MAPPING

CALLS = {calls}

CHOICES = {choices}


def test_{name}() -> None:
    rejection = walk_again(MAPPING, {bounds!r}, CHOICES, CALLS)
    assert rejection is None, rejection
'''

SCENARIO = '''"""Found by `python -m refinement campaign {protocol}`: {title}."""

from refinement.harness.saving import run_again
from refinement.{protocol} import MAPPING

SCHEDULE = {schedule}

CALLS = {calls}


def test_{name}() -> None:
    rejection = run_again(MAPPING, {seed}, {seconds}, SCHEDULE, CALLS, {nodes})
    assert rejection is None, rejection
'''


def as_test(mapping: ProtocolMapping, found: Found, path: Path) -> str:
    """The text of a test file of this name for a failure."""
    protocol = mapping.protocol.name
    title = found.rejection.title.replace("\\", " ").replace('"""', "'''")[:90].rstrip(' ."')
    name = "".join(c if c.isalnum() and c.isascii() else "_" for c in path.stem.removeprefix("test_")).strip("_")
    if found.walked is not None and found.judged is not None:
        walked, rows = found.judged.bounds, named_bounds(mapping).items()
        bounds = next(n for n, b in rows if replace(b, calls=walked.calls) == walked)
        choices = pprint.pformat([repr(choice) for choice in found.walked.choices], width=116)
        calls = pprint.pformat(walked.calls, width=116)
        text = WALK.format(protocol=protocol, title=title, choices=choices, calls=calls, name=name, bounds=bounds)
    else:
        assert found.outcome is not None
        scenario = found.outcome.scenario
        made = [(call.at, call.client, call.node, call.command) for call in scenario.calls]
        text = SCENARIO.format(
            protocol=protocol,
            title=title,
            schedule=pprint.pformat(to_json(scenario.schedule).splitlines(), width=116),
            calls=pprint.pformat(made, width=116),
            name=name,
            seed=scenario.seed,
            seconds=scenario.seconds,
            nodes=scenario.nodes,
        )
    ast.parse(text)
    return text


def named_bounds(mapping: ProtocolMapping) -> dict[str, small.Bounds]:
    """Every world that a failure may come from."""
    walks = {f"walk {number}": bounds for number, bounds in enumerate(mapping.walks())}
    for count in mapping.others:
        walks |= {f"walk {number} of {count}": bounds for number, bounds in enumerate(mapping.of(count).walks())}
    return {**walks, **mapping.worlds()}


def walk_again(
    mapping: ProtocolMapping, bounds: str, texts: list[str], calls: tuple[tuple[Command, int], ...] | None = None
) -> Rejection | None:
    """Take the choices with these texts, where they are there; what is wrong on the way."""
    world = named_bounds(mapping)[bounds]
    judged = Judged(mapping, world if calls is None else replace(world, calls=calls))
    try:
        place = judged.start()
        for text in texts:
            choice: Choice | None = next((c for c in small.choices(place.world) if repr(c) == text), None)
            if choice is not None:
                place, _ = judged.take(place, choice)
    except Rejection as rejection:
        return rejection
    return None


def run_again(
    mapping: ProtocolMapping,
    seed: int,
    seconds: float,
    schedule: list[str],
    calls: list[tuple[object, ...]],
    nodes: int = 3,
) -> Rejection | None:
    """Run a saved scenario; what is wrong."""
    faults = from_json("\n".join(schedule))
    scenario = Scenario(seed, seconds, faults, tuple(Call(*call) for call in calls), nodes)  # type: ignore[arg-type]
    return run(mapping, scenario).rejection
