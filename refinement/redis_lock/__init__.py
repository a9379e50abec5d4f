"""How the core of the lock service reads as specs/redis_lock.pspec.

The specification has one lock, one master and one replica; the service has many keys and a copy of the data at every
node, any of which may come to lead. One key is followed:

- `master` is the copy of the node that takes the step: the mapping turns its attention from copy to copy. A copy that
  catches up is what the leader's copy was at that position.
- A change (a write of the leader) is taken apart into its commands. A lock that is taken is `try_lock`, one that is
  given back `unlock`, one whose time has come `expire`; extending moves the deadline, which the specification lacks.
- Tokens are counted in the order in which locks are taken. That they grow in that order is a property beside.
- What clients believe is not known to the nodes: it is chosen to fit.

Who may lead, and when an answer may be given, is not in the specification: see `refinement.redis_lock.leases`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from impl.redis_lock import PROTOCOL, TIMERS
from impl.redis_lock.messages import Answer, BeatReply, Grant, Position, Stream, Sync
from impl.redis_lock.state import START, State
from impl.runtime.effects import Command, Failure, Receive, Reply
from impl.runtime.packing import unpack
from impl.runtime.world import Bounds
from pyspec.model.values import Atom, Rec, Value
from refinement.harness import redis
from refinement.harness.live import never_back
from refinement.harness.mapping import ProtocolMapping, Step, View
from refinement.harness.redis import Model
from refinement.harness.walk import Walk
from refinement.redis_lock import leases

LOCK = b"lock"
CLIENTS = 8


class LockMapping(ProtocolMapping):
    """The mapping."""

    protocol = PROTOCOL
    spec = "redis_lock.pspec"
    sizes = {"Client": CLIENTS, "TOKENS": 400, "REPLICAS_ACK": True}
    live_sizes = {"TOKENS": 60_000}
    start = {"timely": False}
    elsewhere = {
        "failover": "attention moves to the copy of the new leader instead",
        "notice": "clients are not in the cores",
        "write": "the storage that compares tokens is not in the cores",
        "replicate": "attention moves to the copy that has caught up",
    }
    others = (4, 5)
    small_sizes = {"Client": 2, "TOKENS": 2}
    free = frozenset({"master", "replica", "belief"})
    options = {"compact_changes": 15, "backlog": 6}
    calm = 20.0
    orders = ("campaign", "resign", "compact")

    # ------------------------------------------------------------------------------------------- values

    def site(self, walk: Walk, keys: Any) -> Rec:
        """A copy of the data: the lock, if somebody holds it, with its token. The count of tokens is common to all."""
        item = keys.items.get(LOCK)
        lock: Value = None
        if item is not None and (item.deadline is None or item.deadline > keys.now):
            token = walk.facts.get(("token", item.born), 0)
            lock = Rec("Lock", ("owner", "token", "lasting"), (self.client(item.value), token, item.deadline is None))
        return Rec("Site", ("lock", "counter"), (lock, walk.get("master").counter))

    def client(self, owner: bytes) -> Atom:
        """The owner of a lock, such as `c3`."""
        return self.abstract.atom("Client", f"Client{int(owner[1:] or b'0') % CLIENTS + 1}")

    def view(self, walk: Walk, node: str, state: State) -> View:
        """The copy of the node that takes the step."""
        return {("master",): self.site(walk, state.keys)}

    # -------------------------------------------------------------------------------------------- steps

    def follow(self, walk: Walk, step: Step) -> None:
        """What the leader executes, command by command; what a copy catches up with, at once."""
        before, after = step.before, step.after
        self.attend(walk, self.site(walk, before.keys), f"the copy of {step.node}")
        changes = leases.changes_of(step)
        if isinstance(step.event, Receive) and isinstance(step.event.message, Stream | Sync):
            empty = walk.get("master")._with("lock", None) if after.at == START else None
            there = walk.facts.get(("site", after.at), empty)
            if after.keys is not before.keys and there is not None:
                lock = None if self.over(after.keys) else there.lock
                if lock is not None:
                    walk.remember(("token", after.keys.items[LOCK].born), lock.token)
                self.attend(walk, there._with("lock", lock), f"{step.node} catches up with {after.at}")
            return
        model, now = redis.model_of(before.keys, before.keys.now), before.keys.now
        for change in changes:
            now = max(now, change.time)
            for command in unpack(change.data):
                self.passed(walk, model, now)
                self.commanded(walk, model, command, now)
            walk.remember(("site", Position(change.epoch, change.offset)), walk.get("master"))
        self.passed(walk, model, after.keys.now)
        item = after.keys.items.get(LOCK)
        if item is not None and LOCK in model:
            walk.remember(("token", item.born), walk.get("master").lock.token)

    def over(self, keys: Any) -> bool:
        """Whether the lock is free or its time has come."""
        item = keys.items.get(LOCK)
        return item is None or (item.deadline is not None and item.deadline <= keys.now)

    def attend(self, walk: Walk, site: Rec, why: str) -> None:
        """Look at another copy."""
        counter = walk.get("master").counter
        if walk.get("master") != site._with("counter", counter):
            copy = site._with("counter", counter)
            walk.choose(why, master=copy, replica=copy)

    def passed(self, walk: Walk, model: Model, now: int) -> None:
        """Time has passed, and the lock may have run out."""
        held = LOCK in model
        redis.expire(model, now)
        if held and LOCK not in model:
            walk.take("expire")

    def commanded(self, walk: Walk, model: Model, command: Command, now: int) -> None:
        """One command that the leader executes."""
        result = redis.execute(model, command, now)
        held = walk.get("master").lock
        if command[0] == b"SET" and command[1] == LOCK and held is None:
            client = self.client(command[2])
            walk.choose("the client holds nothing", belief=walk.cell("belief", client, 0))
            walk.take("try_lock", client)
        elif held is not None and LOCK not in model:
            walk.choose("the client believes in its lock", belief=walk.cell("belief", held.owner, held.token))
            walk.take("unlock", held.owner)
        elif command[:3] == (b"SCRIPTED", b"release", LOCK) and result == 0:
            client = self.client(command[3])
            walk.choose("the client believes in a lock it has lost", belief=walk.cell("belief", client, 1))
            walk.take("unlock", client)

    def restarted(self, walk: Walk, step: Step) -> None:
        """The copy on the disk."""
        self.attend(walk, self.site(walk, step.after.keys), f"the copy on the disk of {step.node}")

    def kept(self, node: str, state: State) -> View:
        """Promises and data."""
        return {
            ("promise",): (state.promise.epoch, state.promise.leader),
            ("data",): leases.Copy(state.at, state.keys),
        }

    def durable(self, node: str, to: str, message: Any) -> frozenset[str]:
        """Votes, obedience and answers speak for the disk; beats, streams and requests do not."""
        if isinstance(message, Grant):
            return frozenset({"promise"}) if not message.pre else frozenset()
        if isinstance(message, BeatReply):
            return frozenset({"promise"}) if message.round else frozenset()
        results = message.results if isinstance(message, Reply | Answer) else ()
        return frozenset({"data"}) if any(not isinstance(result, Failure) for result in results) else frozenset()

    def beyond(self, state: State) -> bool:
        """Near the end of the specification's tokens."""
        return state.at.offset > self.size("TOKENS") // 3

    # ---------------------------------------------------------------- beside the specification

    def demands(self, walk: Walk, step: Step) -> Iterator[str]:
        """Leaders, leases, positions, answers."""
        return leases.demands(walk, step, len(self.nodes))

    def finished(self, states: dict[str, Any], history: list[Any], seconds: float) -> Iterator[str]:
        """In the end all copies agree, tokens never went back, and those who ask are answered."""
        return leases.finished(states, history, seconds, len(self.nodes))

    # ----------------------------------------------------------------------------------------- driving

    def workload(self, random: Random) -> Command:
        """Locks; any command on other keys now and then."""
        return redis.random_command(random) if random.random() < 0.15 else self.live_command(random)

    def live_command(self, random: Random) -> Command:
        """One lock that everybody wants, and another."""
        lock = LOCK if random.random() < 0.8 else b"other"
        owner = b"c%d" % random.randrange(4)
        commands: tuple[Command, ...] = (
            (b"SET", lock, owner, b"NX", b"PX", b"%d" % random.randrange(100, 2000)),
            (b"SET", lock, owner, b"NX", b"PX", b"%d" % random.randrange(100, 2000)),
            (b"FENCE", lock),
            (b"FENCE", lock, owner),
            (b"GET", lock),
            (b"SCRIPTED", b"release", lock, owner),
            (b"SCRIPTED", b"extend", lock, owner, b"500", random.choice((b"0", b"1"))),
        )
        return random.choice(commands)

    def live_questions(self, history: list[Any], nodes: tuple[str, ...]) -> list[tuple[str, Command]]:
        """The tokens, after a lock that everybody can see."""
        take: Command = (b"SET", LOCK, b"c0", b"NX", b"PX", b"60000")
        return [(nodes[0], take), *((node, (b"FENCE", LOCK)) for node in nodes)]

    def live_problems(self, history: list[Any]) -> list[str]:
        """Fencing tokens never go back."""
        return list(never_back(history, b"FENCE"))

    def alike(self, state: State) -> Any:
        """Without timers, without the order of the members, and without the numbers of requests if none waits."""
        plain = {**state.__dict__, "members": frozenset(state.members)}
        if not state.asked:
            plain["next_id"] = plain["last_question"] = 0
        bound = state.quiet < state.options.wait_ticks
        return (bound, *(value for name, value in plain.items() if name not in TIMERS))

    def worlds(self) -> dict[str, Bounds]:
        """Elections with the votes free or bound; a lock that is taken and released."""
        take: Command = (b"SET", LOCK, b"c0", b"NX", b"PX", b"1000")
        free = ("wait", 3)
        return {
            "elections": Bounds(self.nodes, (("campaign", 2), free), crashes=1),
            "locks": Bounds(self.nodes, (("campaign", 1), ("wait", 2)), ((take, 1),), crashes=1),
        }

    def walks(self) -> tuple[Bounds, ...]:
        """Claims, writes, crashes in any order; `wait` lets a vote become free. Replicas lack less than the leader has
        at hand, or more."""
        orders = (("campaign", 90), ("wait", 240), ("heartbeat", 60), ("resign", 18), ("compact", 24))
        calls: list[tuple[Command, int]] = []
        for owner in (b"c0", b"c1"):
            calls += [((b"SET", LOCK, owner, b"NX", b"PX", b"1000"), 18), ((b"SCRIPTED", b"release", LOCK, owner), 18)]
            calls += [((b"SCRIPTED", b"extend", LOCK, owner, b"500", b"0"), 6)]
        take: Command = (b"SET", LOCK, b"c2", b"NX", b"PX", b"1000")
        calls += [((b"GET", LOCK), 18), ((b"FENCE", LOCK), 18), ((take, (b"FENCE", LOCK, b"c2")), 6)]
        soon = {
            "compact_changes": 4,
            "lease_ticks": 3,
            "wait_ticks": 5,
            "claim_ticks": 3,
            "give_up_ticks": 12,
            "served": 3,
        }
        ahead = (900, 0, 300, 2000, 600)[: len(self.nodes)]
        close = Bounds(self.nodes, orders, tuple(calls), 10, 60, 60, 300, instant=False)
        return (
            replace(close, options=tuple((soon | {"backlog": 2}).items())),
            replace(close, options=tuple((soon | {"backlog": 9}).items()), ahead=ahead),
        )


MAPPING = LockMapping()
