"""A real cluster among strangers: wrong certificates, random bytes, bad frames, replays, greedy clients."""

import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import redis

from impl.raft import PROTOCOL, machine
from impl.raft.machine import Batch
from impl.raft.messages import CODEC, Append, Entry, Forward, Kind
from impl.runtime import certs, cluster, plan
from tests.impl import fuzz
from tests.impl.live import Live, running, until

PASSWORD = "open sesame"
MOST_GROWTH_KB = 100 * 1024


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One cluster for all of these tests: none of them may hurt it."""
    with running(tmp_path_factory.mktemp("hostile"), "raft", password=PASSWORD) as found:
        yield found


def standing(live: Live) -> dict[str, Any]:
    """What must not change: the processes, the term, who leads, how far the log goes."""
    live.leader()
    views = cluster.status(live.folder)
    return {
        node: (cluster.pid_of(live.folder, node), *(views[node][key] for key in ("term", "leader", "last", "role")))
        for node in live.nodes
    }


def memory_kb(live: Live, node: str) -> int:
    """The resident memory of a node."""
    status = Path(f"/proc/{cluster.pid_of(live.folder, node)}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0])


def dial(live: Live, node: str, context: ssl.SSLContext | None) -> socket.socket:
    """A connection to the port for peers; `context` None speaks no TLS."""
    raw = socket.create_connection(plan.parse_address(live.plan.peers[node]), timeout=5)
    return raw if context is None else context.wrap_socket(raw)


def hung_up(connection: socket.socket) -> bool:
    """Whether the other side ends the connection, and says nothing before."""
    connection.settimeout(5)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def framed(payload: bytes) -> bytes:
    return struct.pack("<I", len(payload)) + payload


def stranger_contexts(live: Live, folder: Path) -> dict[str, ssl.SSLContext | None]:
    """Ways of a stranger to knock: without TLS, without a certificate, with one of another authority."""
    certs.make(folder, live.nodes)
    anonymous = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anonymous.check_hostname = False
    anonymous.verify_mode = ssl.CERT_NONE
    forged = certs.context(folder, "n2", server=False)
    forged.verify_mode = ssl.CERT_NONE
    old = certs.context(live.folder / "certs", "n2", server=False)
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    return {"no TLS": None, "no certificate": anonymous, "another authority": forged, "an old version": old}


def test_strangers_get_nothing_from_the_peers_port(live: Live, tmp_path: Path) -> None:
    before = standing(live)
    message = framed(CODEC.encode(Append(1 << 20, 0, 0, (), 0, 1)))
    for name, context in stranger_contexts(live, tmp_path).items():
        try:
            with dial(live, "n1", context) as connection:
                connection.sendall(message * 3)
                assert hung_up(connection), name
        except (ssl.SSLError, ConnectionError):
            continue
    assert standing(live) == before


def test_a_node_cannot_pose_as_another(live: Live) -> None:
    """A certificate of the cluster's authority names one node; whoever has it speaks as that node and no other."""
    before = standing(live)
    with dial(live, "n1", certs.context(live.folder / "certs", "n1", server=False)) as connection:
        connection.sendall(framed(CODEC.encode(Append(1 << 20, 0, 0, (), 0, 1))))
        assert hung_up(connection)
    assert standing(live) == before


def test_bad_frames_of_a_peer_end_its_connection_and_nothing_else(live: Live) -> None:
    before, start = standing(live), memory_kb(live, "n1")
    context = certs.context(live.folder / "certs", "n2", server=False)
    random = Random(1)
    entry = Entry(10_000, 1, 0, 2, b"junk")
    bad = [
        struct.pack("<I", 0xFFFFFFFF),
        struct.pack("<I", (64 << 20) + 1) + b"x" * 1000,
        framed(b""),
        framed(CODEC.encode(entry)),
        framed(CODEC.encode(())),
        *(framed(random.randbytes(random.randrange(1, 400))) for _ in range(20)),
    ]
    for data in bad:
        with dial(live, "n1", context) as connection:
            connection.sendall(data)
            assert hung_up(connection), data[:40]
    cut = []
    for _ in range(20):  # frames that never end: the node waits, and holds little
        connection = dial(live, "n1", context)
        connection.sendall(struct.pack("<I", 60 << 20) + b"x" * 1000)
        cut.append(connection)
    assert standing(live) == before
    assert memory_kb(live, "n1") - start < MOST_GROWTH_KB
    for connection in cut:
        connection.close()
    assert "peer_refused" in live.log("n1")


