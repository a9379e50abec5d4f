"""Raft under faults: the paper's properties at every step, and clients that see one counter."""

import dataclasses
from random import Random

import pytest

from impl.raft import PROTOCOL
from impl.runtime.effects import Command, Failure
from impl.runtime.schedule import random_schedule
from impl.runtime.simulator import SECOND, Simulation
from tests.impl.monitors import RaftMonitor, check_counter

NODES = ("n1", "n2", "n3")
OPTIONS = {"compact_entries": 60, "keep_entries": 5, "chunk_bytes": 300}


def counting(random: Random) -> Command:
    """Mostly one counter; some keys that expire, so that reads must move the time."""
    kind = random.random()
    if kind < 0.5:
        return (b"INCR", b"counter")
    return (b"GET", b"counter") if kind < 0.9 else (b"SET", b"lease", b"1", b"PX", b"500")


def campaign(seed: int, seconds: float, nodes: tuple[str, ...] = NODES) -> Simulation:
    """A run with random faults that has recovered at its end."""
    schedule = random_schedule(Random(seed), nodes, seconds, every=2.5)
    protocol = dataclasses.replace(PROTOCOL, workload=counting)
    simulation = Simulation(protocol, nodes, seed, schedule, OPTIONS)
    simulation.watchers.append(RaftMonitor())
    for client in range(4):
        simulation.add_client(client, 60, seconds - 3)
    simulation.run(seconds)
    return simulation


@pytest.mark.parametrize("seed", range(6))
def test_properties_hold_and_the_cluster_recovers(seed: int) -> None:
    seconds = 60.0
    simulation = campaign(seed, seconds)
    check_counter(simulation.history)
    assert len(simulation.leaders()) == 1
    late = [operation for operation in simulation.history if operation.invoked > 0.87 * seconds * SECOND]
    assert late
    assert all(call.returned is not None and not isinstance(call.result, Failure) for call in late)


def test_five_nodes() -> None:
    simulation = campaign(11, 40.0, ("n1", "n2", "n3", "n4", "n5"))
    check_counter(simulation.history)
    assert len(simulation.leaders()) == 1
