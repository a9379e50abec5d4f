"""The deterministic host: virtual time, and one seed that decides everything.

    simulation = Simulation(PROTOCOL, ("n1", "n2", "n3"), seed=7)
    simulation.run(1000.0)

Time is counted in microseconds. What happens at the same moment happens in the order in which it was planned.
"""

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from impl.runtime.disk import MemoryDisk
from impl.runtime.effects import Command, Effect, Event, Nudge, Receive, Request, Result, Tick, commands_of
from impl.runtime.network import MILLISECOND, Network
from impl.runtime.node import Node, Outlets
from impl.runtime.protocol import Protocol, Setup
from impl.runtime.schedule import Crash, Fault, Jump, Order, Pause, Restart, Schedule, Skew, SlowDisk
from impl.runtime.store import Store, Write
from impl.runtime.trace import Tracer

SECOND = 1000 * MILLISECOND
EPOCH = 1_700_000_000_000
"""The wall clock, in milliseconds, when a simulation starts."""

Answer = Callable[[tuple[Result, ...]], None]
Watcher = Callable[[str, Event | None, tuple[Effect, ...], Any], None]


@dataclass(slots=True)
class Operation:
    """One call of a simulated client; `returned` is None while, or where, its outcome is unknown."""

    client: int
    node: str
    command: Command
    invoked: int
    returned: int | None = None
    result: Result = None


@dataclass(slots=True)
class Host:
    """A simulated machine: what survives a crash, and the node that may run on it. Each life counts its own tickets."""

    name: str
    disk: MemoryDisk
    store: Store
    tracer: Tracer | None
    node: Node | None = None
    life: int = 0
    offset: int = 0
    factor: float = 1.0
    slowest: float = 2.0
    paused_until: int = 0
    waiting: deque[Callable[[], None]] = field(default_factory=deque)
    ticket: int = 0
    tickets: dict[int, Answer] = field(default_factory=dict)


