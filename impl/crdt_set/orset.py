"""The observed-remove set without tombstones, as a value: dots, causal contexts, joins.

After Bieniusa, Zawirski, Preguiça, Shapiro, Baquero, Balegas and Duarte, An Optimized Conflict-free Replicated Set
(2012), in the form of delta mutations by Almeida, Shoker and Baquero (2018). An element is present while it has a dot:
a number given by the node that added it. A context is the set of dots ever seen. Joining keeps a dot that both sides
have, or that one side has and the other has never seen; a dot the other has seen and has no more was removed.
"""

from dataclasses import dataclass
from typing import Any

from immutables import Map

Dot = tuple[str, int]
Element = tuple[bytes, bytes]
"""A key and one of its members."""

NO_DOTS: frozenset[Dot] = frozenset()
EMPTY: Map[Any, Any] = Map()


@dataclass(frozen=True, slots=True)
class Context:
    """Dots seen: for each actor all up to a number, and some beyond it."""

    upto: Map[str, int] = EMPTY
    beyond: frozenset[Dot] = NO_DOTS

    def __contains__(self, dot: Dot) -> bool:
        return dot[1] <= self.upto.get(dot[0], 0) or dot in self.beyond

    def next(self, actor: str) -> Dot:
        """The dot that an actor gives next; it must be the only one to give its dots."""
        return (actor, self.upto.get(actor, 0) + 1)

    def add(self, dots: frozenset[Dot]) -> "Context":
        """This context and some dots."""
        return compact(self.upto, self.beyond | dots)

    def join(self, other: "Context") -> "Context":
        """Everything that either side has seen."""
        upto = self.upto
        for actor, number in other.upto.items():
            if number > upto.get(actor, 0):
                upto = upto.set(actor, number)
        return compact(upto, self.beyond | other.beyond)


def compact(upto: Map[str, int], beyond: frozenset[Dot]) -> Context:
    """A context with the dots that continue a run folded into it."""
    left = []
    for actor, number in sorted(beyond):
        reached = upto.get(actor, 0)
        if number == reached + 1:
            upto = upto.set(actor, number)
        elif number > reached:
            left.append((actor, number))
    return Context(upto, frozenset(left))


NO_CONTEXT = Context()


@dataclass(frozen=True, slots=True)
class Shard:
    """A set of elements: for each key its members, for each member its dots. `count` members in all."""

    context: Context = NO_CONTEXT
    keys: Map[bytes, Map[bytes, frozenset[Dot]]] = EMPTY

    def dots(self, element: Element) -> frozenset[Dot]:
        """The dots of an element; none if it is absent."""
        members = self.keys.get(element[0])
        return NO_DOTS if members is None else members.get(element[1], NO_DOTS)

    def put(self, element: Element, dots: frozenset[Dot]) -> "Shard":
        """This shard with other dots for an element."""
        key, member = element
        members = self.keys.get(key, EMPTY)
        if dots:
            return Shard(self.context, self.keys.set(key, members.set(member, dots)))
        if member not in members:
            return self
        members = members.delete(member)
        return Shard(self.context, self.keys.set(key, members) if members else self.keys.delete(key))

    def elements(self) -> list[Element]:
        """The elements in order."""
        return [(key, member) for key in sorted(self.keys) for member in sorted(self.keys[key])]


NO_SHARD = Shard()


@dataclass(frozen=True, slots=True)
class Delta:
    """A change, or a whole shard if `whole`: some elements with their dots, and the context these belong to."""

    context: Context
    rows: tuple[tuple[Element, frozenset[Dot]], ...]
    whole: bool = False


def add(shard: Shard, actor: str, element: Element) -> tuple[Shard, Delta]:
    """Add an element: a fresh dot takes the place of those seen."""
    dot = frozenset((shard.context.next(actor),))
    seen = dot | shard.dots(element)
    delta = Delta(NO_CONTEXT.add(seen), ((element, dot),))
    return join(shard, delta), delta


def remove(shard: Shard, element: Element) -> tuple[Shard, Delta]:
    """Remove an element: the dots seen go, and only those."""
    delta = Delta(NO_CONTEXT.add(shard.dots(element)), ((element, NO_DOTS),))
    return join(shard, delta), delta


def join(shard: Shard, delta: Delta) -> Shard:
    """The least upper bound of a shard and a change."""
    joined = shard
    for element, theirs in delta.rows:
        joined = joined.put(element, surviving(shard.dots(element), shard.context, theirs, delta.context))
    if delta.whole:
        named = {element for element, _ in delta.rows}
        for element in shard.elements():
            if element not in named:
                joined = joined.put(element, surviving(shard.dots(element), shard.context, NO_DOTS, delta.context))
    return Shard(shard.context.join(delta.context), joined.keys)


def surviving(
    ours: frozenset[Dot], our_context: Context, theirs: frozenset[Dot], their_context: Context
) -> frozenset[Dot]:
    """The dots that stay: those both have, and those the other side has never seen."""
    kept = [dot for dot in ours if dot in theirs or dot not in their_context]
    kept += [dot for dot in theirs if dot not in our_context]
    return frozenset(kept)


def whole(shard: Shard) -> Delta:
    """The whole shard as a change."""
    return Delta(shard.context, tuple((element, shard.dots(element)) for element in shard.elements()), True)
