"""Faults in one vocabulary, and schedules of them: what goes wrong, and when."""

import dataclasses
import json
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Weather:
    """How the network behaves from now on: rates of loss and duplication, and delays in milliseconds.

    Differing delays reorder. `late` is the rate of messages that are delayed ten times longer than `slowest`.
    """

    loss: float = 0.0
    duplication: float = 0.0
    fastest: float = 0.2
    slowest: float = 2.0
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Partition:
    """Only nodes of the same group can talk; a node in no group can talk to nobody."""

    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class OneWay:
    """Messages from one node to another are lost, in this direction only."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Heal:
    """No partition and no one-way loss any more."""


@dataclass(frozen=True, slots=True)
class Crash:
    """A node stops. Unflushed writes are lost; if `torn`, part of them may remain, damaged."""

    node: str
    torn: bool = True


@dataclass(frozen=True, slots=True)
class Restart:
    """A crashed node starts again from its disk."""

    node: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A node does nothing for some milliseconds, then finds everything that arrived."""

    node: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Jump:
    """A node's wall clock jumps by some milliseconds, forward or back."""

    node: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Skew:
    """A node's ticks come faster (below 1) or slower (above 1) than they should."""

    node: str
    factor: float


@dataclass(frozen=True, slots=True)
class SlowDisk:
    """A flush of this node takes up to so many milliseconds."""

    node: str
    slowest: float


@dataclass(frozen=True, slots=True)
class Order:
    """An operator's order to a node, such as `campaign`, `resign` or `compact`."""

    node: str
    order: str


Fault: TypeAlias = Weather | Partition | OneWay | Heal | Crash | Restart | Pause | Jump | Skew | SlowDisk | Order
KINDS: tuple[type, ...] = (Weather, Partition, OneWay, Heal, Crash, Restart, Pause, Jump, Skew, SlowDisk, Order)
BY_NAME = {kind.__name__: kind for kind in KINDS}
Schedule: TypeAlias = tuple[tuple[float, Fault], ...]
"""Pairs of a moment in seconds and a fault, in order of time."""


def to_json(schedule: Schedule) -> str:
    """One line for each fault."""
    rows = ({"at": at, "fault": type(fault).__name__, **dataclasses.asdict(fault)} for at, fault in schedule)
    return "".join(json.dumps(row) + "\n" for row in rows)


def from_json(text: str) -> Schedule:
    """The schedule that `to_json` wrote."""
    return tuple(_from_row(json.loads(line)) for line in text.splitlines() if line.strip())


def _from_row(row: dict[str, Any]) -> tuple[float, Fault]:
    at, name = row.pop("at"), row.pop("fault")
    if name == "Partition":
        row["groups"] = tuple(tuple(group) for group in row["groups"])
    fault: Fault = BY_NAME[name](**row)
    return at, fault


def random_weather(random: Random) -> Weather:
    """A calm, a bad, or an awful network."""
    kind = random.randrange(3)
    if kind == 0:
        return Weather()
    if kind == 1:
        return Weather(loss=0.02, duplication=0.02, slowest=20.0, late=0.01)
    return Weather(loss=random.uniform(0.05, 0.3), duplication=0.1, slowest=random.uniform(5, 200), late=0.05)


def random_partition(random: Random, nodes: tuple[str, ...]) -> Fault:
    """Two groups, or one direction of one link."""
    if random.random() < 0.3:
        source, target = random.sample(nodes, 2)
        return OneWay(source, target)
    shuffled = random.sample(nodes, len(nodes))
    cut = random.randrange(1, len(nodes))
    return Partition((tuple(sorted(shuffled[:cut])), tuple(sorted(shuffled[cut:]))))


def random_schedule(random: Random, nodes: tuple[str, ...], seconds: float, every: float = 4.0) -> Schedule:
    """Faults about `every` so many seconds, each undone some time later; the last fifth is left to recover."""
    events: list[tuple[float, Fault]] = []
    now = random.uniform(0.5, every)
    while now < 0.8 * seconds:
        fault = _random_fault(random, nodes)
        events.append((round(now, 3), fault))
        until = round(now + random.uniform(0.1, 2 * every), 3)
        events.extend((until, remedy) for remedy in _remedies(fault))
        now += random.expovariate(1 / every)
    calm = round(0.8 * seconds, 3)
    healing: list[tuple[float, Fault]] = [(calm, Heal()), (calm, Weather())]
    healing += [(calm, Restart(node)) for node in nodes] + [(calm, Skew(node, 1.0)) for node in nodes]
    events = [(at, fault) for at, fault in events if at < calm] + healing
    return tuple(sorted(events, key=lambda pair: pair[0]))


def _random_fault(random: Random, nodes: tuple[str, ...]) -> Fault:
    node = random.choice(nodes)
    makers = (
        lambda: random_weather(random),
        lambda: random_partition(random, nodes),
        lambda: random_partition(random, nodes),
        lambda: Crash(node, torn=random.random() < 0.7),
        lambda: Crash(node, torn=random.random() < 0.7),
        lambda: Pause(node, random.randrange(50, 6000)),
        lambda: Jump(node, random.randrange(-5000, 5000)),
        lambda: Skew(node, round(random.uniform(0.7, 1.4), 3)),
        lambda: SlowDisk(node, round(random.uniform(1, 300), 1)),
        lambda: Order(node, random.choice(("campaign", "resign", "compact"))),
    )
    fault: Fault = random.choice(makers)()
    return fault


def _remedies(fault: Fault) -> tuple[Fault, ...]:
    if isinstance(fault, Partition | OneWay):
        return (Heal(),)
    if isinstance(fault, Crash):
        return (Restart(fault.node),)
    if isinstance(fault, Weather):
        return (Weather(),)
    if isinstance(fault, SlowDisk):
        return (SlowDisk(fault.node, 2.0),)
    return ()
