"""Who may stand, vote and lead on, as time passes: what specs/raft.pspec leaves open, since it has no clocks.

Ongaro's thesis: a server that hears from a leader neither stands nor votes (4.2.3, 9.6), and a leader that a majority
has left steps down (6.2). Judged by ticks counted here and by the messages that nodes were seen to take.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from impl.raft.messages import Append, AppendReply, Install, InstallReply, RequestVote, TimeoutNow, VoteReply
from impl.raft.state import CANDIDATE, LEADER, PRECANDIDATE
from impl.runtime.effects import Receive, Send, Tick
from refinement.harness.mapping import Step
from refinement.harness.walk import Walk


def demands(walk: Walk, step: Step) -> Iterator[str]:
    """Everything that is wrong with a step, as far as time is concerned."""
    node = step.node
    if step.before is None:
        if step.effects:  # a real start, not a look at what the disk would give
            walk.facts = walk.facts.set(("heard", node), None)
        return
    ticks = walk.facts.get(("ticks", node), 0) + isinstance(step.event, Tick)
    walk.facts = walk.facts.set(("ticks", node), ticks)
    yield from stands(walk, step, ticks)
    yield from asks_before(walk, step)
    yield from votes(walk, step, ticks)
    yield from leads_on(walk, step, ticks)
    heed(walk, step, ticks)


def since_heard(walk: Walk, step: Step, ticks: int) -> int | None:
    """Ticks since a node heard from the leader of its term; None if it knows of none."""
    heard = walk.facts.get(("heard", step.node))
    return None if heard is None or heard[0] != step.before.term else ticks - heard[1]


def stands(walk: Walk, step: Step, ticks: int) -> Iterator[str]:
    """Running out of time takes an election timeout without word from a leader."""
    since, s = since_heard(walk, step, ticks), step.after
    stood = s.role in (PRECANDIDATE, CANDIDATE) and step.before.role not in (PRECANDIDATE, CANDIDATE)
    if isinstance(step.event, Tick) and stood and since is not None and since < s.options.election_ticks:
        yield f"{step.node} stands for election {since} ticks after it heard from its leader"
    order = step.event.message if isinstance(step.event, Receive) else None
    if isinstance(order, TimeoutNow) and s.term > step.before.term and order.term != step.before.term:
        yield f"{step.node} stands for election in term {s.term}, on an order of term {order.term}"


def asks_before(walk: Walk, step: Step) -> Iterator[str]:
    """Pre-vote: who runs out of time asks first, is told yes only by who could vote so, and counts this answer only."""
    before, s, node = step.before, step.after, step.node
    question = step.event.message if isinstance(step.event, Receive) else None
    for effect in step.effects:
        answer = effect.message if isinstance(effect, Send) else None
        if isinstance(effect, Send) and isinstance(answer, VoteReply) and answer.granted and answer.pre:
            walk.remember(("could", node, effect.to, answer.term), True)
            if not isinstance(question, RequestVote):
                continue
            if question.term <= before.term:
                yield f"{node} tells {effect.to} that it could win term {question.term}, but is in term {before.term}"
            if (question.last_term, question.last_index) < (before.log.last_term, before.log.last):
                yield f"{node} tells {effect.to} that it could win, but has more in its own log"
    if s.role != CANDIDATE or s.term == before.term or not isinstance(step.event, Tick | Receive):
        return
    asked = before.role == PRECANDIDATE and isinstance(question, VoteReply)
    voters = s.members.voters
    could = [v for v in voters if v == node or walk.facts.get(("could", v, node, s.term))]
    if not isinstance(question, TimeoutNow) and (2 * len(could) <= len(voters) or not (asked or len(voters) == 1)):
        yield f"{node} stands for election in term {s.term}; of {voters} only {could} have said that it could win"


def votes(walk: Walk, step: Step, ticks: int) -> Iterator[str]:
    """No vote, and no promise of one, while a leader is there; except that the leader itself asks for an election."""
    message = step.event.message if isinstance(step.event, Receive) else None
    if not isinstance(message, RequestVote) or message.transfer:
        return
    since = since_heard(walk, step, ticks)
    bound = since is not None and since < step.after.options.election_ticks
    for effect in step.effects:
        answer = effect.message if isinstance(effect, Send) else None
        if isinstance(effect, Send) and isinstance(answer, VoteReply) and answer.granted and effect.to != step.node:
            if step.before.role == LEADER:
                yield f"{step.node} gives {effect.to} its vote while it leads"
            elif bound:
                yield f"{step.node} gives {effect.to} its vote {since} ticks after it heard from its leader"
    if bound and step.after.term > step.before.term:
        yield f"{step.node} takes term {step.after.term} of a candidate {since} ticks after it heard from its leader"


def leads_on(walk: Walk, step: Step, ticks: int) -> Iterator[str]:
    """A leader has heard from a majority of the voters in the last two election timeouts."""
    node, before, s = step.node, step.before, step.after
    if s.role != LEADER:
        return
    began, patience, voters = ("leads", node, s.term), 2 * s.options.election_ticks, s.members.voters
    if began not in walk.facts or before.members.voters != voters:
        walk.facts = walk.facts.set(began, ticks)
    if isinstance(step.event, Tick) and ticks - walk.facts[began] >= patience:
        answers = {voter: walk.facts.get(("answer", node, s.term, voter)) for voter in voters}
        near = [v for v, at in answers.items() if v == node or (at is not None and ticks - at <= patience)]
        if 2 * len(near) <= len(voters):
            yield f"{node} leads on, but of {list(voters)} only {near} were there in the last {patience} ticks"


def heed(walk: Walk, step: Step, ticks: int) -> None:
    """What a node has heard of its leader, and a leader of the others."""
    node, s, event = step.node, step.after, step.event
    message: Any = event.message if isinstance(event, Receive) and event.sender != node else None
    if isinstance(message, Append | Install) and message.term == s.term:
        walk.facts = walk.facts.set(("heard", node), (s.term, ticks))
    elif isinstance(event, Receive) and isinstance(message, AppendReply | InstallReply) and message.term == s.term:
        walk.facts = walk.facts.set(("answer", node, s.term, event.sender), ticks)
    if s.role in (PRECANDIDATE, CANDIDATE) or s.leader is None:
        walk.facts = walk.facts.set(("heard", node), None)
