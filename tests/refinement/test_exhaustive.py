"""Exhaustive exploration: what is saved changes neither what is reached nor what is found."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from impl.runtime import world as small
from impl.runtime.world import Bounds, Choice, Deliver, World
from refinement.__main__ import find, main, protocols
from refinement.crdt_set import MAPPING as SETS
from refinement.harness import report
from refinement.harness.exhaustive import Explored, Search
from refinement.harness.footprint import Memory
from refinement.harness.mapping import ProtocolMapping
from refinement.harness.refiner import Rejection
from refinement.harness.rename import Renaming
from refinement.harness.worlds import Judged, follow
from refinement.raft import MAPPING as RAFT
from refinement.redis_lock import MAPPING as LOCKS
from tests.impl.mutants import crdt_set, raft, redis_lock

MISTAKES = {mutant.name: mutant for mutant in (*raft.MUTANTS, *crdt_set.MUTANTS, *redis_lock.MUTANTS)}
ONE_ELECTION = Bounds(RAFT.nodes, (("campaign", 1),))
ONE_ENTRY = Bounds(RAFT.nodes, (("campaign", 1), ("propose", 1)))
CHANGES = ((b"SADD", b"s", b"a"), 1), ((b"SREM", b"s", b"a"), 1)
SMALL: list[tuple[ProtocolMapping, Bounds]] = [
    (RAFT, Bounds(RAFT.nodes, (("campaign", 1),), crashes=1)),
    (RAFT, ONE_ENTRY),
    (SETS, Bounds(SETS.nodes, (), CHANGES, options=(("shards", 1),))),
    (LOCKS, Bounds(LOCKS.nodes, (("campaign", 1), ("wait", 2)))),
]
NAMES = ["raft crash", "raft entry", "crdt_set", "redis_lock"]


def explored(mapping: ProtocolMapping, bounds: Bounds, symmetry: bool = True, ordered: bool = True) -> Explored:
    """A small world, explored to its end."""
    return Search(mapping, bounds, "small", symmetry, ordered).run(time.monotonic() + 300, 200_000)


def first_of_links(world: World) -> Iterator[Choice]:
    """Every choice, with deliveries of what comes first on its link only."""
    heads: dict[tuple[str, str], object] = {}
    for source, target, message in world.network:
        heads.setdefault((source, target), message)
    for choice in small.choices(world):
        if not isinstance(choice, Deliver) or heads[choice.source, choice.target] == choice.message:
            yield choice


def plainly(mapping: ProtocolMapping, bounds: Bounds) -> tuple[set[tuple[object, ...]], Rejection | None]:
    """The same world without anything saved: no symmetry, no memory, crash and restart apart. The states of nodes
    that are up, under all names, and the first thing that was wrong."""
    judged = Judged(mapping, bounds)
    start = judged.start()
    found: set[tuple[object, ...]] = set()
    seen, todo = set(), [start]
    while todo:
        place = todo.pop()
        links: dict[tuple[str, str], list[object]] = {}
        for source, target, message in place.world.network:
            links.setdefault((source, target), []).append(message)
        rows = []
        for node in bounds.nodes:
            machine = place.world.machines[node]
            state = None if machine.state is None else mapping.alike(machine.state)
            rows.append((node, state, machine.durable))
            if state is not None:
                found.add(rows[-1])
        key = (tuple(rows), frozenset((link, tuple(queue)) for link, queue in links.items()), place.world.left)
        if key in seen:
            continue
        seen.add(key)
        for choice in first_of_links(place.world):
            try:
                todo.append(judged.take(place, choice)[0])
            except Rejection as rejection:
                return found, rejection
    return found, None


def kind(renaming: Renaming, row: tuple[object, ...]) -> int:
    """The same number for nodes that differ by names only."""
    number = renaming.number(row)
    return min(renaming.rename(place, number) for place in range(len(renaming.rows)))


@pytest.mark.parametrize(("mapping", "bounds"), SMALL, ids=NAMES)
def test_the_same_states_are_reached_with_and_without_what_is_saved(mapping: ProtocolMapping, bounds: Bounds) -> None:
    search = Search(mapping, bounds, "small", True, True)
    result = search.run(time.monotonic() + 300, 200_000)
    states, rejection = plainly(mapping, bounds)
    assert result.complete and result.failure is None and rejection is None
    renaming = Renaming(bounds.nodes, True)
    reached = {kind(renaming, search.renaming.part(number)[:3]) for number in search.nodes.machines}
    assert reached == {kind(renaming, row) for row in states}


@pytest.mark.parametrize(
    ("mapping", "bounds", "name"),
    [
        *[(RAFT, ONE_ENTRY, mutant.name) for mutant in raft.MUTANTS],
        *[(SETS, SMALL[2][1], mutant.name) for mutant in crdt_set.MUTANTS],
        *[(LOCKS, SMALL[3][1], mutant.name) for mutant in redis_lock.MUTANTS],
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_is_found_with_and_without_what_is_saved(mapping: ProtocolMapping, bounds: Bounds, name: str) -> None:
    with MISTAKES[name].planted():
        result = explored(mapping, bounds)
        _, rejection = plainly(mapping, bounds)
    assert (result.failure is None) == (rejection is None)


def test_a_mistake_that_a_crash_shows_is_found_in_the_worlds_of_the_command() -> None:
    with MISTAKES["vote_not_persisted"].planted():
        result = explored(RAFT, RAFT.worlds()["elections"])
    assert result.failure is not None


@pytest.mark.parametrize(("mapping", "bounds"), SMALL, ids=NAMES)
def test_what_was_judged_is_not_judged_again_and_every_position_is_the_same(
    mapping: ProtocolMapping, bounds: Bounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each position that the memory gives is the one that the judge gives."""
    remembered = Memory.check

    def both(self: Memory, position: Any, key: Any, steps: Any, unflushed: Any) -> Any:
        after = remembered(self, position, key, steps, unflushed)
        plain = self._unwatched(position, steps, unflushed)
        assert after.state == plain.state and dict(after.facts) == dict(plain.facts)
        assert dict(after.lives) == dict(plain.lives)
        assert not after.sent.changed(plain.sent) and not plain.sent.changed(after.sent)
        return after

    monkeypatch.setattr(Memory, "check", both)
    result = explored(mapping, bounds)
    assert result.complete and result.failure is None
    assert result.judged < result.transitions


