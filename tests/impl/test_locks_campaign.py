"""The lock service under faults: one leader an epoch, tokens that never go back, replicas that come to agree."""

from random import Random

import pytest

from impl.redis_lock import PROTOCOL
from impl.runtime.effects import Failure
from impl.runtime.schedule import random_schedule
from impl.runtime.simulator import SECOND, Simulation
from tests.impl.monitors import LockMonitor, alive, check_tokens

NODES = ("n1", "n2", "n3")


def campaign(seed: int, seconds: float = 60.0) -> Simulation:
    """A run with random faults that has recovered at its end."""
    simulation = Simulation(PROTOCOL, NODES, seed, random_schedule(Random(seed), NODES, seconds, every=2.5))
    simulation.watchers.append(LockMonitor())
    for client in range(4):
        simulation.add_client(client, 60, seconds - 3)
    simulation.run(seconds)
    return simulation


@pytest.mark.parametrize("seed", range(6))
def test_tokens_never_go_back_and_replicas_agree(seed: int) -> None:
    simulation = campaign(seed)
    check_tokens(simulation.history)
    late = [call for call in simulation.history if call.invoked > 53 * SECOND]
    assert late
    assert all(call.returned is not None and not isinstance(call.result, Failure) for call in late)
    states = [host.node.state for host in simulation.hosts.values() if host.node is not None]
    assert len(states) == len(NODES)
    assert len({state.at for state in states}) == 1
    now = max(state.keys.now for state in states)
    assert len({alive(state.keys, now) for state in states}) == 1
