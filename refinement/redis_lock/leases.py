"""Who may lead, and what may be answered: the promises of the lock service that its specification does not speak of.

Each is judged by what the nodes were seen to do: ticks counted, votes and acknowledgements sent, data at a position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from impl.redis_lock.clients import IDS, NO_LEADER
from impl.redis_lock.messages import Answer, Ask, Beat, BeatReply, Change, Claim, Grant, Position, Stream, Sync
from impl.redis_lock.state import LEADER, LIVES, REPLICA, TOKENS_PER_EPOCH
from impl.runtime.effects import Nudge, Persist, Receive, Reply, Request, Send, Tick
from impl.runtime.packing import unpack
from refinement.harness import redis
from refinement.harness.mapping import Step
from refinement.harness.walk import Walk

LONG = 1 << 30
"""Ticks that are enough for anything."""


class Copy:
    """The data up to a position. When what has expired is swept away is each copy's own affair."""

    __slots__ = ("at", "keys")
    __hash__ = None  # type: ignore[assignment]  # equal copies may have swept differently

    def __init__(self, at: Position, keys: Any) -> None:
        self.at = at
        self.keys = keys

    def alive(self, now: int) -> dict[bytes, tuple[bytes, int | None, int]]:
        """Value, deadline and token of what has not expired at a moment."""
        rows = self.keys.items.items()
        return {key: (i.value, i.deadline, i.born) for key, i in rows if i.deadline is None or i.deadline > now}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Copy):
            return NotImplemented
        now = max(self.keys.now, other.keys.now)
        return self.at == other.at and self.alive(now) == other.alive(now)

    def __repr__(self) -> str:
        return f"{self.at.epoch}.{self.at.offset} {self.alive(self.keys.now)}"


def changes_of(step: Step) -> list[Change]:
    """The changes that a step writes down."""
    records = [record for effect in step.effects if isinstance(effect, Persist) for record in effect.records]
    return [record for record in records if isinstance(record, Change)]


def demands(walk: Walk, step: Step, nodes: int) -> Iterator[str]:
    """Everything that is wrong with a step."""
    if step.before is None:
        if step.effects:  # a real start, not a look at what the disk would give
            walk.facts = walk.facts.set(("quiet", step.node), 0).set(("ticks", step.node), 0)
            walk.facts = walk.facts.set(("life", step.node), walk.facts.get(("life", step.node), 0) + 1)
        return
    yield from promises(step)
    yield from votes(walk, step)
    yield from obedience(walk, step)
    yield from leadership(walk, step, nodes)
    yield from positions(walk, step)
    yield from taken_over(step)
    yield from executed(walk, step)
    yield from once(walk, step)
    yield from questions(walk, step)
    yield from answers(walk, step, nodes)
    yield from kept_waiting(step, nodes)
    pended(walk, step)


def promises(step: Step) -> Iterator[str]:
    """An epoch is never left for an earlier one; in one, a promise changes only to the leader that has won."""
    old, new = step.before.promise, step.after.promise
    if new.epoch < old.epoch:
        yield f"{step.node} goes back from epoch {old.epoch} to {new.epoch}"
    beaten = (
        isinstance(step.event, Receive) and isinstance(step.event.message, Beat) and step.event.sender == new.leader
    )
    if new.epoch == old.epoch and new.leader != old.leader and old.leader != "" and not beaten:
        yield f"{step.node} has promised epoch {old.epoch} to {old.leader}, and now to {new.leader}"


