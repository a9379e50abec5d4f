"""Membership changes are judged: the rules of the thesis hold as the code is, and a mistake in any of them is found."""

from typing import Any

import pytest

from impl.raft import compaction, config, core, election, machine, membership, replication
from impl.raft.messages import Appended, Entry, Hard, Install, Kind, Members, Snapshot
from impl.raft.state import State, Turn
from impl.runtime.effects import Failure, Receive
from impl.runtime.protocol import Setup
from impl.runtime.simulator import Operation, Simulation
from refinement.harness.mapping import Step
from refinement.harness.walk import Position, Walk
from refinement.raft import MAPPING, members
from tests.refinement import hold


def quorum_of_everyone(s: State) -> int:
    """Learners count."""
    matches = sorted((progress.match for progress in s.progress.values()), reverse=True)
    return matches[len(matches) // 2]


def after_commit_at_once(turn: Turn) -> None:
    """Orders are answered before they are committed."""
    s = turn.s
    for _, origin, number in s.orders:
        turn.send(origin, membership.AdminReply(number, None), held=False)
    s.orders = ()
    ORIGINAL(turn)


ORIGINAL = membership.after_commit
MISTAKES: dict[str, tuple[Any, str, Any, str]] = {
    "two changes at once": (config, "changing", lambda s: False, "is under way"),
    "a change before a commit of the term": (membership, "committed_in_term", lambda s: True, "nothing in its term"),
    "a configuration that is cut off stays": (config, "drop_after", lambda turn, index: None, "goes by"),
    "a configuration holds once committed": (config, "adopt", lambda turn, entries: None, "goes by"),
    "learners count for commits": (replication, "quorum_index", quorum_of_everyone, "of the voters"),
    "whoever is out stands for election": (election, "may_campaign", lambda s: True, "has no vote itself"),
    "a snapshot with the latest configuration": (
        compaction.config,
        "at",
        lambda s, index: s.members,
        "at its end held",
    ),
    "answers too early": (membership, "after_commit", after_commit_at_once, "it is not committed"),
}


def judged(seeds: int) -> str:
    rejection = hold.walks(MAPPING, range(seeds))
    return "" if rejection is None else str(rejection)


def test_the_rules_hold() -> None:
    assert judged(12) == ""
    assert hold.simulations(MAPPING, range(100, 102)) is None


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, what, wrong, said = MISTAKES[name]
    monkeypatch.setattr(where, what, wrong)
    assert said in judged(60)


def test_a_configuration_that_a_snapshot_has_replaced_never_held() -> None:
    lost = Entry(1, 1, 0, int(Kind.MEMBERS), config.encode(Members(("n1", "n2"))))
    before, _ = core.boot(Setup("n3", MAPPING.nodes, {}), (Hard(1, "n3"), Appended((lost,))), 0, 1)
    data = machine.dump(machine.Machine())
    install = Install(2, Snapshot(4, 2, 0, Members(MAPPING.nodes), data), 0, len(data), 1)
    event = Receive("n1", install)
    after, effects = core.step(before, event)
    assert after.members.voters == MAPPING.nodes
    walk = Walk(MAPPING.abstract, Position(MAPPING.abstract.initial), MAPPING.free)
    assert list(members.demands(walk, Step("n3", event, before, after, effects))) == []


def test_a_node_that_was_out_until_lately_may_have_lost_what_it_was_asked() -> None:
    simulation = Simulation(MAPPING.protocol, MAPPING.nodes, 1)
    simulation.run(2.0)
    states = {name: host.node.state for name, host in simulation.hosts.items() if host.node is not None}
    lost = Operation(1, "n3", (b"GET", b"k"), 13_500_000, 15_000_000, Failure("UNKNOWN the outcome is not known"))
    back = Operation(2, "n1", (b"MEMBER", b"ADD", b"n3"), 14_300_000)
    assert list(MAPPING.finished(states, [lost], 16.0))
    assert not list(MAPPING.finished(states, [lost, back], 16.0))
