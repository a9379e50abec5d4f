"""The real lock service and the real replicated set, driven by redis-py."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from impl.runtime import cluster, plan
from tests.impl.live import running, until


def test_locks_survive_failover_with_growing_tokens(tmp_path: Path) -> None:
    with running(tmp_path, "redis_lock") as live:
        tokens = []
        for _ in range(2):
            leader = live.leader()
            with live.client(leader) as client:
                lock = client.lock("lock", timeout=1.0)
                assert lock.acquire(blocking_timeout=5)
                tokens.append(client.execute_command("FENCE", "lock", lock.local.token))
                assert lock.extend(0.1)
                lock.release()
                assert lock.acquire(blocking_timeout=5)
                tokens.append(client.execute_command("FENCE", "lock", lock.local.token))
            live.kill(leader)
            live.leader()
            live.start(leader)
        live.leader()
        for node in live.nodes:
            with live.client(node) as client:
                lock = client.lock("lock", timeout=1.0)
                assert lock.acquire(blocking_timeout=5)
                tokens.append(client.execute_command("FENCE", "lock"))
                lock.release()
        assert tokens == sorted(set(tokens))


def test_a_set_on_any_node_through_a_partition(tmp_path: Path) -> None:
    with running(tmp_path, "crdt_set") as live:
        clients = {node: live.client(node) for node in live.nodes}
        assert clients["n1"].sadd("s", "a", "b") == 2
        until(lambda: all(client.smembers("s") == {b"a", b"b"} for client in clients.values()))
        cluster.partition(tmp_path, [["n1"], ["n2", "n3"]])
        assert clients["n1"].srem("s", "a") == 1
        assert clients["n2"].sadd("s", "a") == 0
        assert clients["n3"].sadd("s", "c") == 1
        assert clients["n1"].sismember("s", "a") == 0
        live.kill("n3")
        cluster.heal(tmp_path)
        live.start("n3")
        until(lambda: all(live_members(live.client(node)) == {b"a", b"b", b"c"} for node in live.nodes))
        assert clients["n2"].scard("s") == 3
        for client in clients.values():
            client.close()


def test_a_partition_reaches_all_nodes_that_answer(tmp_path: Path) -> None:
    with running(tmp_path, "crdt_set") as live:
        cluster.send_signal(tmp_path, "n1", signal.SIGSTOP)
        with pytest.raises(plan.PlanError, match="n1 did not answer"):
            cluster.partition(tmp_path, [["n1"], ["n2", "n3"]])
        views = cluster.status(tmp_path)
        assert views["n1"]["role"] == "no answer"
        assert views["n2"]["blocked"] == views["n3"]["blocked"] == ["n1"]
        cluster.send_signal(tmp_path, "n1", signal.SIGCONT)
        with live.client("n1") as client:
            client.sadd("s", "a")
        cluster.heal(tmp_path)
        until(lambda: live_members(live.client("n3")) == {b"a"})


def live_members(client: redis.Redis) -> set[bytes]:
    """The members of the set, over a connection of its own."""
    with client:
        found: set[bytes] = client.smembers("s")
        return found


def test_a_port_in_use_is_a_message_and_starts_nothing(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        command = [sys.executable, "-m", "impl", "up", "crdt_set", "--nodes", "1", "--port", str(port), "--detach"]
        done = subprocess.run(
            [*command, "--folder", str(tmp_path / "c")], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 2
    assert f"127.0.0.1:{port} is in use" in done.stderr
    assert cluster.pid_of(tmp_path / "c", "n1") is None