def votes(walk: Walk, step: Step) -> Iterator[str]:
    """A vote is for the promised leader, free of any lease, and for data that reaches as far as the voter's."""
    node, s = step.node, step.after
    quiet = walk.facts.get(("quiet", node), LONG) + isinstance(step.event, Tick)
    if isinstance(step.event, Nudge) and step.event.order in ("wait", "resign"):
        quiet = LONG
    for effect in step.effects:
        if isinstance(effect, Send) and isinstance(effect.message, Grant) and effect.message.granted:
            grant = effect.message
            if effect.to != node and quiet < s.options.wait_ticks and not _again(step, effect.to, grant):
                yield f"{node} gives {effect.to} its vote {quiet} ticks after it obeyed or started"
            if not grant.pre:
                if (s.promise.epoch, s.promise.leader) != (grant.epoch, effect.to):
                    yield f"{node} votes for {effect.to} in epoch {grant.epoch}, but has promised {s.promise}"
                walk.facts = walk.facts.set(("vote", grant.epoch, node), effect.to)
                quiet = quiet if _again(step, effect.to, grant) else 0
            claim = step.event.message if isinstance(step.event, Receive) else None
            shorter = isinstance(claim, Claim) and claim.at.key() < step.before.at.key()
            if isinstance(claim, Claim) and shorter and not _again(step, effect.to, grant):
                yield f"{node} votes for {effect.to}, whose data reaches {claim.at}, its own {step.before.at}"
            if isinstance(claim, Claim) and grant.epoch <= step.before.promise.epoch and grant.pre:
                yield f"{node} would vote in epoch {grant.epoch}, but has promised {step.before.promise}"
        if isinstance(effect, Send) and isinstance(effect.message, BeatReply) and effect.message.round:
            quiet = 0
    walk.facts = walk.facts.set(("quiet", node), quiet)


def _again(step: Step, to: str, grant: Grant) -> bool:
    """Whether the vote was given before and is only told once more."""
    promise = step.before.promise
    return not grant.pre and (promise.epoch, promise.leader) == (grant.epoch, to)


def obedience(walk: Walk, step: Step) -> Iterator[str]:
    """A round is acknowledged to the promised leader only, in its epoch."""
    for effect in step.effects:
        if isinstance(effect, Send) and isinstance(effect.message, BeatReply) and effect.message.round:
            reply, promise = effect.message, step.after.promise
            if (promise.epoch, promise.leader) != (reply.epoch, effect.to):
                yield f"{step.node} obeys {effect.to} in epoch {reply.epoch}, but has promised {promise}"
            beat = step.event.message if isinstance(step.event, Receive) else None
            if not isinstance(beat, Beat) or (beat.epoch, beat.round) != (reply.epoch, reply.round):
                yield f"{step.node} acknowledges round {reply.round} of epoch {reply.epoch}, and was told {beat}"
            if reply.at != step.after.at:
                yield f"{step.node} says that its data reaches {reply.at}, but it is {step.after.at}"
            key = ("round", reply.epoch, effect.to, step.node)
            walk.facts = walk.facts.set(key, max(reply.round, walk.facts.get(key, 0)))


def leadership(walk: Walk, step: Step, nodes: int) -> Iterator[str]:
    """A leader has the votes of a majority, and goes on only while a majority has acknowledged a recent round."""
    node, s = step.node, step.after
    ticks = walk.facts.get(("ticks", node), 0) + isinstance(step.event, Tick)
    walk.facts = walk.facts.set(("ticks", node), ticks)
    epoch = s.promise.epoch
    if s.role != LEADER:
        return
    if walk.remember(("leader", epoch), node) != node:
        yield f"{node} leads epoch {epoch}, as {walk.facts['leader', epoch]} did"
    if step.before.role != LEADER:
        given = {
            name for key, to in walk.facts.items() if key[:2] == ("vote", epoch) and to == node for name in key[2:]
        }
        if 2 * len(given) <= nodes:
            yield f"{node} leads epoch {epoch} by the votes of {sorted(given)}"
        if s.start != step.before.at:
            yield f"{node} leads from {step.before.at}, but takes {s.start} for its start"
    for effect in step.effects:
        if isinstance(effect, Send) and isinstance(effect.message, Beat):
            walk.remember(("sent", epoch, node, effect.message.round), ticks)
            if effect.message.epoch != epoch:
                yield f"{node} beats for epoch {effect.message.epoch} while it leads {epoch}"
    for other, follower in s.followers.items():
        if follower.round > walk.facts.get(("round", epoch, node, other), 0):
            yield f"{node} believes that {other} has acknowledged round {follower.round}"
    if isinstance(step.event, Tick):
        reached = acknowledged(walk, step.after, node, nodes)
        since = walk.facts.get(("sent", epoch, node, reached))
        if since is not None and ticks - since >= s.options.lease_ticks:
            yield f"{node} leads on, {ticks - since} ticks after the last round that a majority has acknowledged"


