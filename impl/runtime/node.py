"""One node: a protocol's state, its store, and the effects that wait for the disk. Both hosts drive this class."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from impl.runtime.effects import Effect, Event, Note, Peers, Persist, Receive, Reply, Result, Rewrite, Send
from impl.runtime.protocol import Protocol, Setup
from impl.runtime.store import Write

Observer = Callable[[Event | None, tuple[Effect, ...], Any], None]


@dataclass(slots=True)
class Outlets:
    """Where a node's effects go. `observe` sees every step: the event (None at boot), its effects, the new state."""

    send: Callable[[str, Any], None]
    reply: Callable[[int, tuple[Result, ...]], None]
    peers: Callable[[tuple[tuple[str, str], ...]], None]
    observe: Observer | None = None


class Node:
    """Runs a core. The host calls `handle` with events, and carries out what `next_write` gives, then calls `written`.

    A held effect is released once every record persisted before it has been written.
    """

    def __init__(self, protocol: Protocol, setup: Setup, outlets: Outlets) -> None:
        self._protocol = protocol
        self._setup = setup
        self._outlets = outlets
        self._records: list[Any] = []
        self._fresh: tuple[Any, ...] | None = None
        self._persisted = 0
        self._durable = 0
        self._writing: int | None = None
        self._held: deque[tuple[int, Send | Reply]] = deque()
        self._local: deque[Any] = deque()
        self.state: Any = None

    def boot(self, records: tuple[Any, ...], clock: int, random: int) -> None:
        """Start from durable records."""
        self.state, effects = self._protocol.boot(self._setup, records, clock, random)
        self._carry_out(None, effects)
        self._drain(clock)

    def handle(self, event: Event) -> None:
        """Take one step, and the steps that its messages to itself cause."""
        self._step(event)
        self._drain(event.clock)

    def receive(self, event: Receive) -> Exception | None:
        """Take a peer's message. One that the core cannot take changes nothing: what the core said of it is returned.

        Losing a message is always allowed, so whatever a peer sends, this node goes on.
        """
        try:
            state, effects = self._protocol.step(self.state, event)
        except Exception as problem:  # noqa: BLE001  # a peer's message must not stop this node, whatever is in it
            return problem
        self.state = state
        self._carry_out(event, effects)
        self._drain(event.clock)
        return None

    def _drain(self, clock: int) -> None:
        while self._local:
            self._step(Receive(self._setup.node, self._local.popleft(), clock))

    def _step(self, event: Event) -> None:
        self.state, effects = self._protocol.step(self.state, event)
        self._carry_out(event, effects)

    def _carry_out(self, event: Event | None, effects: tuple[Effect, ...]) -> None:
        if self._outlets.observe is not None:
            self._outlets.observe(event, effects, self.state)
        for effect in effects:
            kind = type(effect)
            if kind is Send or kind is Reply:
                self._send_or_hold(effect)  # type: ignore[arg-type]  # one of the two
            elif kind is Persist:
                self._records.extend(effect.records)  # type: ignore[union-attr]
                self._persisted += 1
            elif kind is Rewrite:
                self._records, self._fresh = [], effect.records  # type: ignore[union-attr]
                self._persisted += 1
            elif kind is Peers:
                self._outlets.peers(effect.addresses)  # type: ignore[union-attr]
            elif kind is not Note:
                raise TypeError(f"not an effect: {effect!r}")

    def _send_or_hold(self, effect: Send | Reply) -> None:
        if effect.held and self._durable < self._persisted:
            self._held.append((self._persisted, effect))
        else:
            self._release(effect)

    def _release(self, effect: Send | Reply) -> None:
        if type(effect) is Reply:
            self._outlets.reply(effect.ticket, effect.results)
        elif effect.to == self._setup.node:  # type: ignore[union-attr]
            self._local.append(effect.message)  # type: ignore[union-attr]
        else:
            self._outlets.send(effect.to, effect.message)  # type: ignore[union-attr]

    def next_write(self) -> Write | None:
        """What is to be flushed now: all that was persisted since the last flush; None while one is under way."""
        if self._writing is not None or self._durable == self._persisted:
            return None
        write = Write(tuple(self._records), self._fresh)
        self._records, self._fresh, self._writing = [], None, self._persisted
        return write

    def written(self, clock: int) -> None:
        """The write given last is durable: release what waited for it."""
        if self._writing is None:
            raise RuntimeError("no write is under way")
        self._durable, self._writing = self._writing, None
        while self._held and self._held[0][0] <= self._durable:
            self._release(self._held.popleft()[1])
        self._drain(clock)

    @property
    def durable(self) -> int:
        """How many of the writes since boot a crash now would not undo."""
        return self._durable

    @property
    def idle(self) -> bool:
        """Whether nothing waits for the disk."""
        return self._durable == self._persisted
