"""Membership changes, which specs/raft.pspec leaves out: Ongaro's thesis, section 4.1, with the correction of 2015.

The rules are checked by what the nodes have in their logs and what they were seen to say. Campaigns remove one of three
nodes and add it again: whatever a majority of the voters is then, it is a majority of the three as well, so that the
specification's steps still hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from impl.raft import config
from impl.raft.membership import CLOSE
from impl.raft.messages import AdminReply, Appended, Entry, Install, Kind, Members, VoteReply
from impl.raft.state import CANDIDATE, LEADER, PRECANDIDATE, State
from impl.runtime.effects import Persist, Receive, Send
from refinement.harness.mapping import Step
from refinement.harness.walk import Walk


def demands(walk: Walk, step: Step) -> Iterator[str]:
    """Everything that is wrong with a step, as far as members are concerned."""
    yield from in_force(step)
    if step.before is None:
        return
    yield from kept_in_snapshots(walk, step)
    yield from proposed(step)
    yield from elected(walk, step)
    yield from committed(step)
    yield from answered(step)
    yield from left(step)


def changes(log: tuple[Entry, ...]) -> list[tuple[int, Members]]:
    """The configurations among entries, with their indices."""
    return [(entry.index, config.decode(entry.data)) for entry in log if entry.kind == Kind.MEMBERS]


def in_force(step: Step) -> Iterator[str]:
    """The latest configuration in the log holds, committed or not; without one, that of the snapshot."""
    s = step.after
    latest = [members for index, members in changes(s.log.entries()) if index > s.snapshot.index]
    wanted = latest[-1] if latest else s.snapshot.members
    if s.members != wanted:
        yield f"{step.node} goes by {named(s.members)}, but the latest configuration in its log is {named(wanted)}"


def kept_in_snapshots(walk: Walk, step: Step) -> Iterator[str]:
    """A snapshot has the configuration that held where it ends."""
    before, s = step.before, step.after
    known: tuple[tuple[int, Members], ...] = walk.facts.get("configurations", ())
    known += tuple(pair for pair in entered(step) if before.applied < pair[0] <= s.applied and pair not in known)
    walk.facts = walk.facts.set("configurations", known)
    if s.snapshot.index != before.snapshot.index:
        held = max((pair for pair in known if pair[0] <= s.snapshot.index), default=None, key=lambda pair: pair[0])
        if held is not None and s.snapshot.members != held[1]:
            yield f"the snapshot of {step.node} says {named(s.snapshot.members)}, at its end held {named(held[1])}"


def entered(step: Step) -> list[tuple[int, Members]]:
    """The configurations in the log of a node during a step; none if a snapshot takes the log's place."""
    if isinstance(step.event, Receive) and isinstance(step.event.message, Install):
        return []
    found = changes(step.before.log.entries())
    for effect in step.effects:
        for record in effect.records if isinstance(effect, Persist) else ():
            if isinstance(record, Appended):
                kept = [pair for pair in found if pair[0] < record.entries[0].index]
                found = kept + changes(record.entries)
    return found


def proposed(step: Step) -> Iterator[str]:
    """One change at a time, of one node, and none before the leader has committed an entry of its own term."""
    before, s = step.before, step.after
    if s.role != LEADER:
        return
    last = before.members
    for index, members in changes(s.log.between(max(before.log.last, s.log.base) + 1, s.log.last)):
        under_way = [number for number, _ in changes(s.log.entries()) if s.commit < number < index]
        if under_way:
            yield f"{step.node} changes members in entry {index} while the change in entry {under_way[0]} is under way"
        if s.log.term_at(s.commit) not in (s.term, None):
            yield f"{step.node} changes members, but has committed nothing in its term {s.term}"
        if len(set(members.voters) ^ set(last.voters)) > 1:
            yield f"{step.node} changes more than one voter at once: {named(last)} to {named(members)}"
        for node in set(members.voters) - set(last.voters):
            progress = s.progress.get(node)
            if node not in last.learners or progress is None or progress.match + CLOSE + 1 < index:
                yield f"{step.node} gives {node} a vote before it has caught up"
        last = members


def elected(walk: Walk, step: Step) -> Iterator[str]:
    """Only voters stand, and a leader has the votes of a majority of the voters."""
    before, s = step.before, step.after
    standing = s.role in (CANDIDATE, PRECANDIDATE) and s.role != before.role
    if standing and step.node not in before.members.voters:
        yield f"{step.node} stands for election, but has no vote itself in {named(before.members)}"
    for effect in step.effects:
        message = effect.message if isinstance(effect, Send) else None
        if isinstance(effect, Send) and isinstance(message, VoteReply) and message.granted and not message.pre:
            walk.facts = walk.facts.set(("voted", message.term, step.node), effect.to)
    if s.role == LEADER and before.role != LEADER:
        votes = [node for node in before.members.voters if walk.facts.get(("voted", s.term, node)) == step.node]
        if 2 * len(votes) <= len(before.members.voters):
            yield f"{step.node} leads with the votes of {votes}, of the voters {list(before.members.voters)}"


def committed(step: Step) -> Iterator[str]:
    """What a leader commits, a majority of the voters has; the leader counts only if it is one of them."""
    before, s = step.before, step.after
    if before.role != LEADER or s.role != LEADER or s.commit == before.commit:
        return
    voters = before.members.voters
    have = [node for node in voters if node in s.progress and s.progress[node].match >= s.commit]
    if 2 * len(have) <= len(voters):
        yield f"{step.node} commits {s.commit} entries, which {have} have, of the voters {list(voters)}"


def left(step: Step) -> Iterator[str]:
    """Once a node is out for good, it leads no more, and nothing of what it had is counted if it comes in again."""
    s = step.after
    if s.role != LEADER or (s.configs and s.configs[-1][0] > s.commit):
        return
    if step.node not in s.members.voters:
        yield f"{step.node} leads on, but is out: {named(s.members)}"
    gone = sorted(set(s.progress) - set(s.members.everyone))
    if gone:
        yield f"{step.node} still knows what {gone} have stored, which are out: {named(s.members)}"


def answered(step: Step) -> Iterator[str]:
    """An order is answered when its entry is committed."""
    waiting = {(origin, number): index for index, origin, number in (*step.before.orders, *step.after.orders)}
    for effect in step.effects:
        message = effect.message if isinstance(effect, Send) else None
        if isinstance(effect, Send) and isinstance(message, AdminReply) and message.error is None:
            index = waiting.get((effect.to, message.id))
            if index is None or index > step.after.commit:
                yield f"{step.node} tells {effect.to} that its change of members is done; it is not committed"


def named(members: Members) -> str:
    """A configuration for readers."""
    more = f" and the learners {list(members.learners)}" if members.learners else ""
    return f"the voters {list(members.voters)}{more}"


def came(history: list[Any], since: float) -> set[str]:
    """Nodes that may have been out until lately: what they were asked then may be lost."""
    late = [call.command for call in history if call.invoked > 1_000_000 * since]
    return {command[2].decode() for command in late if command[:2] == (b"MEMBER", b"ADD")}


def present(states: dict[str, Any]) -> dict[str, State] | None:
    """The members among the nodes that are up; None if these cannot serve."""
    if not states:
        return None
    latest: State = max(states.values(), key=lambda state: (state.log.last_term, state.log.last))
    members = latest.members
    up = [node for node in members.voters if node in states]
    if 2 * len(up) <= len(members.voters):
        return None
    return {node: state for node, state in states.items() if node in members.everyone}
