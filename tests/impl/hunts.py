"""Hostile runs: short, with many faults. Each raises where a promise is broken and returns where all were kept."""

import dataclasses
from random import Random
from typing import Any

from impl.crdt_set import PROTOCOL as SETS
from impl.crdt_set import commands, orset
from impl.raft import PROTOCOL as RAFT
from impl.raft import machine
from impl.redis_lock import PROTOCOL as LOCKS
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
from impl.runtime.simulator import SECOND, Operation, Simulation
from tests.impl import test_raft_paper
from tests.impl.monitors import Broken, LockMonitor, RaftMonitor, alive, check_counter, check_set, check_tokens

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


def hunt_redis_lock(seed: int, seconds: float = 25.0) -> None:
    """One hostile run of the lock service, beside a dumb oracle for what each change does."""
    schedule = hostile_schedule(Random(seed), seconds)
    options = {"compact_changes": 40, "backlog": 20}
    simulation = Simulation(LOCKS, NODES, seed, schedule, options)
    simulation.watchers.append(LockMonitor())
    for client in range(5):
        simulation.add_client(client, 30, 0.85 * seconds, patience_ms=300.0)
    simulation.run(seconds)
    check_tokens(simulation.history)
    states = [host.node.state for host in simulation.hosts.values() if host.node is not None]
    now = max(state.keys.now for state in states)
    if len({(state.at, alive(state.keys, now)) for state in states}) != 1:
        raise Broken("the replicas differ at the end")
    late = [call for call in simulation.history if call.invoked > 0.8 * seconds * SECOND]
    if not late or any(call.returned is None or isinstance(call.result, Failure) for call in late[:-5]):
        raise Broken("the service does not serve after all faults have ended")


def add_and_remove(simulation: Simulation, random: Random, until: float) -> None:
    """Plan calls that add fresh elements, and others that remove some of those whose addition was answered."""
    told: list[Operation] = []

    def add_one(number: int) -> None:
        told.append(simulation.call(8, random.choice(NODES), (b"SADD", b"all", b"%d" % number)))

    def remove_one() -> None:
        answered = [call for call in told[-40:] if call.returned is not None]
        if answered:
            call = random.choice(answered)
            node = call.node if random.random() < 0.5 else random.choice(NODES)
            simulation.call(9, node, (b"SREM", b"all", call.command[2]))

    for number, moment in enumerate(range(SECOND // 2, int(until * SECOND), SECOND // 25)):
        simulation.at(moment, lambda number=number: add_one(number))  # type: ignore[misc]
        simulation.at(moment + SECOND // 60, remove_one)


def hunt_crdt_set(seed: int, seconds: float = 25.0) -> None:
    """One hostile run of the replicated set."""
    random = Random(seed)
    simulation = Simulation(SETS, NODES, seed, hostile_schedule(random, seconds), {"compact_records": 30, "shards": 2})
    add_and_remove(simulation, random, 0.7 * seconds)
    simulation.run(seconds)
    states = [host.node.state for host in simulation.hosts.values() if host.node is not None]
    if len({tuple(sorted((n, hash(shard)) for n, shard in state.shards.items())) for state in states}) != 1:
        raise Broken("the replicas differ at the end")
    check_set(states[0], simulation.history)


def hunt_orset(seed: int) -> None:
    """Three replicas exchange changes, some late, some twice, some as whole shards, beside a set with tombstones."""
    random = Random(seed)
    shards = [orset.NO_SHARD] * 3
    oracles: list[tuple[frozenset[Any], frozenset[Any]]] = [(frozenset(), frozenset())] * 3
    sent: list[tuple[orset.Delta, tuple[frozenset[Any], frozenset[Any]]]] = []
    for number in range(60):
        node, element = random.randrange(3), (b"key", b"%d" % random.randrange(3))
        added, gone = oracles[node]
        seen = frozenset(pair for pair in added - gone if pair[0] == element)
        kind = random.randrange(4)
        if kind == 0:
            shards[node], delta = commands.add(shards[node], f"actor{node}", element)
            change = (frozenset(((element, number),)) | seen, seen)
        elif kind == 1:
            shards[node], delta = commands.remove(shards[node], element)
            change = (seen, seen)
        elif kind == 2 and sent:
            delta, change = random.choice(sent)
            shards[node] = orset.join(shards[node], delta)
        else:
            other = random.randrange(3)
            delta, change = orset.whole(shards[other]), oracles[other]
            shards[node] = orset.join(shards[node], delta)
        sent.append((delta, change))
        oracles[node] = (added | change[0], gone | change[1])
        alive = {pair[0] for pair in oracles[node][0] - oracles[node][1]}
        if alive != set(shards[node].elements()):
            raise Broken(f"replica {node} holds {shards[node].elements()} where {sorted(alive)} should be")
