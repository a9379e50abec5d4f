"""How the core of the replicated set reads as specs/crdt_set.pspec.

In the specification a replica merges with another as that is now; in the implementation it merges with messages, which
hold parts of what another replica knew some time ago. So messages are replicas too:

- The first three replicas are the nodes. The fourth is the wire: it knows what the message at hand says.
- Every dot is given by a replica of its own (MAX = 1), so that a context of the specification can have gaps, as those
  of the implementation have. A node that adds an element lets such a replica add it, removes what it has seen of the
  element, and merges: the specification's `add` in three steps.
- A message may only say what its sender knew: `demands` compares it with the sender's store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from impl.crdt_set import PROTOCOL
from impl.crdt_set.commands import members
from impl.crdt_set.messages import Change, Digest, Merged, Piece, Shards, mark_of
from impl.crdt_set.orset import Shard
from impl.crdt_set.state import State
from impl.runtime.effects import OK, Command, Persist, Receive, Reply, Request, Send, Status
from impl.runtime.world import Bounds
from pyspec.model.values import Atom, Map, Rec, Value
from refinement.harness.mapping import ProtocolMapping, Step, View
from refinement.harness.walk import Refused, Walk

NODES = 3
Dot = tuple[int, str, int]
"""Shard, actor and number: what makes a dot of the implementation its own."""


class SetMapping(ProtocolMapping):
    """The mapping."""

    protocol = PROTOCOL
    spec = "crdt_set.pspec"
    model = "ci"
    sizes = {"Replica": 36, "Element": 24, "MAX": 1, "capacity set": 4096}
    small_sizes = {"Replica": 2, "Element": 1, "MAX": 2}
    role = "Replica"
    live_sizes = {"Replica": 64, "Element": 64}
    free = frozenset({"Replica.store", "Replica.added", "Replica.removed"})
    unwatched = frozenset({"strong_convergence", "inflationary"})
    options = {"shards": 2, "compact_records": 12, "piece_rows": 2, "gossip_ticks": 2}
    orders = ("gossip", "compact")

    def __init__(self) -> None:
        self._elements: dict[tuple[bytes, bytes], int] = {}

    # ------------------------------------------------------------------------------------------- values

    def replica(self, number: int) -> Atom:
        """A replica of the specification, counted from 0: nodes, the wire, and one for each dot."""
        return self.abstract.atom("Replica", f"Replica{number + 1}")

    def element(self, key: bytes, member: bytes) -> Atom:
        """A member of a key as one element."""
        number = self._elements.setdefault((key, member), len(self._elements))
        return self.abstract.atom("Element", f"Element{number + 1}")

    def entry(self, element: Value, giver: Value) -> Rec:
        """An element with the only dot of a replica."""
        return Rec("Entry", ("item", "dot"), (element, Rec("Dot", ("site", "count"), (giver, 1))))

    def giver(self, walk: Walk, dot: Dot) -> Atom:
        """The replica that stands for a dot."""
        found = walk.facts.get(("dot", dot))
        if found is None:
            raise Refused(f"nobody has given the dot {dot[1]}:{dot[2]}", [])
        return self.replica(found)

    def store(self, walk: Walk, live: Iterable[tuple[Value, Dot]], known: Iterable[Dot]) -> Rec:
        """Live elements and known dots as a store of the specification."""
        context: dict[Value, Value] = dict.fromkeys(walk.get("Replica.buried"), 0)
        context.update({self.giver(walk, dot): 1 for dot in known})
        entries = frozenset(self.entry(element, self.giver(walk, dot)) for element, dot in live)
        return Rec("Store", ("entries", "context"), (entries, Map(context)))

    def known(self, number: int, upto: Iterable[tuple[str, int]], beyond: Iterable[tuple[str, int]]) -> Iterator[Dot]:
        """The dots of a context."""
        for actor, last in upto:
            yield from ((number, actor, count) for count in range(1, last + 1))
        yield from ((number, actor, count) for actor, count in beyond)

    def live(self, number: int, shard: Shard) -> Iterator[tuple[Atom, Dot]]:
        """The elements of a shard with their dots."""
        for key, held in shard.keys.items():
            for member, dots in held.items():
                yield from ((self.element(key, member), (number, *dot)) for dot in dots)

    def view(self, walk: Walk, node: str, state: State) -> View:
        """The whole store of a node: what is there, and what has been seen."""
        live = [pair for number, shard in state.shards.items() for pair in self.live(number, shard)]
        known = [
            dot
            for number, shard in state.shards.items()
            for dot in self.known(number, shard.context.upto.items(), shard.context.beyond)
        ]
        return {("Replica.store", self.atom(node)): self.store(walk, live, known)}

    # -------------------------------------------------------------------------------------------- steps

    def follow(self, walk: Walk, step: Step) -> None:
        """A client's changes one by one; what a message says, in one merge for each piece."""
        me, event = self.atom(step.node), step.event
        if isinstance(event, Request):
            self.asked(step, event)
            for piece in made(step):
                self.changed(walk, me, piece)
        elif isinstance(event, Receive) and isinstance(event.message, Change | Shards):
            for piece in event.message.pieces:
                self.merged(walk, me, piece)

    def asked(self, step: Step, request: Request) -> None:
        """Every addition gives a dot, also of an element that is there: it must win over a removal elsewhere."""
        wanted = {
            (command[1], member) for command in request.commands if command[0] == b"SADD" for member in command[2:]
        }
        given = {(key, member) for piece in made(step) for key, member, dots in piece.rows if dots}
        if given != wanted:
            raise Refused(f"{request.commands} gives new dots to {sorted(given)}, not to {sorted(wanted)}", [])

    def changed(self, walk: Walk, me: Atom, piece: Piece) -> None:
        """A client has added or removed an element."""
        for key, member, dots in piece.rows:
            element = self.element(key, member)
            fresh = [self.fresh(walk, (piece.shard, *dot), element) for dot in dots]
            store = walk.get("Replica.store", me)
            if any(entry.item is element for entry in store.entries):
                walk.take("remove", me, element)
            for giver in fresh:
                walk.take("add", giver, element)
                walk.take("merge_from", me, giver)

    def fresh(self, walk: Walk, dot: Dot, element: Atom) -> Atom:
        """A replica for a dot that is given now."""
        if ("dot", dot) in walk.facts:
            raise Refused(f"the dot {dot[1]}:{dot[2]} was given before", [])
        number = walk.facts.get(("givers",), NODES + 1)
        walk.facts = walk.facts.set(("givers",), number + 1).set(("dot", dot), number).set(("element", number), element)
        return self.replica(number)

    def merged(self, walk: Walk, me: Atom, piece: Piece) -> None:
        """The wire knows what the piece says, and the node merges with it."""
        wire = self.replica(NODES)
        live = [(self.element(key, member), (piece.shard, *dot)) for key, member, dots in piece.rows for dot in dots]
        known = list(self.known(piece.shard, piece.upto, piece.beyond))
        self.know(walk, wire, self.store(walk, live, known), "the wire holds what the message says")
        walk.take("merge_from", me, wire)

    def know(self, walk: Walk, replica: Atom, store: Rec, why: str) -> None:
        """Give a replica a store, with the history that belongs to it."""
        held: Any = store
        givers = [giver for giver, count in held.context.items() if count]
        added: Any = frozenset(self.entry(walk.facts[("element", giver.index)], giver) for giver in givers)
        walk.choose(
            why,
            Replica__store=walk.cell("Replica.store", replica, store),
            Replica__added=walk.cell("Replica.added", replica, added),
            Replica__removed=walk.cell("Replica.removed", replica, added - held.entries),
        )

    def restarted(self, walk: Walk, step: Step) -> None:
        """What the disk gave back is what the node knows; a dot that nobody knows any more may be given again."""
        me = self.atom(step.node)
        stores = [walk.get("Replica.store", self.replica(number)) for number in range(NODES)]
        for key, number in list(walk.facts.items()):
            if key[0] == "dot" and not any(store.context[self.replica(number)] for store in stores):
                walk.facts = walk.facts.delete(key)
        self.know(walk, me, walk.get("Replica.store", me), "the node knows what its disk holds")

    def durable(self, node: str, to: str, message: Any) -> frozenset[str]:
        """Whatever leaves a node speaks for its store, but for fingerprints."""
        return frozenset({"Replica.store"}) if isinstance(message, Change | Shards | Reply) else frozenset()

    def beyond(self, state: State) -> bool:
        """Whether there are hardly any replicas left to give dots."""
        given = sum(n for shard in state.shards.values() for n in shard.context.upto.values())
        return (
            given + sum(len(shard.context.beyond) for shard in state.shards.values()) > self.size("Replica") - NODES - 6
        )

    # ---------------------------------------------------------------- beside the specification

    def demands(self, walk: Walk, step: Step) -> Iterator[str]:
        """Messages say what their senders know; clients are told the truth; fingerprints are those of the shards."""
        for effect in step.effects:
            if isinstance(effect, Send) and isinstance(effect.message, Change | Shards):
                for piece in effect.message.pieces:
                    yield from self.says_too_much(walk, step, piece)
        if isinstance(step.event, Request):
            yield from self.told(step, step.event)
        if step.event is None and step.effects:  # a real start, not a look at what the disk would give
            used = sorted(key[1][1:] for key in walk.facts if key[0] == "dot" and key[1][1] == step.after.actor)
            if used:
                yield f"{step.node} begins to give dots as {step.after.actor}, as which others were given: {used}"
        if isinstance(step.event, Receive) and isinstance(step.event.message, Digest):
            yield from self.compared(step, step.event.message)
        for number, mark in step.after.marks.items():
            if mark != mark_of(step.after.shard(number)):
                yield f"{step.node} has an old fingerprint of shard {number}"

    def compared(self, step: Step, digest: Digest) -> Iterator[str]:
        """Who hears of other fingerprints than its own sends some of the shards that differ, and no others."""
        ours = [mark_of(step.after.shard(number)) for number in range(step.after.options.shards)]
        differing = {number for number, mark in enumerate(digest.marks) if mark != ours[number]}
        sends = [effect.message for effect in step.effects if isinstance(effect, Send)]
        told = {piece.shard for message in sends if isinstance(message, Shards) for piece in message.pieces}
        if not told <= differing or bool(told) != bool(differing):
            yield f"{step.node} sends the shards {sorted(told)}, where {sorted(differing)} differ"

    def says_too_much(self, walk: Walk, step: Step, piece: Piece) -> Iterator[str]:
        """Where a piece is not a part of what its sender knows."""
        shard = step.after.shard(piece.shard)
        live = {(key, member, dot) for key, held in shard.keys.items() for member in held for dot in held[member]}
        own = made(step) if isinstance(step.event, Request) else []  # may be gone again at the end of the step
        had = live | {(key, member, dot) for one in own for key, member, dots in one.rows for dot in dots}
        rows = {(key, member, dot) for key, member, dots in piece.rows for dot in dots}
        known = {dot[1:] for dot in self.known(piece.shard, piece.upto, piece.beyond)}
        seen = {dot[1:] for dot in self.known(piece.shard, shard.context.upto.items(), shard.context.beyond)}
        dead = known - {dot for _, _, dot in rows}
        if not known <= seen:
            yield f"{step.node} tells of dots it has not seen: {sorted(known - seen)}"
        if not rows <= had:
            yield f"{step.node} tells of elements it does not have: {sorted(rows - had)}"
        if dead & {dot for _, _, dot in live}:
            yield f"{step.node} tells that dots are gone which it has: {sorted(dead & {dot for _, _, dot in live})}"

    def told(self, step: Step, request: Request) -> Iterator[str]:
        """The answers and the members after a request, by what a user of Redis knows."""
        held = {key: set(members(step.before, key)) for key in self.keys(step, request)}
        results = tuple(answer(held, command) for command in request.commands)
        replies = [effect for effect in step.effects if isinstance(effect, Reply)]
        if [reply.results for reply in replies if reply.ticket == request.ticket] != [results]:
            yield f"{step.node} answers {request.commands} with {[reply.results for reply in replies]}, not {results}"
        for key, wanted in held.items():
            found = members(step.after, key)
            if found != wanted:
                yield f"{key!r} has {sorted(found)} after {request.commands}, not {sorted(wanted)}"

    def keys(self, step: Step, request: Request) -> set[bytes]:
        """The keys that a request or the state speaks of."""
        there = {key for shard in step.before.shards.values() for key in shard.keys}
        return there | {command[1] for command in request.commands if len(command) > 1}

    def finished(self, states: dict[str, Any], history: list[Any], seconds: float) -> Iterator[str]:
        """In the end all replicas agree, and those who asked have been answered."""
        shards = {name: dict(state.shards) for name, state in states.items()}
        if any(found != other for found in shards.values() for other in shards.values()):
            yield "the replicas differ long after the last fault"
        late = [call for call in history if call.invoked > 0.8 * seconds * 1_000_000 and call.returned is None]
        late = [call for call in late if call.node in states]
        if late:
            yield f"nobody has answered {late[0].command} at {late[0].node}"

    # ----------------------------------------------------------------------------------------- driving

    def workload(self, random: Random) -> Command:
        """Few members, so that additions and removals meet; every command, and a larger set, now and then."""
        key, many = b"set%d" % random.randrange(2), random.random() < 0.15
        member, other = (b"m%d" % random.randrange(9 if many else 3) for _ in range(2))
        five = [b"m%d" % number for number in range(5)]
        common: tuple[Command, ...] = ((b"SADD", key, member), (b"SREM", key, member), (b"SMEMBERS", key))
        rare: tuple[Command, ...] = (
            (b"SADD", key, *five) if many else (b"SADD", key, member, other),
            (b"SREM", key, member, other),
            (b"SISMEMBER", key, member),
            (b"SMISMEMBER", key, member, other),
            (b"SCARD", key),
            (b"DEL", key),
            (b"DEL", b"set0", b"set1"),
            (b"EXISTS", b"set0", key),
            (b"TYPE", key),
            (b"DBSIZE",),
            (b"FLUSHALL",),
        )
        return random.choice(common if random.random() < 0.7 else rare)

    def live_command(self, random: Random) -> Command:
        """Few additions: the specification has room for 64."""
        member = b"m%d" % random.randrange(400)
        verb = random.choices((b"SADD", b"SREM", b"SMEMBERS"), (1, 1, 60))[0]
        return (verb, b"all") if verb == b"SMEMBERS" else (verb, b"all", member)

    def live_questions(self, history: list[Any], nodes: tuple[str, ...]) -> list[tuple[str, Command]]:
        """Every member, at every node."""
        asked = sorted({call.command[2] for call in history if call.command[0] != b"SMEMBERS"})
        return [(node, (b"SISMEMBER", b"all", member)) for member in asked for node in nodes]

    def live_problems(self, history: list[Any]) -> list[str]:
        """All nodes agree, and what was added and never removed is there; what was never added is not."""
        answers: dict[bytes, set[str]] = {}
        for call in history:
            if call.command[0] == b"SISMEMBER":
                answers.setdefault(call.command[2], set()).add(call.result)
        added = {call.command[2] for call in history if call.command[0] == b"SADD"}
        sure = {call.command[2] for call in history if call.command[0] == b"SADD" and call.returned is not None}
        removed = {call.command[2] for call in history if call.command[0] == b"SREM"}
        split = [member for member, found in answers.items() if len(found) > 1]
        lost = [member for member in sure - removed if answers.get(member) != {"1"}]
        risen = [member for member, found in answers.items() if "1" in found and member not in added]
        problems = {"the nodes differ about": split, "acknowledged additions are lost:": lost, "nobody added": risen}
        return [f"{what} {members[:5]}" for what, members in problems.items() if members]

    def worlds(self) -> dict[str, Bounds]:
        """One element added and removed at any node, with gossip and a crash."""
        calls: tuple[tuple[Command, int], ...] = (((b"SADD", b"s", b"a"), 2), ((b"SREM", b"s", b"a"), 1))
        options = (("shards", 1),)
        return {
            "changes": Bounds(self.nodes, (), calls, options=options),
            "gossip": Bounds(self.nodes, (("gossip", 1),), calls[:1], crashes=1, options=options),
        }

    def walks(self) -> tuple[Bounds, ...]:
        """Additions and removals of few elements, gossip, crashes."""
        orders = (("gossip", 25), ("compact", 8))
        one: list[tuple[Command, int]] = []
        for member in (b"a", b"b", b"c"):
            one += [((b"SADD", b"s", member), 8), ((b"SREM", b"s", member), 8)]
        one += [((b"SADD", b"s", b"a", b"b"), 4), ((b"SMEMBERS", b"s"), 4), ((b"DEL", b"s"), 2)]
        one += [(((b"SADD", b"s", b"a"), (b"SADD", b"t", b"a"), (b"SREM", b"s", b"a"), (b"SMEMBERS", b"s")), 4)]
        options = {"shards": 2, "compact_records": 5, "piece_rows": 1}
        return (Bounds(self.nodes, orders, tuple(one), 6, 30, 30, 60, instant=False, options=tuple(options.items())),)


