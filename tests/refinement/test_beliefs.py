"""What a node wrongly believes or forgets is found at the very step, though harm would need rare things more."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from immutables import Map

from impl.raft import PROTOCOL as RAFT
from impl.raft import reads
from impl.raft.gateway import NO_LEADER, UNKNOWN
from impl.raft.messages import AppendReply, Entry, InstallReply, Kind, Members
from impl.raft.state import LeaderRead, PendingWrite, Progress
from impl.redis_lock import PROTOCOL as LOCKS
from impl.redis_lock import messages, stream
from impl.redis_lock.clients import IDS
from impl.redis_lock.state import START, Follower
from impl.runtime.commands import execute
from impl.runtime.effects import Event, Nudge, Receive, Reply, Request, Tick
from impl.runtime.keyspace import Keyspace
from impl.runtime.protocol import Protocol, Setup
from refinement.harness.mapping import Step
from refinement.harness.walk import Position, Walk
from refinement.raft import MAPPING as RAFT_MAPPING
from refinement.raft import elections, serving
from refinement.redis_lock import MAPPING as LOCK_MAPPING
from refinement.redis_lock import leases
from tests.impl.mutants import raft, redis_lock

MUTANTS = {mutant.name: mutant for mutant in (*raft.MUTANTS, *raft.RARE, *redis_lock.MUTANTS, *redis_lock.RARE)}
NODES = ("n1", "n2", "n3", "n4", "n5")
Demands = Callable[[Walk, Step], Iterator[str]]


def leader(protocol: Protocol, **fields: Any) -> Any:
    """A state of n1 that leads."""
    state, _ = protocol.boot(Setup("n1", NODES, {}), (), 0, 1)
    state = state.copy()
    for name, value in {"role": "leader", "leader": "n1", **fields}.items():
        setattr(state, name, value)
    return state


def problems(protocol: Protocol, state: Any, events: list[Event], demands: Demands) -> list[str]:
    """What some demands say of the steps that these events cause at n1."""
    mapping = RAFT_MAPPING if protocol is RAFT else LOCK_MAPPING
    walk = Walk(mapping.abstract, Position(mapping.abstract.initial), mapping.free)
    found: list[str] = []
    for event in events:
        after, effects = protocol.step(state, event)
        found += demands(walk, Step("n1", event, state, after, effects))
        state = after
    return found


def raft_leader() -> Any:
    """The leader of term 3."""
    return leader(RAFT, term=3, progress=Map({node: Progress() for node in NODES}))


def lock_leader() -> Any:
    """The leader of epoch 3."""
    followers = Map({node: Follower() for node in NODES[1:]})
    return leader(LOCKS, promise=messages.Promise(3, "n1"), followers=followers)


def ahead() -> Any:
    """A replica of n2, with changes of a history that is lost."""
    return leader(LOCKS, role="replica", leader="n2", promise=messages.Promise(3, "n2"), at=messages.Position(2, 9))


def free() -> Any:
    """A replica that has been there for long."""
    return leader(LOCKS, role="replica", leader="n2", promise=messages.Promise(3, "n2"), ticks=99, quiet=99)


ONE_ANSWERS: list[Event] = [Tick(0, 0), Receive("n2", AppendReply(3, True, 0, 0, 0, 0))]
ASKS: list[Event] = [Receive("n2", messages.Ask(life * IDS + 1, ((b"INCR", b"x"),), False)) for life in (1, 2, 1)]
WINS: list[Event] = [
    Nudge("campaign"),
    *(Receive(node, messages.Grant(4, True, pre)) for pre in (True, False) for node in NODES[:3]),
]
CASES: dict[str, tuple[Protocol, Callable[[], Any], list[Event], Demands, str]] = {
    "replies_of_old_terms": (
        RAFT,
        raft_leader,
        [Receive("n2", InstallReply(1, 0, 0, False, 7))],
        serving.rounds,
        "believes that n2",
    ),
    "leads_with_one_other": (RAFT, raft_leader, 40 * ONE_ANSWERS, elections.demands, "leads on, but of"),
    "replies_of_old_epochs": (
        LOCKS,
        lock_leader,
        [Receive("n2", messages.BeatReply(1, 9, START))],
        lambda walk, step: leases.leadership(walk, step, 5),
        "believes that n2",
    ),
    "keeps_lost_data": (
        LOCKS,
        ahead,
        [Receive("n2", messages.Sync(3, replace(stream.image(lock_leader()), at=messages.Position(2, 4))))],
        lambda walk, step: leases.taken_over(step),
        "keeps",
    ),
    "denies_and_forgets": (LOCKS, free, [ASKS[0], *WINS, ASKS[0]], leases.once, "has said that nothing was done"),
    "one_life": (LOCKS, lock_leader, ASKS, leases.once, "of n2 again"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_belief_is_found_at_once(name: str) -> None:
    protocol, state, events, demands, said = CASES[name]
    assert not any(said in problem for problem in problems(protocol, state(), events, demands))
    with MUTANTS[name].planted():
        assert any(said in problem for problem in problems(protocol, state(), events, demands))


def test_a_lock_of_an_earlier_epoch_has_a_token_of_this_one_in_a_write_as_well() -> None:
    keys, _ = execute(stream.floor(Keyspace(), 2), ((b"SET", b"lock", b"c2"),), 10)
    state = lock_leader()
    state.keys, state.at = keys, messages.Position(2, 1)
    asked = Request(1, ((b"SET", b"lock", b"c1", b"NX"), (b"FENCE", b"lock")), 20)
    assert problems(LOCKS, state, [asked], leases.executed) == []


def test_a_batch_whose_session_is_gone_is_answered_all_the_same() -> None:
    before = raft_leader()
    before.gateway = replace(before.gateway, session=5, writes=Map({1: PendingWrite(7, ((b"INCR", b"x"),))}))
    walk = Walk(RAFT_MAPPING.abstract, Position(RAFT_MAPPING.abstract.initial), RAFT_MAPPING.free)
    walk.remember(("tried", "n1", 5, 1), True)
    for result, wrong in ((3, False), (UNKNOWN, False), (NO_LEADER, True)):
        step = Step("n1", Tick(0, 0), before, raft_leader(), (Reply(7, (result,)),))
        assert any("may be executed" in problem for problem in serving.denied(walk, step)) is wrong


def test_a_read_may_wait_for_the_next_acknowledgement_when_there_are_other_voters() -> None:
    state = raft_leader()
    state.members = Members(("n1", "n2"), ("n3",))
    state.log = state.log.append((Entry(1, 3, 0, int(Kind.NOOP), b""),))
    state.commit = state.applied = 1
    state.round, state.reads = 6, (LeaderRead("n3", 1, 1, 6),)
    state.progress = Map({"n1": Progress(match=1), "n2": Progress(match=1), "n3": Progress(match=1, round=6)})

    def judged(walk: Walk, step: Step) -> Iterator[str]:
        return serving.kept_waiting(step)

    promoted = RAFT.step(state, Tick(0, 0))[0]
    assert promoted.members.voters == ("n1", "n2", "n3") and promoted.reads
    assert problems(RAFT, state, [Tick(0, 0)], judged) == []
    again = AppendReply(3, True, 1, 0, 0, 6)
    assert problems(RAFT, state, [Tick(0, 0), Receive("n3", again)], judged) == []
    with mock.patch.object(reads, "confirm", lambda turn: None):
        assert problems(RAFT, state, [Tick(0, 0), Receive("n3", again)], judged)
