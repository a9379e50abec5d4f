"""Exact traces of real processes, judged step by step as in the simulator: the same mapping, the same judge.

A line of a node's trace holds the event that the core took. Each is taken again; what the process did then, by its
trace, must be what the core does, and what the core does must be a step of the specification.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impl.runtime.effects import Effect, Event
from impl.runtime.trace import Tracer, unpacked
from refinement.harness.abstract import Beyond
from refinement.harness.mapping import ProtocolMapping, Step
from refinement.harness.refiner import Refiner, Rejection, stopped
from refinement.harness.scenario import KEPT

OF_THE_FILE = frozenset(("step", "time", "moment", "durable", "exact"))
"""Fields of a line that say nothing about what the node did."""


class BadTrace(Exception):
    """A file that is no exact trace."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: where it stands, what it says, and the event (None where the node boots, with `boot` then)."""

    place: str
    moment: int
    said: dict[str, Any]
    event: Event | None
    boot: tuple[tuple[Any, ...], int, int] | None = None


@dataclass
class Traced:
    """What became of judging traces: how many steps were, the last of them, and the line of the first wrong one.

    `cut`: why the rest was not judged, in seconds since the first line.
    """

    count: int = 0
    starts: int = 0
    seconds: float = 0.0
    cut: str = ""
    place: str = ""
    said: dict[str, Any] = field(default_factory=dict)
    rejection: Rejection | None = None
    steps: deque[tuple[float, Step]] = field(default_factory=lambda: deque(maxlen=KEPT))


def read(path: Path, mapping: ProtocolMapping) -> Iterator[Line]:
    """The lines of a node's trace. One that a killed process has not finished is passed over: nothing follows it."""
    texts = path.read_text(encoding="utf-8").splitlines()
    for number, text in enumerate(texts, 1):
        place = f"{path.name}:{number}"
        try:
            said = json.loads(text)
        except ValueError as problem:
            if number == len(texts) or '"event":"boot"' in texts[number]:
                continue
            raise BadTrace(f"{place} cannot be read: {problem}") from problem
        try:
            found, moment = unpacked(said["exact"], mapping.protocol), int(said["moment"])
        except (ValueError, KeyError, TypeError) as problem:
            raise BadTrace(f"{place} is no line of an exact trace: {problem}") from problem
        yield Line(place, moment, said, *((None, found) if isinstance(found, tuple) else (found, None)))


def merged(files: list[Path], mapping: ProtocolMapping) -> list[Line]:
    """The lines of all nodes in the order of their moments, which is one of all processes."""
    return sorted((line for path in files for line in read(path, mapping)), key=lambda line: line.moment)


class _Replay:
    """The nodes of a run, taken through their traces again."""

    def __init__(self, mapping: ProtocolMapping, options: Mapping[str, Any]) -> None:
        self.mapping = mapping
        self.refiner = Refiner(mapping, options)
        self.position = self.refiner.start()
        self.states: dict[str, Any] = {}
        self.tracers: dict[str, Tracer] = {}
        self.told: list[str] = []

    def take(self, line: Line) -> Step:
        """The step of a line; raises Rejection where the trace says something else."""
        node = str(line.said["node"])
        protocol, before = self.mapping.protocol, None if line.event is None else self.states.get(node)
        records: tuple[Any, ...] = ()
        try:
            if line.event is None:
                assert line.boot is not None
                records, clock, random = line.boot
                self.tracers[node] = Tracer(node, protocol, self.told.append, lambda: 0.0)
                after, effects = protocol.boot(self.refiner.setup[node], records, clock, random)
            elif before is None:
                raise Rejection("trace", f"{node} takes a step before it has booted")
            else:
                after, effects = protocol.step(before, line.event)
        except Rejection:
            raise
        except Exception as problem:
            raise stopped(problem) from problem
        step = Step(node, line.event, before, after, effects, int(line.said.get("durable", 0)), records)
        self.states[node] = after
        self._compare(line, step, effects)
        return step

    def _compare(self, line: Line, step: Step, effects: tuple[Effect, ...]) -> None:
        """What the core does, told as a trace tells it, is what the trace says."""
        self.told.clear()
        self.tracers[step.node].observe(line.event, effects, step.after)
        does = json.loads(self.told[0]) if self.told else {"node": step.node, "event": "tick", "state": {}}
        names = sorted((does.keys() | line.said.keys()) - OF_THE_FILE)
        wrong = [name for name in names if does.get(name) != line.said.get(name)]
        if wrong:
            lines = [f"{name}: the trace says {line.said.get(name)}, the core does {does.get(name)}" for name in wrong]
            raise Rejection("trace", f"{step.node} did something else than the core does", tuple(lines), step=step)


def judge(mapping: ProtocolMapping, files: list[Path], options: Mapping[str, Any]) -> Traced:
    """Hold the traces of a run against the specification, up to the first step that is wrong."""
    found, replay = Traced(), _Replay(mapping, options)
    lines = merged(files, mapping)
    if not lines:
        raise BadTrace("the traces are empty")
    began = lines[0].moment
    for line in lines:
        found.seconds = (line.moment - began) / 1e9
        try:
            step = replay.take(line)
            found.steps.append((found.seconds, step))
            replay.position = replay.refiner.check(replay.position, step)
            if mapping.beyond(step.after):
                raise Beyond(f"{step.node} is near the end of the specification's sizes")
        except Rejection as rejection:
            found.rejection, found.place, found.said = rejection, line.place, line.said
            break
        except Beyond as end:
            found.cut = str(end)
            break
        found.count += 1
        found.starts += line.event is None
    return found
