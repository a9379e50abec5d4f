"""A replicated set without a leader: every node takes additions and removals, and all nodes come to agree.

An observed-remove set (additions win over concurrent removals) that gossips; see `impl.crdt_set.orset` for the papers.
"""

from random import Random
from typing import Any

from impl.crdt_set import core
from impl.crdt_set.commands import READS, WRITES, check
from impl.crdt_set.messages import CODEC, MESSAGES, RECORDS
from impl.crdt_set.state import State
from impl.runtime.effects import Command
from impl.runtime.protocol import Protocol


def workload(random: Random) -> Command:
    """A command of a simulated client: few members, so that additions and removals meet."""
    key, member = b"set%d" % random.randrange(2), b"m%d" % random.randrange(6)
    choices: tuple[Command, ...] = (
        (b"SADD", key, member),
        (b"SADD", key, member, b"m%d" % random.randrange(6)),
        (b"SREM", key, member),
        (b"SMEMBERS", key),
        (b"SISMEMBER", key, member),
    )
    return random.choice(choices)


def canonical(state: State) -> tuple[Any, ...]:
    """A state without its timers and what is only worked out from the rest."""
    return (state.actor, state.shards)


PROTOCOL = Protocol(
    name="crdt_set",
    codec=CODEC,
    boot=core.boot,
    step=core.step,
    observe=core.observe,
    reads=READS,
    writes=WRITES,
    messages=MESSAGES,
    records=RECORDS,
    check=check,
    canonical=canonical,
    workload=workload,
    quiet_notes=frozenset(("merge",)),
)
