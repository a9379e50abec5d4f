"""Random clients of redis-py against real clusters in a storm: what was acknowledged is there, histories are right."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from pathlib import Path

import pytest
import redis
from redis.exceptions import LockError

from pyspec.conform.linear import MODELS, check_history
from pyspec.conform.linear.history import make_history
from tests.impl.live import until
from tests.impl.storm import Client, storm

LENGTHS = [
    pytest.param(3, 5.0, 1, id="short"),
    pytest.param(3, 60.0, 2, id="long", marks=pytest.mark.slow),
    pytest.param(5, 60.0, 3, id="five", marks=pytest.mark.slow),
]
ACCOUNTS = ("a", "b", "c")


def store(client: Client) -> None:
    """Registers, counters, swaps by WATCH, texts that grow, transfers."""
    random, server = client.random, client.redis
    verb = random.choice(("set", "get", "incr", "count", "swap", "append", "text", "transfer"))
    number, key = client.storm.fresh(), f"register{random.randrange(3)}"
    if verb == "set":
        client.call("set", key, lambda: server.set(key, number) and "OK", str(number))
    elif verb == "get":
        client.call("get", key, lambda: server.get(key))
    elif verb == "incr":
        client.call("incr", "counter", lambda: server.incr("counter"))
    elif verb == "count":
        client.call("get", "counter", lambda: server.get("counter"))
    elif verb == "append":
        client.call("append", "text", lambda: server.append("text", f"{number};"), f"{number};")
    elif verb == "text":
        client.call("get", "text", lambda: server.get("text"))
    elif verb == "swap":
        swap(client, key, str(number))
    else:
        transfer(client)


def swap(client: Client, key: str, new: str) -> None:
    with contextlib.suppress(redis.WatchError), client.redis.pipeline() as pipe:
        pipe.watch(key)
        old = pipe.get(key)
        pipe.multi()
        pipe.set(key, new)
        client.call("cas", key, lambda: pipe.execute() == [True], [old and old.decode(), new])


def transfer(client: Client) -> None:
    giver, taker = client.random.sample(ACCOUNTS, 2)
    with client.redis.pipeline() as pipe:
        amounts = pipe.decrby(giver, 3).incrby(taker, 3).mget(ACCOUNTS).execute()[2]
    assert sum(int(amount or 0) for amount in amounts) == 0, amounts


@pytest.mark.parametrize(("nodes", "seconds", "seed"), LENGTHS)
def test_a_store_is_linearizable_in_a_storm(nodes: int, seconds: float, seed: int, tmp_path: Path) -> None:
    with storm(tmp_path, "raft", nodes, seed) as weather:
        weather.rage(store, seconds, 6)
        texts = {weather.ask(node, lambda server: server.get("text")) for node in weather.live.nodes}
        counts = {int(weather.ask(node, lambda server: server.get("counter")) or 0) for node in weather.live.nodes}
    rows = weather.history
    sure = [row for row in rows if row["type"] == "ok"]
    appended = [row["value"].rstrip(";") for row in sure if row["f"] == "append"]
    (text,) = texts
    parts = (text or "").split(";")[:-1]
    assert len(parts) == len(set(parts)) and set(appended) <= set(parts)
    (count,) = counts
    assert sum(row["f"] == "incr" for row in sure) <= count <= sum(row["f"] == "incr" for row in rows)
    verdict = check_history(make_history(enumerate(rows, 1)), MODELS["kv"](), 60.0)
    assert verdict.linearizable, verdict
    assert len(sure) > 20


def lock(client: Client) -> None:
    """Takes a lock as redis-py does, asks for the token, extends it, lets it go or run out."""
    random, server, name = client.random, client.redis, f"lock{client.random.randrange(2)}"
    held = server.lock(name, timeout=random.choice((0.4, 1.0)), blocking_timeout=0.5, sleep=0.02)
    try:
        if held.acquire():
            owner = held.local.token.decode()
            token = client.call("acquire", name, lambda: server.execute_command("FENCE", name, owner), owner)
            if token is not None and random.random() < 0.5:
                held.extend(0.3)
                assert held.reacquire()
                assert client.redis.execute_command("FENCE", name, owner) in (token, None)
            if random.random() < 0.7:
                held.release()
    except LockError:
        pass  # it ran out, or a failover has lost it


@pytest.mark.parametrize("protocol", ["redis_lock", "raft"])
@pytest.mark.parametrize(("nodes", "seconds", "seed"), LENGTHS)
def test_tokens_never_go_back_in_a_storm(protocol: str, nodes: int, seconds: float, seed: int, tmp_path: Path) -> None:
    with storm(tmp_path, protocol, nodes, seed) as weather:
        weather.rage(lock, seconds, 6)
    grants = defaultdict(list)
    for row in weather.history:
        if row["type"] == "ok" and row["result"]:
            grants[row["key"]].append((row["start"], row["end"], int(row["result"]), row["value"]))
    assert sum(map(len, grants.values())) > 5
    for told in grants.values():
        assert len({token for *_, token, _ in told}) == len({owner for *_, owner in told})
        for start, _, token, owner in told:
            assert all(other < token for _, end, other, whose in told if end < start and whose != owner), told


def members(client: Client) -> None:
    """Adds elements of its own and common ones; removes what it sees."""
    random, server = client.random, client.redis
    choice = random.random()
    if choice < 0.6:
        word = f"m{client.storm.fresh()}" if choice < 0.5 else f"w{random.randrange(9)}"
        client.call("sadd", "s", lambda: server.sadd("s", word), word)
    else:
        seen = client.call("smembers", "s", lambda: server.smembers("s"))
        if seen:
            word = random.choice(sorted(seen)).decode()
            client.call("srem", "s", lambda: server.srem("s", word), word)


@pytest.mark.parametrize(("nodes", "seconds", "seed"), LENGTHS)
def test_a_set_converges_and_loses_nothing_in_a_storm(nodes: int, seconds: float, seed: int, tmp_path: Path) -> None:
    with storm(tmp_path, "crdt_set", nodes, seed) as weather:
        weather.rage(members, seconds, 6)

        def views() -> set[tuple[str, ...]]:
            return {tuple(weather.ask(node, lambda server: server.smembers("s"))) for node in weather.live.nodes}

        until(lambda: len(views()) == 1, 20)
        (last,) = views()
    tried: dict[str, set[str]] = defaultdict(set)
    sure: dict[str, set[str]] = defaultdict(set)
    for row in weather.history:
        tried[row["f"]].add(row.get("value", ""))
        if row["type"] == "ok" and row["result"]:
            sure[row["f"]].add(str(row.get("value", "")))
    assert sure["sadd"] - tried["srem"] <= set(last) <= tried["sadd"]
    gone = {word for word in sure["srem"] if word.startswith("m")}  # added once, by one client, before it was seen
    assert not gone & set(last)
    assert len(sure["sadd"]) > 20
