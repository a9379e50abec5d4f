"""A small world for exhaustive exploration: the same cores, with every choice of the environment made explicit.

A `World` is immutable and hashable. `choices(world)` lists what can happen next, `take(world, choice)` gives the next
world and the core's steps on the way. Time does not pass by itself: orders such as `campaign` stand for timers, or
ticks are choices, too: then each node's clock knows of its own ticks only.

    world = start(PROTOCOL, Bounds(nodes=("n1", "n2", "n3"), orders=(("campaign", 2), ("propose", 2))))
    for before, choice, steps, after in explore(world, most=100_000): ...
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, TypeAlias

from immutables import Map

from impl.runtime.effects import (
    Command,
    Effect,
    Event,
    Nudge,
    Persist,
    Receive,
    Reply,
    Request,
    Result,
    Rewrite,
    Send,
    Tick,
    commands_of,
)
from impl.runtime.protocol import Protocol, Setup

NOTHING: Map[Any, Any] = Map()


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large the world is. `orders` and `calls` come with how often each may happen in all, and so do `ticks`.

    With `instant`, a write is durable as soon as it is made; else flushing is a choice, and a crash loses the rest.
    `ahead` says by how many milliseconds the clock of each node is ahead.
    """

    nodes: tuple[str, ...]
    orders: tuple[tuple[str, int], ...] = ()
    calls: tuple[tuple[Command, int], ...] = ()
    crashes: int = 0
    losses: int = 0
    duplications: int = 0
    ticks: int = 0
    instant: bool = True
    ahead: tuple[int, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


class Key:
    """A hashable value that works its hash out once."""

    __slots__ = ("_hash", "_value")

    def __init__(self, value: Any) -> None:
        self._value = value
        self._hash = hash(value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._hash == other._hash and bool(self._value == other._value)


@dataclass(frozen=True, slots=True)
class Machine:
    """A node, up or down (`state` None), and its disk.

    `unflushed` are the writes that are not durable, those of one step together; `held` the effects that wait for the
    first so many of them.
    """

    state: Any
    key: Any
    durable: tuple[Any, ...] = ()
    unflushed: tuple[tuple[Persist | Rewrite, ...], ...] = ()
    held: tuple[tuple[int, Send | Reply], ...] = ()

    @property
    def pending(self) -> int:
        """How many writes are not durable."""
        return sum(map(len, self.unflushed))


@dataclass(frozen=True, slots=True)
class World:
    """Everything at one moment. `left` says how often each bounded choice may still be made."""

    protocol: Protocol = field(compare=False)
    bounds: Bounds = field(compare=False)
    machines: Map[str, Machine]
    network: tuple[tuple[str, str, Any], ...] = ()
    left: Map[Any, int] = NOTHING
    replies: tuple[tuple[int, tuple[Result, ...]], ...] = ()

    def key(self) -> Any:
        """What makes two worlds the same: not the parts of a state that only measure time."""
        machines = tuple([self.machines[name].key for name in self.bounds.nodes])
        rest = [self.machines[name] for name in self.bounds.nodes]
        disks = tuple([(machine.durable, machine.unflushed, machine.held) for machine in rest])
        return (machines, disks, frozenset(Counter(self.network).items()), self.left)


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message arrives; the network may keep a copy."""

    source: str
    target: str
    message: Any
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Lose:
    """A message is lost."""

    source: str
    target: str
    message: Any


@dataclass(frozen=True, slots=True)
class Flush:
    """What a node has written becomes durable, or only what the first step wrote: the disk is at work on the rest."""

    node: str
    first: bool = False


@dataclass(frozen=True, slots=True)
class Crash:
    """A node stops; what was not flushed is gone."""

    node: str


@dataclass(frozen=True, slots=True)
class Restart:
    """A node starts from its disk."""

    node: str


@dataclass(frozen=True, slots=True)
class Give:
    """An order to a node."""

    node: str
    order: str


@dataclass(frozen=True, slots=True)
class Call:
    """A client's command at a node, or several that are sent at once (`commands_of`)."""

    node: str
    command: Command


@dataclass(frozen=True, slots=True)
class Pass:
    """Time passes at a node: a tick."""

    node: str


Choice: TypeAlias = Deliver | Lose | Flush | Crash | Restart | Give | Call | Pass

TICK_MS = 100
"""What a tick adds to the clock of the node that has it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a core: the node, its event (None: it booted), its state before and after, and the effects."""

    node: str
    event: Event | None
    before: Any
    after: Any
    effects: tuple[Effect, ...]


def start(protocol: Protocol, bounds: Bounds) -> World:
    """The world in which every node has just started for the first time."""
    left: dict[Any, int] = {("order", order): count for order, count in bounds.orders}
    left |= {("call", command): count for command, count in bounds.calls}
    left |= {"crash": bounds.crashes, "lose": bounds.losses, "duplicate": bounds.duplications, "tick": bounds.ticks}
    world = World(protocol, bounds, Map({node: Machine(None, None) for node in bounds.nodes}), left=Map(left))
    for node in bounds.nodes:
        world, _ = _boot(world, node)
    return world


def choices(world: World) -> list[Choice]:
    """Everything that can happen next, in an order that does not depend on hashing."""
    found: list[Choice] = []
    for source, target, message in dict.fromkeys(world.network):
        if world.machines[target].state is not None:
            found.append(Deliver(source, target, message))
            if world.left["duplicate"]:
                found.append(Deliver(source, target, message, keep=True))
        if world.left["lose"]:
            found.append(Lose(source, target, message))
    for node in world.bounds.nodes:
        found.extend(_choices_at(world, node))
    return found


def _choices_at(world: World, node: str) -> Iterator[Choice]:
    machine = world.machines[node]
    if machine.state is None:
        yield Restart(node)
        return
    if machine.unflushed:
        yield Flush(node)
    if len(machine.unflushed) > 1:
        yield Flush(node, first=True)
    if world.left["crash"]:
        yield Crash(node)
    if world.left["tick"]:
        yield Pass(node)
    for order, _ in world.bounds.orders:
        if world.left["order", order]:
            yield Give(node, order)
    for command, _ in world.bounds.calls:
        if world.left["call", command]:
            yield Call(node, command)


def take(world: World, choice: Choice) -> tuple[World, tuple[Step, ...]]:
    """The world after a choice, and the steps of the core that it caused."""
    if isinstance(choice, Deliver):
        if choice.keep:
            world = _spend(world, "duplicate")
        else:
            world = replace(world, network=_without(world.network, (choice.source, choice.target, choice.message)))
        return _run(world, choice.target, Receive(choice.source, choice.message))
    if isinstance(choice, Lose):
        network = _without(world.network, (choice.source, choice.target, choice.message))
        return _spend(replace(world, network=network), "lose"), ()
    if isinstance(choice, Flush):
        return _flush(world, choice.node, choice.first)
    if isinstance(choice, Crash):
        down = Machine(None, None, world.machines[choice.node].durable)
        return _spend(_with(world, choice.node, down), "crash"), ()
    if isinstance(choice, Restart):
        return _boot(world, choice.node)
    if isinstance(choice, Give):
        return _run(_spend(world, ("order", choice.order)), choice.node, Nudge(choice.order))
    if isinstance(choice, Pass):
        count = world.bounds.ticks - world.left["tick"] + 1
        number = count * 2654435761 % (1 << 32)  # random enough, and of this tick alone
        clock = clock_at_start(world.bounds, choice.node) + count * TICK_MS
        return _run(_spend(world, "tick"), choice.node, Tick(clock, number))
    ticket = sum(count - world.left["call", command] for command, count in world.bounds.calls) + 1
    commands = commands_of(choice.command)
    reads = all(command[0] in world.protocol.reads for command in commands)
    spent = _spend(world, ("call", choice.command))
    return _run(spent, choice.node, Request(ticket, commands, 0, reads))


def explore(world: World, most: int) -> Iterator[tuple[World, Choice, tuple[Step, ...], World]]:
    """Every transition reachable from a world, breadth first, until `most` worlds have been found."""
    seen = {Key(world.key())}
    frontier = deque([world])
    while frontier:
        before = frontier.popleft()
        for choice in choices(before):
            after, steps = take(before, choice)
            yield before, choice, steps, after
            key = Key(after.key())
            if key not in seen and len(seen) < most:
                seen.add(key)
                frontier.append(after)


def _without(network: tuple[Any, ...], item: Any) -> tuple[Any, ...]:
    place = network.index(item)
    return network[:place] + network[place + 1 :]


def _spend(world: World, what: Any) -> World:
    return replace(world, left=world.left.set(what, world.left[what] - 1))


def _with(world: World, node: str, machine: Machine) -> World:
    return replace(world, machines=world.machines.set(node, machine))


def clock_at_start(bounds: Bounds, node: str) -> int:
    """What a node's clock says before anything has happened."""
    return bounds.ahead[bounds.nodes.index(node)] if bounds.ahead else 0


def _boot(world: World, node: str) -> tuple[World, tuple[Step, ...]]:
    setup = Setup(node, world.bounds.nodes, dict(world.bounds.options))
    nodes, crashes = world.bounds.nodes, world.bounds.crashes - world.left["crash"]
    number = 1 + nodes.index(node) + len(nodes) * crashes  # each life has its own
    clock = clock_at_start(world.bounds, node)
    state, effects = world.protocol.boot(setup, world.machines[node].durable, clock, number)
    machine = replace(world.machines[node], state=state, key=Key(world.protocol.canonical(state)))
    steps = [Step(node, None, None, state, effects)]
    return _carry_out(_with(world, node, machine), node, effects, steps)


def _run(world: World, node: str, event: Event) -> tuple[World, tuple[Step, ...]]:
    return _go_on(world, node, deque([event]), [])


def _go_on(world: World, node: str, events: deque[Event], steps: list[Step]) -> tuple[World, tuple[Step, ...]]:
    """Take the steps of these events and of the messages to itself that they cause."""
    while events:
        event = events.popleft()
        machine = world.machines[node]
        state, effects = world.protocol.step(machine.state, event)
        steps.append(Step(node, event, machine.state, state, effects))
        world = _with(world, node, replace(machine, state=state, key=Key(world.protocol.canonical(state))))
        world = _apply_effects(world, node, effects, events)
    return world, tuple(steps)


def _carry_out(
    world: World, node: str, effects: tuple[Effect, ...], steps: list[Step]
) -> tuple[World, tuple[Step, ...]]:
    events: deque[Event] = deque()
    world = _apply_effects(world, node, effects, events)
    return _go_on(world, node, events, steps)


def _apply_effects(world: World, node: str, effects: tuple[Effect, ...], events: deque[Event]) -> World:
    writes = tuple([effect for effect in effects if isinstance(effect, Persist | Rewrite)])
    earlier, written = world.machines[node].unflushed, False
    for effect in effects:
        machine = world.machines[node]
        if isinstance(effect, Persist | Rewrite):
            written = True
            if world.bounds.instant:
                machine = replace(machine, durable=_written(machine.durable, effect))
            else:
                machine = replace(machine, unflushed=(*earlier, writes))
            world = _with(world, node, machine)
        elif isinstance(effect, Send | Reply):
            if effect.held and machine.unflushed:
                held = (*machine.held, (len(earlier) + written, effect))
                world = _with(world, node, replace(machine, held=held))
            else:
                world = _release(world, node, effect, events)
    return world


def _release(world: World, node: str, effect: Send | Reply, events: deque[Event]) -> World:
    if isinstance(effect, Reply):
        return replace(world, replies=(*world.replies, (effect.ticket, effect.results)))
    if effect.to == node:
        events.append(Receive(node, effect.message))
        return world
    if effect.to not in world.machines:
        return world
    item = (node, effect.to, effect.message)
    return replace(world, network=(*world.network, item))


def _written(durable: tuple[Any, ...], effect: Persist | Rewrite) -> tuple[Any, ...]:
    return effect.records if isinstance(effect, Rewrite) else durable + effect.records


def _flush(world: World, node: str, first: bool) -> tuple[World, tuple[Step, ...]]:
    machine = world.machines[node]
    count = 1 if first else len(machine.unflushed)
    durable = machine.durable
    for write in chain.from_iterable(machine.unflushed[:count]):
        durable = _written(durable, write)
    left = tuple([(waits - count, effect) for waits, effect in machine.held if waits > count])
    world = _with(world, node, replace(machine, durable=durable, unflushed=machine.unflushed[count:], held=left))
    events: deque[Event] = deque()
    for waits, effect in machine.held:
        if waits <= count:
            world = _release(world, node, effect, events)
    return _go_on(world, node, events, [])
