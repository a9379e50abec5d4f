"""Reads without the log: the leader fixes an index, proves that it still leads, and answers (read index)."""

from dataclasses import replace

from impl.raft import spreading
from impl.raft.messages import Kind, ReadAnswer, ReadAsk
from impl.raft.state import LEADER, LeaderRead, State, Turn, committed_in_term


def on_read_ask(turn: Turn, sender: str, message: ReadAsk) -> None:
    """A node (perhaps this one) wants to read."""
    s = turn.s
    if s.role != LEADER or len(s.reads) >= s.options.most_pending:
        return
    s.reads = (*s.reads, LeaderRead(sender, message.id, None, 0))
    admit(turn)


def admit(turn: Turn) -> None:
    """Fix the index of waiting reads and start the round that must be acknowledged after them."""
    s = turn.s
    if not committed_in_term(s) or all(read.index is not None for read in s.reads):
        return
    index = fresh_index(turn)
    s.reads = tuple(
        [read if read.index is not None else replace(read, index=index, round=s.round + 1) for read in s.reads]
    )
    spreading.heartbeat(turn)
    confirm(turn)


def fresh_index(turn: Turn) -> int:
    """The commit index; where keys can expire, an entry first carries the time forward, so that reads see it."""
    s = turn.s
    if s.machine.keys.volatile and s.clock >= s.log.last_time + s.options.clock_grain:
        return spreading.propose(turn, Kind.NOOP, b"")
    return s.log.last if s.machine.keys.volatile else s.commit


def quorum_round(s: State) -> int:
    """The latest round that a majority of voters, the leader among them, has acknowledged."""
    rounds = [s.round if voter == s.me else s.progress[voter].round for voter in s.members.voters]
    return sorted(rounds, reverse=True)[len(rounds) // 2]


def confirm(turn: Turn) -> None:
    """Answer the reads whose round a quorum has acknowledged."""
    s = turn.s
    if not s.reads:
        return
    reached = quorum_round(s)
    ready = [read for read in s.reads if read.index is not None and read.round <= reached]
    if not ready:
        return
    s.reads = tuple([read for read in s.reads if read.index is None or read.round > reached])
    for read in ready:
        turn.send(read.origin, ReadAnswer(read.id, read.index or 0), held=False)


def after_commit(turn: Turn) -> None:
    """The first commit of a term lets waiting reads in."""
    admit(turn)
