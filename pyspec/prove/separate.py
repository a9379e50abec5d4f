"""Separators: the smallest sets of literals that a row satisfies and no reachable row does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

#: The most literals of a separator, the most separators of one row, and the most steps of the search for them.
MOST_LITERALS, MOST_FOUND, MOST_STEPS = 5, 40, 20_000


def differences(row: int, rows: Iterable[int]) -> list[int] | None:
    """For each reachable row the literals (bits) in which it differs; only the smallest such sets. None if it is one
    of them: then nothing separates it."""
    found: list[int] = []
    for mask in sorted({row ^ other for other in rows}, key=int.bit_count):
        if mask == 0:
            return None
        if not any(smaller & mask == smaller for smaller in found):
            found.append(mask)
    return found


def separators(row: int, rows: Iterable[int], cost: Sequence[int]) -> list[tuple[int, int]]:
    """Minimal sets of bits that hit every difference, as (cost, bits), cheapest first: those with fewest literals and a
    few with one more."""
    masks = differences(row, rows)
    if masks is None:
        return []
    for most in range(1, MOST_LITERALS + 1):
        found = {bits for bits in _hitting(masks, most) if _minimal(bits, masks)}
        if found:
            return sorted((price(bits, cost), bits) for bits in found)[:MOST_FOUND]
    return []


def price(bits: int, cost: Sequence[int]) -> int:
    """What a set of literals costs."""
    return sum(10 * weight for at, weight in enumerate(cost) if bits >> at & 1)


def _hitting(masks: Sequence[int], most: int) -> Iterator[int]:
    """Sets of at most `most` bits that meet every mask."""
    steps = 0
    todo = [0]
    while todo and steps < MOST_STEPS:
        steps += 1
        bits = todo.pop()
        missed = next((mask for mask in masks if not mask & bits), None)
        if missed is None:
            yield bits
        elif bits.bit_count() < most:
            todo.extend(bits | 1 << at for at in range(missed.bit_length()) if missed >> at & 1)


def _minimal(bits: int, masks: Sequence[int]) -> bool:
    single = [1 << at for at in range(bits.bit_length()) if bits >> at & 1]
    return all(any(not mask & bits & ~one for mask in masks) for one in single)
