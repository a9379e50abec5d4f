"""Known mistakes in the lock service."""

from dataclasses import replace
from typing import Any

from impl.redis_lock import clients, core, failover, messages, stream
from impl.redis_lock.messages import Change, Position, Promise, Stream
from impl.redis_lock.state import LEADER, Pending, State, Turn
from impl.runtime import commands
from impl.runtime.commands import COMMANDS, Verb
from impl.runtime.effects import OK, Result, Rewrite
from impl.runtime.keyspace import Draft, Item, Keyspace
from tests.impl.mutants import Mutant, replaced, unheld

ORIGINAL_ON_BEAT = failover.on_beat
ORIGINAL_ON_CLAIM = failover.on_claim
ORIGINAL_FEED = stream.feed
ORIGINAL_FIND = Draft.find


def release_by_anyone(draft: Draft, arguments: Any) -> Result:
    """The owner's value is not compared."""
    body, key, *rest = arguments
    return commands.SCRIPT_BODIES[body][0](draft, key, tuple(rest)) if draft.find(key) else 0


def set_without_nx(draft: Draft, arguments: Any) -> Result:
    """NX is not heeded."""
    words = tuple(word for word in arguments[2:] if word != b"NX")
    options = commands.set_options(draft, words)
    draft.put(arguments[0], arguments[1], options.deadline)
    return OK


def find_expired(draft: Draft, key: bytes) -> Item | None:
    """A key whose time has come is still there until it is swept."""
    return draft._items.get(key)


def extend_from_now(draft: Draft, key: bytes, rest: Any) -> Result:
    """Extension replaces the time that is left."""
    return commands.expire_at(draft, key, draft.now + int(rest[1]))


def fence_of_anyone(draft: Draft, arguments: Any) -> Result:
    """The owner's value is not compared."""
    return commands._fence(draft, arguments[:1])


def no_floor(keys: Keyspace, epoch: int) -> Keyspace:
    """Fencing tokens know no epoch: they go on from what this replica has counted."""
    return keys


def promise_in_memory(turn: Turn, epoch: int, leader: str) -> None:
    """A promise is made but not written down."""
    turn.s.promise = Promise(epoch, leader)


def vote_at_once(*arguments: Any, **fields: Any) -> State:
    """A node that has just started votes without waiting for a lease it may have given."""
    return State(*arguments, **fields, quiet=1 << 20)


def no_lease(s: State) -> bool:
    """A node votes although it obeys a leader."""
    return s.role == LEADER


def own_round(s: State) -> int:
    """The leader confirms itself."""
    return s.round


def any_beat(turn: Turn, sender: str, message: messages.Beat) -> None:
    """A leader of an earlier epoch is obeyed."""
    ORIGINAL_ON_BEAT(turn, sender, replace(message, epoch=max(message.epoch, turn.s.promise.epoch)))
    for place, effect in enumerate(turn.out):
        if isinstance(getattr(effect, "message", None), messages.BeatReply):
            turn.out[place] = replace(effect, message=replace(effect.message, epoch=message.epoch))


def vote_again(turn: Turn, sender: str, message: messages.Claim) -> None:
    """Several claimants get the vote of an epoch."""
    if message.epoch == turn.s.promise.epoch and not message.pre:
        turn.s.promise = Promise(message.epoch, sender)
    ORIGINAL_ON_CLAIM(turn, sender, message)


def lead_alone(s: State, count: int) -> bool:
    """Too few votes are enough."""
    return 2 * count >= len(s.members) - 1


def any_stream(turn: Turn, sender: str, message: Stream) -> None:
    """Changes are applied without looking at what they follow."""
    if turn.s.role == "replica" and sender == turn.s.leader:
        for change in message.changes:
            stream.apply(turn, change)


def every_history(turn: Turn, node: str, at: messages.Position) -> None:
    """A replica gets what its offset lacks, whichever epoch its data is from."""
    s = turn.s
    missing = tuple(change for change in s.backlog if change.offset > at.offset)
    if missing and missing[0].offset == at.offset + 1:
        turn.send(node, Stream(s.promise.epoch, at, missing))
    elif at != s.at:
        turn.send(node, messages.Sync(s.promise.epoch, stream.image(s)))


def time_of_replica(keys: Keyspace, change: Change) -> Any:
    """A replica executes a change at the time of the change before."""
    floor = stream.floor(keys, change.epoch)
    return commands.execute(floor, stream.unpack(change.data), keys.now or change.time)


