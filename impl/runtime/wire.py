"""Links between nodes: framed messages over TLS, one connection for each direction, bounded everywhere.

A link that is slow or down loses messages; protocols are made for that. A peer that sends what cannot be understood is
disconnected.
"""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from impl.runtime import certs
from impl.runtime.codec import Codec, CodecError
from impl.runtime.journal import Journal

LENGTH = struct.Struct("<I")
LARGEST = 64 << 20
MOST_QUEUED = 128 << 20
SHORTEST_WAIT, LONGEST_WAIT = 0.05, 1.0

Receiver = Callable[[str, Any], str | None]
"""Takes a peer's message; what it answers says why it could not."""


class Incoming(asyncio.Protocol):
    """What a peer sends us."""

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the certificate who this is."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._peer = certs.common_name(transport.get_extra_info("peercert")) or ""
        if not self._wire.admits(self._peer, transport):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._transport is not None:
            self._wire.left(self._transport)

    def data_received(self, data: bytes) -> None:
        """Take whole frames out of the stream."""
        buffer = self._buffer
        buffer += data
        position = 0
        while len(buffer) - position >= LENGTH.size:
            (length,) = LENGTH.unpack_from(buffer, position)
            if length > LARGEST:
                self._refuse("a frame that is too large")
                return
            start = position + LENGTH.size
            if len(buffer) < start + length:
                break
            if not self._take(bytes(buffer[start : start + length])):
                return
            position = start + length
        del buffer[:position]

    def _take(self, payload: bytes) -> bool:
        try:
            message = self._wire.codec.decode(payload, foreign=True)
        except CodecError as problem:
            self._refuse(str(problem))
            return False
        if type(message) not in self._wire.accepted:
            self._refuse("something that is no message")
            return False
        complaint = self._wire.receive(self._peer, message)
        if complaint is not None:
            self._refuse(complaint)
        return complaint is None

    def _refuse(self, why: str) -> None:
        self._wire.journal.write("peer_refused", peer=self._peer, why=why)
        self._buffer.clear()
        if self._transport is not None:
            self._transport.abort()


class Outgoing:
    """What we send to one peer: dials again and again, and drops messages while there is no connection."""

    def __init__(self, wire: "Wire", peer: str, host: str, port: int) -> None:
        self._wire = wire
        self._peer = peer
        self._address = (host, port)
        self._transport: asyncio.Transport | None = None
        self._queue: list[bytes] = []
        self._task = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        wait = SHORTEST_WAIT
        while True:
            try:
                closed = await self._connect()
                wait = SHORTEST_WAIT
                await closed
            except (OSError, ssl.SSLError, TimeoutError):
                wait = min(2 * wait, LONGEST_WAIT)
            await asyncio.sleep(wait * self._wire.random.uniform(0.5, 1.0))

    async def _connect(self) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        closed: asyncio.Future[None] = loop.create_future()
        async with asyncio.timeout(2.0):
            connecting = loop.create_connection(lambda: _Closing(closed), *self._address, ssl=self._wire.client_tls)
            transport, _ = await connecting
        if certs.common_name(transport.get_extra_info("peercert")) != self._peer:
            transport.abort()
            raise OSError("the peer is not who it should be")
        self._wire.journal.write("peer_connected", peer=self._peer)
        self._transport = transport
        return closed

    def send(self, payload: bytes) -> None:
        """Queue a message; what one moment brings leaves together."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MOST_QUEUED:
            return
        if not self._queue:
            asyncio.get_running_loop().call_soon(self._flush)
        self._queue.append(LENGTH.pack(len(payload)))
        self._queue.append(payload)

    def _flush(self) -> None:
        data, self._queue = b"".join(self._queue), []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def close(self) -> None:
        """Stop dialling and hang up."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._transport is not None:
            self._transport.close()


class _Closing(asyncio.Protocol):
    """The side of an outgoing connection that only waits for its end."""

    def __init__(self, closed: "asyncio.Future[None]") -> None:
        self._closed = closed

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)


class Wire:
    """All links of one node."""

    def __init__(
        self, node: str, folder: Path, codec: Codec, accepted: tuple[type, ...], receive: Receiver, journal: Journal
    ) -> None:
        self.codec = codec
        self.accepted = frozenset(accepted)
        self.journal = journal
        self.random = Random()
        self.client_tls = certs.context(folder, node, server=False)
        self._server_tls = certs.context(folder, node, server=True)
        self._node = node
        self._receive = receive
        self._links: dict[str, Outgoing] = {}
        self._known: frozenset[str] = frozenset()
        self._incoming: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None
        self.blocked: frozenset[str] = frozenset()
        self.loss = 0.0
        self.delay = 0.0

    async def listen(self, host: str, port: int) -> None:
        """Let peers in."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Incoming(self), host, port, ssl=self._server_tls)

    async def connect(self, addresses: dict[str, tuple[str, int]]) -> None:
        """Talk to exactly these peers from now on."""
        self._known = frozenset(addresses)
        for peer in [peer for peer in self._links if peer not in addresses]:
            await self._links.pop(peer).close()
        for peer, (host, port) in addresses.items():
            if peer != self._node and peer not in self._links:
                self._links[peer] = Outgoing(self, peer, host, port)

    def admits(self, peer: str, transport: asyncio.Transport) -> bool:
        """Whether a node with a good certificate may talk to us: it must not be ourselves, and there is room."""
        if not peer or peer == self._node or len(self._incoming) > 64:
            self.journal.write("peer_refused", peer=peer, why="not a peer")
            return False
        self._incoming.add(transport)
        return True

    def left(self, transport: asyncio.Transport) -> None:
        """A connection has ended."""
        self._incoming.discard(transport)

    def receive(self, peer: str, message: Any) -> str | None:
        """A message has arrived, unless a fault swallows it; why it could not be taken, if so."""
        return None if peer in self.blocked else self._receive(peer, message)

    def send(self, peer: str, message: Any) -> None:
        """Send a message, if it can be sent."""
        link = self._links.get(peer)
        if link is None or peer in self.blocked or (self.loss and self.random.random() < self.loss):
            return
        payload = self.codec.encode(message)
        if self.delay:
            delay = self.random.uniform(0, self.delay)
            asyncio.get_running_loop().call_later(delay, link.send, payload)
        else:
            link.send(payload)

    async def close(self) -> None:
        """Hang up everywhere."""
        if self._server is not None:
            self._server.close()
        for transport in list(self._incoming):
            transport.close()
        for link in self._links.values():
            await link.close()
