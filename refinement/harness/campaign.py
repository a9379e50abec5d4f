"""Campaigns: random walks in the small world, Hypothesis, and simulated clusters, in turn, until time is up."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st

from refinement.harness import worlds
from refinement.harness.chaos import random_scenario
from refinement.harness.mapping import ProtocolMapping
from refinement.harness.refiner import Rejection
from refinement.harness.scenario import Outcome, run
from refinement.harness.shrink import smaller_scenario, smaller_walk
from refinement.harness.worlds import Judged, Walked

LENGTHS = (100, 300, 900)
"""Choices in one walk: short ones are many, long ones see several leaderships."""


@dataclass
class Found:
    """A failure: where it came from, in its smallest form."""

    way: str
    seed: str
    rejection: Rejection
    walked: Walked | None = None
    judged: Judged | None = None
    outcome: Outcome | None = None
    before: int = 0

    @property
    def nodes(self) -> int:
        """How many nodes there were."""
        if self.judged is not None:
            return len(self.judged.bounds.nodes)
        return self.outcome.scenario.nodes if self.outcome is not None else 3


@dataclass
class Campaign:
    """What a campaign has done, and what it has found."""

    protocol: str
    seed: int
    seconds: float = 0.0
    runs: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    found: Found | None = None


Progress = Callable[[Campaign], None]


def campaign(
    mapping: ProtocolMapping,
    seconds: float,
    seed: int,
    progress: Progress | None = None,
    share: tuple[int, int] = (0, 1),
) -> Campaign:
    """Go on until something is found or the time is up; a shrunk failure may take a little longer.

    `share`: of the rounds of several processes the ones of this one, by its number and theirs.
    """
    began = time.monotonic()
    report = Campaign(mapping.protocol.name, seed)
    ways = [walking, walking, simulating, hypothesizing, simulating]
    round_, step = share
    while time.monotonic() - began < seconds and report.found is None:
        until = min(began + seconds, time.monotonic() + 0.04 * seconds + 0.5)
        ways[round_ % len(ways)](mapping, report, f"{seed}/{round_}", until)
        round_ += step
        report.seconds = time.monotonic() - began
        if progress is not None:
            progress(report)
    report.seconds = time.monotonic() - began
    return report


def walking(mapping: ProtocolMapping, report: Campaign, name: str, until: float, shrink: bool = True) -> None:
    """Random walks, each with habits of its own."""
    random = Random(f"walk {name}")
    while time.monotonic() < until:
        for judged in _worlds(mapping, random):
            seed = random.getrandbits(48)
            walked = walk_of(judged, seed)
            report.runs["walks"] += 1
            report.steps += len(walked.steps)
            if walked.rejection is not None:
                small = smaller_walk(judged, walked, 20.0) if shrink else walked
                assert small.rejection is not None
                report.found = Found("walk", str(seed), small.rejection, small, judged, before=len(walked.choices))
                return


def walk_of(judged: Judged, seed: int) -> Walked:
    """The walk that a seed stands for."""
    random = Random(seed)
    weights = worlds.random_weights(random)
    jams = worlds.jams(Random(seed + 1), judged.bounds.nodes, judged.mapping.protocol.messages)
    never = worlds.omitted(Random(seed + 2), judged.bounds)
    return worlds.walk(judged, worlds.random_numbers(random), random.choice(LENGTHS), weights, jams, never)


def _worlds(mapping: ProtocolMapping, random: Random) -> Iterator[Judged]:
    """The worlds for walks, and sometimes one with another number of nodes; in each a few random calls besides."""
    found = list(mapping.walks())
    if mapping.others and random.random() < 0.5:
        found.append(random.choice(mapping.of(random.choice(mapping.others)).walks()))
    for bounds in found:
        calls = {mapping.of(len(bounds.nodes)).call(random): 3 for _ in range(4)}
        yield Judged(mapping, replace(bounds, calls=tuple((calls | dict(bounds.calls)).items())))


def simulating(mapping: ProtocolMapping, report: Campaign, name: str, until: float, shrink: bool = True) -> None:
    """Simulated clusters in trouble."""
    random = Random(f"simulation {name}")
    while time.monotonic() < until:
        scenario = random_scenario(mapping, random)
        outcome = run(mapping, scenario)
        report.runs["simulations"] += 1
        report.steps += outcome.count
        if outcome.rejection is not None:
            small = smaller_scenario(mapping, outcome, 40.0) if shrink else outcome
            assert small.rejection is not None
            report.found = Found("simulation", str(scenario.seed), small.rejection, outcome=small, before=scenario.size)
            return


def hypothesizing(mapping: ProtocolMapping, report: Campaign, name: str, until: float) -> None:
    """Walks whose choices Hypothesis makes, and shrinks."""
    for judged in _worlds(mapping, Random(name)):
        failure = _hypothesis(judged, report, name, until)
        if failure is not None:
            small = smaller_walk(judged, failure, 10.0)
            assert small.rejection is not None
            report.found = Found("Hypothesis", name, small.rejection, small, judged, before=len(failure.choices))
            return


class _Enough(Exception):
    """The time is up."""


def _hypothesis(judged: Judged, report: Campaign, name: str, until: float) -> Walked | None:
    failures: list[Walked] = []

    @hypothesis_seed(name)
    @settings(
        max_examples=1_000_000,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(st.lists(st.integers(0, 1023), min_size=20, max_size=120))
    def attempt(numbers: list[int]) -> None:
        if time.monotonic() > until + (10.0 if failures else 0.0):
            raise _Enough
        walked = worlds.walk(judged, iter(numbers), len(numbers))
        report.runs["Hypothesis"] += 1
        report.steps += len(walked.steps)
        if walked.rejection is not None:
            failures.append(walked)
            raise walked.rejection

    with contextlib.suppress(_Enough, Rejection):
        attempt()
    return failures[-1] if failures else None
