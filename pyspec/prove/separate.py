"""Separators: the smallest sets of literals that a row satisfies and no known row does.

The known rows are kept by column, a column as one integer with a bit for each row: how a row differs from all known
ones in an atom is then one operation, and a set of literals separates if these differences cover every known row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

#: The most literals of a separator, the most separators of one row, and the most steps of the search for them.
MOST_LITERALS, MOST_FOUND, MOST_STEPS = 5, 30, 3_000
#: Of so many known rows that are not covered yet, the one in which fewest literals differ is covered next.
LOOKED_AT = 4


class Known:
    """The known rows of a template of so many atoms."""

    def __init__(self, atoms: int) -> None:
        self.rows: dict[int, None] = {}
        self.order: list[int] = []
        self.columns = [0] * atoms

    def __contains__(self, row: int) -> bool:
        return row in self.rows

    def add(self, rows: Iterable[int]) -> list[int]:
        """Adds rows; those that are new."""
        fresh = [row for row in dict.fromkeys(rows) if row not in self.rows]
        for row in fresh:
            here = 1 << len(self.order)
            self.rows[row] = None
            self.order.append(row)
            for at in _bits(row):
                self.columns[at] |= here
        return fresh

    def separators(self, row: int, most: int) -> list[int]:
        """Minimal sets of at most `most` bits in whose values the row differs from every known one."""
        if row in self.rows or not self.order:
            return []
        everything = (1 << len(self.order)) - 1
        differs = [everything ^ column if row >> at & 1 else column for at, column in enumerate(self.columns)]
        found = dict.fromkeys(self._covering(row, everything, differs, most))
        return [bits for bits in found if _minimal(bits, everything, differs)][:MOST_FOUND]

    def _covering(self, row: int, everything: int, differs: Sequence[int], most: int) -> Iterator[int]:
        """Sets of at most `most` atoms whose differences cover all known rows: each covers one that was left."""
        todo, steps = [(0, 0, most)], 0
        while todo and steps < MOST_STEPS:
            steps += 1
            bits, covered, more = todo.pop()
            left = everything & ~covered
            hard = row ^ self._hardest(row, left)
            for at in _bits(hard):
                if not left & ~differs[at]:
                    yield bits | 1 << at
                elif more > 1:
                    todo.append((bits | 1 << at, covered | differs[at], more - 1))

    def _hardest(self, row: int, left: int) -> int:
        """A known row among those left that differs from a row in few literals."""
        looked: list[int] = []
        while left and len(looked) < LOOKED_AT:
            lowest = left & -left
            looked.append(self.order[lowest.bit_length() - 1])
            left ^= lowest
        return min(looked, key=lambda known: (known ^ row).bit_count())


def price(bits: int, cost: Sequence[int]) -> int:
    """What a set of literals costs."""
    return sum(10 * cost[at] for at in _bits(bits))


def _bits(row: int) -> Iterator[int]:
    while row:
        lowest = row & -row
        yield lowest.bit_length() - 1
        row ^= lowest


def _minimal(bits: int, everything: int, differs: Sequence[int]) -> bool:
    for one in _bits(bits):
        covered = 0
        for other in _bits(bits & ~(1 << one)):
            covered |= differs[other]
        if covered == everything:
            return False
    return True
