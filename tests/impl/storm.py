"""Clients of redis-py in a storm: threads that do random things at random nodes while nodes are killed and cut off."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import redis

from impl.runtime import cluster
from tests.impl.live import Live, running, until

LOST = (redis.ConnectionError, redis.TimeoutError, redis.ResponseError, OSError)
"""After these nobody knows what became of the last call; nor after a WatchError that redis-py makes of one of them."""

Body = Callable[["Client"], None]


class Client:
    """One client at one node; `call` writes a line of the history."""

    def __init__(self, storm: Storm, process: str, node: str, random: Random) -> None:
        self.storm, self.process, self.node, self.random = storm, process, node, random
        self.redis = storm.live.blunt(node)

    def call(self, f: str, key: str, what: Callable[[], Any], value: Any = None) -> Any:
        """Do something and write it down; raises one of LOST when its outcome is not known."""
        row = {"process": self.process, "f": f, "key": key, "start": time.monotonic()}
        row |= {} if value is None else {"value": value}
        try:
            result = what()
        except (*LOST, redis.WatchError) as problem:
            if "Watched variable changed" not in str(problem):  # else the server says that nothing was done
                self.storm.history.append(row | {"type": "info", "end": row["start"]})
            raise
        self.storm.history.append(row | {"type": "ok", "end": time.monotonic(), "result": plain(result)})
        return result


def plain(result: Any) -> Any:
    """An answer of redis-py as JSON would have it."""
    if isinstance(result, set | frozenset):
        return sorted(map(plain, result))
    return result.decode() if isinstance(result, bytes) else result


class Storm:
    """A cluster, its clients, and what they saw."""

    def __init__(self, live: Live, seed: int) -> None:
        self.live, self.random = live, Random(seed)
        self.history: list[dict[str, Any]] = []
        self._ended = threading.Event()
        self._numbers = iter(range(1 << 30))

    def fresh(self) -> int:
        """A number that no one else gets."""
        return next(self._numbers)

    def rage(self, body: Body, seconds: float, clients: int) -> None:
        """Clients and faults for so many seconds; then all nodes are well again."""
        seeds = [self.random.getrandbits(32) for _ in range(clients)]
        pool = ThreadPoolExecutor(clients)
        ended = [pool.submit(self._client, body, Random(seed)) for seed in seeds]
        try:
            limit = time.monotonic() + seconds
            while time.monotonic() < limit:
                self.random.choice((self._kill, self._split, self._lonely))()
                self._sleep(0.2, 0.8)
        finally:
            self._ended.set()
            pool.shutdown(wait=False)
        for one in ended:
            one.result(30)  # raises what surprised a client, and TimeoutError for one that hangs
        assert cluster.wait_ready(self.live.folder, 20), "the cluster does not serve after all faults have ended"

    def _sleep(self, least: float, most: float) -> None:
        time.sleep(self.random.uniform(least, most))

    def _kill(self) -> None:
        """`kill -9` for one node, or now and then for all."""
        victims = self.live.nodes if self.random.random() < 0.2 else (self.random.choice(self.live.nodes),)
        for node in victims:
            self.live.kill(node)
        self._sleep(0.1, 1.0)
        for node in victims:
            self.live.launch(node)
        for node in victims:
            until(partial(self._answers, node))

    def _answers(self, node: str) -> bool:
        return "node" in cluster.status(self.live.folder)[node]

    def _split(self) -> None:
        """Two sides."""
        nodes = self.random.sample(self.live.nodes, len(self.live.nodes))
        place = self.random.randrange(1, len(nodes))
        self._cut([nodes[:place], nodes[place:]])

    def _lonely(self) -> None:
        """One node that talks to nobody, and a kill on the other side."""
        node = self.random.choice(self.live.nodes)
        self._cut([[other for other in self.live.nodes if other != node]], self._kill)

    def _cut(self, groups: list[list[str]], meanwhile: Callable[[], None] = lambda: None) -> None:
        cluster.partition(self.live.folder, groups)
        meanwhile()
        self._sleep(0.5, 2.0)
        cluster.heal(self.live.folder)

    def _client(self, body: Body, random: Random) -> None:
        while not self._ended.is_set():
            client = Client(self, f"p{self.fresh()}", random.choice(self.live.nodes), random)
            try:
                with client.redis:
                    for _ in range(random.randrange(1, 60)):
                        if self._ended.is_set():
                            break
                        body(client)
                        time.sleep(random.uniform(0.0, 0.01))
            except LOST:
                time.sleep(0.02)

    def ask(self, node: str, ask: Callable[[redis.Redis], Any]) -> Any:
        """The answer of a node to a question after the storm."""
        with self.live.client(node) as client:
            return plain(ask(client))


@contextlib.contextmanager
def storm(folder: Path, protocol: str, nodes: int, seed: int) -> Iterator[Storm]:
    """A storm over a fresh cluster."""
    with running(folder, protocol, nodes) as live:
        yield Storm(live, seed)
