"""The real Raft cluster, driven by redis-py and by Redis's own tools."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import LockError, LockNotOwnedError
from redis.retry import Retry

from impl.runtime import cluster, plan
from tests.impl.live import Live, running, until

PASSWORD = "open sesame"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One cluster for the tests that do not break it for good."""
    with running(tmp_path_factory.mktemp("raft"), "raft", password=PASSWORD, traces=True) as found:
        yield found


@pytest.fixture
def client(live: Live) -> Iterator[redis.Redis]:
    """A client of the first node, with an empty database."""
    with live.client("n1") as found:
        found.flushdb()
        yield found


def test_strings_and_counters(client: redis.Redis) -> None:
    assert client.set("a", "1") is True
    assert client.get("a") == b"1"
    assert client.incr("a", 41) == 42
    assert client.decr("a") == 41
    assert client.set("a", "x", nx=True) is None
    assert client.set("b", "x", xx=True) is None
    assert client.set("a", "x", get=True) == b"41"
    assert client.append("a", "yz") == 3
    assert client.mget("a", "b") == [b"xyz", None]
    assert client.delete("a", "b") == 1
    assert client.exists("a") == 0
    with pytest.raises(redis.ResponseError, match="not an integer"):
        client.set("a", "x") and client.incr("a")


def test_binary_values_survive(client: redis.Redis) -> None:
    value = bytes(range(256)) * 300
    client.set(b"\r\n\x00", value)
    assert client.get(b"\r\n\x00") == value


def test_keys_expire(client: redis.Redis) -> None:
    client.set("a", "1", px=80)
    client.set("b", "1", ex=100)
    assert 90 <= client.ttl("b") <= 100
    assert client.pttl("missing") == -2
    assert client.persist("b")
    assert client.ttl("b") == -1
    until(lambda: client.get("a") is None, 5)
    assert client.keys("*") == [b"b"]


def test_transactions(client: redis.Redis) -> None:
    with client.pipeline(transaction=True) as pipe:
        assert pipe.set("a", 1).incr("a").get("a").execute() == [True, 2, b"2"]
    with client.pipeline() as pipe:
        pipe.watch("a")
        client.set("a", 7)
        pipe.multi()
        pipe.set("a", 8)
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert client.get("a") == b"7"