def old_sync(turn: Turn, sender: str, message: messages.Sync) -> None:
    """The leader's data replaces ours, however old it is."""
    s = turn.s
    if s.role == "replica" and sender == s.leader and message.epoch == s.promise.epoch:
        s.keys, s.at = stream.load(message.image), message.image.at
        turn.out.append(Rewrite((s.promise, message.image)))


def old_stream(turn: Turn, sender: str, message: Stream) -> None:
    """Changes of an earlier leadership of the same node are applied."""
    ORIGINAL_ON_STREAM(turn, sender, replace(message, epoch=turn.s.promise.epoch))


ORIGINAL_ON_STREAM = stream.on_stream


def any_answer(turn: Turn, sender: str, message: messages.Answer) -> None:
    """An answer that nobody waits for is given to somebody else."""
    s = turn.s
    if message.id - s.next_id not in s.questions and s.questions:
        message = replace(message, id=s.next_id + min(s.questions))
    ORIGINAL_ON_ANSWER(turn, sender, message)


ORIGINAL_ON_ANSWER = clients.on_answer


def lease_since_sent(s: State) -> bool:
    """The lease runs from the last beat, acknowledged or not."""
    return s.ticks - s.sent_at[-1][1] < s.options.lease_ticks


def earlier_round(number: int, *rest: Any) -> Pending:
    """The round that is under way will do."""
    return Pending(number - 1, *rest)


def best_round(s: State) -> int:
    """The latest round that anybody has acknowledged."""
    return max(follower.round for follower in s.followers.values())


def same_epoch(turn: Turn, epoch: int, leader: str) -> None:
    """A claimant takes the epoch that is there instead of the next."""
    own = leader == turn.s.me and epoch > turn.s.promise.epoch > 0
    ORIGINAL_PROMISE(turn, turn.s.promise.epoch if own else epoch, leader)


ORIGINAL_PROMISE = failover.promise


ORIGINAL_ON_SYNC = stream.on_sync


def feed_by_offset(turn: Turn, node: str, at: Position) -> None:
    """Whoever has as many changes as we began with is taken to have the same ones."""
    missing = tuple(change for change in turn.s.backlog if change.offset > at.offset)
    if at.offset == turn.s.start.offset and missing and missing[0].offset == at.offset + 1:
        turn.send(node, Stream(turn.s.promise.epoch, at, missing))
    else:
        ORIGINAL_FEED(turn, node, at)


def keep_more(turn: Turn, sender: str, message: messages.Sync) -> None:
    """Who has more than the leader keeps it, though it is of a history that the leader has not."""
    if turn.s.at.key() < message.image.at.key():
        ORIGINAL_ON_SYNC(turn, sender, message)


def reply_of_any_epoch(turn: Turn, sender: str, message: messages.BeatReply) -> None:
    """What a node acknowledged in an earlier leadership counts in this one."""
    epoch = turn.s.promise.epoch
    ORIGINAL_ON_BEAT_REPLY(turn, sender, replace(message, epoch=max(message.epoch, epoch)))


ORIGINAL_ON_BEAT_REPLY = failover.on_beat_reply


def start_as_before(turn: Turn) -> None:
    """A leader that leads again takes the start of its first leadership for that of this one."""
    start = turn.s.start
    ORIGINAL_LEAD(turn)
    turn.s.start = start


ORIGINAL_LEAD = failover.lead


def deny_at_once(turn: Turn, sender: str, message: messages.Ask) -> None:
    """A node that has just started says of what it may have executed that nothing was done."""
    ticks, turn.s.ticks = turn.s.ticks, turn.s.ticks + turn.s.options.wait_ticks
    ORIGINAL_ON_ASK(turn, sender, message)
    turn.s.ticks = ticks


def deny_and_forget(turn: Turn, sender: str, message: messages.Ask) -> None:
    """That a question was denied is not remembered: a copy of it may be executed."""
    served = turn.s.served
    ORIGINAL_ON_ASK(turn, sender, message)
    if turn.s.role != LEADER:
        turn.s.served = served


ORIGINAL_ON_ASK = clients.on_ask
SET = COMMANDS[b"SET"]

