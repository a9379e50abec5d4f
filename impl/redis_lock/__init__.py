"""A lock service: one leader with asynchronous replicas, locks that expire, failover, and fencing tokens.

A lock is a key as Redis users know it (`SET key value NX PX ms`, released and extended by its owner). After a failover
a lock that had not reached the new leader is lost and can be given again; that is the price of asynchronous
replication. What never goes back is the fencing token (`FENCE key`): it begins with the epoch, and every epoch needs a
majority.
"""

from random import Random
from typing import Any

from impl.redis_lock import core
from impl.redis_lock.messages import CODEC, MESSAGES, RECORDS, Change
from impl.redis_lock.state import State
from impl.runtime.commands import READS, WRITES, check
from impl.runtime.effects import Command
from impl.runtime.packing import unpack
from impl.runtime.protocol import Protocol


def workload(random: Random) -> Command:
    """A command of a simulated client: locks taken, asked for, extended and released."""
    lock = b"lock%d" % random.randrange(2)
    owner = b"c%d" % random.randrange(5)
    choices: tuple[Command, ...] = (
        (b"SET", lock, owner, b"NX", b"PX", b"%d" % random.randrange(100, 2000)),
        (b"SET", lock, owner, b"NX", b"PX", b"%d" % random.randrange(100, 2000)),
        (b"FENCE", lock),
        (b"GET", lock),
        (b"SCRIPTED", b"release", lock, owner),
        (b"SCRIPTED", b"extend", lock, owner, b"500", b"0"),
    )
    return random.choice(choices)


def describe(value: Any) -> Any:
    """A change for a trace: its commands, not their bytes."""
    if not isinstance(value, Change):
        return None
    plain: dict[str, Any] = {"type": "Change", "epoch": value.epoch, "offset": value.offset, "time": value.time}
    return plain | {"commands": unpack(value.data)}


TIMERS = frozenset(("clock", "ticks", "quiet", "waited", "jitter", "sent_at", "uncompacted"))


def canonical(state: State) -> tuple[Any, ...]:
    """A state without its timers; whether the vote is bound counts."""
    plain = tuple(value for name, value in state.__dict__.items() if name not in TIMERS)
    return (*plain, state.quiet < state.options.wait_ticks)


PROTOCOL = Protocol(
    name="redis_lock",
    codec=CODEC,
    boot=core.boot,
    step=core.step,
    observe=core.observe,
    reads=READS,
    writes=WRITES,
    messages=MESSAGES,
    records=RECORDS,
    check=check,
    workload=workload,
    canonical=canonical,
    describe=describe,
)
