"""Client connections: Redis commands in order, answered in order, grouped for the core.

A connection splits what it receives into *segments*, each answered as a whole: a run of commands for the core, or one
command that is answered here (`impl.runtime.local`). Replies leave in the order of the segments. While reads are under
way, later commands of the same connection wait; while writes are under way, later reads travel with the writes. So a
client always sees its own commands take effect in the order in which it sent them.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from impl.runtime import local
from impl.runtime.effects import Command, Failure, Result
from impl.runtime.protocol import Protocol
from impl.runtime.resp import STRANGER, Limits, Parser, ProtocolError, encode

Results = tuple[Result, ...]
Done = Callable[[Results], None]
Submit = Callable[[tuple[Command, ...], bool, Done], None]
FIRST_RUN, MOST_IN_RUN = 64, 1024
LARGE_REPLY = 4 << 20
"""Bytes of one run's replies above which the runs of a connection become shorter."""

MOST_WAITING = 8192
NO_AUTH = Failure("NOAUTH Authentication required.")


@dataclass(slots=True)
class Door:
    """What every connection of a node shares: the protocol, the password, and the ways into the host."""

    protocol: Protocol
    password: str
    submit: Submit
    status: Callable[[], dict[str, Any]]
    fault: Callable[[tuple[str, ...]], str | None]
    most_connections: int = 1000
    connections: set["Connection"] = field(default_factory=set)
    scripts: dict[bytes, Any] = field(default_factory=dict)


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.trusted = not door.password
        self.version = 2
        self.name = b""
        self.parser = Parser(Limits() if self.trusted else STRANGER)
        self.queued: list[Command] | None = None
        self.spoiled = False
        self.watched: dict[bytes, int] = {}
        self._transport: asyncio.Transport | None = None
        self._backlog: deque[Command] = deque()
        self._segments: deque[list[bytes | None]] = deque()
        self._reads = 0
        self._writes = 0
        self._run = FIRST_RUN
        self._paused = False
        self._ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in, if there is room."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if len(self.door.connections) >= self.door.most_connections:
            transport.write(encode(Failure("ERR max number of clients reached")))
            transport.close()
            return
        self.door.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone; what it asked for goes on."""
        self.door.connections.discard(self)
        self._transport = None
        self._backlog.clear()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._ending:
            return
        try:
            self._backlog.extend(self.parser.feed(data))
        except ProtocolError as problem:
            self.process()
            self.segment(encode(Failure(f"ERR Protocol error: {problem}")))
            self.end()
            return
        self.process()
        self._regulate()

    def pause_writing(self) -> None:
        """The client does not read its replies: read no more of its commands."""
        self._paused = True
        self._regulate()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._paused = False
        self.process()
        self._regulate()

    def _regulate(self) -> None:
        """Take bytes in only while the client takes replies out and not too much is waiting."""
        if self._transport is None or self._transport.is_closing():
            return
        full = self._paused or len(self._backlog) + self._reads + self._writes > MOST_WAITING
        if full and self._transport.is_reading():
            self._transport.pause_reading()
        elif not full and not self._transport.is_reading():
            self._transport.resume_reading()

    def process(self) -> None:
        """Work on what has been received, as far as order allows and the client takes its replies."""
        while self._backlog and not self._reads and not self._ending and not self._paused:
            if self.trusted and self.queued is None:
                commands, reads = self._take_run()
                if commands:
                    self._dispatch(tuple(commands), reads)
                    continue
            command = self._backlog.popleft()
            if not self.trusted and command[0] not in local.FOR_STRANGERS:
                self.segment(encode(NO_AUTH))
            else:
                local.handle(self, command)

    def _take_run(self) -> tuple[list[Command], bool]:
        """The longest run of commands for the core, and whether all of them only read."""
        backlog, protocol = self._backlog, self.door.protocol
        commands: list[Command] = []
        only_reads = True
        while backlog and len(commands) < self._run:
            command = backlog[0]
            if command[0] in protocol.writes:
                only_reads = False
            elif command[0] not in protocol.reads:
                break
            if command[0] in local.SPECIAL or protocol.check(command) is not None:
                break
            commands.append(backlog.popleft())
        return commands, only_reads

    def _dispatch(self, commands: tuple[Command, ...], reads: bool) -> None:
        def answer(results: Results) -> bytes:
            version = self.version
            reply = b"".join([encode(result, version) for result in results])
            self._run = min(2 * self._run, MOST_IN_RUN) if len(reply) < LARGE_REPLY else max(1, self._run // 8)
            return reply

        self.submit(commands, reads and not self._writes, answer)

    def submit(self, commands: tuple[Command, ...], reads: bool, answer: Callable[[Results], bytes]) -> None:
        """Send commands to the core; `answer` makes the reply of their results."""
        slot: list[bytes | None] = [None]
        self._segments.append(slot)
        count = len(commands)
        if reads:
            self._reads += count
        else:
            self._writes += count

        def done(results: Results) -> None:
            slot[0] = answer(results)
            if reads:
                self._reads -= count
            else:
                self._writes -= count
            self._drain()
            if self._backlog:
                self.process()
            self._regulate()

        self.door.submit(commands, reads, done)

    def segment(self, reply: bytes) -> None:
        """Answer something at once, after what came before it."""
        self._segments.append([reply])
        self._drain()

    def _drain(self) -> None:
        segments, ready = self._segments, []
        while segments and segments[0][0] is not None:
            ready.append(segments.popleft()[0] or b"")
        if self._transport is None or not ready:
            return
        self._transport.write(b"".join(ready))
        if self._ending and not segments:
            self._transport.close()

    def end(self) -> None:
        """Close the connection once everything before is answered."""
        self._ending = True
        self._backlog.clear()
        if not self._segments and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()
