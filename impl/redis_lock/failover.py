"""Who leads: claims, promises, beats, and the leader's lease."""

from immutables import Map

from impl.redis_lock import clients, stream
from impl.redis_lock.messages import Beat, BeatReply, Claim, Grant, Promise
from impl.redis_lock.state import (
    CLAIMANT,
    LEADER,
    NONE,
    PRECLAIMANT,
    REPLICA,
    Follower,
    State,
    Turn,
    majority,
)


def promise(turn: Turn, epoch: int, leader: str) -> None:
    """Obey this leader in this epoch and nobody before, durably."""
    s = turn.s
    if (s.promise.epoch, s.promise.leader) != (epoch, leader):
        s.promise = Promise(epoch, leader)
        turn.persist(s.promise)


def become_replica(turn: Turn, leader: str | None) -> None:
    """Follow; what was not confirmed has an unknown outcome."""
    s = turn.s
    if s.role == LEADER:
        turn.note("deposed", epoch=s.promise.epoch)
    s.role, s.granted, s.followers, s.backlog, s.sent_at = REPLICA, frozenset(), NONE, (), ()
    clients.drop_pending(turn)
    follow(turn, leader)


def follow(turn: Turn, leader: str | None) -> None:
    """Take note of who leads; requests that have waited for a leader go to it."""
    s = turn.s
    if s.leader != leader:
        s.leader = leader
        if leader is not None:
            clients.next_leader(turn)


def claim(turn: Turn, pre: bool) -> None:
    """Ask the others to let us lead: first whether they would, which binds nobody, then durably."""
    s = turn.s
    s.waited, s.jitter = 0, None
    s.role = PRECLAIMANT if pre else CLAIMANT
    s.granted = frozenset()
    s.leader = None
    epoch = s.promise.epoch + 1
    turn.note("preclaim" if pre else "claim", epoch=epoch)
    if not pre:
        s.quiet = 0
        promise(turn, epoch, s.me)
    turn.send(s.me, Grant(epoch, True, pre), held=True)
    turn.broadcast(Claim(epoch, s.at, pre))


def in_lease(s: State) -> bool:
    """Whether the vote is still bound: to a leader heard recently, or, just started, to one we may have forgotten."""
    return s.role == LEADER or s.quiet < s.options.wait_ticks


def has_enough(s: State, message: Claim) -> bool:
    """Whether the claimant's data reaches at least as far as ours."""
    return message.at.key() >= s.at.key()


def on_claim(turn: Turn, sender: str, message: Claim) -> None:
    """A node wants to lead."""
    s = turn.s
    if in_lease(s):
        return
    granted = message.epoch > s.promise.epoch and has_enough(s, message)
    again = (message.epoch, sender) == (s.promise.epoch, s.promise.leader)
    if granted and not message.pre:
        promise(turn, message.epoch, sender)
        become_replica(turn, None)
        s.quiet = s.waited = 0
    granted = granted or (again and not message.pre)
    turn.send(sender, Grant(message.epoch if granted else s.promise.epoch, granted, message.pre), held=True)


def on_grant(turn: Turn, sender: str, message: Grant) -> None:
    """An answer to our claim."""
    s = turn.s
    if not message.granted:
        if message.epoch > s.promise.epoch:
            promise(turn, message.epoch, "")
            become_replica(turn, None)
        return
    asked = s.promise.epoch + 1 if message.pre else s.promise.epoch
    if message.epoch != asked or s.role != (PRECLAIMANT if message.pre else CLAIMANT):
        return
    s.granted |= {sender}
    if not majority(s, len(s.granted)):
        return
    if message.pre:
        claim(turn, pre=False)
    else:
        lead(turn)


def lead(turn: Turn) -> None:
    """Serve from here on; fencing tokens of this epoch are larger than all before."""
    s = turn.s
    s.role, s.granted, s.round = LEADER, frozenset(), s.round + 1
    s.followers = Map({node: Follower() for node in s.members if node != s.me})
    s.start, s.backlog = s.at, ()
    turn.note("lead", epoch=s.promise.epoch, start=s.start.offset)
    s.sent_at = ((s.round, s.ticks),)
    follow(turn, s.me)
    beat(turn)


def beat(turn: Turn) -> None:
    """Start a round: tell everyone that we lead, and remember when we said so."""
    s = turn.s
    s.round += 1
    s.sent_at = (*s.sent_at[-64:], (s.round, s.ticks))
    turn.broadcast(Beat(s.promise.epoch, s.round))


def on_beat(turn: Turn, sender: str, message: Beat) -> None:
    """A leader is there."""
    s = turn.s
    if message.epoch < s.promise.epoch:
        turn.send(sender, BeatReply(s.promise.epoch, 0, s.at))
        return
    promise(turn, message.epoch, sender)
    if s.role != REPLICA:
        become_replica(turn, sender)
    s.quiet = s.waited = 0
    follow(turn, sender)
    turn.send(sender, BeatReply(message.epoch, message.round, s.at), held=True)


def on_beat_reply(turn: Turn, sender: str, message: BeatReply) -> None:
    """A node obeys us, or has found a later leader."""
    s = turn.s
    if message.epoch > s.promise.epoch:
        promise(turn, message.epoch, "")
        become_replica(turn, None)
    elif s.role == LEADER and message.epoch == s.promise.epoch and sender in s.followers:
        known = s.followers[sender]
        clients.acknowledged(turn, sender, Follower(max(known.round, message.round), message.at))
        if message.at != s.at:
            stream.feed(turn, sender, message.at)


def has_lease(s: State) -> bool:
    """Whether a majority has acknowledged a beat that we sent recently enough."""
    reached = clients.quorum_round(s)
    acknowledged = [moment for number, moment in s.sent_at if number <= reached]
    return bool(acknowledged) and s.ticks - acknowledged[-1] < s.options.lease_ticks


def tick(turn: Turn, random: int) -> None:
    """One tick."""
    s = turn.s
    s.ticks += 1
    if s.role == LEADER:
        if has_lease(s):
            beat(turn)
        else:
            become_replica(turn, None)
            s.quiet = s.waited = 0
        return
    s.quiet, s.waited = s.quiet + 1, s.waited + 1
    if s.jitter is None:
        s.jitter = random % s.options.claim_ticks
    if not in_lease(s) and s.waited >= s.options.claim_ticks + s.jitter:
        claim(turn, pre=True)
