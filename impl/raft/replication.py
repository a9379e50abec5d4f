"""The followers' side of the log, their acknowledgements, and when an entry is committed."""

from impl.raft import applying, config, election, membership, reads
from impl.raft.messages import Append, Appended, AppendReply, Entry, Stored
from impl.raft.spreading import send_entries, update
from impl.raft.state import LEADER, Impossible, Progress, State, Turn


def on_append(turn: Turn, sender: str, message: Append) -> None:
    """A leader's entries, or its heartbeat."""
    s = turn.s
    if message.term < s.term:
        turn.send(sender, AppendReply(s.term, False, message.prev_index, s.log.last, s.log.last_term, message.round))
        return
    election.heed(turn, sender, message.term)
    if message.prev_index < s.log.base:
        turn.send(sender, AppendReply(s.term, True, s.commit, 0, 0, message.round))
        return
    if s.log.term_at(message.prev_index) != message.prev_term:
        hint = s.log.agrees_below(message.prev_index, message.prev_term)
        reply = AppendReply(s.term, False, message.prev_index, hint, s.log.term_at(hint) or 0, message.round)
        turn.send(sender, reply)
        return
    store(turn, message.entries)
    last = message.prev_index + len(message.entries)
    applying.commit(turn, min(message.commit, last))
    turn.send(sender, AppendReply(s.term, True, last, 0, 0, message.round))


def store(turn: Turn, entries: tuple[Entry, ...]) -> None:
    """Make the log agree with the leader's entries: what conflicts goes, what is there already stays."""
    s = turn.s
    fresh = first_new(s, entries)
    if fresh is None:
        return
    new = entries[fresh:]
    first = new[0].index
    if first <= s.commit:
        raise Impossible(f"entry {first} conflicts with a committed one")
    if first <= s.log.last:
        s.log = s.log.cut(first - 1)
        config.drop_after(turn, first - 1)
    s.log = s.log.append(new)
    config.adopt(turn, new)
    turn.persist(Appended(new))


def first_new(s: State, entries: tuple[Entry, ...]) -> int | None:
    """The position of the first entry that our log does not have, if any."""
    for position, entry in enumerate(entries):
        if s.log.term_at(entry.index) != entry.term:
            return position
    return None


def on_append_reply(turn: Turn, sender: str, message: AppendReply) -> None:
    """A follower's answer to Append."""
    s = turn.s
    if message.term > s.term:
        election.become_follower(turn, message.term, None)
        return
    if s.role != LEADER or message.term < s.term or sender not in s.progress:
        return
    progress = update(s, sender, active=True, round=max(s.progress[sender].round, message.round))
    if message.ok:
        accepted(turn, sender, progress, message.index)
    else:
        refused(turn, sender, progress, message)
    reads.confirm(turn)


def accepted(turn: Turn, node: str, progress: Progress, index: int) -> None:
    """The node's log agrees with ours up to `index`, durably."""
    s = turn.s
    if index > s.log.last:
        raise Impossible(f"{node} acknowledges {index}, the log ends at {s.log.last}")
    behind = progress.next <= s.log.last
    inflight = tuple([last for last in progress.inflight if last > index])
    match = max(progress.match, index)
    update(
        s,
        node,
        match=match,
        next=max(progress.next, match + 1),
        probing=False,
        paused=False,
        inflight=inflight,
        installing=0,
    )
    if match > progress.match:
        advance(turn)
    if (behind or progress.probing) and node in s.progress:
        send_entries(turn, node)


def refused(turn: Turn, node: str, progress: Progress, message: AppendReply) -> None:
    """The logs differ at `message.index`: try again where they may agree. A late refusal tells nothing new."""
    s = turn.s
    stale = message.index != progress.next - 1 if progress.probing else message.index <= progress.match
    if stale:
        return
    hint = s.log.agrees_below(min(message.hint_index, message.index), message.hint_term)
    update(s, node, next=max(progress.match, hint) + 1, probing=True, paused=False, inflight=())
    send_entries(turn, node)


def on_stored(turn: Turn, sender: str, message: Stored) -> None:
    """The own log is durable up to an index: now it counts."""
    s = turn.s
    if sender != s.me or s.role != LEADER or message.term != s.term or s.me not in s.progress:
        return
    if message.index > s.progress[s.me].match:
        update(s, s.me, match=message.index, next=message.index + 1)
        advance(turn)


def quorum_index(s: State) -> int:
    """The largest index that a majority of voters has stored."""
    matches = sorted((s.progress[voter].match for voter in s.members.voters), reverse=True)
    return matches[len(matches) // 2]


def advance(turn: Turn) -> None:
    """Commit what a majority has stored, if it is of the own term; earlier entries follow along."""
    s = turn.s
    index = quorum_index(s)
    if index > s.commit and s.log.term_at(index) == s.term:
        applying.commit(turn, index)
        membership.after_commit(turn)
        if s.role == LEADER:
            reads.after_commit(turn)
            turn.spread = turn.spread or s.commit == s.log.last
