"""Parts of worlds up to the names of nodes: every part is numbered once, under each permutation of the names."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

from immutables import Map

Names = dict[str, str]


class Renaming:
    """Numbers of parts: equal ones for equal parts. `rows` tells for each permutation which node comes where."""

    def __init__(self, nodes: tuple[str, ...], symmetry: bool) -> None:
        rows = itertools.permutations(nodes) if symmetry else [nodes]
        self._permutations: list[Names] = [dict(zip(nodes, row, strict=True)) for row in rows]
        self.rows = [_sources(nodes, names) for names in self._permutations]
        self._kinds: dict[int, int] = {}
        self._orders: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._numbers: dict[Any, int] = {}
        self._renamed: list[dict[int, int]] = [{} for _ in self._permutations]
        self._parts: list[Any] = []

    def number(self, part: Any) -> int:
        """The number of a part; equal parts have equal numbers."""
        found = self._numbers.setdefault(part, len(self._parts))
        if found == len(self._parts):
            self._parts.append(part)
        return found

    def part(self, number: int) -> Any:
        """The part that has a number."""
        return self._parts[number]

    def order(self, machines: tuple[int, ...]) -> tuple[int, ...]:
        """The permutations that may lead to the smallest key: those that sort the nodes, whatever their names are."""
        kinds = tuple([self._kind(number) for number in machines])
        if kinds not in self._orders:
            rows = [[kinds[old] for old in row] for row in self.rows]
            self._orders[kinds] = tuple(place for place, row in enumerate(rows) if row == min(rows))
        return self._orders[kinds]

    def _kind(self, number: int) -> int:
        """The same for parts that differ by names only."""
        if number not in self._kinds:
            self._kinds[number] = min(self.rename(place, number) for place in range(len(self.rows)))
        return self._kinds[number]

    def rename(self, place: int, number: int) -> int:
        """The number of a part under a permutation."""
        if place == 0:  # the permutation that changes nothing
            return number
        table = self._renamed[place]
        if number not in table:
            table[number] = self.number(renamed(self._parts[number], self._permutations[place]))
        return table[number]


def _sources(nodes: tuple[str, ...], names: Names) -> tuple[int, ...]:
    """Which node, by its place, gets the name that stands at each place."""
    return tuple(nodes.index(next(old for old in nodes if names[old] == new)) for new in nodes)


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
