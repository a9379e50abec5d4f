"""The Raft core step by step against specs/raft.pspec: clean as it is, rejected with a mistake in it."""

from dataclasses import replace
from random import Random
from typing import ClassVar

import pytest

from impl.runtime.schedule import Crash
from refinement.harness.chaos import random_scenario
from refinement.harness.scenario import Call, Scenario, run
from refinement.raft import MAPPING, RaftMapping
from tests.impl.mutants.raft import MUTANTS
from tests.refinement import hold

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


def test_walks_of_the_core_are_steps_of_the_specification() -> None:
    assert hold.walks(MAPPING, range(12)) is None


def test_simulated_clusters_take_steps_of_the_specification() -> None:
    assert hold.simulations(MAPPING, range(2)) is None


class Short(RaftMapping):
    """Logs that end soon."""

    sizes: ClassVar = {**RaftMapping.sizes, "LENGTH": 16}


def test_more_entries_in_one_step_than_the_specification_holds_are_no_mistake() -> None:
    """Batches that have waited for a leader come to it in one message."""
    assert hold.simulations(Short(), range(6, 9)) is None


class Hasty(RaftMapping):
    """Judges what is served two seconds after the last fault."""

    calm = 2.0


def test_a_slow_election_after_the_last_fault_is_no_mistake() -> None:
    """Among these runs is one in which clients still wait two seconds after the faults."""
    runs = (random_scenario(Hasty(), Random(seed)) for seed in range(5, 40))
    scenario = next(one for one in runs if run(Hasty(), one).rejection is not None)
    longer = replace(scenario, seconds=scenario.seconds - Hasty.calm + MAPPING.calm)
    assert run(MAPPING, longer).rejection is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("vote_not_persisted", "recovery"),
        ("votes_twice", "step"),
        ("leads_on_one_vote", "step"),
        ("commits_without_majority", "step"),
        ("acks_before_flush", "hasty"),
        ("snapshot_without_vote", "recovery"),
        ("always_cuts", "step"),
        ("numbers_go_on", "demand"),
        ("session_returns", "demand"),
        ("denies_the_lost", "demand"),
        ("forgets_time", "demand"),
    ],
)
def test_a_mistake_is_rejected_by_walks(name: str, kind: str) -> None:
    with BY_NAME[name].planted():
        rejection = hold.walks(MAPPING, range(60))
    assert rejection is not None
    assert rejection.kind == kind


def test_a_step_that_is_refused_names_the_guard_and_its_values() -> None:
    with BY_NAME["commits_without_majority"].planted():
        rejection = hold.walks(MAPPING, range(60))
    assert rejection is not None
    assert "advance_commit" in rejection.title
    assert any("majority(" in line and "raft.pspec:" in line for line in rejection.lines)


def test_a_run_without_calls_or_nodes_has_an_end() -> None:
    assert run(MAPPING, Scenario(1, 6.0)).rejection is None
    schedule = tuple((1.0, Crash(node)) for node in MAPPING.nodes)
    call = Call(2.0, 1, "n1", (b"INCR", b"counter"))
    assert run(MAPPING, Scenario(1, 6.0, schedule, (call,))).rejection is None
