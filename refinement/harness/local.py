"""The steps of one node, each taken once: the same node meets the same message in thousands of worlds.

A step of a core depends on its node's state and the event alone. Nodes and messages have numbers here, those of equal
ones (see `rename`) are equal, and what a node does with a message is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from immutables import Map

from impl.runtime import world as small
from impl.runtime.effects import Note, Peers
from impl.runtime.world import Bounds, Call, Choice, Crash, Deliver, Flush, Give, Machine, Restart, World
from refinement.harness.refiner import stopped
from refinement.harness.rename import Renaming
from refinement.harness.worlds import Judged

PLENTY = 1 << 20


@dataclass(frozen=True, slots=True)
class Move:
    """What a node does: the choices (a restart follows a crash), the node after them, what it sends, its steps.

    `key` stands for the steps; `idle` if nothing has changed and nothing was sent.
    """

    choices: tuple[Choice, ...]
    machine: int
    sends: tuple[tuple[int, int], ...]
    key: tuple[int, Any]
    taken: tuple[small.Step, ...]
    unflushed: int
    idle: bool


class Nodes:
    """All nodes in all states, and what they do."""

    def __init__(self, judged: Judged, renaming: Renaming) -> None:
        self.bounds: Bounds = judged.bounds
        self.protocol = judged.mapping.protocol
        self.renaming = renaming
        self._alike = judged.mapping.alike
        self.place = {node: number for number, node in enumerate(self.bounds.nodes)}
        self.machines: dict[int, Machine] = {}
        self.messages: dict[int, tuple[str, str, Any]] = {}
        self._moves: dict[tuple[int, Any], Move] = {}
        nobody = Map({node: Machine(None, None) for node in self.bounds.nodes})
        left: dict[Any, int] = {("order", order): PLENTY for order, _ in self.bounds.orders}
        left |= {"crash": PLENTY, "lose": PLENTY, "duplicate": PLENTY, "tick": 0}
        self._alone = World(self.protocol, self.bounds, nobody, left=Map(left))

    def number(self, node: str, machine: Machine) -> int:
        """The number of a node in a state."""
        state = None if machine.state is None else self._alike(machine.state)
        found = self.renaming.number((node, state, machine.durable, machine.unflushed, machine.held))
        self.machines.setdefault(found, machine)
        return found

    def message(self, item: tuple[str, str, Any]) -> int:
        """The number of a message on its link."""
        found = self.renaming.number(item)
        self.messages.setdefault(found, item)
        return found

    def link(self, source: str, target: str) -> int:
        """The number of a link."""
        return self.place[source] * len(self.place) + self.place[target]

    def receive(self, machine: int, message: int) -> Move:
        """A message arrives."""
        found = self._moves.get((machine, message))
        if found is None:
            source, target, content = self.messages[message]
            found = self._take(machine, message, target, (Deliver(source, target, content),), 0)
        return found

    def give(self, machine: int, node: str, order: str) -> Move:
        """An order."""
        return self._moves.get((machine, order)) or self._take(machine, order, node, (Give(node, order),), 0)

    def call(self, machine: int, node: str, command: Any, calls: int) -> Move:
        """A client's command; `calls` is how many calls are left in all, which numbers them."""
        key = (command, calls)
        return self._moves.get((machine, key)) or self._take(machine, key, node, (Call(node, command),), calls)

    def crash(self, machine: int, node: str) -> Move:
        """A crash and the restart: while a node is down nothing else happens to it, so it may start at once."""
        return self._moves.get((machine, Crash)) or self._take(machine, Crash, node, (Crash(node), Restart(node)), 0)

    def flush(self, machine: int, node: str) -> Move:
        """What was written becomes durable."""
        return self._moves.get((machine, Flush)) or self._take(machine, Flush, node, (Flush(node),), 0)

    def _take(self, number: int, key: Any, node: str, choices: tuple[Choice, ...], calls: int) -> Move:
        machine = self.machines[number]
        world = replace(self._alone, machines=self._alone.machines.set(node, machine))
        if isinstance(choices[0], Deliver):
            world = replace(world, network=(self.messages[key],))
        left = {("call", command): 0 for command, _ in self.bounds.calls}
        if isinstance(choices[0], Call):
            left["call", choices[0].command] = calls
        world = replace(world, left=world.left.update(left))
        steps: list[small.Step] = []
        for choice in choices:
            try:
                world, taken = small.take(world, choice)
            except Exception as problem:
                raise stopped(problem) from problem
            steps += taken
        after = world.machines[node]
        reached = self.number(node, after)
        sends = tuple((self.link(*item[:2]), self.message(item)) for item in world.network)
        quiet = all(isinstance(effect, Note | Peers) for step in steps for effect in step.effects)
        move = Move(
            choices,
            reached,
            sends,
            (number, key),
            tuple(steps),
            after.pending,
            quiet and reached == number and not isinstance(choices[0], Crash),
        )
        self._moves[number, key] = move
        return move
