"""The lock service step by step against its specification and its leases: clean as it is, rejected with a mistake."""

import pytest
from immutables import Map

from impl.redis_lock import core, stream
from impl.redis_lock.messages import Beat, Promise, Sync
from impl.redis_lock.state import Follower
from impl.runtime.commands import execute
from impl.runtime.effects import Receive, Request
from impl.runtime.protocol import Setup
from refinement.harness.mapping import Step
from refinement.harness.refiner import Refiner
from refinement.redis_lock import MAPPING
from tests.impl.mutants.redis_lock import MUTANTS
from tests.refinement import hold

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


def test_walks_of_the_core_are_steps_of_the_specification() -> None:
    assert hold.walks(MAPPING, range(15)) is None


def test_simulated_clusters_take_steps_of_the_specification() -> None:
    assert hold.simulations(MAPPING, range(2)) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("promise_not_persisted", "recovery"),
        ("promises_before_flush", "hasty"),
        ("votes_after_restart", "demand"),
        ("votes_within_lease", "demand"),
        ("votes_twice", "demand"),
        ("leads_alone", "demand"),
        ("tokens_without_epoch", "demand"),
        ("start_kept", "demand"),
        ("tells_former_owners", "demand"),
        ("denies_at_once", "demand"),
        ("denies_and_forgets", "demand"),
    ],
)
def test_a_mistake_is_rejected_by_walks(name: str, kind: str) -> None:
    with BY_NAME[name].planted():
        rejection = hold.walks(MAPPING, range(60))
    assert rejection is not None
    assert rejection.kind == kind


def test_a_copy_may_lose_everything_to_a_leader_that_has_nothing() -> None:
    records = (Promise(1, "n2"),)
    empty, effects = core.boot(Setup("n2", MAPPING.nodes, dict(MAPPING.options)), records, 0, 1)
    refiner = Refiner(MAPPING)
    position = refiner.check(refiner.start(), Step("n2", None, None, empty, effects, 0, records))
    state = empty.copy()
    state.role, state.followers = "leader", Map({"n1": Follower(), "n3": Follower()})
    take = Request(1, ((b"SET", b"lock", b"c1", b"NX", b"PX", b"1000"),))
    for event in (take, Receive("n3", Beat(2, 1)), Receive("n3", Sync(2, stream.image(empty)))):
        assert bool(state.keys.items) == (event is not take)
        after, effects = core.step(state, event)
        position = refiner.check(position, Step("n2", event, state, after, effects))
        state = after
    assert not state.keys.items


def test_a_copy_that_comes_again_may_be_older_than_what_has_run_out() -> None:
    empty, effects = core.boot(Setup("n2", MAPPING.nodes, dict(MAPPING.options)), (Promise(1, "n2"),), 0, 1)
    refiner = Refiner(MAPPING)
    position = refiner.check(refiner.start(), Step("n2", None, None, empty, effects, 0, (Promise(1, "n2"),)))
    leads = empty.copy()
    leads.role, leads.followers = "leader", Map({"n1": Follower(), "n3": Follower()})
    take = Request(1, ((b"SET", b"lock", b"c1", b"NX", b"PX", b"1000"),))
    held, effects = core.step(leads, take)
    position = refiner.check(position, Step("n2", take, leads, held, effects))
    swept = held.copy()
    swept.keys, _ = execute(held.keys, ((b"GET", b"lock"),), 2000)
    assert not swept.keys.items
    state = held
    for event in (Receive("n3", Beat(2, 1)), Receive("n3", Sync(2, stream.image(swept)))):
        after, effects = core.step(state, event)
        position = refiner.check(position, Step("n2", event, state, after, effects))
        state = after
    assert not state.keys.items