def test_pipelines_keep_their_order(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipe:
        for number in range(300):
            pipe.set("a", number).get("a")
        assert pipe.execute()[1::2] == [b"%d" % number for number in range(300)]


def test_every_node_serves_writes_and_fresh_reads(live: Live, client: redis.Redis) -> None:
    clients = [live.client(node) for node in live.nodes]
    for number in range(30):
        clients[number % 3].set("a", number)
        assert all(other.get("a") == b"%d" % number for other in clients)
    for other in clients:
        other.close()


@pytest.mark.parametrize("protocol", [2, 3])
def test_both_protocol_versions(live: Live, protocol: int) -> None:
    with live.client("n2", protocol=protocol) as client:
        client.set("p", protocol)
        assert client.get("p") == b"%d" % protocol
        assert client.get("missing") is None
        assert client.info()["redis_version"]


def test_strangers_get_nothing(live: Live) -> None:
    host, port = plan.parse_address(live.plan.clients["n1"])
    for options in ({"protocol": 2}, {"protocol": 3}, {"password": "wrong"}):
        stranger = redis.Redis(host, port, retry=Retry(NoBackoff(), 0), **options)
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.get("a")


def test_the_locks_of_redis_py(client: redis.Redis) -> None:
    lock = client.lock("lock", timeout=10)
    assert lock.acquire(blocking=False)
    assert lock.owned()
    other = client.lock("lock", timeout=10)
    assert not other.acquire(blocking=False)
    assert lock.extend(10)
    assert 10_000 < client.pttl("lock") <= 20_000
    assert lock.reacquire()
    assert client.pttl("lock") <= 10_000
    lock.release()
    with pytest.raises(LockError):
        lock.release()
    assert other.acquire(blocking=False)
    client.set("lock", "stolen")
    with pytest.raises(LockNotOwnedError):
        other.release()


@pytest.mark.redis_tools
def test_tools_of_redis(live: Live) -> None:
    for tool in ("redis-cli", "redis-benchmark"):
        assert shutil.which(tool), f"{tool} is not installed: it is in Debian's package redis-tools"
    port = str(plan.parse_address(live.plan.clients["n2"])[1])
    access = ["-p", port, "-a", PASSWORD]
    said = subprocess.run(
        ["redis-cli", *access, "--no-auth-warning", "set", "tool", "cli"], capture_output=True, text=True, timeout=20
    )
    assert said.stdout.strip() == "OK"
    said = subprocess.run(
        ["redis-benchmark", *access, "-t", "set,get,incr", "-n", "2000", "-P", "10", "-q", "--csv"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert [line.split(",")[0] for line in said.stdout.splitlines()[1:]] == ['"SET"', '"GET"', '"INCR"']


def test_traces_are_json_lines(live: Live, client: redis.Redis) -> None:
    client.set("traced", 1)
    for node in live.nodes:
        path = live.folder / "traces" / f"{node}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines()[:-1]
        assert json.loads(lines[0])["event"] == "boot"
        assert all(json.loads(line)["node"] == node for line in lines)


def test_acknowledged_writes_survive_kills(tmp_path: Path) -> None:
    """Clients write while nodes are killed without warning; everything that was acknowledged is there."""
    with running(tmp_path, "raft") as live:
        told: list[bytes] = []
        stop = threading.Event()

        def write() -> None:
            number = 0
            while not stop.is_set():
                node = live.nodes[number % 3]
                number += 1
                try:
                    with live.blunt(node) as client:
                        for part in range(10):
                            key = b"%d-%d" % (number, part)
                            client.set(key, key)
                            told.append(key)
                except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError):
                    stop.wait(0.01)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(3):
                before = len(told)
                until(lambda before=before: len(told) > before + 20)  # type: ignore[misc]
                victim = live.leader()
                live.kill(victim)
                live.leader()
                live.start(victim)
        finally:
            stop.set()
            writer.join()
        for node in live.nodes:
            live.kill(node)
        for node in live.nodes:
            live.launch(node)
        live.leader()
        with live.client("n1") as client:
            assert client.mget(told) == told


def test_a_minority_serves_nothing_and_heals(tmp_path: Path) -> None:
    with running(tmp_path, "raft", options={"give_up_ticks": 20}) as live:
        old = live.leader()
        others = [node for node in live.nodes if node != old]
        with live.client(others[0]) as client:
            client.set("a", 1)
        cluster.partition(tmp_path, [[old], others])
        until(lambda: any(view["role"] == "leader" for name, view in cluster.status(tmp_path).items() if name != old))
        with live.client(others[0]) as client:
            client.set("a", 2)
        with live.blunt(old) as client, pytest.raises(redis.RedisError):
            client.get("a")
        cluster.heal(tmp_path)
        live.leader()
        with live.client(old) as client:
            assert client.get("a") == b"2"


def test_membership_grows_and_shrinks(tmp_path: Path) -> None:
    with running(tmp_path, "raft") as live, live.client("n1") as client:
        client.set("a", 1)
        name = cluster.grow(tmp_path)
        live.launch(name)
        address = plan.load(tmp_path).peers[name]
        assert client.execute_command("MEMBER", "ADD", name, address) == b"OK"
        until(lambda: name in cluster.status(tmp_path)[name].get("voters", []))
        assert cluster.status(tmp_path)[name]["voters"] == ["n1", "n2", "n3", "n4"]
        until(lambda: cluster.status(tmp_path)[name]["applied"] >= 2)
        client.execute_command("MEMBER", "REMOVE", "n3")
        until(lambda: cluster.status(tmp_path)["n1"]["voters"] == ["n1", "n2", "n4"])
        assert client.get("a") == b"1"
