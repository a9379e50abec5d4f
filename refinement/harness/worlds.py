"""The small world, judged: every choice of the environment explicit, each of its steps followed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from immutables import Map

from impl.runtime import world as small
from impl.runtime.effects import Persist, Rewrite
from impl.runtime.protocol import Setup
from impl.runtime.world import Bounds, Call, Choice, Deliver, Flush, Give, Machine, Pass, World
from refinement.harness.abstract import Beyond
from refinement.harness.mapping import ProtocolMapping, Step
from refinement.harness.refiner import Refiner, Rejection, stopped
from refinement.harness.walk import Move, Position


@dataclass(frozen=True, slots=True)
class Place:
    """A world and where the specification is."""

    world: World
    position: Position


class Judged:
    """A small world with the judge at its side."""

    def __init__(self, mapping: ProtocolMapping, bounds: Bounds) -> None:
        self.mapping = mapping.of(len(bounds.nodes))
        self.bounds = bounds
        self.refiner = Refiner(self.mapping, dict(bounds.options))

    def start(self) -> Place:
        """Every node has just started for the first time."""
        world = small.start(self.mapping.protocol, self.bounds)
        position = self.refiner.start()
        for place, node in enumerate(self.bounds.nodes):
            setup = Setup(node, self.bounds.nodes, dict(self.bounds.options))
            clock = small.clock_at_start(self.bounds, node)
            state, effects = self.mapping.protocol.boot(setup, (), clock, place + 1)
            position = self.refiner.check(position, Step(node, None, None, state, effects))
        return Place(world, position)

    def take(self, place: Place, choice: Choice) -> tuple[Place, tuple[Step, ...]]:
        """The place after a choice, and the steps on the way; raises Rejection where a step is wrong."""
        after, steps, _ = self.judge(place, choice)
        return after, steps

    def judge(self, place: Place, choice: Choice) -> tuple[Place, tuple[Step, ...], tuple[Move, ...]]:
        """The same, with the moves of the specification that the steps were."""
        try:
            world, taken = small.take(place.world, choice)
        except Exception as problem:
            raise stopped(problem) from problem
        position = place.position
        steps = tuple(self.steps(place.world.machines, position.lives, choice, taken))
        moves: list[Move] = []
        for step in steps:
            position = self.refiner.check(position, step, moves)
        return Place(world, position), steps, tuple(moves)

    def steps(
        self, machines: Map[str, Machine], lives: Map[str, Any], choice: Choice, taken: tuple[small.Step, ...]
    ) -> Iterator[Step]:
        """The core's steps, with how much was durable before each."""
        fresh: dict[str, int] = {}
        for step in taken:
            machine = machines[step.node]
            life = lives.get(step.node)
            written = 0 if life is None or step.event is None else life.written
            pending = machine.pending
            if isinstance(choice, Flush):
                pending -= len(machine.unflushed[0]) if choice.first else pending
            later = fresh.get(step.node, 0)
            durable = written - pending + (later if self.bounds.instant else 0)
            if step.event is None:
                durable = 0
            yield Step(step.node, step.event, step.before, step.after, step.effects, durable, machine.durable)
            fresh[step.node] = later + sum(isinstance(effect, Persist | Rewrite) for effect in step.effects)


@dataclass
class Walked:
    """A walk through the world: its choices, the steps they caused, and what was wrong."""

    choices: list[Choice]
    steps: list[tuple[float, Step]]
    rejection: Rejection | None = None


Weights = dict[str, int]
"""How often each kind of choice is taken, by the name of its class, or `keep` for a delivery that keeps a copy."""

WEIGHTS: Weights = {
    "Deliver": 8,
    "keep": 1,
    "Lose": 1,
    "Flush": 8,
    "Crash": 1,
    "Restart": 4,
    "Give": 3,
    "Call": 1,
    "Pass": 3,
}


def random_weights(random: Random) -> Weights:
    """Each walk has its own habits: some kinds of choices are rare in it, or do not happen at all."""
    found = {name: random.choice((0, 1, 2, 4)) for name in WEIGHTS}
    rest = {"Deliver": random.choice((4, 8, 16)), "Flush": random.choice((2, 6, 12)), "Restart": random.choice((1, 4))}
    return found | rest | {"Give": random.choice((2, 4)), "Pass": random.choice((0, 0, 0, 2, 8))}


def pick(options: list[Choice], weights: Weights, number: int) -> Choice | None:
    """The choice that a number stands for: first its kind, then one of that kind."""
    kinds: dict[str, list[Choice]] = {}
    for choice in options:
        name = type(choice).__name__ if type(choice) is not Deliver or not choice.keep else "keep"
        if name in kinds:
            kinds[name].append(choice)
        elif weights[name]:
            kinds[name] = [choice]
    total = sum(weights[name] for name in kinds)
    if not total:
        return None
    number, left = divmod(number, total)
    for name, choices in kinds.items():
        left -= weights[name]
        if left < 0:
            return choices[number % len(choices)]
    raise AssertionError("the weights add up to the total")


Jam = Callable[[list[Choice]], list[Choice]]
"""Of the choices there are, those that are left while something stays in the network or does not happen."""


