"""What clients of a Raft cluster are told, and what their commands do: sessions, reads, a dumb model of the keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from impl.raft import machine, messages
from impl.raft.state import LEADER, State
from impl.runtime.effects import Persist, Receive, Reply, Request, Send
from refinement.harness import redis
from refinement.harness.mapping import Step
from refinement.harness.walk import Walk


def demands(walk: Walk, step: Step) -> Iterator[str]:
    """Everything that is wrong with a step, as far as clients are concerned."""
    yield from confirmed(walk, step)
    yield from timely(step)
    yield from applied(step)
    yield from opened(step)
    yield from numbered(step)
    yield from kept_waiting(step)
    yield from denied(walk, step)
    if isinstance(step.event, Receive) and isinstance(step.event.message, messages.Install):
        yield from told(step, {})
    yield from answered(walk, step)


def applied(step: Step) -> Iterator[str]:
    """What the entries that were applied do to keys and sessions, by a dumb model of both."""
    before, s = step.before, step.after
    if s.applied == before.applied or s.snapshot.index > before.applied >= s.log.base or s.log.base > before.applied:
        return
    now = before.machine.keys.now
    model = redis.model_of(before.machine.keys, now)
    sessions = Sessions(before)
    results: dict[tuple[int, int], tuple[Any, ...]] = {}
    for entry in s.log.between(before.applied + 1, s.applied):
        now = max(now, entry.time)
        if entry.kind == messages.Kind.OPEN:
            sessions.open(entry)
        elif entry.kind == messages.Kind.BATCH:
            batch = machine.decode_batch(entry.data)
            if batch.session == 0 or sessions.takes(batch, entry.time):
                answers = tuple(redis.execute(model, command, now) for command in batch.commands)
                results[batch.session, batch.seq] = answers
    wrong = redis.difference(model, s.machine.keys, now)
    if wrong is not None:
        yield f"after entries {before.applied + 1} to {s.applied}: {wrong}"
    yield from sessions.wrong(s)
    if model.sure:
        yield from told(step, results)


class Sessions:
    """A dumb model of the sessions: the last batch of each, its use, and the answers that its owner may still want."""

    def __init__(self, state: State) -> None:
        held = state.machine.sessions
        self.most = state.options.most_sessions
        self.last = {number: session.last for number, session in held.items()}
        self.used = {number: session.used for number, session in held.items()}
        self.answers = {number: set(session.answers) for number, session in held.items()}

    def open(self, entry: messages.Entry) -> None:
        """A new session; if there are too many, the one that was not used for longest goes."""
        if len(self.last) >= self.most:
            oldest = min(self.used, key=lambda number: (self.used[number], number))
            del self.last[oldest], self.used[oldest], self.answers[oldest]
        self.last[entry.index], self.used[entry.index], self.answers[entry.index] = 0, entry.time, set()

    def takes(self, batch: machine.Batch, time: int) -> bool:
        """Whether a batch is the next of its session."""
        number = batch.session
        if self.last.get(number) != batch.seq - 1:
            return False
        self.last[number], self.used[number] = batch.seq, time
        self.answers[number] = {seq for seq in self.answers[number] | {batch.seq} if seq > batch.acked}
        return True

    def wrong(self, state: State) -> Iterator[str]:
        """Where the sessions of a node are others."""
        held = state.machine.sessions
        if set(held) != set(self.last):
            yield f"there are the sessions {sorted(held)}, there should be {sorted(self.last)}"
        for number in set(held) & set(self.last):
            session = held[number]
            if session.used != self.used[number]:
                yield f"session {number} was used at {session.used}, should be at {self.used[number]}"
            if session.last != self.last[number]:
                yield f"session {number} is at {session.last}, should be at {self.last[number]}"
            if not self.answers[number] <= set(session.answers):
                yield f"session {number} has the answers {sorted(session.answers)}, not {sorted(self.answers[number])}"


def confirmed(walk: Walk, step: Step) -> Iterator[str]:
    """A leader lets a read go on once a majority has acknowledged a round that began after the question."""
    node, s, event = step.node, step.after, step.event
    if isinstance(event, Receive) and isinstance(event.message, messages.ReadAsk):
        walk.remember(("ask", node, s.term, event.sender, event.message.id), step.before.round)
    for effect in step.effects:
        message = effect.message if isinstance(effect, Send) else None
        if isinstance(effect, Send) and isinstance(message, messages.AppendReply | messages.InstallReply):
            key = ("round", message.term, effect.to, node)
            walk.facts = walk.facts.set(key, max(message.round, walk.facts.get(key, 0)))
        elif isinstance(effect, Send) and isinstance(message, messages.ReadAnswer):
            since = walk.facts.get(("ask", node, s.term, effect.to, message.id), 0)
            voters = s.members.voters
            sure = [v for v in voters if v == node or walk.facts.get(("round", s.term, node, v), 0) > since]
            if 2 * len(sure) <= len(voters):
                yield f"{node} lets a read of {effect.to} go on; of {voters} only {sure} have obeyed since"
    yield from rounds(walk, step)


def rounds(walk: Walk, step: Step) -> Iterator[str]:
    """A leader believes of nobody that it has acknowledged a later round than it has, to this leader in this term."""
    node, s = step.node, step.after
    if s.role != LEADER or (step.before.role == LEADER and s.progress is step.before.progress):
        return
    for other, progress in s.progress.items():
        told = walk.facts.get(("round", s.term, node, other), 0)
        if other != node and progress.round > told:
            yield f"{node} believes that {other} has acknowledged round {progress.round} of term {s.term}, not {told}"


def timely(step: Step) -> Iterator[str]:
    """Where keys can expire, the index of a read is that of an entry as old as the read, so that it sees what has."""
    s = step.after
    known = {(read.origin, read.id) for read in step.before.reads if read.index is not None}
    for read in s.reads if s.machine.keys.volatile else ():
        if read.index is None or (read.origin, read.id) in known or not s.log.base < read.index <= s.log.last:
            continue
        time = s.log.entry(read.index).time
        if time + s.options.clock_grain <= s.clock:
            yield f"{step.node} lets a read see keys as they were at {time}; it was asked at {s.clock}"


def opened(step: Step) -> Iterator[str]:
    """A session that a node takes for its own was opened by it, in this life, and has seen no batch yet."""
    number = step.after.gateway.session
    session = step.after.machine.sessions.get(number) if number != step.before.gateway.session else None
    if session is None:
        return
    if (session.owner, session.nonce) != (step.node, step.before.gateway.nonce):
        yield f"{step.node} takes session {number}, which {session.owner} opened as its {session.nonce}"
    if session.last:
        yield f"{step.node} takes session {number} for a new one, which has seen {session.last} batches"


def numbered(step: Step) -> Iterator[str]:
    """Batches under way are numbered on from the last that their session has executed; a lost session never returns."""
    before, gateway = step.before.gateway, step.after.gateway
    if before.session is not None and gateway.session is None and gateway.nonce == before.nonce:
        yield f"{step.node} has lost session {before.session}, and asks for the next as its {gateway.nonce} again"
    sessions = step.after.machine.sessions
    if gateway.session is not None and gateway.session not in sessions:
        return  # forgotten, which its owner has not heard
    last = sessions[gateway.session].last if gateway.session is not None else 0
    if sorted(gateway.writes) != list(range(last + 1, gateway.seq + 1)):
        under, told = sorted(gateway.writes), f"has executed {last} batches"
        yield f"session {gateway.session} of {step.node} {told}, under way are {under} of {gateway.seq}"


def caught_up(step: Step, seq: int) -> tuple[Any, ...] | None:
    """The answer to a batch that a snapshot brings."""
    session = step.after.machine.sessions.get(step.before.gateway.session)
    return session.answers.get(seq) if session is not None and session.last >= seq else None


def told(step: Step, results: dict[tuple[int, int], tuple[Any, ...]]) -> Iterator[str]:
    """The answers to the writes of the node's own clients."""
    gateway = step.before.gateway
    for effect in step.effects:
        if isinstance(effect, Reply):
            for seq, pending in gateway.writes.items():
                wanted = results.get((gateway.session, seq), caught_up(step, seq))
                if pending.ticket == effect.ticket and wanted is not None and not redis.fits(effect.results, wanted):
                    yield f"{step.node} answers {effect.results} to {pending.commands}, not {redis.shown(wanted)}"


