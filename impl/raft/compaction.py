"""Log compaction: folding the applied prefix of the log into a snapshot."""

from typing import Any

from impl.raft import config, machine
from impl.raft.messages import Appended, Hard, Snapshot, Start
from impl.raft.state import State, Turn
from impl.runtime.effects import Rewrite


def records_of(s: State) -> tuple[Any, ...]:
    """Everything a disk needs to hold for this state."""
    start = Start(s.log.base, s.log.base_term, s.log.base_time)
    entries = (Appended(s.log.entries()),) if s.log.last > s.log.base else ()
    return (Hard(s.term, s.vote), s.snapshot, start, *entries)


def compact_if_long(turn: Turn) -> None:
    """Take a snapshot once enough has been applied since the last one."""
    s = turn.s
    if s.applied - s.snapshot.index >= s.options.compact_entries or s.applied_bytes >= s.options.compact_bytes:
        compact(turn)


def compact(turn: Turn) -> None:
    """Fold the applied prefix into a snapshot; some entries stay for followers that are a little behind."""
    s = turn.s
    if s.applied <= s.snapshot.index:
        return
    term = s.log.term_at(s.applied)
    time = s.log.entry(s.applied).time
    members = config.at(s, s.applied)
    s.snapshot = Snapshot(s.applied, term or 0, time, members, machine.dump(s.machine))
    s.configs = tuple([(index, config) for index, config in s.configs if index > s.applied])
    s.log = s.log.compact(max(s.log.base, s.applied - s.options.keep_entries))
    s.applied_bytes = 0
    turn.note("compact", index=s.applied)
    turn.out.append(rewrite(s))


def rewrite(s: State) -> Rewrite:
    """The effect that puts snapshot and remaining log in place of the old records."""
    return Rewrite(records_of(s))
