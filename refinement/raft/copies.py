"""What Raft nodes hold: one state machine for each prefix of the log, snapshots and their pieces, times of entries."""

from __future__ import annotations

from collections.abc import Iterator

from impl.raft import machine
from impl.raft.messages import Stored
from impl.raft.state import LEADER
from impl.runtime.effects import Receive
from refinement.harness.mapping import Step
from refinement.harness.walk import Walk


def demands(walk: Walk, step: Step) -> Iterator[str]:
    """Everything that is wrong with a step, as far as copies are concerned."""
    s = step.after
    if step.before is None or s.applied != step.before.applied or s.machine is not step.before.machine:
        dump = machine.dump(s.machine)
        if walk.remember(("machine", s.applied), dump) != dump:
            yield f"{step.node} has another state machine after entry {s.applied} than another node had"
    if s.applied > s.commit:
        yield f"{step.node} has applied {s.applied} entries, but only {s.commit} are committed"
    term = s.log.term_at(s.snapshot.index)
    if s.snapshot.index and term not in (None, s.snapshot.term):
        yield f"the snapshot of {step.node} says term {s.snapshot.term} at {s.snapshot.index}, its log {term}"
    yield from counted(step)
    yield from gathered(walk, step)
    yield from timed(step)
    yield from begun(step)


def counted(step: Step) -> Iterator[str]:
    """A leader counts for itself what its disk has of the log as it is in this term."""
    node, s = step.node, step.after
    own = s.progress.get(node) if s.role == LEADER else None
    if own is None or step.before is None:
        return
    if own.match > s.log.last:
        yield f"{node} counts {own.match} entries as its own, but has {s.log.last}"
    message = step.event.message if isinstance(step.event, Receive) else None
    before = step.before.progress.get(node)
    if isinstance(message, Stored) and message.term != s.term and before is not None and before.match != own.match:
        yield f"{node} counts what it has stored in term {message.term}, and leads term {s.term}"


def gathered(walk: Walk, step: Step) -> Iterator[str]:
    """The pieces of a snapshot that have arrived are the beginning of that snapshot."""
    received = step.after.received
    if received is None or (step.before is not None and received == step.before.received):
        return
    header, data = received
    whole: bytes | None = walk.facts.get(("machine", header.index))
    if whole is not None and data != whole[: len(data)]:
        yield f"{step.node} has pieces of the snapshot at {header.index} that are not its beginning: {data!r}"


def timed(step: Step) -> Iterator[str]:
    """The time of an entry is never before that of its predecessor."""
    s = step.after
    if step.before is not None and s.log is step.before.log:
        return
    time = s.log.base_time
    for entry in s.log.entries():
        if entry.time < time:
            yield f"entry {entry.index} of {step.node} has time {entry.time}, the one before it {time}"
        time = entry.time


def begun(step: Step) -> Iterator[str]:
    """What a snapshot, and a log whose beginning is gone, say of their last entry is what that entry was."""
    s, before = step.after, step.before
    ends = {"log": (s.log.base, s.log.base_term, s.log.base_time)}
    ends["snapshot"] = (s.snapshot.index, s.snapshot.term, s.snapshot.time)
    if s.log.base == s.snapshot.index and ends["log"] != ends["snapshot"]:
        yield f"{step.node}: (index, term, time) is {ends['snapshot']} for the snapshot, {ends['log']} for the log"
    for name, end in ends.items():
        if before is not None and before.log is not s.log and before.log.base < end[0] <= before.log.last:
            entry = before.log.entry(end[0])
            was = (entry.index, entry.term, entry.time)
            if was != end and (entry.term == end[1] or entry.index <= before.commit):  # else it was another leader's
                yield f"{step.node}: (index, term, time) is {end} for the {name}, and was {was}"
