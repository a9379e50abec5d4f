"""The pure core: `boot` from records, `step` by events. Everything else in this folder is a part of `step`."""

from types import ModuleType
from typing import Any

from impl.raft import (
    compaction,
    config,
    election,
    gateway,
    machine,
    membership,
    messages,
    reads,
    replication,
    snapshots,
    spreading,
)
from impl.raft.log import Log
from impl.raft.messages import Appended, Hard, Kind, Members, Snapshot, Start
from impl.raft.state import LEADER, Gateway, Impossible, Options, State, Turn
from impl.runtime.effects import Effect, Event, Nudge, Receive, Request, Tick
from impl.runtime.protocol import Setup

READ_IDS = 1 << 30
"""How many reads a node numbers between two starts before numbers of another start could come again."""


def boot(setup: Setup, records: tuple[Any, ...], clock: int, random: int) -> tuple[State, tuple[Effect, ...]]:
    """The state of a node that starts with these durable records."""
    first = Snapshot(0, 0, 0, Members(setup.members), b"")
    door = Gateway(random, read=random * READ_IDS)
    state = State(setup.node, Options(**setup.options), door, snapshot=first, clock=clock)
    for record in records:
        restore(state, record)
    turn = Turn(state)
    s = turn.s
    if s.snapshot.data:
        s.machine = machine.load(s.snapshot.data)
    s.commit = s.applied = s.snapshot.index
    config.adopt(turn, s.log.between(s.snapshot.index + 1, s.log.last))
    config.refresh(turn)
    turn.note("boot", term=s.term, last=s.log.last, commit=s.commit)
    return s, tuple(turn.out)


def restore(state: State, record: Any) -> None:
    """Replay one durable record."""
    if isinstance(record, Hard):
        state.term, state.vote = record.term, record.vote
    elif isinstance(record, Snapshot):
        state.snapshot = record
    elif isinstance(record, Start):
        state.log = Log(record.index, record.term, record.time)
    elif isinstance(record, Appended):
        state.log = state.log.cut(record.entries[0].index - 1).append(record.entries)
    else:
        raise Impossible(f"a record of no known kind: {record!r}")


HANDLERS: dict[type, tuple[ModuleType, str]] = {
    messages.RequestVote: (election, "on_request_vote"),
    messages.VoteReply: (election, "on_vote_reply"),
    messages.TimeoutNow: (election, "on_timeout_now"),
    messages.Append: (replication, "on_append"),
    messages.AppendReply: (replication, "on_append_reply"),
    messages.Stored: (replication, "on_stored"),
    messages.Install: (snapshots, "on_install"),
    messages.InstallReply: (snapshots, "on_install_reply"),
    messages.Forward: (gateway, "on_forward"),
    messages.ReadAsk: (reads, "on_read_ask"),
    messages.ReadAnswer: (gateway, "on_read_answer"),
    messages.Admin: (membership, "on_admin"),
    messages.AdminReply: (gateway, "on_admin_reply"),
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
        tick(turn, event.random)
    elif type(event) is Request:
        gateway.on_request(turn, event)
    elif type(event) is Nudge:
        nudge(turn, event.order)
    finish(turn)
    return s, tuple(turn.out)


def finish(turn: Turn) -> None:
    """What a step asked for at its end."""
    if turn.resend:
        gateway.resend(turn)
    if turn.spread and turn.s.role == LEADER:
        spreading.spread(turn)


def tick(turn: Turn, random: int) -> None:
    """One tick of time."""
    if turn.s.role == LEADER:
        election.leader_tick(turn)
        membership.promote(turn)
    else:
        election.tick(turn, random)
    gateway.tick(turn)


def nudge(turn: Turn, order: str) -> None:
    """What an operator, or an explorer without clocks, orders."""
    if order == "campaign" and turn.s.role != LEADER:
        election.campaign(turn, transfer=True)
    elif order == "precampaign" and turn.s.role != LEADER:
        election.precampaign(turn)
    elif order == "heartbeat" and turn.s.role == LEADER:
        spreading.heartbeat(turn)
    elif order == "retry":
        gateway.resend(turn)
    elif order == "resign":
        election.resign(turn)
    elif order == "compact":
        compaction.compact(turn)
    elif order == "propose" and turn.s.role == LEADER:
        value = b"%d.%d" % (turn.s.term, turn.s.log.last + 1)
        batch = machine.Batch(0, 0, 0, ((b"SET", b"key", value),))
        spreading.propose(turn, Kind.BATCH, machine.encode_batch(batch))


def observe(state: State) -> dict[str, Any]:
    """The public fields of a node, flat, for traces and status."""
    return {
        "role": state.role,
        "term": state.term,
        "vote": state.vote,
        "leader": state.leader,
        "last": state.log.last,
        "last_term": state.log.last_term,
        "base": state.log.base,
        "snapshot": state.snapshot.index,
        "commit": state.commit,
        "applied": state.applied,
        "voters": list(state.members.voters),
        "learners": list(state.members.learners),
        "match": {node: progress.match for node, progress in sorted(state.progress.items())},
        "granted": sorted(state.granted),
    }
