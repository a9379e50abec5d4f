"""Worlds up to the names of their nodes: the smallest key over all permutations, with every part numbered once."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from immutables import Map

from impl.runtime.world import World

Names = dict[str, str]


class Renaming:
    """Keys of worlds. Equal parts get equal numbers, under each permutation of the nodes."""

    def __init__(self, nodes: tuple[str, ...], alike: Callable[[Any], Any]) -> None:
        self._alike = alike
        rows = itertools.permutations(nodes) if len(nodes) > 1 else [nodes]
        self._permutations: list[Names] = [dict(zip(nodes, row, strict=True)) for row in rows]
        self._numbers: dict[Any, int] = {}
        self._renamed: list[dict[int, int]] = [{} for _ in self._permutations]
        self._parts: list[Any] = []

    def number(self, part: Any) -> int:
        """The number of a part; equal parts have equal numbers."""
        found = self._numbers.setdefault(part, len(self._parts))
        if found == len(self._parts):
            self._parts.append(part)
        return found

    def key(self, world: World, ordered: bool) -> tuple[Any, int]:
        """The same for worlds that differ by names only, and which permutation of the names leads to it.

        `ordered` if messages on one link arrive in their order.
        """
        machines = [(node, self.number(self._machine(world, node))) for node in world.bounds.nodes]
        network = [(self.number(item), count) for item, count in self._sent(world, ordered)]
        keys = [self._under(place, machines, network) for place in range(len(self._permutations))]
        least = min(range(len(keys)), key=keys.__getitem__)
        return (keys[least], world.left), least

    def _machine(self, world: World, node: str) -> Any:
        machine = world.machines[node]
        state = None if machine.state is None else self._alike(machine.state)
        return (state, machine.durable, machine.unflushed, machine.held)

    def _sent(self, world: World, ordered: bool) -> Iterable[tuple[Any, int]]:
        """Each message with how often it is on its way, or with its place on its link."""
        if not ordered:
            return Counter(world.network).items()
        counts: Counter[tuple[str, str]] = Counter()
        found = []
        for item in world.network:
            counts[item[:2]] += 1
            found.append((item, counts[item[:2]]))
        return found

    def _under(self, place: int, machines: list[tuple[str, int]], network: list[tuple[int, int]]) -> Any:
        names = self._permutations[place]
        parts = sorted((names.get(node, node), self.rename(place, number)) for node, number in machines)
        sent = sorted((self.rename(place, number), count) for number, count in network)
        return (tuple(parts), tuple(sent))

    def rename(self, place: int, number: int) -> int:
        """The number of a part under a permutation."""
        if place == 0:  # the permutation that changes nothing
            return number
        table = self._renamed[place]
        if number not in table:
            table[number] = self.number(renamed(self._parts[number], self._permutations[place]))
        return table[number]


def renamed(value: Any, names: Names) -> Any:
    """A value in which nodes have other names; `n1.4` is a name that n1 has given itself."""
    if isinstance(value, str):
        head, dot, rest = value.partition(".")
        return names.get(head, head) + dot + rest
    if value is None or isinstance(value, int | bytes | float):
        return value
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple([renamed(item, names) for item in value])
    if isinstance(value, tuple):
        return type(value)(*[renamed(item, names) for item in value])
    if isinstance(value, frozenset):
        return frozenset([renamed(item, names) for item in value])
    if isinstance(value, Map):
        return Map({renamed(key, names): renamed(item, names) for key, item in value.items()})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: renamed(getattr(value, field.name), names) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **changes)
    return value