def acknowledged(walk: Walk, s: Any, node: str, nodes: int) -> int:
    """The latest round of a leader that a majority, itself among it, is known to have acknowledged."""
    rounds: list[int] = sorted([follower.round for follower in s.followers.values()], reverse=True)
    needed = nodes // 2
    return rounds[needed - 1]


def positions(walk: Walk, step: Step) -> Iterator[str]:
    """Each change follows the position it was made at, and all copies at one position are the same."""
    at: Position = step.before.at
    leads = step.after.role == LEADER and not isinstance(getattr(step.event, "message", None), Sync)
    for change in changes_of(step):
        key = ("change", change.epoch, change.offset)
        if leads and (key in walk.facts or change.epoch != step.after.promise.epoch):
            yield f"{step.node} makes a change at {change.epoch}.{change.offset}, where one was made before"
        if leads and change.time < step.before.keys.now:
            yield f"{step.node} makes a change at {change.time}, when its data is of {step.before.keys.now}"
        if leads and change.offset != at.offset + 1:
            yield f"{step.node} makes change {change.offset} after {at.offset}"
        made, after = walk.remember(key, (change, at))
        if made != change:
            yield f"{step.node} has another change at {change.epoch}.{change.offset} than its leader made"
        if after != at:
            yield f"{step.node} applies the change that follows {after} to what it has at {at}"
        at = Position(change.epoch, change.offset)
    if at != step.after.at and not isinstance(getattr(step.event, "message", None), Sync):
        yield f"{step.node} says that its data reaches {step.after.at}, after {at}"
    for effect in step.effects:
        if isinstance(effect, Send) and isinstance(effect.message, Stream):
            after = effect.message.after
            for change in effect.message.changes:
                made, at = walk.facts.get(("change", change.epoch, change.offset), (None, None))
                if (made, at) != (change, after):
                    yield f"{step.node} sends {effect.to} the change that follows {at} as one that follows {after}"
                after = Position(change.epoch, change.offset)
    if step.after.at != step.before.at:
        copy = Copy(step.after.at, step.after.keys)
        known = walk.remember(("data", step.after.at), copy)
        if known != copy:
            yield f"{step.node} has other data than another copy had there: {copy}, not {known}"


def taken_over(step: Step) -> Iterator[str]:
    """Data comes from the leader that a node obeys, as the leader of that epoch; what is of the epoch is not lost."""
    before, after = step.before, step.after
    message = step.event.message if isinstance(step.event, Receive) else None
    if isinstance(message, Sync) and before.leader == getattr(step.event, "sender", None) and before.role == REPLICA:
        wanted = message.epoch == before.promise.epoch != before.at.epoch
        if wanted and after.at != message.image.at:
            yield f"{step.node} keeps {after.at}, though its leader of epoch {message.epoch} has {message.image.at}"
    if after.at == before.at:
        return
    if isinstance(message, Stream | Sync) and message.epoch != after.promise.epoch:
        yield f"{step.node} takes over the data of epoch {message.epoch}, but has promised {after.promise}"
    same = before.promise.epoch == after.promise.epoch == before.at.epoch
    if same and after.at.key() < before.at.key():
        yield f"{step.node} goes back from {before.at} to {after.at}, which its leader has left behind"


