"""The leader's side of the log: appending to it and sending the others what they lack."""

from dataclasses import replace

from impl.raft import config
from impl.raft.messages import Append, Appended, Entry, Install, Kind, Stored
from impl.raft.state import Impossible, Progress, State, Turn


def propose(turn: Turn, kind: int, data: bytes) -> int:
    """As leader, append an entry to the own log and start spreading it; its index."""
    s = turn.s
    entry = Entry(s.log.last + 1, s.term, max(s.clock, s.log.last_time), int(kind), data)
    s.log = s.log.append((entry,))
    if kind == Kind.MEMBERS:
        config.adopt(turn, (entry,))
    turn.persist(Appended((entry,)))
    turn.send(s.me, Stored(s.term, entry.index))
    turn.spread = True
    return entry.index


def spread(turn: Turn) -> None:
    """Send every node what it lacks, as far as its window allows."""
    for node in turn.s.members.everyone:
        if node != turn.s.me:
            send_entries(turn, node)


def heartbeat(turn: Turn) -> None:
    """Start a new round: a message to everyone, with entries where some are lacking."""
    s = turn.s
    s.round += 1
    for node in s.members.everyone:
        if node != s.me:
            update(s, node, paused=False)
            send_entries(turn, node, beat=True)


def update(s: State, node: str, **changes: object) -> Progress:
    """Change what the leader knows of a node."""
    progress = replace(s.progress[node], **changes)  # type: ignore[arg-type]
    s.progress = s.progress.set(node, progress)
    return progress


def send_entries(turn: Turn, node: str, beat: bool = False) -> None:
    """Append messages for one node; a heartbeat sends one even if there is nothing to tell."""
    s = turn.s
    progress = s.progress[node]
    if progress.probing and progress.paused:
        return
    if s.log.term_at(progress.next - 1) is None:
        send_snapshot(turn, node)
        return
    sent = False
    while progress.next <= s.log.last and (progress.probing or len(progress.inflight) < s.options.inflight):
        entries = s.log.upto_bytes(progress.next, s.options.append_bytes)
        send_append(turn, node, progress, entries)
        sent = True
        if progress.probing:
            update(s, node, paused=True)
            return
        last = entries[-1].index
        progress = update(s, node, next=last + 1, inflight=(*progress.inflight, last), commit=s.commit)
    if not sent and (beat or progress.commit < s.commit):
        send_append(turn, node, progress, ())
        update(s, node, commit=s.commit)


def send_append(turn: Turn, node: str, progress: Progress, entries: tuple[Entry, ...]) -> None:
    """One Append message. It need not wait for our own disk: only what we count for ourselves does."""
    s = turn.s
    previous = progress.next - 1
    term = s.log.term_at(previous)
    if term is None:
        raise Impossible(f"no entry before {progress.next}")
    turn.send(node, Append(s.term, previous, term, entries, s.commit, s.round), held=False)


def send_snapshot(turn: Turn, node: str) -> None:
    """The next piece of our snapshot for a node whose next entry is compacted away."""
    s = turn.s
    progress = s.progress[node]
    offset = progress.offset if progress.installing == s.snapshot.index else 0
    piece = s.snapshot.data[offset : offset + s.options.chunk_bytes]
    message = Install(s.term, replace(s.snapshot, data=piece), offset, len(s.snapshot.data), s.round)
    turn.send(node, message, held=False)
    update(s, node, probing=True, paused=True, inflight=(), offset=offset, installing=s.snapshot.index)
