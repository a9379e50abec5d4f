"""Single-server membership changes: one at a time, and none before the leader has committed in its own term."""

from dataclasses import replace

from impl.raft import config, election, spreading
from impl.raft.messages import Admin, AdminReply, Kind, Members
from impl.raft.state import LEADER, State, Turn, committed_in_term

CLOSE = 10
"""A learner this few entries behind is made a voter."""


def ready(s: State) -> str | None:
    """Why the leader may not change the membership now, if it may not."""
    if config.changing(s):
        return "ERR another membership change is under way"
    if not committed_in_term(s):
        return "ERR the leader has not committed in its term yet, try again"
    return None


def changed(members: Members, words: tuple[bytes, ...]) -> Members | str:
    """The configuration after an order such as `ADD n4 host:port` or `REMOVE n4`, or what is wrong with the order."""
    try:
        verb, *rest = [word.decode() for word in words]
    except (UnicodeDecodeError, ValueError):
        return "ERR MEMBER ADD node [address] | MEMBER REMOVE node"
    if verb.upper() == "ADD" and len(rest) in (1, 2) and rest[0]:
        return added(members, rest[0], rest[1] if len(rest) == 2 else "")
    if verb.upper() == "REMOVE" and len(rest) == 1:
        return removed(members, rest[0])
    return "ERR MEMBER ADD node [address] | MEMBER REMOVE node"


def added(members: Members, node: str, address: str) -> Members | str:
    """A new node listens first; it votes once it has caught up."""
    if node in members.everyone:
        return f"ERR {node} is a member already"
    return replace(members, learners=(*members.learners, node), addresses=(*members.addresses, (node, address)))


def removed(members: Members, node: str) -> Members | str:
    """The configuration without a node; the last voter stays."""
    if node not in members.everyone:
        return f"ERR {node} is not a member"
    if members.voters == (node,):
        return "ERR the last voter cannot be removed"
    return Members(
        tuple(voter for voter in members.voters if voter != node),
        tuple(learner for learner in members.learners if learner != node),
        tuple(known for known in members.addresses if known[0] != node),
    )


def on_admin(turn: Turn, sender: str, message: Admin) -> None:
    """An operator's order has reached the leader."""
    s = turn.s
    if s.role != LEADER:
        return
    problem = ready(s)
    members = changed(s.members, message.words) if problem is None else problem
    if isinstance(members, str):
        turn.send(sender, AdminReply(message.id, members), held=False)
        return
    index = spreading.propose(turn, Kind.MEMBERS, config.encode(members))
    s.orders = (*s.orders, (index, sender, message.id))


def after_commit(turn: Turn) -> None:
    """Answer orders that are committed; a leader that has removed itself steps down; orders of lost nodes lapse."""
    s = turn.s
    for index, origin, number in s.orders:
        if index <= s.commit:
            turn.send(origin, AdminReply(number, None), held=False)
    s.orders = tuple([order for order in s.orders if order[0] > s.commit])
    if config.changing(s):
        return
    if s.me not in s.members.voters:
        spreading.spread(turn)
        election.become_follower(turn, s.term, None)
        return
    gone = [node for node in s.progress if node not in s.members.everyone]
    for node in sorted(gone):
        s.progress = s.progress.delete(node)
    promote(turn)


def promote(turn: Turn) -> None:
    """Make a learner that has caught up a voter."""
    s = turn.s
    if s.role != LEADER or not s.members.learners or ready(s) is not None:
        return
    for node in s.members.learners:
        progress = s.progress[node]
        if progress.active and progress.match + CLOSE >= s.log.last:
            learners = tuple(learner for learner in s.members.learners if learner != node)
            members = replace(s.members, voters=(*s.members.voters, node), learners=learners)
            spreading.propose(turn, Kind.MEMBERS, config.encode(members))
            return