def test_a_replayed_session_takes_effect_once(live: Live) -> None:
    """All that n2 may say of clients, said three times over: the counter goes up once for each batch."""
    leader = live.leader()
    speaker = next(node for node in live.nodes if node != leader)
    context = certs.context(live.folder / "certs", speaker, server=False)
    with live.client(leader) as client, dial(live, leader, context) as connection:
        client.set("settled", 1)
        before = cluster.status(live.folder)[leader]["last"]
        opening = Forward(int(Kind.OPEN), (machine.encode_open("replayer", 77),))
        connection.sendall(framed(CODEC.encode(opening)))
        until(lambda: cluster.status(live.folder)[leader]["applied"] == before + 1)
        for seq in (1, 2):
            batch = machine.encode_batch(Batch(before + 1, seq, 0, ((b"INCR", b"replayed"),)))
            connection.sendall(framed(CODEC.encode(Forward(int(Kind.BATCH), (batch,)))) * 3)
        until(lambda: cluster.status(live.folder)[leader]["applied"] == before + 7)
        assert client.get("replayed") == b"2"


def test_random_bytes_of_clients_do_no_harm(live: Live) -> None:
    before, start = standing(live), memory_kb(live, "n1")
    address = plan.parse_address(live.plan.clients["n1"])
    random = Random(2)
    greetings = [b"", b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(PASSWORD), PASSWORD.encode())]
    for number in range(60):
        with socket.create_connection(address, timeout=5) as connection:
            connection.sendall(greetings[number % 2])
            try:
                for _ in range(5):
                    chunk = random.choice((b"*3\r\n", b"$5\r\n", b"GET\r\n", b"\x00" * 50, b"*1\r\n$4\r\nEXEC\r\n"))
                    connection.sendall(chunk + random.randbytes(random.randrange(200)))
            except ConnectionError:
                continue
    after = standing(live)
    assert {node: view[:3] for node, view in after.items()} == {node: view[:3] for node, view in before.items()}
    assert memory_kb(live, "n1") - start < MOST_GROWTH_KB


def test_a_client_that_does_not_read_is_not_served_for_ever(live: Live) -> None:
    """Replies that nobody takes fill what there is for them, and no more."""
    address = plan.parse_address(live.plan.clients["n1"])
    with live.client("n1") as client:
        client.set("big", b"x" * 1_000_000)
        start = memory_kb(live, "n1")
        greedy = socket.create_connection(address, timeout=1)
        greedy.sendall(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(PASSWORD), PASSWORD.encode()))
        with pytest.raises(TimeoutError):
            while True:
                greedy.sendall(b"*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n" * 1000)
        grown = memory_kb(live, "n1") - start
        greedy.close()
        assert client.get("big") == b"x" * 1_000_000
    assert grown < 2 * MOST_GROWTH_KB


def test_unknown_and_wrong_commands_are_answered(live: Live) -> None:
    with live.client("n1") as client:
        for words in (("NOSUCH",), ("SET", "a"), ("GET",), ("INCRBY", "a", "x"), ("SET", "a", "1", "EX", "-1")):
            with pytest.raises(redis.ResponseError):
                client.execute_command(*words)
        assert client.ping()


def test_nonsense_with_a_good_certificate_leaves_the_node_running(live: Live) -> None:
    """The last test of the module: what n2 may say, well-typed and wrong. It may unseat a leader, but kills nobody."""
    context = certs.context(live.folder / "certs", "n2", server=False)
    random = Random(3)
    pids = {node: cluster.pid_of(live.folder, node) for node in live.nodes}
    for _ in range(100):
        with dial(live, "n1", context) as connection:
            message = fuzz.value(random, random.choice(PROTOCOL.messages))
            if getattr(message, "term", 0) > 1000:
                continue
            connection.sendall(framed(CODEC.encode(message)))
    assert {node: cluster.pid_of(live.folder, node) for node in live.nodes} == pids
    assert "node" in cluster.status(live.folder)["n1"]
