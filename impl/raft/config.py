"""Which configuration holds: the latest in the log, from the moment it is there, committed or not."""

from impl.raft.messages import Entry, Kind, Members
from impl.raft.state import LEADER, Progress, State, Turn, config_at_end
from impl.runtime.effects import Peers
from impl.runtime.packing import pack, unpack


def encode(members: Members) -> bytes:
    """The data of a MEMBERS entry."""
    return pack((members.voters, members.learners, members.addresses))


def decode(data: bytes) -> Members:
    """The configuration in a MEMBERS entry."""
    return Members(*unpack(data))


def at(s: State, index: int) -> Members:
    """The configuration that held at an index of the log (not before the snapshot)."""
    found = s.snapshot.members
    for position, members in s.configs:
        if position <= index:
            found = members
    return found


def adopt(turn: Turn, entries: tuple[Entry, ...]) -> None:
    """A configuration takes effect as soon as it is in the log."""
    s = turn.s
    changes = tuple([(entry.index, decode(entry.data)) for entry in entries if entry.kind == Kind.MEMBERS])
    if changes:
        s.configs = s.configs + changes
        refresh(turn)


def drop_after(turn: Turn, index: int) -> None:
    """Entries after `index` are gone from the log: an earlier configuration holds again."""
    s = turn.s
    kept = tuple([change for change in s.configs if change[0] <= index])
    if kept != s.configs:
        s.configs = kept
        refresh(turn)


def refresh(turn: Turn) -> None:
    """Let the configuration at the end of the log hold."""
    s = turn.s
    members = config_at_end(s.snapshot, s.configs)
    if members == s.members:
        return
    s.members = members
    turn.note("members", voters=members.voters, learners=members.learners)
    known = dict(members.addresses)
    turn.out.append(Peers(tuple((node, known.get(node, "")) for node in members.everyone)))
    if s.role == LEADER:
        fresh = Progress(next=s.log.last + 1)
        s.progress = s.progress.update({node: fresh for node in members.everyone if node not in s.progress})


def changing(s: State) -> bool:
    """Whether a configuration in the log is not committed yet."""
    return bool(s.configs) and s.configs[-1][0] > s.commit
