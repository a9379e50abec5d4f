"""What is committed is applied, answered, and in time folded into a snapshot."""

from impl.raft import compaction, gateway, machine
from impl.raft.messages import Kind
from impl.raft.state import Turn


def commit(turn: Turn, index: int) -> None:
    """Everything up to `index` is committed: apply it."""
    s = turn.s
    if index <= s.commit:
        return
    s.commit = index
    turn.note("commit", index=index)
    while s.applied < s.commit:
        apply_next(turn)
    gateway.serve_reads(turn)
    compaction.compact_if_long(turn)


def apply_next(turn: Turn) -> None:
    """Apply one entry and tell its client, if that is ours."""
    s = turn.s
    entry = s.log.entry(s.applied + 1)
    s.machine, outcome = machine.apply(s.machine, entry, s.options.most_sessions)
    s.applied = entry.index
    s.applied_bytes += len(entry.data) + 32
    if outcome is not None:
        gateway.settle(turn, outcome)
    elif entry.kind == Kind.OPEN:
        gateway.opened(turn, entry.index)
