"""A persistent sequence with a digest of each of its prefixes: one more item shares all but a few parts.

Items lie in leaves of 32 in a tree of that width; the last ones in a leaf of their own. A leaf begins with the digest
of everything before it, so that an item costs little more than the place of a reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_BITS: Final = 5
_WIDTH: Final = 1 << _BITS
_MASK: Final = _WIDTH - 1

Leaf = tuple[Any, ...]
"""The digest before the leaf, then its items."""


class Vector:
    """A sequence that is never changed: full leaves in a tree (perhaps more than count), the last items in the tail."""

    __slots__ = ("_root", "_shift", "_tail", "count")

    def __init__(self, count: int = 0, tail: Leaf = (0,), root: Any = (), shift: int = _BITS) -> None:
        self.count, self._tail, self._root, self._shift = count, tail, root, shift

    def __getitem__(self, index: int) -> Any:
        start = self.count - len(self._tail) + 1
        if index >= start:
            return self._tail[index - start + 1]
        return self._leaf(index >> _BITS)[(index & _MASK) + 1]

    def between(self, low: int, high: int) -> Iterator[Any]:
        """The items from low to high - 1."""
        while low < high:
            leaf, at = self._holding(low)
            found = leaf[at : at + high - low]
            yield from found
            low += len(found)

    def digest(self, high: int, step: Any) -> int:
        """The digest of the first items, by `step(digest, item)`."""
        if not high:
            return 0
        leaf, at = self._holding(high - 1)
        found: int = leaf[0]
        for item in leaf[1 : at + 1]:
            found = step(found, item)
        return found

    def append(self, item: Any, digest: int) -> Vector:
        """With one more item; the digest is that of everything before it."""
        tail = self._tail
        if len(tail) <= _WIDTH:
            return Vector(self.count + 1, (*tail, item) if len(tail) > 1 else (digest, item), self._root, self._shift)
        index, root, shift = (self.count - _WIDTH) >> _BITS, self._root, self._shift
        if index >> shift:
            root, shift = (root,), shift + _BITS
        return Vector(self.count + 1, (digest, item), _put(root, shift, index, tail), shift)

    def cut(self, count: int) -> Vector:
        """The first items only."""
        start = self.count - len(self._tail) + 1
        if count > start:
            return (
                self if count == self.count else Vector(count, self._tail[: count - start + 1], self._root, self._shift)
            )
        rest = count & _MASK
        tail = self._leaf(count >> _BITS)[: rest + 1] if rest else (0,)
        return Vector(count, tail, self._root, self._shift)

    def _holding(self, index: int) -> tuple[Leaf, int]:
        """The leaf with an item, and the item's place in it."""
        start = self.count - len(self._tail) + 1
        if index >= start:
            return self._tail, index - start + 1
        return self._leaf(index >> _BITS), (index & _MASK) + 1

    def _leaf(self, index: int) -> Leaf:
        node, shift = self._root, self._shift
        while shift:
            shift -= _BITS
            node = node[(index >> shift) & _MASK]
        leaf: Leaf = node
        return leaf


def _put(node: Any, shift: int, index: int, leaf: Leaf) -> Any:
    """The tree with a leaf at its end: what was behind that place goes."""
    if not shift:
        return leaf
    shift -= _BITS
    at = (index >> shift) & _MASK
    inner = node[at] if at < len(node) else ()
    return (*node[:at], _put(inner, shift, index, leaf))
