"""Random scenarios for the simulator: dense faults from the one vocabulary, and clients; calm at the end."""

from __future__ import annotations

from random import Random

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
    Skew,
    SlowDisk,
    Weather,
    random_partition,
)
from refinement.harness.mapping import ProtocolMapping
from refinement.harness.scenario import Call, Scenario


def random_scenario(mapping: ProtocolMapping, random: Random, seconds: float = 6.0) -> Scenario:
    """Some seconds in which much goes wrong, or now and then little; then as much calm as the protocol needs."""
    mapping = mapping.of(random.choice((3, 3, *mapping.others)))
    every = random.choice((0.3, 0.6, 1.5))
    clients, pause = random.choice(((2, 0.3), (3, 0.2), (5, 0.4)))
    schedule = random_schedule(mapping, random, seconds, every)
    whole = seconds + mapping.calm
    calls = random_calls(mapping, random, 0.9 * whole, clients, pause)
    return Scenario(random.getrandbits(32), whole, schedule, calls, len(mapping.nodes))


def random_schedule(mapping: ProtocolMapping, random: Random, seconds: float, every: float) -> Schedule:
    """Faults about `every` so many seconds, then calm."""
    nodes = mapping.nodes
    events: list[tuple[float, Fault]] = [(0.0, SlowDisk(node, random.choice((2.0, 60.0, 250.0)))) for node in nodes]
    events.append((0.0, Weather(0.1, 0.1, 0.2, random.choice((5.0, 50.0, 150.0)), random.choice((0.0, 0.1)))))
    makers = (lone_crash, everyone_crashes, split, order, duel, isolation, nuisance, lone_crash, split, isolation)
    now = random.uniform(0.3, 1.5)
    while now < seconds:
        events += random.choice(makers)(mapping, random, now)
        now += random.expovariate(1 / every)
    calm = seconds
    events = [event for event in events if event[0] < calm]
    events += [(calm, Heal()), (calm, Weather()), *((calm, SlowDisk(node, 2.0)) for node in nodes)]
    down = random.choice((*nodes, "", "", ""))  # sometimes one node stays away: the others must serve without it
    events += [(calm, Crash(node) if node == down else Restart(node)) for node in nodes] + [
        (calm, Skew(node, 1.0)) for node in nodes
    ]
    return tuple(sorted(((round(at, 3), fault) for at, fault in events), key=lambda pair: pair[0]))


Events = list[tuple[float, Fault]]


def lone_crash(mapping: ProtocolMapping, random: Random, now: float) -> Events:
    """A node crashes and is soon back."""
    node = random.choice(mapping.nodes)
    return [(now, Crash(node, random.random() < 0.5)), (now + random.uniform(0.01, 1.5), Restart(node))]


def everyone_crashes(mapping: ProtocolMapping, random: Random, now: float) -> Events:
    """The power fails."""
    events: Events = [(now, Crash(node)) for node in mapping.nodes]
    return events + [(now + random.uniform(0.01, 0.2), Restart(node)) for node in mapping.nodes]


def split(mapping: ProtocolMapping, random: Random, now: float) -> Events:
    """The network falls apart for a while."""
    return [(now, random_partition(random, mapping.nodes)), (now + random.uniform(0.2, 2.5), Heal())]


def order(mapping: ProtocolMapping, random: Random, now: float) -> Events:
    """An operator's order."""
    return [(now, Order(random.choice(mapping.nodes), random.choice(mapping.orders or ("heartbeat",))))]


def duel(mapping: ProtocolMapping, random: Random, now: float) -> Events:
    """Two nodes stand for election at about the same time; one of the voters may crash in between."""
    first, second, voter = random.sample(mapping.nodes, 3)
    events: Events = [(now, OneWay(first, second)), (now, OneWay(second, first)), (now + 0.6, Heal())]
    events += [(now, SlowDisk(voter, 2.0)), (now, Weather(slowest=5.0))]
    events += [(now + 0.01, Order(first, "campaign")), (now + 0.03, Order(second, "campaign"))]
    if random.random() < 0.7:
        events += [(now + 0.025, Crash(voter)), (now + 0.027, Restart(voter))]
    return events


def isolation(mapping: ProtocolMapping, random: Random, now: float) -> Events:
    """A node is cut off, perhaps as a leader that goes on; it stands for election as soon as it is back."""
    node = random.choice(mapping.nodes)
    back = now + random.uniform(0.8, 2.5)
    rest = tuple(other for other in mapping.nodes if other != node)
    return [(now, Partition(((node,), rest))), (back, Heal()), (back + 0.001, Order(node, "campaign"))]


def nuisance(mapping: ProtocolMapping, random: Random, now: float) -> Events:
    """A pause, a jump of a clock, ticks at another rate, a slow disk."""
    node = random.choice(mapping.nodes)
    makers = (
        Pause(node, random.randrange(50, 3000)),
        Jump(node, random.randrange(-3000, 3000)),
        Skew(node, random.choice((0.7, 1.4))),
        SlowDisk(node, random.choice((2.0, 100.0, 300.0))),
    )
    return [(now, random.choice(makers))]


def random_calls(
    mapping: ProtocolMapping, random: Random, until: float, clients: int, every: float
) -> tuple[Call, ...]:
    """Clients that call random commands at random nodes, every so many seconds on average."""
    calls = []
    for client in range(clients):
        now = random.uniform(0.0, 2 * every)
        while now < until:
            calls.append(Call(round(now, 3), client, random.choice(mapping.nodes), mapping.call(random)))
            now += random.expovariate(1 / every)
    return tuple(sorted(calls, key=lambda call: call.at))