def answered(walk: Walk, step: Step) -> Iterator[str]:
    """A read sees everything that was committed when it was asked for."""
    before, s = step.before.gateway.reads, step.after
    if isinstance(step.event, Request) and step.event.reads:
        walk.facts = walk.facts.set(("read", step.node, step.event.ticket), len(walk.get("decided")))
    for effect in step.effects:
        if not isinstance(effect, Reply) or any(map(redis.unserved, effect.results)):
            continue
        least = walk.facts.get(("read", step.node, effect.ticket))
        commands = [read.commands for read in (*before.values(), *asked(step)) if read.ticket == effect.ticket]
        if least is not None and commands:
            if s.applied < least:
                yield f"{step.node} answers a read after entry {s.applied}; {least} were committed when it came"
            model = redis.model_of(s.machine.keys, s.machine.keys.now)
            wanted = tuple(redis.execute(model, command, s.machine.keys.now) for command in commands[0])
            if not redis.fits(effect.results, wanted):
                yield f"{step.node} answers {effect.results} to {commands[0]}, not {redis.shown(wanted)}"


def denied(walk: Walk, step: Step) -> Iterator[str]:
    """A client whose batch has left its node, or is in the log, is told what came of it, or that this is not known."""
    node, gateway = step.node, step.before.gateway
    for effect in step.effects:
        for number, seq in batches(effect):
            walk.remember(("tried", node, number, seq), True)
        if not isinstance(effect, Reply):
            continue
        for seq, pending in gateway.writes.items():
            if pending.ticket == effect.ticket and ("tried", node, gateway.session, seq) in walk.facts:
                refused = [one for one in effect.results if redis.unserved(one) and not one.text.startswith("UNKNOWN ")]
                if refused:
                    yield f"{node} says {effect.results} to {pending.commands}, which may be executed, now or later"


