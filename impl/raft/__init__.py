"""Raft: consensus on a log, and keys and values on top of it.

After Ongaro and Ousterhout, In Search of an Understandable Consensus Algorithm (2014), and Ongaro's thesis (2014), with
pre-vote (9.6), the quorum check (6.2), read index (6.4), snapshots (5), single-server membership changes (4.1 with the
correction of 2015), leadership transfer (3.10) and client sessions (6.3).
"""

from random import Random
from typing import Any

from impl.raft import core
from impl.raft.machine import decode_batch
from impl.raft.messages import CODEC, MESSAGES, RECORDS, Entry, Kind
from impl.raft.state import State
from impl.runtime import commands
from impl.runtime.commands import READS, WRITES
from impl.runtime.effects import Command
from impl.runtime.protocol import Protocol


def workload(random: Random) -> Command:
    """A command of a simulated client: few keys, so that clients meet."""
    key = b"k%d" % random.randrange(4)
    value = b"%d" % random.randrange(1000)
    choices: tuple[Command, ...] = (
        (b"GET", key),
        (b"SET", key, value),
        (b"INCR", b"counter"),
        (b"DEL", key),
        (b"SET", key, value, b"NX", b"PX", b"%d" % random.randrange(1, 3000)),
        (b"APPEND", b"history", b"%d," % random.randrange(10)),
    )
    return random.choice(choices)


def check(command: Command) -> str | None:
    """What is wrong with a client's command."""
    return None if command[0] == b"MEMBER" else commands.check(command)


def describe(value: Any) -> Any:
    """A log entry for a trace: the commands it carries, not their bytes."""
    if not isinstance(value, Entry):
        return None
    plain: dict[str, Any] = {"index": value.index, "term": value.term, "time": value.time}
    plain["kind"] = Kind(value.kind).name.lower()
    if value.kind == Kind.BATCH:
        batch = decode_batch(value.data)
        plain |= {"session": batch.session, "seq": batch.seq, "commands": batch.commands}
    return plain


TIMERS = frozenset(("clock", "elapsed", "jitter", "beat", "applied_bytes"))


def canonical(state: State) -> tuple[Any, ...]:
    """A state without its timers."""
    return tuple(value for name, value in state.__dict__.items() if name not in TIMERS)


PROTOCOL = Protocol(
    name="raft",
    codec=CODEC,
    boot=core.boot,
    step=core.step,
    observe=core.observe,
    reads=READS,
    writes=WRITES | {b"MEMBER"},
    messages=MESSAGES,
    records=RECORDS,
    check=check,
    workload=workload,
    quiet_notes=frozenset(("commit",)),
    canonical=canonical,
    describe=describe,
)
