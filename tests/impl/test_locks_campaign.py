"""The lock service under faults: one leader an epoch, tokens that never go back, replicas that come to agree."""

from random import Random
from typing import Any

import pytest

from impl.redis_lock import PROTOCOL
from impl.runtime.effects import Effect, Event, Failure
from impl.runtime.schedule import random_schedule
from impl.runtime.simulator import SECOND, Operation, Simulation
from tests.impl.monitors import Broken, check_real_time

NODES = ("n1", "n2", "n3")


class OneLeader:
    """At most one node leads an epoch."""

    def __init__(self) -> None:
        self.leaders: dict[int, str] = {}

    def __call__(self, node: str, event: Event | None, effects: tuple[Effect, ...], state: Any) -> None:
        """Look at one step."""
        if state.role == "leader" and self.leaders.setdefault(state.promise.epoch, node) != node:
            raise Broken(f"{node} and {self.leaders[state.promise.epoch]} lead epoch {state.promise.epoch}")


def check_tokens(history: list[Operation]) -> None:
    """The tokens of a lock respect real time: no call sees an older one than a call that ended before it began."""
    for lock in {operation.command[1] for operation in history}:
        seen = [
            (call.invoked, call.returned, call.result, False)
            for call in history
            if call.command == (b"FENCE", lock) and call.returned is not None and isinstance(call.result, int)
        ]
        check_real_time(seen)


def campaign(seed: int, seconds: float = 60.0) -> Simulation:
    """A run with random faults that has recovered at its end."""
    simulation = Simulation(PROTOCOL, NODES, seed, random_schedule(Random(seed), NODES, seconds, every=2.5))
    simulation.watchers.append(OneLeader())
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
    assert len({tuple(sorted(state.keys.items.items())) for state in states}) == 1