MUTANTS = (
    Mutant(
        "releases_for_anyone",
        "a lock is released and extended without asking for its owner",
        ((COMMANDS, b"SCRIPTED", Verb(release_by_anyone, 3, 5, True)),),
    ),
    Mutant("takes_held_locks", "NX is not heeded", ((COMMANDS, b"SET", replace(SET, run=set_without_nx)),)),
    Mutant("never_expires", "an expired lock counts as held", replaced(Draft, "find", find_expired)),
    Mutant(
        "extension_replaces",
        "an extension replaces what is left",
        ((commands.SCRIPT_BODIES, b"extend", (extend_from_now, 3)),),
    ),
    Mutant("tokens_without_epoch", "tokens count on from what a replica knows", replaced(stream, "floor", no_floor)),
    Mutant("promise_not_persisted", "a promise is not durable", replaced(failover, "promise", promise_in_memory)),
    Mutant("votes_after_restart", "a restarted node votes at once", replaced(core, "State", vote_at_once)),
    Mutant("votes_within_lease", "a node votes although it obeys a leader", replaced(failover, "in_lease", no_lease)),
    Mutant("confirms_itself", "a leader answers without a majority", replaced(clients, "quorum_round", own_round)),
    Mutant("obeys_old_leaders", "beats of earlier epochs are obeyed", replaced(failover, "on_beat", any_beat)),
    Mutant("votes_twice", "several claimants get an epoch's vote", replaced(failover, "on_claim", vote_again)),
    Mutant("leads_alone", "too few votes are enough", replaced(failover, "majority", lead_alone)),
    Mutant("claims_same_epoch", "a claim does not raise the epoch", replaced(failover, "promise", same_epoch)),
    Mutant("applies_gaps", "changes are applied out of order", replaced(stream, "on_stream", any_stream)),
    Mutant("keeps_lost_changes", "changes of a lost history stay", replaced(stream, "feed", every_history)),
    Mutant("replicates_without_time", "replicas execute at another time", replaced(stream, "run", time_of_replica)),
    Mutant(
        "promises_before_flush",
        "a vote leaves before the promise is durable",
        replaced(failover, "on_claim", unheld(ORIGINAL_ON_CLAIM, (messages.Grant,))),
    ),
    Mutant("takes_old_data", "a replica's data goes back", replaced(stream, "on_sync", old_sync), quiet=True),
    Mutant(
        "takes_old_streams",
        "changes of an earlier epoch are applied",
        replaced(stream, "on_stream", old_stream),
        quiet=True,
    ),
    Mutant(
        "lease_since_sent",
        "the lease counts beats that nobody obeyed",
        replaced(failover, "has_lease", lease_since_sent),
        quiet=True,
    ),
    Mutant(
        "answers_anyone", "an answer goes to another client", replaced(clients, "on_answer", any_answer), quiet=True
    ),
    Mutant(
        "confirmed_before",
        "a round that began before confirms",
        replaced(clients, "Pending", earlier_round),
        quiet=True,
    ),
    Mutant(
        "keeps_unconfirmed",
        "what waits survives a lost epoch",
        replaced(clients, "drop_pending", lambda turn: None),
        quiet=True,
    ),
    Mutant(
        "denies_too_much",
        "a request under way is called undone",
        replaced(clients, "UNKNOWN", clients.NO_LEADER),
        quiet=True,
    ),
    Mutant("one_confirms", "one of four others is enough", replaced(clients, "quorum_round", best_round), quiet=True),
    Mutant(
        "replies_of_old_epochs",
        "acknowledgements of an earlier epoch count",
        replaced(failover, "on_beat_reply", reply_of_any_epoch),
        quiet=True,
    ),
    Mutant(
        "start_kept",
        "the start of an earlier leadership counts",
        replaced(failover, "lead", start_as_before),
        quiet=True,
    ),
    Mutant(
        "feeds_by_offset",
        "as many changes count as the same changes",
        replaced(stream, "feed", feed_by_offset),
        quiet=True,
    ),
    Mutant(
        "denies_at_once",
        "a node that has just started denies what it may have executed",
        replaced(clients, "on_ask", deny_at_once),
        quiet=True,
    ),
    Mutant(
        "denies_and_forgets",
        "a question that was denied is executed",
        replaced(clients, "on_ask", deny_and_forget),
        quiet=True,
    ),
    Mutant(
        "tells_former_owners",
        "whoever held a lock is told the token of its holder",
        replaced(COMMANDS, b"FENCE", Verb(fence_of_anyone, 1, 2, False)),
        quiet=True,
    ),
)

RARE = (
    Mutant(
        "one_life",
        "requests of a node's earlier lives are forgotten",
        replaced(clients, "LIVES", 1),
        quiet=True,
    ),
    Mutant(
        "keeps_lost_data",
        "a replica that has more keeps it",
        replaced(stream, "on_sync", keep_more),
        quiet=True,
    ),
)
"""Mistakes that show in single steps, to which a campaign comes in minutes or by luck."""