def batches(effect: Any) -> Iterator[tuple[int, int]]:
    """Session and number of the batches that a node hands on, or takes into its log."""
    message = effect.message if isinstance(effect, Send) else None
    records = effect.records if isinstance(effect, Persist) else ()
    data = list(message.items) if isinstance(message, messages.Forward) and message.kind == messages.Kind.BATCH else []
    for record in records:
        entries = record.entries if isinstance(record, messages.Appended) else ()
        data += [entry.data for entry in entries if entry.kind == messages.Kind.BATCH]
    yield from ((batch.session, batch.seq) for batch in map(machine.decode_batch, data))


def kept_waiting(step: Step) -> Iterator[str]:
    """A read waits for its index to be applied, and at the leader for a majority; then it is answered in that step.

    Where the voters have changed, that there is a majority may come out with the next acknowledgement.
    """
    node, s = step.node, step.after
    late = [n for n, read in s.gateway.reads.items() if read.index is not None and read.index <= s.applied]
    if late:
        yield f"{node} leaves the reads {late} waiting, though it has applied {s.applied} entries"
    sender = step.event.sender if isinstance(step.event, Receive) else None
    heard = sender in s.progress and s.progress[sender] is not step.before.progress.get(sender)
    if s.role == LEADER and heard and sender != node:
        for read in s.reads:
            sure = [v for v in s.members.voters if v == node or s.progress[v].round >= read.round]
            if read.index is not None and 2 * len(sure) > len(s.members.voters):
                yield f"{node} leaves a read of {read.origin} waiting; {sure} have acknowledged round {read.round}"


def asked(step: Step) -> tuple[Any, ...]:
    """The read that comes with this step, if one does."""
    return (step.event,) if isinstance(step.event, Request) and step.event.reads else ()
