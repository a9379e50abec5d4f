"""One run of a cluster in the simulator, judged at every step."""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from impl.runtime.effects import Command, Effect, Event
from impl.runtime.protocol import Setup, Stepped
from impl.runtime.schedule import Schedule
from impl.runtime.simulator import SECOND, Operation, Simulation
from refinement.harness.abstract import Beyond
from refinement.harness.mapping import ProtocolMapping, Step
from refinement.harness.refiner import Refiner, Rejection, stopped
from refinement.harness.walk import Move

KEPT = 400
"""How many of the last steps a report can show."""


@dataclass(frozen=True)
class Call:
    """A client's command, or several at once, at a moment, in seconds."""

    at: float
    client: int
    node: str
    command: Command


@dataclass(frozen=True)
class Scenario:
    """Everything that decides a run: the simulator's seed, faults, calls, how long it lasts, and how many nodes."""

    seed: int
    seconds: float
    schedule: Schedule = ()
    calls: tuple[Call, ...] = ()
    nodes: int = 3

    @property
    def size(self) -> int:
        """How many events there are besides the passing of time."""
        return len(self.schedule) + len(self.calls)


@dataclass
class Outcome:
    """What became of a run. `steps` are the last ones, with the moment of each in seconds."""

    scenario: Scenario
    rejection: Rejection | None = None
    count: int = 0
    moment: float = 0.0
    cut: bool = False
    steps: deque[tuple[float, Step]] = field(default_factory=lambda: deque(maxlen=KEPT))
    history: list[Operation] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)


class _Run:
    """A simulation with a judge."""

    def __init__(self, mapping: ProtocolMapping, scenario: Scenario) -> None:
        self.mapping = mapping
        self.outcome = Outcome(scenario)
        self.refiner = Refiner(mapping, without=mapping.costly)
        self.position = self.refiner.start()
        self.before: dict[str, Any] = {}
        self.records: dict[str, tuple[Any, ...]] = {}
        self.booted: dict[str, int] = {}
        self.early: list[tuple[str, Event | None, tuple[Effect, ...], Any]] = []
        self.simulation: Simulation | None = None
        protocol = dataclasses.replace(mapping.protocol, boot=self._boot)
        options = dict(mapping.options)
        self.simulation = Simulation(protocol, mapping.nodes, scenario.seed, scenario.schedule, options)
        for item in scenario.calls:
            self.simulation.at(int(item.at * SECOND), lambda item=item: self._call(item))  # type: ignore[misc]
        self.simulation.watchers.append(self.watch)

    def _call(self, item: Call) -> None:
        assert self.simulation is not None
        self.simulation.call(item.client, item.node, item.command)

    def _boot(self, setup: Setup, records: tuple[Any, ...], clock: int, random: int) -> Stepped:
        """Boot as the protocol does, and keep what the disk held; the first boots come before any watcher is there."""
        state, effects = self.mapping.protocol.boot(setup, records, clock, random)
        self.records[setup.node] = records
        if self.simulation is None:
            self.early.append((setup.node, None, effects, state))
        return state, effects

    def run(self) -> Outcome:
        """Let it run; a rejection ends it."""
        outcome, simulation = self.outcome, self.simulation
        assert simulation is not None
        try:
            self._go(simulation)
        except Rejection as rejection:
            outcome.rejection = rejection
        except Beyond:
            outcome.cut = True
        outcome.moment = simulation.now / SECOND
        outcome.history = simulation.history
        if outcome.rejection is None and not outcome.cut:
            outcome.rejection = self._finished(simulation)
        return outcome

    def _go(self, simulation: Simulation) -> None:
        try:
            for first in self.early:
                self.watch(*first)
            simulation.run(self.outcome.scenario.seconds)
        except (Rejection, Beyond):
            raise
        except Exception as problem:
            raise stopped(problem) from problem

    def _finished(self, simulation: Simulation) -> Rejection | None:
        states = {name: host.node.state for name, host in simulation.hosts.items() if host.node is not None}
        whole = self.outcome.scenario.seconds
        calm = int((whole - self.mapping.calm) * SECOND)
        left = [call for call in simulation.history if call.returned is None and call.invoked < calm]
        owed = [call for call in left if call.node in states and call.invoked >= self.booted[call.node]]
        problems = chain(
            self.mapping.finished(states, simulation.history, whole), self.mapping.unanswered(states, owed)
        )
        found = next(problems, None)
        return None if found is None else Rejection("history", found)

    def watch(self, node: str, event: Event | None, effects: tuple[Effect, ...], state: Any) -> None:
        """One step of one node."""
        simulation = self.simulation
        host = simulation.hosts[node].node if simulation is not None else None
        durable = host.durable if host is not None and event is not None else 0
        before = None if event is None else self.before.get(node)
        if event is None:
            self.booted[node] = simulation.now if simulation is not None else 0
        step = Step(node, event, before, state, effects, durable, self.records.get(node, ()))
        self.before[node] = state
        outcome = self.outcome
        outcome.count += 1
        outcome.steps.append((simulation.now / SECOND if simulation is not None else 0.0, step))
        self.position = self.refiner.check(self.position, step, self.outcome.moves)
        if self.mapping.beyond(state):
            raise Beyond(f"{node} is near the end of the specification's sizes")


def run(mapping: ProtocolMapping, scenario: Scenario) -> Outcome:
    """Run a scenario to its end, or to the first step that is wrong."""
    return _Run(mapping.of(scenario.nodes), scenario).run()
