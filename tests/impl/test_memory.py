"""What a node holds does not grow with what it has done: everything reachable from it is counted, whatever its name."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import pytest

from impl import crdt_set, raft, redis_lock
from impl.runtime.effects import Command, Receive, Request, Tick
from impl.runtime.node import Node, Outlets
from impl.runtime.protocol import Protocol, Setup

NAMES = ("n1", "n2", "n3")
SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, Protocol, str)


class Cluster:
    """Three nodes that lose nothing; messages go through the codec, so that nodes share no memory."""

    def __init__(self, protocol: Protocol, options: dict[str, Any]) -> None:
        self.codec, self.clock, self.answered, self.tickets = protocol.codec, 1000, 0, 0
        self.net: deque[tuple[str, str, bytes]] = deque()
        self.nodes = {name: Node(protocol, Setup(name, NAMES, options), self._outlets(name)) for name in NAMES}
        for number, node in enumerate(self.nodes.values()):
            node.boot((), self.clock, number)
        self.pass_time(100)

    def _outlets(self, name: str) -> Outlets:
        def send(to: str, message: Any) -> None:
            self.net.append((name, to, self.codec.encode(message)))

        def reply(ticket: int, results: tuple[Any, ...]) -> None:
            self.answered += 1

        return Outlets(send, reply, lambda peers: None)

    def settle(self) -> None:
        """Let all be written and received."""
        while self.net or any(not node.idle for node in self.nodes.values()):
            for node in self.nodes.values():
                if (write := node.next_write()) is not None:
                    self.codec.encode(write.records)
                    node.written(self.clock)
            if self.net:
                source, to, message = self.net.popleft()
                assert self.nodes[to].receive(Receive(source, self.codec.decode(message), self.clock)) is None

    def pass_time(self, ticks: int) -> None:
        for number in range(ticks):
            self.clock += 100
            for place, node in enumerate(self.nodes.values()):
                node.handle(Tick(self.clock, number * 7919 + place * 104729))
                self.settle()

    def run(self, count: int, command: Callable[[int], Command]) -> None:
        """So many requests of two commands, in turn at each node."""
        for number in range(count):
            self.tickets += 1
            commands = (command(2 * number), command(2 * number + 1))
            self.nodes[NAMES[number % 3]].handle(Request(self.tickets, commands, self.clock))
            self.settle()
            if number % 20 == 19:
                self.pass_time(1)

    def held(self) -> int:
        """How many objects the nodes hold."""
        seen: set[int] = set()
        todo: list[Any] = list(self.nodes.values())
        while todo:
            found = [one for one in gc.get_referents(*todo) if id(one) not in seen and not isinstance(one, SHARED)]
            seen.update(map(id, found))
            todo = list({id(one): one for one in found}.values())
        return len(seen)


def store(number: int) -> Command:
    return (b"SET", b"key%d" % (number % 30), b"%d" % number) if number % 2 else (b"INCR", b"count%d" % (number % 8))


def lock(number: int) -> Command:
    key = b"lock%d" % (number // 2 % 20)
    return (b"DEL", key) if number % 2 else (b"SET", key, b"owner%d" % number, b"NX", b"PX", b"3000")


def member(number: int) -> Command:
    return (b"SREM" if number // 30 % 2 else b"SADD", b"set%d" % (number % 3), b"member%d" % (number % 30))


COMPACT = {"compact_entries": 100, "keep_entries": 20}


@pytest.mark.parametrize(
    ("protocol", "command", "options"),
    [(raft.PROTOCOL, store, COMPACT), (redis_lock.PROTOCOL, lock, {}), (crdt_set.PROTOCOL, member, {})],
    ids=["raft", "redis_lock", "crdt_set"],
)
def test_what_a_cluster_holds_is_bounded(
    protocol: Protocol, command: Callable[[int], Command], options: dict[str, Any]
) -> None:
    cluster = Cluster(protocol, options)
    sizes = []
    for _ in range(8):
        cluster.run(600, command)
        sizes.append(cluster.held())
    assert cluster.answered == cluster.tickets
    assert max(sizes[4:]) <= 1.1 * max(sizes[:4]), sizes
