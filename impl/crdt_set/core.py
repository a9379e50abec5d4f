"""The pure core of a replicated set: any node answers at once, changes spread, gossip repairs what was lost."""

from collections.abc import Callable
from typing import Any

from impl.crdt_set import commands
from impl.crdt_set.messages import Change, Digest, Life, Merged, Piece, Shards, delta_of, mark_of, piece_of
from impl.crdt_set.orset import Delta, join, whole
from impl.crdt_set.state import Options, State
from impl.runtime.effects import (
    Effect,
    Event,
    Note,
    Nudge,
    Peers,
    Persist,
    Receive,
    Reply,
    Request,
    Rewrite,
    Send,
    Tick,
)
from impl.runtime.protocol import Setup


def boot(setup: Setup, records: tuple[Any, ...], clock: int, random: int) -> tuple[State, tuple[Effect, ...]]:
    """The state of a node that starts with these records. A new life takes a new name: its old dots may be unknown."""
    s = State(setup.node, setup.members, Options(**setup.options))
    for record in records:
        restore(s, record)
    s.life += 1
    s.actor = actor_name(s, random)
    s.records = len(records)
    peers = Peers(tuple((node, "") for node in setup.members))
    return s, (peers, Persist((Life(s.life),)), Note("boot", (("life", s.life),)))


def actor_name(s: State, random: int) -> str:
    """A name that no other life of any node has: its dots are its own."""
    return f"{s.me}.{s.life}"


def restore(s: State, record: Any) -> None:
    """Replay one durable record."""
    if isinstance(record, Life):
        s.life = record.number
    elif isinstance(record, Merged):
        for piece in record.pieces:
            merge(s, piece)


def merge(s: State, piece: Piece) -> bool:
    """Join a piece into its shard; whether that changed anything."""
    old = s.shard(piece.shard)
    new = join(old, delta_of(piece))
    if new == old:
        return False
    s.shards = s.shards.set(piece.shard, new)
    s.marks = s.marks.delete(piece.shard) if piece.shard in s.marks else s.marks
    return True


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """The state after an event, and what the host must do, in order. `state` itself stays as it is."""
    s = state.copy()
    out: list[Effect] = []
    if type(event) is Receive:
        HANDLERS[type(event.message)](s, out, event.sender, event.message)
    elif type(event) is Request:
        on_request(s, out, event)
    elif type(event) is Tick:
        on_tick(s, out, event.random)
    elif type(event) is Nudge:
        nudge(s, out, event.order)
    return s, tuple(out)


def others(s: State) -> tuple[str, ...]:
    """Every other node."""
    return tuple(node for node in s.members if node != s.me)


def on_request(s: State, out: list[Effect], request: Request) -> None:
    """Commands of our clients: answered here, once durable here."""
    results, pieces = [], []
    for command in request.commands:
        result, deltas = commands.run(s, command)
        results.append(result)
        for number, delta in deltas:
            pieces.append(keep(s, number, delta))
    if pieces:
        out.append(Persist((Merged(tuple(pieces)),)))
        out.extend(Send(node, Change(tuple(pieces))) for node in others(s))
        compact_if_long(s, out, 1)
    out.append(Reply(request.ticket, tuple(results), held=True))


def keep(s: State, number: int, delta: Delta) -> Piece:
    """Join a change of our own."""
    piece = piece_of(number, delta)
    merge(s, piece)
    return piece


def take(s: State, out: list[Effect], pieces: tuple[Piece, ...]) -> None:
    """Join what another node has sent, and write down what was new."""
    new = tuple([piece for piece in pieces if 0 <= piece.shard < s.options.shards and merge(s, piece)])
    if new:
        out.append(Persist((Merged(new),)))
        out.append(Note("merge", (("pieces", len(new)),)))
        compact_if_long(s, out, 1)


def on_change(s: State, out: list[Effect], sender: str, message: Change) -> None:
    """A change that another node has just made."""
    take(s, out, message.pieces)


def marks(s: State) -> tuple[bytes, ...]:
    """The fingerprints of all shards, worked out where a shard has changed."""
    for number in range(s.options.shards):
        if number not in s.marks:
            s.marks = s.marks.set(number, mark_of(s.shard(number)))
    return tuple(s.marks[number] for number in range(s.options.shards))


def on_digest(s: State, out: list[Effect], sender: str, message: Digest) -> None:
    """Another node tells how its shards look: send ours where they differ."""
    ours = marks(s)
    if len(message.marks) != len(ours):
        return
    differing = [number for number, mark in enumerate(message.marks) if mark != ours[number]]
    if differing:
        out.append(Send(sender, Shards(pieces_of(s, differing), True)))


def pieces_of(s: State, numbers: list[int]) -> tuple[Piece, ...]:
    """Whole shards, at least one, until the rows of a message are full; the rest comes with later gossip."""
    pieces: list[Piece] = []
    rows = 0
    for number in numbers:
        piece = piece_of(number, whole(s.shard(number)))
        rows += len(piece.rows)
        if pieces and rows > s.options.piece_rows:
            break
        pieces.append(piece)
    return tuple(pieces)


def on_shards(s: State, out: list[Effect], sender: str, message: Shards) -> None:
    """Whole shards of another node."""
    take(s, out, message.pieces)
    if message.back:
        numbers = [piece.shard for piece in message.pieces if 0 <= piece.shard < s.options.shards]
        out.append(Send(sender, Shards(pieces_of(s, numbers), False)))


HANDLERS: dict[type, Callable[[State, list[Effect], str, Any], None]] = {
    Change: on_change,
    Digest: on_digest,
    Shards: on_shards,
}


def on_tick(s: State, out: list[Effect], random: int) -> None:
    """One tick: from time to time, compare with some other node."""
    s.quiet += 1
    if s.quiet >= s.options.gossip_ticks and others(s):
        s.quiet = 0
        gossip(s, out, others(s)[random % len(others(s))])


def gossip(s: State, out: list[Effect], node: str) -> None:
    """Tell a node how our shards look."""
    out.append(Send(node, Digest(marks(s))))


def nudge(s: State, out: list[Effect], order: str) -> None:
    """What an operator, or an explorer without clocks, orders: `gossip` with everyone, `compact`."""
    if order in ("gossip", "heartbeat"):
        for node in others(s):
            gossip(s, out, node)
    elif order == "compact":
        compact(s, out)


def compact_if_long(s: State, out: list[Effect], records: int) -> None:
    """Replace many records on the disk by the shards as they are."""
    s.records += records
    if s.records >= s.options.compact_records:
        compact(s, out)


def compact(s: State, out: list[Effect]) -> None:
    """Write everything anew."""
    everything = tuple(piece_of(number, whole(s.shards[number])) for number in sorted(s.shards))
    out.append(Rewrite((Life(s.life), Merged(everything))))
    s.records = 0


def observe(state: State) -> dict[str, Any]:
    """The public fields of a node, flat, for traces and status."""
    rows = [(key, len(members)) for shard in state.shards.values() for key, members in shard.keys.items()]
    seen: dict[str, int] = {}
    for shard in state.shards.values():
        for actor, number in shard.context.upto.items():
            seen[actor] = seen.get(actor, 0) + number
    return {"role": "replica", "actor": state.actor, "life": state.life, "members": sum(n for _, n in rows)} | {
        "keys": len({key for key, _ in rows}),
        "seen": dict(sorted(seen.items())),
    }