def once(walk: Walk, step: Step) -> Iterator[str]:
    """What another node asks a leader for is executed, once, and not denied later, unless after long or a crash."""
    node, ask = step.node, step.event.message if isinstance(step.event, Receive) else None
    life: Any = walk.facts.get(("life", node))
    for effect in step.effects:
        if isinstance(effect, Send) and isinstance(effect.message, Answer) and not effect.message.results:
            done = walk.facts.get(_request(walk, effect.to, effect.message.id))
            fresh = done and done[0] == node and walk.facts.get(("ticks", node), 0) < step.after.options.wait_ticks
            if fresh or _remembers(walk, effect.to, effect.message.id):
                yield f"{node} tells {effect.to} that nothing was done, but its request was executed"
            if (life or 1) > 1 and walk.facts.get(("ticks", node), 0) < step.after.options.wait_ticks:
                yield f"{node} tells {effect.to} that nothing was done, but has just started, and cannot know"
            if not _knows(step.after, effect.to, effect.message.id):
                yield f"{node} tells {effect.to} that nothing was done, and would execute a copy of the question"
            walk.facts = walk.facts.set(("denied", node, effect.to, effect.message.id), life)
    if isinstance(ask, Ask) and isinstance(step.event, Receive):
        sender, handled = step.event.sender, ("handled", node, step.event.sender, ask.id)
        told = any(isinstance(effect, Send) and isinstance(effect.message, Answer) for effect in step.effects)
        executed = step.after.pending != step.before.pending
        if executed and changes_of(step):
            if _remembers(walk, sender, ask.id):
                yield f"{node} executes {ask.commands} of {sender} again"
            lives = {number // IDS for number in _handled(walk, node, sender, life)}
            if walk.facts.get(("denied", node, sender, ask.id), -1) == life and len(lives) <= LIVES:
                yield f"{node} executes {ask.commands} of {sender}, of which it has said that nothing was done"
            if not _knows(step.after, sender, ask.id):
                yield f"{node} executes {ask.commands} of {sender}, and would execute a copy of the question"
            walk.facts = walk.facts.set(_request(walk, sender, ask.id), (node, life))
        ignored = step.before.role == LEADER and not executed and not told and walk.facts.get(handled) != life
        if ignored and not _overtaken(walk, step, ask.id):
            yield f"{node} leads, and neither executes nor refuses {ask.commands} of {sender}"
        if executed or told:
            walk.facts = walk.facts.set(handled, life)


def _knows(s: Any, origin: str, number: int) -> bool:
    """Whether a node knows that it has dealt with a question: it remembers it, or takes all up to it for old."""
    life, question = divmod(number, IDS)
    lives = [served for served in s.served.get(origin, ()) if served.life == life]
    return any(question < served.low or question in served.above for served in lives)


def _request(walk: Walk, origin: str, number: int) -> tuple[Any, ...]:
    """The fact that tells who has executed the request that a question is about: it may be asked again."""
    return ("done", origin, number // IDS, walk.facts.get(("ticket", origin, number)))


def _handled(walk: Walk, node: str, origin: str, life: int) -> list[int]:
    """The questions of a node that another has dealt with in a life."""
    return [key[3] for key, by in walk.facts.items() if key[:3] == ("handled", node, origin) and by == life]


def _overtaken(walk: Walk, step: Step, number: int) -> bool:
    """Whether so many later questions of the same life were dealt with that this one is too old to be sure."""
    sender = step.event.sender if isinstance(step.event, Receive) else ""
    others = _handled(walk, step.node, sender, walk.facts[("life", step.node)])
    later = [other for other in others if other > number and other // IDS == number // IDS]
    most: int = step.after.options.served
    return len(later) > most // 2


def _remembers(walk: Walk, origin: str, number: int) -> bool:
    """Whether the node that has executed a request has not crashed since, nor heard of too many lives of its origin."""
    node, life = walk.facts.get(_request(walk, origin, number), (None, None))
    if node is None or walk.facts.get(("life", node)) != life:
        return False
    return len({other // IDS for other in _handled(walk, node, origin, life)}) <= LIVES


def questions(walk: Walk, step: Step) -> Iterator[str]:
    """What the leader has answered goes to the client that asked for it."""
    node = step.node
    if isinstance(step.event, Request):
        walk.facts = walk.facts.set(("called", node, step.event.ticket), step.event.commands)
    message = step.event.message if isinstance(step.event, Receive) else None
    for effect in step.effects:
        if isinstance(effect, Send) and isinstance(effect.message, Ask):
            number = effect.message.id
            if ("asked", node, number) in walk.facts:
                yield f"{node} asks {effect.message.commands} as {number}, as which it has asked before"
            walk.remember(("asked", node, number), effect.message.commands)
            walk.facts = walk.facts.set(("ticket", node, number), step.after.questions.get(number - step.after.next_id))
        elif isinstance(effect, Reply) and any(result == NO_LEADER for result in effect.results):
            asked = step.before.asked.get(effect.ticket)
            if asked is not None and asked.sent:
                yield f"{node} says that {asked.commands} reached no leader, but has sent it to one"
        elif isinstance(effect, Reply) and isinstance(message, Answer):
            asked = walk.facts.get(("asked", node, message.id))
            called = walk.facts.get(("called", node, effect.ticket))
            if called != asked:
                yield f"{node} answers {called} with what the leader has answered to {asked}"


def executed(walk: Walk, step: Step) -> Iterator[str]:
    """Changes do what Redis users know, and tokens grow."""
    changes = changes_of(step)
    s = step.after
    if changes or (step.before.role == LEADER and s.promise.epoch == step.before.promise.epoch):
        before = step.before.keys
        least = max((change.epoch * TOKENS_PER_EPOCH for change in changes), default=0)
        model, now = redis.model_of(before, before.now, least), before.now
        results: list[Any] = []
        for change in changes:
            now = max(now, change.time)
            results = [redis.execute(model, command, now) for command in unpack(change.data)]
        if not isinstance(getattr(step.event, "message", None), Sync):
            wrong = redis.difference(model, s.keys, s.keys.now)
            if wrong is not None:
                yield f"after {[unpack(change.data) for change in changes]} at {now}: {wrong}"
        yield from results_of(step, changes, results)
    for key, item in s.keys.items.items():
        old = step.before.keys.items.get(key)
        if changes and s.role == LEADER and (old is None or old.born != item.born):
            highest = walk.facts.get(("born", key), (0, 0))
            if not s.promise.epoch * TOKENS_PER_EPOCH < item.born < (s.promise.epoch + 1) * TOKENS_PER_EPOCH:
                yield f"{step.node} gives token {item.born} for {key!r} in epoch {s.promise.epoch}"
            if highest[0] == s.promise.epoch and item.born <= highest[1]:
                yield f"{step.node} gives token {item.born} for {key!r} after {highest[1]}"
            walk.facts = walk.facts.set(("born", key), max(highest, (s.promise.epoch, item.born)))


def results_of(step: Step, changes: list[Change], results: list[Any]) -> Iterator[str]:
    """What the leader is going to answer is what the change gave."""
    fresh = [pending for pending in step.after.pending if pending not in step.before.pending]
    if len(changes) == 1 and len(fresh) == 1 and len(fresh[0].results) == len(results):
        for told, wanted in zip(fresh[0].results, results, strict=True):
            if not redis.fits(told, wanted):
                yield f"{step.node} is going to answer {told} to {unpack(changes[0].data)}, not {redis.shown(wanted)}"
    elif not changes and len(fresh) == 1:
        keys = step.after.keys
        commands = getattr(step.event, "commands", getattr(getattr(step.event, "message", None), "commands", ()))
        for command, told in zip(commands, fresh[0].results, strict=False):
            wanted = redis.execute(redis.model_of(keys, keys.now), command, keys.now)
            if not redis.fits(told, wanted):
                yield f"{step.node} is going to answer {told} to {command}, not {redis.shown(wanted)}"
            least = step.after.promise.epoch * TOKENS_PER_EPOCH
            if command[0] == b"FENCE" and told is not None and told < least:
                yield f"{step.node} is going to answer {told} to {command}, in an epoch whose tokens begin at {least}"


def answers(walk: Walk, step: Step, nodes: int) -> Iterator[str]:
    """A leader answers what a majority has confirmed since; another node answers what the leader has told it."""
    for effect in step.effects:
        if isinstance(effect, Reply):
            origin, number = step.node, effect.ticket
        elif isinstance(effect, Send) and isinstance(effect.message, Answer):
            origin, number = effect.to, effect.message.id
        else:
            continue
        results = effect.results if isinstance(effect, Reply) else effect.message.results
        if not results or any(map(redis.unserved, results)):
            continue
        message = step.event.message if isinstance(step.event, Receive) else None
        if isinstance(effect, Reply) and isinstance(message, Answer):
            if message.results != results:
                yield f"{step.node} passes on {results} where the leader has answered {message.results}"
            continue
        found = [p for p in step.before.pending if (p.origin, p.id) == (origin, number)]
        if not found:
            yield f"{step.node} answers {results} at once: nobody has confirmed that it leads"
            continue
        epoch, pending = step.before.promise.epoch, next((p for p in found if p.results == results), found[0])
        executed, since = walk.facts.get(("pending", step.node, origin, number), (epoch, 0))
        if executed != epoch:
            yield f"{step.node} answers in epoch {epoch} what it has executed in epoch {executed}, and may have lost"
        others = [
            key
            for key, reached in walk.facts.items()
            if key[:3] == ("round", epoch, step.node) and reached >= max(pending.round, since + 1)
        ]
        if 2 * (len(others) + 1) <= nodes:
            yield f"{step.node} answers, confirmed by {len(others)} others since round {since}, in which it was asked"
        if pending.results != results:
            yield f"{step.node} answers {results} where the result was {pending.results}"


def kept_waiting(step: Step, nodes: int) -> Iterator[str]:
    """What a majority has confirmed is answered in that step."""
    s = step.after
    for pending in s.pending if s.role == LEADER else ():
        sure = [node for node, follower in s.followers.items() if follower.round >= pending.round]
        if 2 * (len(sure) + 1) > nodes:
            yield f"{step.node} leaves an answer waiting; {sure} have acknowledged round {pending.round}"


def pended(walk: Walk, step: Step) -> None:
    """In which epoch, and after which round, the leader has executed what waits to be confirmed."""
    known = {(pending.origin, pending.id) for pending in step.before.pending}
    for pending in step.after.pending:
        if (pending.origin, pending.id) not in known:
            key = ("pending", step.node, pending.origin, pending.id)
            walk.facts = walk.facts.set(key, (step.before.promise.epoch, step.before.round))


def finished(states: dict[str, Any], history: list[Any], seconds: float, nodes: int) -> Iterator[str]:
    """In the end the copies agree, and the service serves; tokens never went back."""
    if 2 * len(states) <= nodes:
        yield "most nodes are not there long after the last fault"
        return
    now = max(state.keys.now for state in states.values())
    if len({(state.at, tuple(sorted(redis.plain(state.keys, now).items()))) for state in states.values()}) > 1:
        yield "the copies differ long after the last fault"
    late = [call for call in history if 0.84 * seconds < call.invoked / 1_000_000 < 0.88 * seconds]
    for call in late:
        if call.node not in states:
            continue
        if call.returned is None or redis.unserved(call.result):
            yield f"{call.command} at {call.node} is not served long after the last fault: {call.result}"
    seen: dict[bytes, list[Any]] = {}
    for call in history:
        if call.command[0] == b"FENCE" and call.returned is not None and isinstance(call.result, int):
            seen.setdefault(call.command[1], []).append(call)
    for lock, calls in seen.items():
        for call in calls:
            earlier = [other for other in calls if other.returned < call.invoked and other.result > call.result]
            if earlier:
                yield f"the token of {lock!r} goes back from {earlier[0].result} to {call.result}"
