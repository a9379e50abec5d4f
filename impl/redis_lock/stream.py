"""The data: writes at the leader, streamed to replicas without waiting for them."""

from dataclasses import replace

from impl.redis_lock.messages import Change, Image, Position, Stream, Sync
from impl.redis_lock.state import REPLICA, TOKENS_PER_EPOCH, State, Turn
from impl.runtime import keyspace
from impl.runtime.commands import execute
from impl.runtime.effects import Command, Result, Rewrite
from impl.runtime.keyspace import Keyspace
from impl.runtime.packing import Unreadable, pack, unpack


def write(turn: Turn, commands: tuple[Command, ...]) -> tuple[Result, ...]:
    """Execute commands at the leader, write them down, and stream them."""
    s = turn.s
    before = s.at
    change = Change(s.promise.epoch, s.at.offset + 1, max(s.clock, s.keys.now), pack(commands))
    s.keys, results = execute(floor(s.keys, change.epoch), commands, change.time)
    s.at = Position(change.epoch, change.offset)
    s.backlog = (*s.backlog[-s.options.backlog :], change)
    turn.persist(change)
    turn.broadcast(Stream(s.promise.epoch, before, (change,)))
    compact_if_long(turn)
    return results


def floor(keys: Keyspace, epoch: int) -> Keyspace:
    """The keys, with every fencing token from now on above those of earlier epochs, known here or lost."""
    least = epoch * TOKENS_PER_EPOCH
    return keys if keys.least >= least else replace(keys, version=max(keys.version, least), least=least)


def run(keys: Keyspace, change: Change) -> tuple[Keyspace, tuple[Result, ...]]:
    """The keys after a change, the same at every node."""
    return execute(floor(keys, change.epoch), unpack(change.data), change.time)


def on_stream(turn: Turn, sender: str, message: Stream) -> None:
    """Changes from the leader: they are applied where they continue our data."""
    s = turn.s
    if s.role != REPLICA or sender != s.leader or message.epoch != s.promise.epoch:
        return
    if message.after != s.at:
        skipped = [change for change in message.changes if change.offset > s.at.offset]
        if s.at.epoch != message.epoch or not skipped or skipped[0].offset != s.at.offset + 1:
            return
        message = replace(message, changes=tuple(skipped))
    for change in message.changes:
        apply(turn, change)
    compact_if_long(turn)


def apply(turn: Turn, change: Change) -> None:
    """Execute one change of the leader."""
    s = turn.s
    try:
        s.keys, _ = run(s.keys, change)
    except Unreadable:
        return
    s.at = Position(change.epoch, change.offset)
    turn.persist(change)


def feed(turn: Turn, node: str, at: Position) -> None:
    """Send a replica what it lacks: from the backlog if its data leads to ours, else everything."""
    s = turn.s
    ours = at.epoch == s.promise.epoch or at == s.start
    missing = tuple([change for change in s.backlog if change.offset > at.offset])
    if ours and missing and missing[0].offset == at.offset + 1:
        turn.send(node, Stream(s.promise.epoch, at, missing))
    elif at != s.at:
        turn.send(node, Sync(s.promise.epoch, image(s)))


def image(s: State) -> Image:
    """Everything we have."""
    return Image(s.at, pack(s.keys.dump()))


def on_sync(turn: Turn, sender: str, message: Sync) -> None:
    """The leader's whole data replaces ours."""
    s = turn.s
    if s.role != REPLICA or sender != s.leader or message.epoch != s.promise.epoch:
        return
    if s.at.epoch == s.promise.epoch and s.at.key() >= message.image.at.key():
        return  # it was on its way for long: what we have of this epoch came later
    s.keys, s.at = load(message.image), message.image.at
    turn.note("synced", epoch=s.at.epoch, offset=s.at.offset)
    turn.out.append(Rewrite((s.promise, message.image)))
    s.uncompacted = 0


def load(image: Image) -> Keyspace:
    """The keys of an image."""
    return keyspace.load(unpack(image.data))


def compact_if_long(turn: Turn) -> None:
    """Replace many changes on the disk by one image."""
    s = turn.s
    s.uncompacted += 1
    if s.uncompacted >= s.options.compact_changes:
        compact(turn)


def compact(turn: Turn) -> None:
    """Write an image in place of all records."""
    s = turn.s
    turn.out.append(Rewrite((s.promise, image(s))))
    s.uncompacted = 0