def test_symmetry_finds_worlds_that_differ_by_names() -> None:
    for mapping, bounds in SMALL:
        few, many = explored(mapping, bounds), explored(mapping, bounds, symmetry=False)
        assert few.complete and many.complete and few.states < 0.5 * many.states


def test_in_any_order_messages_come_again_and_more_is_reached() -> None:
    ordered, free = explored(RAFT, ONE_ELECTION), explored(RAFT, ONE_ELECTION, ordered=False)
    assert ordered.complete and free.complete and ordered.states < free.states
    with MISTAKES["leads_on_one_vote"].planted():
        assert explored(RAFT, ONE_ELECTION, ordered=False).failure is not None


def test_the_shortest_way_to_a_mistake_is_given_and_can_be_gone_again() -> None:
    with MISTAKES["leads_on_one_vote"].planted():
        result = explored(RAFT, ONE_ELECTION)
        assert result.failure is not None and result.judge is not None
        assert not result.complete
        assert len(result.failure.choices) == 1
        assert follow(result.judge, result.failure.choices).rejection is not None


def test_an_exploration_says_when_it_is_partial() -> None:
    result = Search(RAFT, ONE_ELECTION, "one election", True, True).run(float("inf"), 20)
    assert not result.complete
    assert "PARTIAL" in report.explored_line(result)
    assert report.explored_data("raft", [result])["verdict"] == "incomplete"


def test_losses_and_copies_are_choices_where_links_are_in_order() -> None:
    none = explored(RAFT, ONE_ELECTION)
    lost = explored(RAFT, Bounds(RAFT.nodes, (("campaign", 1),), losses=1))
    twice = explored(RAFT, Bounds(RAFT.nodes, (("campaign", 1),), duplications=1))
    assert lost.complete and twice.complete and lost.failure is None and twice.failure is None
    assert none.states < lost.states and none.states < twice.states


def test_writes_that_are_not_flushed_are_lost_in_a_crash() -> None:
    slow = explored(RAFT, Bounds(RAFT.nodes, (("campaign", 1),), crashes=1, instant=False))
    assert slow.complete and slow.failure is None
    assert slow.states > explored(RAFT, SMALL[0][1]).states


@pytest.mark.parametrize("protocol", protocols())
def test_deep_worlds_are_explored_only_if_they_are_asked_for(protocol: str) -> None:
    mapping = find(protocol)
    assert mapping.deep < set(mapping.worlds())
    done = CliRunner().invoke(main, ["exhaustive", protocol, "--seconds", "0.5"])
    assert done.exit_code == 3
    for name in mapping.worlds():
        assert (f"{name}: " in done.stderr) == (name not in mapping.deep)
