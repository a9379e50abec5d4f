"""The replicated set under faults: all replicas come to agree, and on what the clients were told."""

from random import Random

import pytest

from impl.crdt_set import PROTOCOL
from impl.crdt_set.commands import members
from impl.runtime.schedule import random_schedule
from impl.runtime.simulator import Simulation
from tests.impl.hunts import add_and_remove
from tests.impl.monitors import check_set

NODES = ("n1", "n2", "n3")


def run(seed: int, seconds: float = 60.0) -> Simulation:
    """A run with random faults and a calm end."""
    simulation = Simulation(PROTOCOL, NODES, seed, random_schedule(Random(seed), NODES, seconds, every=2.5))
    for client in range(4):
        simulation.add_client(client, 60, 0.75 * seconds)
    simulation.run(seconds)
    return simulation


@pytest.mark.parametrize("seed", range(6))
def test_replicas_agree(seed: int) -> None:
    simulation = run(seed)
    states = [host.node.state for host in simulation.hosts.values() if host.node is not None]
    assert len(states) == len(NODES)
    for key in (b"set0", b"set1"):
        assert len({members(state, key) for state in states}) == 1
    assert len({tuple(sorted((n, hash(shard)) for n, shard in state.shards.items())) for state in states}) == 1


@pytest.mark.parametrize("seed", range(6))
def test_acknowledged_additions_stay_and_acknowledged_removals_hold(seed: int) -> None:
    """Each member is added once; some are then removed, by a client that has been told of the addition."""
    simulation = Simulation(PROTOCOL, NODES, seed, random_schedule(Random(seed), NODES, 60.0, every=2.5))
    add_and_remove(simulation, Random(seed), 45.0)
    simulation.run(60.0)
    node = simulation.hosts["n1"].node
    assert node is not None
    check_set(node.state, simulation.history)
    assert any(call.command[0] == b"SREM" and call.result == 1 for call in simulation.history)
