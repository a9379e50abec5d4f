"""What a protocol says about itself: how its states read as states of the specification, and what its steps are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, ClassVar

from impl.runtime.effects import Command, Effect, Event
from impl.runtime.protocol import Protocol
from impl.runtime.world import Bounds
from pyspec.model.values import Atom, Rec, Value
from refinement.harness.abstract import SPECS, Abstract
from refinement.harness.walk import Walk

View = dict[tuple[Any, ...], Value]
"""Some of the specification's state: the variable, and the keys of the cell in it, with the value."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a core. `event` is None where the node booted, and `before` then is None too.

    `durable` counts the writes of this life that had reached the disk before the step, of `written` in all.
    """

    node: str
    event: Event | None
    before: Any
    after: Any
    effects: tuple[Effect, ...]
    durable: int = 0
    records: tuple[Any, ...] = ()


class ProtocolMapping:
    """One protocol's side of the harness. Subclasses give the abstraction; what is here are defaults."""

    protocol: ClassVar[Protocol]
    spec: ClassVar[str]
    model: ClassVar[str | None] = None
    sizes: ClassVar[Mapping[str, object]] = {}
    start: ClassVar[Mapping[str, Value]] = {}
    """The initial state that is meant, where there are several: values of variables."""
    small_sizes: ClassVar[Mapping[str, object]] = {}
    nodes: ClassVar[tuple[str, ...]] = ("n1", "n2", "n3")
    others: ClassVar[tuple[int, ...]] = ()
    """Other numbers of nodes that campaigns try besides: what a majority is shows in even ones, and in larger ones."""
    role: ClassVar[str | None] = None
    """The role of the specification whose members are the nodes."""
    crash: ClassVar[str | None] = None
    """The action of the specification that a restart is."""
    free: ClassVar[frozenset[str]] = frozenset()
    """Variables of the specification that may be given any value before a move, because it leaves them open."""
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Actions of the specification that the cores never take, and why."""
    deep: ClassVar[frozenset[str]] = frozenset()
    """Worlds that take long, and are explored only if they are asked for."""
    history: ClassVar[tuple[str, ...]] = ()
    """Variables of the specification that tell what was, not what a node knows: places that differ in them differ."""
    unwatched: ClassVar[frozenset[str]] = frozenset()
    """Properties of the specification that are not evaluated on the way, because they cost too much at these sizes:
    they follow from the specification's own steps."""
    costly: ClassVar[frozenset[str]] = frozenset()
    """Invariants that cost too much in long runs: in simulations they are not evaluated."""
    live_sizes: ClassVar[Mapping[str, object]] = {}
    """Sizes, where the traces of real processes need larger ones."""
    live_unwatched: ClassVar[frozenset[str]] = frozenset()
    """Properties that cost too much at those sizes."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Options of the cores in campaigns: small, so that everything happens soon."""
    calm: ClassVar[float] = 4.0
    """Simulated seconds without faults after which a cluster must serve, and its replicas agree."""
    alone: ClassVar[frozenset[bytes]] = frozenset()
    """Commands that are never sent together with others."""
    orders: ClassVar[tuple[str, ...]] = ()
    """Orders that an operator may give in campaigns."""

    def load(self) -> Abstract:
        """The specification, large enough for a campaign."""
        return Abstract(SPECS / self.spec, self.model, self.sizes, self.unwatched, self.start)

    def small(self) -> Abstract:
        """The specification in a model small enough to list its states."""
        return Abstract(SPECS / self.spec, self.model, self.small_sizes, frozenset(), self.start)

    @cached_property
    def abstract(self) -> Abstract:
        """The specification as it is followed."""
        return self.load()

    def of(self, count: int) -> ProtocolMapping:
        """The mapping for a cluster of so many nodes."""
        if count == len(self.nodes):
            return self
        if count not in self._sized:
            nodes = tuple(f"n{number}" for number in range(1, count + 1))
            sizes = dict(self.sizes) | ({self.role: count} if self.role in self.sizes else {})
            kind = type(self)
            self._sized[count] = type(kind.__name__, (kind,), {"nodes": nodes, "sizes": sizes})()
        return self._sized[count]

    def living(self, count: int) -> ProtocolMapping:
        """The mapping for the traces of so many real processes."""
        small, kind = self.of(count), type(self)
        sizes = {**small.sizes, **self.live_sizes}
        changed = {"nodes": small.nodes, "sizes": sizes, "unwatched": self.unwatched | self.live_unwatched}
        found: ProtocolMapping = type(kind.__name__, (kind,), changed)()
        return found

    @cached_property
    def _sized(self) -> dict[int, ProtocolMapping]:
        return {}

    def size(self, name: str) -> int:
        """A constant of the specification as it is followed."""
        found = self.sizes[name]
        assert isinstance(found, int)
        return found

    def atom(self, node: str) -> Atom:
        """The member of the role that a node is."""
        assert self.role is not None
        return self.abstract.atom(self.role, f"{self.role}{self.nodes.index(node) + 1}")

    # ------------------------------------------------------------------------------------- the abstraction

    def view(self, walk: Walk, node: str, state: Any) -> View:
        """What a node's state says about the state of the specification."""
        raise NotImplementedError

    def says(self, walk: Walk, node: str, to: str, message: Any) -> tuple[Rec, ...]:
        """The messages of the specification that a message of the implementation stands for."""
        return ()

    def follow(self, walk: Walk, step: Step) -> None:
        """Take the moves of the specification that a step of the implementation is."""
        raise NotImplementedError

    def kept(self, node: str, state: Any) -> View:
        """What else must survive a crash: values under names of the mapping's own, which the specification lacks."""
        return {}

    def restarted(self, walk: Walk, step: Step) -> None:
        """Moves after the specification's crash, when a node has booted with what its disk held."""

    def durable(self, node: str, to: str, message: Any) -> frozenset[str]:
        """The stable variables that a message (or, with `to` empty, an answer to a client) speaks for."""
        return frozenset()

    # -------------------------------------------------------------------------- what the mapping cannot see

    def demands(self, walk: Walk, step: Step) -> Iterator[str]:
        """What else is wrong with a step: properties beside the specification."""
        yield from ()

    def finished(self, states: dict[str, Any], history: list[Any], seconds: float) -> Iterator[str]:
        """What is wrong at the end of a run that was calm in its last third: with all nodes up, and their clients."""
        yield from ()

    def unanswered(self, states: dict[str, Any], calls: list[Any]) -> Iterator[str]:
        """What is wrong with calls that nobody has answered: their nodes have been up since, and it is calm."""
        for call in calls[:1]:
            yield f"nobody has answered {call.command}, which came to {call.node} at {call.invoked / 1_000_000:.3f} s"

    def alike(self, state: Any) -> Any:
        """A state as a hashable value in which nodes occur by their names only, for exploration up to names."""
        return self.protocol.canonical(state)

    def beyond(self, state: Any) -> bool:
        """Whether a node has come so far that the specification's sizes do not reach."""
        return False

    # ----------------------------------------------------------------------------------------------- driving

    def workload(self, random: Random) -> Command:
        """A command of a client in a campaign."""
        return self.protocol.workload(random)

    def call(self, random: Random) -> Command:
        """What a client sends at once in a campaign: a command, now and then several."""
        count = random.choice((2, 2, 3)) if random.random() < 0.15 else 1
        commands = tuple(self.workload(random) for _ in range(count))
        return commands[0] if count == 1 or any(command[0] in self.alone for command in commands) else commands

    def live_command(self, random: Random) -> Command:
        """A command of a client of real processes."""
        return self.workload(random)

    def live_questions(self, history: list[Any], nodes: tuple[str, ...]) -> list[tuple[str, Command]]:
        """What to ask which node when everything is well again."""
        return []

    def live_operations(self, history: list[Any]) -> list[dict[str, Any]]:
        """The calls that must be linearizable, as lines of a history (see `pyspec.conform.linear`)."""
        return []

    def live_problems(self, history: list[Any]) -> list[str]:
        """What else is wrong with what the clients saw."""
        return []

    def walks(self) -> tuple[Bounds, ...]:
        """Worlds for random walks: as much of everything as a walk can use."""
        return ()

    def worlds(self) -> dict[str, Bounds]:
        """Small worlds to explore, by name."""
        return {}