def made(step: Step) -> list[Piece]:
    """The pieces that a step writes down."""
    records = [record for effect in step.effects if isinstance(effect, Persist) for record in effect.records]
    return [piece for record in records if isinstance(record, Merged) for piece in record.pieces]


def answer(held: dict[bytes, set[bytes]], command: Command) -> Any:
    """What a command does to plain sets, and its answer."""
    name, *rest = command
    if name == b"DEL":
        gone = [key for key in dict.fromkeys(rest) if held.get(key)]
        for key in gone:
            held[key] = set()
        return len(gone)
    if name in (b"FLUSHALL", b"FLUSHDB"):
        held.update({key: set() for key in held})
        return OK
    if name in (b"EXISTS", b"DBSIZE"):
        return sum(bool(held.get(key)) for key in (rest if name == b"EXISTS" else held))
    found = held.setdefault(rest[0], set())
    given = set(rest[1:])
    before = len(found)
    if name == b"SADD":
        found |= given
        return len(found) - before
    if name == b"SREM":
        found -= given
        return before - len(found)
    answers: dict[bytes, Any] = {
        b"SMEMBERS": frozenset(found),
        b"SCARD": len(found),
        b"TYPE": Status("set" if found else "none"),
        b"SISMEMBER": int(rest[1] in found) if len(rest) > 1 else 0,
        b"SMISMEMBER": tuple(int(member in found) for member in rest[1:]),
    }
    return answers[name]


MAPPING = SetMapping()
