"""Real clusters for tests: started in a temporary folder, always stopped."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from impl.runtime import cluster, plan


class Live:
    """A running cluster of processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plan = plan.load(folder)
        self.nodes = tuple(self.plan.clients)
        self.children: list[subprocess.Popen[bytes]] = []

    def launch(self, node: str) -> None:
        """Start a node's process."""
        self.children.append(cluster.start(self.folder, node))

    def client(self, node: str, **options: Any) -> redis.Redis:
        """A redis-py client of one node."""
        host, port = plan.parse_address(self.plan.clients[node])
        settings: dict[str, Any] = {"password": self.plan.password or None, "socket_timeout": 10}
        return redis.Redis(host, port, **settings, **options)

    def blunt(self, node: str) -> redis.Redis:
        """A client that tries once and then tells what went wrong."""
        return self.client(node, retry=Retry(NoBackoff(), 0))

    def leader(self, seconds: float = 10.0) -> str:
        """The node that leads, once there is exactly one that all running nodes agree on."""
        found: list[str] = []

        def agreed() -> bool:
            views = [view for view in cluster.status(self.folder).values() if "node" in view]
            leaders = {view["leader"] for view in views}
            found[:] = [view["node"] for view in views if view["role"] == "leader"]
            return len(found) == 1 and leaders == set(found)

        until(agreed, seconds)
        return found[0]

    def kill(self, node: str) -> None:
        """SIGKILL."""
        cluster.kill(self.folder, node)

    def start(self, node: str) -> None:
        """Start a node again and wait until it answers."""
        self.launch(node)
        until(lambda: "node" in cluster.status(self.folder)[node])

    def log(self, node: str) -> str:
        """What a node has written to its log."""
        return (self.folder / node / "log.jsonl").read_text(encoding="utf-8")


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for something that must come true."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "what was waited for did not happen"
        time.sleep(0.03)


@contextlib.contextmanager
def running(folder: Path, protocol: str, nodes: int = 3, **options: Any) -> Iterator[Live]:
    """A cluster that is up; its processes have ended when the block ends."""
    cluster.create(folder, protocol, nodes, 0, **options)
    live = Live(folder)
    try:
        for node in live.nodes:
            live.launch(node)
        assert cluster.wait_ready(folder), "\n".join(live.log(node) for node in live.nodes)
        yield live
    finally:
        cluster.stop(folder)
        for child in live.children:
            child.wait(timeout=10)