def jams(random: Random, nodes: tuple[str, ...], kinds: tuple[type, ...]) -> Iterator[Jam | None]:
    """For each choice of a walk what does not arrive then: often everything does; else a node is cut off for a while,
    some of the nodes from the others, a link in one direction, one kind of message, or all that is on its way already:
    so that it comes when it is old. A node that is cut off may be the one that everybody turns to. In a third of the
    time what arrives does so at once, so that much happens on the side that goes on."""
    while True:
        one, other = random.sample(nodes, 2)
        found: tuple[Jam | None, ...] = (
            None,
            None,
            _node(one),
            _alone(one),
            _busiest(),
            _split(frozenset(random.sample(nodes, len(nodes) // 2))),
            _link(one, other),
            _kind(random.choice(kinds)),
            _early(),
        )
        jam = random.choice(found)
        if random.random() < 0.33:
            jam = _prompt(jam)
        for _ in range(random.choice((10, 30, 60, 120))):
            yield jam


def _prompt(jam: Jam | None) -> Jam:
    """What else arrives and is written does so at once, before anything else happens."""

    def left(options: list[Choice]) -> list[Choice]:
        options = reachable(options, jam)
        return [choice for choice in options if _soon(choice)] or options

    return left


def _soon(choice: Choice) -> bool:
    """Whether a message arrives, once, or everything is written."""
    return (isinstance(choice, Deliver) and not choice.keep) or (isinstance(choice, Flush) and not choice.first)


def _staying(stays: Callable[[Deliver], bool]) -> Jam:
    return lambda options: [choice for choice in options if not isinstance(choice, Deliver) or not stays(choice)]


def _node(one: str) -> Jam:
    return _staying(lambda choice: one in (choice.source, choice.target))


def _alone(one: str) -> Jam:
    """A node is cut off, and orders, calls and time are its own."""
    cut = _node(one)
    return lambda options: [c for c in cut(options) if not isinstance(c, Give | Call | Pass) or c.node == one]


def _busiest() -> Jam:
    """Who has most messages on their way when this begins is cut off: often a leader."""
    one: str | None = None

    def left(options: list[Choice]) -> list[Choice]:
        nonlocal one
        if one is None:
            sent = Counter(choice.source for choice in options if isinstance(choice, Deliver))
            one = max(sent, key=lambda node: (sent[node], node), default=None)
        return options if one is None else _node(one)(options)

    return left


def _split(group: frozenset[str]) -> Jam:
    return _staying(lambda choice: (choice.source in group) != (choice.target in group))


def _link(source: str, target: str) -> Jam:
    return _staying(lambda choice: (choice.source, choice.target) == (source, target))


def _kind(kind: type) -> Jam:
    return _staying(lambda choice: isinstance(choice.message, kind))


def _early() -> Jam:
    """What is on its way when this begins waits until it ends."""
    early: set[Choice] | None = None

    def left(options: list[Choice]) -> list[Choice]:
        nonlocal early
        if early is None:
            early = {choice for choice in options if isinstance(choice, Deliver)}
        return [choice for choice in options if choice not in early]

    return left


def omitted(random: Random, bounds: Bounds) -> Jam | None:
    """In half of the walks some orders and calls are never given: what is left happens more often, and by itself."""
    if random.random() < 0.5:
        return None
    given = [order for order, _ in bounds.orders] + [command for command, _ in bounds.calls]
    never = {what for what in given if random.random() < 0.3}
    return lambda options: [choice for choice in options if _given(choice) not in never]


def _given(choice: Choice) -> Any:
    return choice.order if isinstance(choice, Give) else choice.command if isinstance(choice, Call) else None


def reachable(options: list[Choice], *jams: Jam | None) -> list[Choice]:
    """The choices that are left."""
    for jam in jams:
        options = options if jam is None else jam(options)
    return options


def walk(
    judged: Judged,
    numbers: Iterator[int],
    most: int,
    weights: Weights = WEIGHTS,
    jammed: Iterator[Jam | None] | None = None,
    never: Jam | None = None,
) -> Walked:
    """Take choices by number, each from those there are, until the numbers, the choices or the steps run out."""
    found = Walked([], [])
    try:
        place = judged.start()
        for number in numbers:
            jam = next(jammed, None) if jammed is not None else None
            choice = pick(reachable(small.choices(place.world), never, jam), weights, number)
            if choice is None or len(found.choices) >= most:
                break
            found.choices.append(choice)
            place, steps = judged.take(place, choice)
            found.steps += [(float(len(found.choices)), step) for step in steps]
            if any(judged.mapping.beyond(step.after) for step in steps):
                break
    except Rejection as rejection:
        found.rejection = rejection
    except Beyond:
        found.choices.pop()
    return found


def random_numbers(random: Random) -> Iterator[int]:
    """Choices without end."""
    while True:
        yield random.getrandbits(30)


def follow(judged: Judged, choices: list[Choice]) -> Walked:
    """Take these choices, leaving out those that are not there."""
    found = Walked([], [])
    try:
        place = judged.start()
        for choice in choices:
            if choice in small.choices(place.world):
                found.choices.append(choice)
                place, steps = judged.take(place, choice)
                found.steps += [(float(len(found.choices)), step) for step in steps]
    except Rejection as rejection:
        found.rejection = rejection
    except Beyond:
        found.choices.pop()
    return found
