"""Single steps of the lock service's core: requests that come twice, and votes that are asked for in vain."""

from typing import Any

import pytest
from immutables import Map

from impl.redis_lock import core, stream
from impl.redis_lock.clients import UNKNOWN
from impl.redis_lock.messages import Answer, Ask, Beat, BeatReply, Claim, Grant, Position, Promise, Stream, Sync
from impl.redis_lock.state import LEADER, PRECLAIMANT, Follower, State
from impl.runtime.effects import Command, Effect, Receive, Reply, Request, Send, Tick
from impl.runtime.protocol import Setup

NODES = ("n1", "n2", "n3")


def node(name: str = "n1", **fields: Any) -> State:
    """A node that has been up for long."""
    state, _ = core.boot(Setup(name, NODES, {}), (), 0, 1)
    state.quiet = state.waited = state.ticks = 1000
    state.__dict__.update(fields)
    return state


def leader(**fields: Any) -> State:
    """A leader whom everybody obeys."""
    followers = Map({name: Follower() for name in NODES[1:]})
    return node(promise=Promise(1, "n1"), role=LEADER, leader="n1", followers=followers, **fields)


def told(effects: tuple[Effect, ...], kind: type) -> list[Any]:
    """The messages of a kind that a step sends."""
    return [e.message for e in effects if isinstance(e, Send) and isinstance(e.message, kind)]


def incr(number: int, life: int = 7) -> Ask:
    return Ask(life * core.IDS + number, ((b"INCR", b"x"),), False)


def test_a_request_that_comes_twice_is_executed_once() -> None:
    once, _ = core.step(leader(), Receive("n2", incr(1)))
    twice, effects = core.step(once, Receive("n2", incr(1)))
    assert once.at.offset == 1
    assert twice.at == once.at and twice.pending == once.pending and not told(effects, Answer)


def test_others_requests_and_those_of_another_life_are_their_own() -> None:
    state = leader()
    for sender, ask in [("n2", incr(1)), ("n3", incr(1)), ("n2", incr(1, life=8)), ("n2", incr(3)), ("n2", incr(2))]:
        state, _ = core.step(state, Receive(sender, ask))
    assert state.at.offset == 5


def test_a_deposed_leader_does_not_say_that_nothing_was_done() -> None:
    state, _ = core.step(leader(), Receive("n2", incr(1)))
    state.role, state.leader = "replica", "n3"
    _, again = core.step(state, Receive("n2", incr(1)))
    _, fresh = core.step(state, Receive("n2", incr(2)))
    assert not told(again, Answer)
    assert [answer.results for answer in told(fresh, Answer)] == [()]


def test_a_node_that_has_just_started_does_not_know_what_it_has_done() -> None:
    state, _ = core.boot(Setup("n1", NODES, {}), (), 0, 1)
    _, effects = core.step(state, Receive("n2", incr(1)))
    assert not told(effects, Answer)


def test_what_is_remembered_of_requests_is_bounded() -> None:
    state = leader()
    for number in range(3000):
        state, _ = core.step(state, Receive("n2", Ask(number, ((b"GET", b"x"),), True)))
        state.pending = ()
    for life in range(100):
        state, _ = core.step(state, Receive("n2", incr(1, life)))
        state.pending = ()
    assert sum(len(served.above) for served in state.served["n2"]) < 1000 and len(state.served["n2"]) < 10
    before = state.at
    state, _ = core.step(state, Receive("n2", incr(1, 99)))
    assert state.at == before


def test_data_that_was_long_on_its_way_replaces_nothing_later() -> None:
    """The leader of epoch 5 began with what epoch 3 had left; what it said of that comes after its first change."""
    begun = node("n1", at=Position(3, 10))
    late = Sync(5, stream.image(begun))
    state = node("n2", promise=Promise(5, "n1"), leader="n1", at=Position(5, 11))
    after, effects = core.step(state, Receive("n1", late))
    assert after.at == Position(5, 11) and not effects
    state = node("n2", promise=Promise(5, "n1"), leader="n1", at=Position(4, 12))
    after, _ = core.step(state, Receive("n1", late))
    assert after.at == Position(3, 10)


@pytest.mark.parametrize(
    ("at", "kind"),
    [(Position(3, 10), Stream), (Position(2, 10), Sync), (Position(4, 10), Sync), (Position(3, 9), Sync)],
)
def test_changes_alone_are_for_those_whose_data_the_leader_began_with(at: Position, kind: type) -> None:
    """As many changes, of another epoch, are other data."""
    followers = Map({name: Follower() for name in NODES[1:]})
    begun = Position(3, 10)
    state = node(
        promise=Promise(5, "n1"), role=LEADER, leader="n1", followers=followers, round=2, at=begun, start=begun
    )
    state, _ = core.step(state, Receive("n2", incr(1)))
    assert state.at == Position(5, 11)
    _, effects = core.step(state, Receive("n3", BeatReply(5, 2, at)))
    assert [type(one) for kinds in (Stream, Sync) for one in told(effects, kinds)] == [kind]


@pytest.mark.parametrize("epoch", [0, 4])
def test_asking_whether_one_could_lead_does_not_bind_the_own_vote(epoch: int) -> None:
    state = node(promise=Promise(epoch, ""), waited=1000)
    asking, effects = core.step(state, Tick(0, 0))
    assert asking.role == PRECLAIMANT and told(effects, Claim)
    _, effects = core.step(asking, Receive("n2", Claim(epoch + 1, asking.at, True)))
    assert [grant.granted for grant in told(effects, Grant)] == [True]


def test_a_claim_in_vain_is_not_made_again_at_once() -> None:
    asking, _ = core.step(node(), Tick(0, 0))
    for _ in range(asking.options.claim_ticks - 1):
        asking, effects = core.step(asking, Tick(0, 0))
        assert not told(effects, Claim)


def test_the_next_leader_settles_what_the_last_one_was_asked() -> None:
    """A write may have been executed: its client is told at once. A read is asked again."""
    incr_x, get_x = ((b"INCR", b"x"),), ((b"GET", b"x"),)
    state = node("n2", promise=Promise(1, "n1"), leader="n1")
    asked: list[tuple[tuple[Command, ...], bool]] = [(incr_x, False), (get_x, True)]
    for ticket, (commands, reads) in enumerate(asked, 1):
        state, effects = core.step(state, Request(ticket, commands, 0, reads))
        assert told(effects, Ask)
    same, effects = core.step(state, Receive("n1", Beat(1, 5)))
    assert same.asked == state.asked and not told(effects, Ask)
    later, effects = core.step(same, Receive("n3", Beat(2, 1)))
    assert [e for e in effects if isinstance(e, Reply)] == [Reply(1, (UNKNOWN,), held=True)]
    assert [e.to for e in effects if isinstance(e, Send) and isinstance(e.message, Ask)] == ["n3"]
    assert [ask.commands for ask in told(effects, Ask)] == [get_x]
    assert list(later.asked) == [2]
