"""The pure core: `boot` from records, `step` by events."""

from types import ModuleType
from typing import Any

from impl.redis_lock import clients, failover, messages, stream
from impl.redis_lock.messages import Change, Image, Promise
from impl.redis_lock.state import LEADER, Options, State, Turn
from impl.runtime.effects import Effect, Event, Nudge, Peers, Receive, Request, Tick
from impl.runtime.protocol import Setup

IDS = clients.IDS


def boot(setup: Setup, records: tuple[Any, ...], clock: int, random: int) -> tuple[State, tuple[Effect, ...]]:
    """The state of a node that starts with these durable records. Its vote is bound for a while: it may have obeyed."""
    state = State(setup.node, setup.members, Options(**setup.options), random * IDS, clock=clock)
    for record in records:
        restore(state, record)
    turn = Turn(state)
    turn.out.append(Peers(tuple((node, "") for node in setup.members)))
    turn.note("boot", epoch=state.promise.epoch, at_epoch=state.at.epoch, offset=state.at.offset)
    return turn.s, tuple(turn.out)


def restore(state: State, record: Any) -> None:
    """Replay one durable record."""
    if isinstance(record, Promise):
        state.promise = record
    elif isinstance(record, Image):
        state.keys, state.at = stream.load(record), record.at
    elif isinstance(record, Change):
        state.keys, state.at = stream.run(state.keys, record)[0], messages.Position(record.epoch, record.offset)
        state.uncompacted += 1


HANDLERS: dict[type, tuple[ModuleType, str]] = {
    messages.Claim: (failover, "on_claim"),
    messages.Grant: (failover, "on_grant"),
    messages.Beat: (failover, "on_beat"),
    messages.BeatReply: (failover, "on_beat_reply"),
    messages.Stream: (stream, "on_stream"),
    messages.Sync: (stream, "on_sync"),
    messages.Ask: (clients, "on_ask"),
    messages.Answer: (clients, "on_answer"),
}


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """The state after an event, and what the host must do, in order. `state` itself stays as it is."""
    turn = Turn(state)
    s = turn.s
    s.clock = max(s.clock, event.clock)
    if type(event) is Receive:
        module, name = HANDLERS[type(event.message)]
        getattr(module, name)(turn, event.sender, event.message)
    elif type(event) is Tick:
        failover.tick(turn, event.random)
        clients.tick(turn)
    elif type(event) is Request:
        clients.on_request(turn, event)
    elif type(event) is Nudge:
        nudge(turn, event.order)
    if s.role == LEADER and any(pending.round > s.round for pending in s.pending):
        failover.beat(turn)
        clients.confirm(turn)
    return s, tuple(turn.out)


def nudge(turn: Turn, order: str) -> None:
    """What an operator, or an explorer without clocks, orders."""
    s = turn.s
    if order == "campaign" and s.role != LEADER:
        failover.claim(turn, pre=True)
    elif order == "wait":
        s.quiet = s.waited = s.options.wait_ticks
    elif order == "heartbeat" and s.role == LEADER:
        failover.beat(turn)
    elif order == "resign" and s.role == LEADER:
        failover.become_replica(turn, None)
        s.quiet = s.waited = 0
    elif order == "compact":
        stream.compact(turn)


def observe(state: State) -> dict[str, Any]:
    """The public fields of a node, flat, for traces and status."""
    return {
        "role": state.role,
        "epoch": state.promise.epoch,
        "promised": state.promise.leader,
        "leader": state.leader,
        "at_epoch": state.at.epoch,
        "offset": state.at.offset,
        "round": state.round,
        "granted": sorted(state.granted),
        "keys": len(state.keys.items),
        "pending": len(state.pending),
    }
