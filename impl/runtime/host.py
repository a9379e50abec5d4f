"""The real host: one process a node, an asyncio loop around the same `Node` that the simulator drives.

The core runs on the loop; writes go to the disk on a thread, one at a time, and whatever arrives meanwhile is written
together next (group commit).
"""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TextIO

from impl.runtime.disk import FileDisk
from impl.runtime.effects import Command, Effect, Event, Failure, Nudge, Receive, Request, Result, Tick
from impl.runtime.front import Connection, Done, Door
from impl.runtime.journal import Journal
from impl.runtime.local import ALONE
from impl.runtime.node import Node, Outlets
from impl.runtime.plan import NodePlan, parse_address
from impl.runtime.protocol import Protocol, Setup
from impl.runtime.store import Store, Write
from impl.runtime.trace import Exact, Tracer, opened
from impl.runtime.wire import Wire

MOST_CAUGHT_UP = 50
"""Ticks delivered at once after the process has not run for a while."""

MOST_IN_REQUEST = 4096
MOST_PENDING = 1 << 16

Waiting = tuple[tuple[Command, ...], Done]


class Host:
    """Runs one node until it is told to stop."""

    def __init__(self, protocol: Protocol, plan: NodePlan, journal: Journal) -> None:
        self._protocol = protocol
        self._plan = plan
        self._journal = journal
        self._trace: TextIO | None = None
        self._exact: Exact | None = None
        self._store = Store(FileDisk(plan.data), protocol.codec)
        self._node = Node(protocol, Setup(plan.name, plan.members, plan.options), self._outlets())
        self._wire = Wire(plan.name, plan.certs, protocol.codec, protocol.messages, self._receive, journal)
        self._door = Door(protocol, plan.password, self._submit, self.status, self._fault)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._asked: dict[bool, list[Waiting]] = {False: [], True: []}
        self._pumping = False
        self._tickets: dict[int, list[Waiting]] = {}
        self._ticket = 0
        self._pending = 0
        self._started = time.monotonic()
        self._ticks = 0
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._failure: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def _outlets(self) -> Outlets:
        observe = None
        if self._plan.trace is not None:
            self._trace = opened(self._plan.trace)
            if self._plan.exact:
                self._exact = Exact(self._protocol, time.monotonic_ns, lambda: self._node.durable)
            observe = Tracer(self._plan.name, self._protocol, self._trace.write, time.time, self._exact).observe
        notes = self._with_notes(observe)
        return Outlets(lambda to, message: self._wire.send(to, message), self._answer, self._peers, notes)

    def _with_notes(self, observe: Any) -> Any:
        """Write the protocol's own notes to the log as well; those that come with every request are left out."""
        quiet = self._protocol.quiet_notes

        def both(event: Event | None, effects: tuple[Effect, ...], state: Any) -> None:
            for effect in effects:
                if type(effect).__name__ == "Note" and effect.name not in quiet:  # type: ignore[union-attr]
                    self._journal.write(effect.name, **dict(effect.fields))  # type: ignore[union-attr]
            if observe is not None:
                observe(event, effects, state)

        return both

    # Life

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then hand over and end cleanly."""
        self._loop, self._stop = asyncio.get_running_loop(), stop
        records = self._store.load()
        self._journal.write("start", protocol=self._protocol.name, records=len(records), pid=os.getpid())
        await self._wire.listen(*parse_address(self._plan.peer_address))
        self._peers(())
        clock, random = self._clock(), self._random()
        if self._exact is not None:
            self._exact.boot = (records, clock, random)
        self._node.boot(records, clock, random)
        self._flush()
        host, port = parse_address(self._plan.client_address)
        server = await self._loop.create_server(lambda: Connection(self._door), host, port)
        ticking = self._loop.create_task(self._tick_forever())
        self._journal.write("ready", clients=self._plan.client_address, peers=self._plan.peer_address)
        await stop.wait()
        server.close()
        ticking.cancel()
        await self._shut_down()
        if self._failure is not None:
            raise self._failure

    async def _shut_down(self) -> None:
        """Hand leadership over, let writes end, hang up."""
        if self._failure is None:
            self._handle(Nudge("resign", self._clock()))
        for _ in range(50):
            if self._node.idle and not self._pending:
                break
            await asyncio.sleep(0.01)
        for connection in list(self._door.connections):
            connection.abort()
        await self._wire.close()
        self._writer.shutdown(wait=True)
        if self._trace is not None:
            self._trace.close()
        self._journal.write("stop")

    def _fail(self, problem: BaseException) -> None:
        """The core or the disk has failed: a node that cannot go on correctly stops."""
        if self._failure is None:
            self._failure = problem
            self._journal.write("failure", kind=type(problem).__name__, problem=str(problem))
            self._stop.set()

    # Time

    @staticmethod
    def _clock() -> int:
        return time.time_ns() // 1_000_000

    @staticmethod
    def _random() -> int:
        return int.from_bytes(os.urandom(4), "little")

    async def _tick_forever(self) -> None:
        while True:
            due = self._started + (self._ticks + 1) * self._plan.tick_ms / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._catch_up()

    def _catch_up(self) -> None:
        """Deliver the ticks that are due, so that nothing is decided with an old idea of time."""
        due = int((time.monotonic() - self._started) * 1000 / self._plan.tick_ms)
        if due <= self._ticks:
            return
        count = min(due - self._ticks, MOST_CAUGHT_UP)
        self._ticks = due
        for _ in range(count):
            self._step(Tick(self._clock(), self._random()))

    # Events

    def _handle(self, event: Event) -> None:
        self._catch_up()
        self._step(event)

    def _step(self, event: Event) -> None:
        if self._failure is not None:
            return
        try:
            self._node.handle(event)
        except Exception as problem:  # noqa: BLE001  # whatever it is, a wrong core must not go on
            self._fail(problem)
            return
        self._flush()

    def _receive(self, peer: str, message: Any) -> str | None:
        """Take a peer's message, or say why the core cannot: then nothing has changed, and the peer is hung up on."""
        self._catch_up()
        if self._failure is not None:
            return None
        problem = self._node.receive(Receive(peer, message, self._clock()))
        self._flush()
        return None if problem is None else f"{type(message).__name__}: {type(problem).__name__}: {problem}"

    # Disk

    def _flush(self) -> None:
        write = self._node.next_write()
        if write is None:
            return
        task = self._loop.create_task(self._write(write))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, write: Write) -> None:
        try:
            await self._loop.run_in_executor(self._writer, self._store.write, write)
            self._node.written(self._clock())
        except Exception as problem:  # noqa: BLE001  # a disk that fails, or a core: either way this node stops
            self._fail(problem)
            return
        self._flush()

    # Clients

    def _submit(self, commands: tuple[Command, ...], reads: bool, done: Done) -> None:
        """Take a client's run; runs of one moment go to the core together."""
        if self._pending > MOST_PENDING or self._failure is not None:
            done((Failure("BUSY too many requests are waiting, try again"),) * len(commands))
            return
        self._pending += len(commands)
        self._asked[reads].append((commands, done))
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        for reads in (False, True):
            waiting, self._asked[reads] = self._asked[reads], []
            while waiting:
                waiting = self._request(waiting, reads)

    def _request(self, waiting: list[Waiting], reads: bool) -> list[Waiting]:
        """One request of as many runs as it may hold; the runs that are left."""
        commands: list[Command] = []
        taken = 0
        for run, _ in waiting:
            full = len(commands) + len(run) > MOST_IN_REQUEST
            if commands and (full or run[0][0] in ALONE or commands[0][0] in ALONE):
                break
            commands.extend(run)
            taken += 1
        self._ticket += 1
        self._tickets[self._ticket] = waiting[:taken]
        self._handle(Request(self._ticket, tuple(commands), self._clock(), reads))
        return waiting[taken:]

    def _answer(self, ticket: int, results: tuple[Result, ...]) -> None:
        position = 0
        for commands, done in self._tickets.pop(ticket, ()):
            count = len(commands)
            self._pending -= count
            done(results[position : position + count])
            position += count

    # Peers, operators

    def _peers(self, addresses: tuple[tuple[str, str], ...]) -> None:
        """Talk to these nodes, and to all the plan names: one that is no member yet must answer the leader."""
        known = {**self._plan.peers, **{node: address for node, address in addresses if address}}
        links = {node: parse_address(address) for node, address in known.items() if address}
        task = self._loop.create_task(self._wire.connect(links))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def status(self) -> dict[str, Any]:
        """What the node says of itself."""
        view = self._protocol.observe(self._node.state)
        faults = {"blocked": sorted(self._wire.blocked), "loss": self._wire.loss, "delay": self._wire.delay}
        return {"node": self._plan.name, "protocol": self._protocol.name, "clients": len(self._door.connections)} | {
            **view,
            **faults,
        }

    def _fault(self, words: tuple[str, ...]) -> str | None:
        """FAULT BLOCK node... | LOSS rate | DELAY seconds | HEAL | ORDER name"""
        if not self._plan.faults:
            return "faults are not enabled on this node"
        try:
            return self._inject(words[0].upper(), words[1:])
        except (IndexError, ValueError):
            return "FAULT BLOCK node... | LOSS rate | DELAY seconds | HEAL | ORDER name"

    def _inject(self, verb: str, words: tuple[str, ...]) -> str | None:
        self._journal.write("fault", verb=verb, words=list(words))
        if verb == "BLOCK":
            self._wire.blocked = frozenset(words)
        elif verb == "LOSS":
            self._wire.loss = min(1.0, max(0.0, float(words[0])))
        elif verb == "DELAY":
            self._wire.delay = min(60.0, max(0.0, float(words[0])))
        elif verb == "HEAL":
            self._wire.blocked, self._wire.loss, self._wire.delay = frozenset(), 0.0, 0.0
        elif verb == "ORDER":
            self._handle(Nudge(words[0], self._clock()))
        else:
            raise ValueError(verb)
        return None
