"""Hostile runs: short, with many faults. Each raises where a promise is broken and returns where all were kept."""

import dataclasses
from random import Random

from impl.raft import PROTOCOL as RAFT
from impl.raft import machine
from impl.runtime.effects import Command, Failure
from impl.runtime.schedule import (
    Crash,
    Fault,
    Heal,
    Jump,
    OneWay,
    Order,
    Partition,
    Pause,
    Restart,
    Schedule,
    SlowDisk,
    Weather,
    random_partition,
)
from impl.runtime.simulator import SECOND, Simulation
from tests.impl import test_raft_paper
from tests.impl.monitors import Broken, RaftMonitor, check_counter

NODES = ("n1", "n2", "n3")


def hostile_schedule(random: Random, seconds: float) -> Schedule:
    """Crashes, partitions, slow disks and forced elections, many a second; calm at the end."""
    events: list[tuple[float, Fault]] = [(0.0, SlowDisk(node, random.choice((2.0, 60.0, 250.0)))) for node in NODES]
    events.append((0.0, Weather(0.1, 0.1, 0.2, random.choice((5.0, 50.0, 150.0)), 0.1)))
    now = 1.0
    while now < 0.7 * seconds:
        node = random.choice(NODES)
        kind = random.randrange(11)
        if kind <= 2:
            events += [(now, Crash(node, random.random() < 0.5)), (now + random.uniform(0.01, 1.5), Restart(node))]
        elif kind == 3:
            events += [(now, Crash(other)) for other in NODES]
            events += [(now + random.uniform(0.01, 0.2), Restart(other)) for other in NODES]
        elif kind <= 5:
            events += [(now, random_partition(random, NODES)), (now + random.uniform(0.2, 3.0), Heal())]
        elif kind == 6:
            events.append((now, Order(node, random.choice(("compact", "resign")))))
        elif kind <= 9:
            events += duel(random, now) if random.random() < 0.4 else isolation(random, now)
        else:
            events.append((now, random.choice((Pause(node, 1500), Jump(node, random.randrange(-3000, 3000))))))
        now += random.expovariate(1.5)
    calm = 0.7 * seconds
    events = [event for event in events if event[0] < calm]
    events += [(calm, Heal()), (calm, Weather()), *((calm, SlowDisk(node, 2.0)) for node in NODES)]
    events += [(calm, Restart(node)) for node in NODES]
    return tuple(sorted(events, key=lambda pair: pair[0]))


def duel(random: Random, now: float) -> list[tuple[float, Fault]]:
    """Two nodes stand for election at about the same time; one of the voters may crash in between."""
    first, second, voter = random.sample(NODES, 3)
    events: list[tuple[float, Fault]] = [(now, OneWay(first, second)), (now, OneWay(second, first))]
    events += [(now, SlowDisk(voter, 2.0)), (now, Weather(slowest=5.0)), (now + 0.6, Heal())]
    events += [(now + 0.01, Order(first, "campaign")), (now + 0.03, Order(second, "campaign"))]
    if random.random() < 0.7:
        events += [(now + 0.025, Crash(voter)), (now + 0.027, Restart(voter))]
    return events


def isolation(random: Random, now: float) -> list[tuple[float, Fault]]:
    """A node is cut off, perhaps as a leader that goes on appending; it stands for election as soon as it is back."""
    node = random.choice(NODES)
    back = now + random.uniform(0.8, 3.0)
    events: list[tuple[float, Fault]] = [(now, Partition(((node,), tuple(other for other in NODES if other != node))))]
    events += [(back, Heal()), (back + 0.001, Order(node, "campaign"))]
    if random.random() < 0.5:
        events.append((back, Partition(tuple((other,) for other in NODES))))
        events += [(back + 0.5, Heal()), (back + 0.501, Order(node, "campaign"))]
    return events


def counting(random: Random) -> Command:
    """One counter, and keys that expire."""
    kind = random.random()
    if kind < 0.5:
        return (b"INCR", b"counter")
    if kind < 0.85:
        return (b"GET", b"counter")
    return (b"SET", b"lease%d" % random.randrange(3), b"1", b"NX", b"PX", b"%d" % random.randrange(50, 1500))


def hunt_paper(seed: int) -> None:
    """The statements of the Raft paper, one by one; the seed plays no part."""
    for name, statement in vars(test_raft_paper).items():
        if name.startswith("test_"):
            try:
                statement()
            except AssertionError as problem:
                raise Broken(name) from problem


def hunt_raft(seed: int, seconds: float = 25.0) -> None:
    """One hostile run of Raft."""
    options = {"compact_entries": 30, "keep_entries": 3, "chunk_bytes": 400, "append_bytes": 100}
    schedule = hostile_schedule(Random(seed), seconds)
    simulation = Simulation(dataclasses.replace(RAFT, workload=counting), NODES, seed, schedule, options)
    simulation.watchers.append(RaftMonitor())
    for client in range(5):
        simulation.add_client(client, 30, 0.85 * seconds, patience_ms=300.0)
    simulation.run(seconds)
    check_counter(simulation.history)
    states = [host.node.state for host in simulation.hosts.values() if host.node is not None]
    if len({state.applied for state in states}) == 1 and len({machine.dump(state.machine) for state in states}) > 1:
        raise Broken("the state machines differ after the same log")
    late = [call for call in simulation.history if call.invoked > 0.8 * seconds * SECOND]
    if not late or any(call.returned is None or isinstance(call.result, Failure) for call in late[:-5]):
        raise Broken("the cluster does not serve after all faults have ended")
