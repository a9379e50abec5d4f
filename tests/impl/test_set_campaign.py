"""The replicated set under faults: all replicas come to agree, and on what the clients were told."""

from random import Random

import pytest

from impl.crdt_set import PROTOCOL
from impl.crdt_set.commands import members
from impl.runtime.effects import Command
from impl.runtime.schedule import random_schedule
from impl.runtime.simulator import Simulation

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


def by_outcome(simulation: Simulation, verb: bytes) -> tuple[set[bytes], set[bytes]]:
    """The members of commands that were answered, and of those that may have had an effect."""
    calls = [call for call in simulation.history if call.command[0] == verb]
    sure = {call.command[2] for call in calls if call.returned is not None}
    return sure, {call.command[2] for call in calls}


@pytest.mark.parametrize("seed", range(6))
def test_acknowledged_additions_stay_and_acknowledged_removals_hold(seed: int) -> None:
    """Each member is added once; some are then removed, each by a client that has been told of the addition."""
    counter = iter(range(1_000_000))

    def adding(random: Random) -> Command:
        return (b"SADD", b"all", b"%d" % next(counter))

    simulation = Simulation(PROTOCOL, NODES, seed, random_schedule(Random(seed), NODES, 60.0, every=2.5))
    random = Random(seed)

    def remove_one() -> None:
        told = [call for call in simulation.history if call.command[0] == b"SADD" and call.returned is not None]
        if told:
            call = random.choice(told)
            simulation.call(9, call.node, (b"SREM", b"all", call.command[2]))

    def add_one() -> None:
        simulation.call(8, random.choice(NODES), adding(random))

    for moment in range(500_000, 45_000_000, 40_000):
        simulation.at(moment, add_one)
        simulation.at(moment + 17_000, remove_one)
    simulation.run(60.0)
    added, _ = by_outcome(simulation, b"SADD")
    _, maybe_removed = by_outcome(simulation, b"SREM")
    removed = {call.command[2] for call in simulation.history if call.command[0] == b"SREM" and call.result == 1}
    node = simulation.hosts["n1"].node
    assert node is not None
    present = members(node.state, b"all")
    assert added - maybe_removed <= present
    assert not removed & present
    assert removed