class Simulation:
    """A cluster in virtual time. Give it a schedule, watchers and clients, then `run`."""

    def __init__(
        self,
        protocol: Protocol,
        nodes: tuple[str, ...],
        seed: int,
        schedule: Schedule = (),
        options: Mapping[str, Any] | None = None,
        tick_ms: int = 100,
        traces: Path | None = None,
        members: tuple[str, ...] | None = None,
    ) -> None:
        self.protocol = protocol
        self.nodes = nodes
        self.random = Random(seed)
        self.now = 0
        self.network = Network(Random(self.random.getrandbits(64)))
        self.history: list[Operation] = []
        self.watchers: list[Watcher] = []
        self.events = 0
        self._members = nodes if members is None else members
        self._options = dict(options or {})
        self._tick = tick_ms * MILLISECOND
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._planned = 0
        self._files = self._open_traces(traces)
        self.hosts = {name: self._host(name) for name in nodes}
        for host in self.hosts.values():
            self._start(host)
        for at, fault in schedule:
            self.at(int(at * SECOND), lambda fault=fault: self.inject(fault))  # type: ignore[misc]

    def _open_traces(self, folder: Path | None) -> dict[str, Any]:
        if folder is None:
            return {}
        folder.mkdir(parents=True, exist_ok=True)
        return {name: (folder / f"{name}.jsonl").open("w", encoding="utf-8") for name in self.nodes}

    def _host(self, name: str) -> Host:
        disk = MemoryDisk()
        return Host(name, disk, Store(disk, self.protocol.codec), self._tracer(name))

    def _tracer(self, name: str) -> Tracer | None:
        if name not in self._files:
            return None
        return Tracer(name, self.protocol, self._files[name].write, lambda: self.now / SECOND)

    def at(self, moment: int, action: Callable[[], None]) -> None:
        """Plan an action for a moment (microseconds)."""
        self._planned += 1
        heapq.heappush(self._queue, (moment, self._planned, action))

    def after(self, delay: int, action: Callable[[], None]) -> None:
        """Plan an action for some microseconds from now."""
        self.at(self.now + delay, action)

    def run(self, seconds: float) -> None:
        """Let so many seconds of virtual time pass."""
        end = self.now + int(seconds * SECOND)
        queue = self._queue
        while queue and queue[0][0] <= end:
            self.now, _, action = heapq.heappop(queue)
            action()
        self.now = end
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """Close the trace files."""
        for file in self._files.values():
            file.close()

    def clock(self, host: Host) -> int:
        """The wall clock that a node sees, in milliseconds."""
        return EPOCH + self.now // MILLISECOND + host.offset

    def _start(self, host: Host) -> None:
        host.life += 1
        host.paused_until = host.ticket = 0
        host.tickets.clear()
        records = host.store.load()
        setup = Setup(host.name, self._members, self._options)
        host.node = Node(self.protocol, setup, self._outlets(host))
        host.node.boot(records, self.clock(host), self.random.getrandbits(32))
        self._flush(host)
        self._plan_tick(host, int(self._tick * self.random.random()))

    def _outlets(self, host: Host) -> Outlets:
        tracer = host.tracer

        def observe(event: Event | None, effects: tuple[Effect, ...], state: Any) -> None:
            self.events += 1
            if tracer is not None:
                tracer.observe(event, effects, state)
            for watcher in self.watchers:
                watcher(host.name, event, effects, state)

        def send(target: str, message: Any) -> None:
            if target in self.hosts:
                for delay in self.network.arrivals(host.name, target):
                    self.after(delay, lambda: self._arrive(host.name, target, message))

        def reply(ticket: int, results: tuple[Result, ...]) -> None:
            if ticket in host.tickets:
                host.tickets.pop(ticket)(results)

        return Outlets(send, reply, lambda addresses: None, observe)

    def _arrive(self, source: str, target: str, message: Any) -> None:
        if self.network.connected(source, target):
            host = self.hosts[target]
            self._wake(host, lambda: self._handle(host, Receive(source, message, self.clock(host))))

    def _wake(self, host: Host, action: Callable[[], None]) -> None:
        """Run an action on a node: now, or when its pause ends, or never if it is down."""
        if host.node is None:
            return
        if host.paused_until > self.now:
            host.waiting.append(action)
        else:
            action()

    def _handle(self, host: Host, event: Event) -> None:
        if host.node is not None:
            host.node.handle(event)
            self._flush(host)

    def _plan_tick(self, host: Host, delay: int) -> None:
        life = host.life

        def tick() -> None:
            if host.life == life and host.node is not None:
                if host.paused_until <= self.now:
                    self._handle(host, Tick(self.clock(host), self.random.getrandbits(32)))
                self._plan_tick(host, int(self._tick * host.factor))

        self.after(delay, tick)

    def _flush(self, host: Host) -> None:
        """Start a write if there is something to write and none is under way."""
        write = host.node.next_write() if host.node is not None else None
        if write is None:
            return
        host.store.begin(write)
        life = host.life
        self.after(
            int(self.random.uniform(0.1, host.slowest) * MILLISECOND),
            lambda: self._wake(host, lambda: self._written(host, life, write)),
        )

    def _written(self, host: Host, life: int, write: Write) -> None:
        if host.life == life and host.node is not None:
            host.store.finish(write)
            host.node.written(self.clock(host))
            self._flush(host)

    def inject(self, fault: Fault) -> None:
        """Let a fault begin now."""
        if isinstance(fault, Crash | Restart | Pause | Jump | Skew | SlowDisk | Order):
            self._inject_node(self.hosts[fault.node], fault)
        else:
            self.network.change(fault)

    def _inject_node(self, host: Host, fault: Fault) -> None:
        if isinstance(fault, Crash):
            self._crash(host, fault.torn)
        elif isinstance(fault, Restart) and host.node is None:
            self._start(host)
        elif isinstance(fault, Pause):
            host.paused_until = self.now + fault.milliseconds * MILLISECOND
            self.at(host.paused_until, lambda: self._resume(host))
        elif isinstance(fault, Jump):
            host.offset += fault.milliseconds
        elif isinstance(fault, Skew):
            host.factor = fault.factor
        elif isinstance(fault, SlowDisk):
            host.slowest = fault.slowest
        elif isinstance(fault, Order):
            self._wake(host, lambda: self._handle(host, Nudge(fault.order, self.clock(host))))

    def _crash(self, host: Host, torn: bool) -> None:
        if host.node is None:
            return
        host.node = None
        host.waiting.clear()
        host.disk.crash(self.random, torn)
        if host.tracer is not None:
            host.tracer.crashed()

    def _resume(self, host: Host) -> None:
        while host.waiting and host.paused_until <= self.now:
            host.waiting.popleft()()

    def request(
        self,
        node: str,
        commands: tuple[Command, ...],
        answer: Callable[[tuple[Result, ...]], None],
        reads: bool = False,
    ) -> None:
        """Hand commands to a node as its front would; `answer` is called with the results, or never."""
        host = self.hosts[node]

        def arrive() -> None:
            host.ticket += 1
            host.tickets[host.ticket] = answer
            self._handle(host, Request(host.ticket, commands, self.clock(host), reads))

        self._wake(host, arrive)

    def call(self, client: int, node: str, command: Command) -> Operation:
        """A command of a client, or several at once (`commands_of`), recorded in the history one by one; the first."""
        operations = [Operation(client, node, one, self.now) for one in commands_of(command)]
        self.history += operations

        def answer(results: tuple[Result, ...]) -> None:
            for operation, result in zip(operations, results, strict=True):
                operation.returned, operation.result = self.now, result

        reads = all(operation.command[0] in self.protocol.reads for operation in operations)
        self.request(node, commands_of(command), answer, reads)
        return operations[0]

    def add_client(self, number: int, every_ms: float, until: float, patience_ms: float = 2000.0) -> None:
        """A client that calls a random command on a random node, waits for the answer or loses patience, and so on."""
        random = Random(self.random.getrandbits(64))
        end = int(until * SECOND)

        def begin() -> None:
            if self.now >= end:
                return
            node = random.choice(self.nodes)
            operation = self.call(number, node, self.protocol.workload(random))
            wait(operation, self.now + int(patience_ms * MILLISECOND))

        def wait(operation: Operation, limit: int) -> None:
            if operation.returned is not None or self.now >= limit:
                self.after(int(random.expovariate(1 / every_ms) * MILLISECOND), begin)
            else:
                self.after(5 * MILLISECOND, lambda: wait(operation, limit))

        self.after(int(random.uniform(0, every_ms) * MILLISECOND), begin)

    def leaders(self) -> list[str]:
        """The nodes that are up and say they lead."""
        up = ((name, host.node) for name, host in self.hosts.items())
        return [name for name, node in up if node and self.protocol.observe(node.state).get("role") == "leader"]
