"""The machinery under the protocols: bytes from strangers, storage that was torn, one seed that decides everything."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impl.raft import PROTOCOL as RAFT
from impl.raft.messages import CODEC, Hard
from impl.runtime import protocol, resp, schedule
from impl.runtime.codec import CodecError
from impl.runtime.disk import FileDisk, MemoryDisk
from impl.runtime.effects import Receive
from impl.runtime.resp import Limits, Parser, ProtocolError
from impl.runtime.schedule import Crash, Restart
from impl.runtime.simulator import Simulation
from impl.runtime.store import Corrupt, Store, Write
from tests.impl import fuzz

NODES = ("n1", "n2", "n3")
SMALL = Limits(arguments=8, bulk=64, total=128, inline=64)
commands = st.lists(st.lists(st.binary(max_size=20), min_size=1, max_size=5), max_size=5)


def framed(words: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def pieces(data: bytes, random: Random) -> Iterator[bytes]:
    while data:
        cut = random.randint(1, len(data))
        yield data[:cut]
        data = data[cut:]


# Clients


@given(commands, st.randoms())
def test_commands_arrive_whole_however_they_are_cut(sent: list[list[bytes]], random: Random) -> None:
    parser, received = Parser(Limits()), []
    for piece in pieces(b"".join(map(framed, sent)), random):
        received += parser.feed(piece)
    assert received == [(words[0].upper(), *words[1:]) for words in sent]


@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from((b"*3\r\n", b"$5\r\n", b"*-1\r\n", b"$99999999999\r\n")))
    )
)
def test_any_bytes_are_commands_or_a_protocol_error(chunks: list[bytes]) -> None:
    parser = Parser(SMALL)
    try:
        for chunk in chunks:
            for command in parser.feed(chunk):
                assert len(command) <= SMALL.arguments
                assert sum(map(len, command)) <= SMALL.total
            held = len(parser._rest) + sum(map(len, parser._arguments))
            assert held <= SMALL.total + SMALL.bulk + SMALL.inline + 64
    except ProtocolError:
        pass


@pytest.mark.parametrize("header", [b"*1000000\r\n", b"*1\r\n$1000000\r\n", b"*x\r\n", b"*1\r\n:5\r\n", b"a" * 100])
def test_headers_that_announce_too_much_are_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        Parser(SMALL).feed(header)


def test_replies_have_a_form_for_every_kind_of_result() -> None:
    assert resp.encode((1, b"a", None, "b")) == b"*4\r\n:1\r\n$1\r\na\r\n$-1\r\n$1\r\nb\r\n"
    with pytest.raises(TypeError):
        resp.encode(object())


# Peers


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_codec_error(data: bytes) -> None:
    try:
        message = CODEC.decode(data, foreign=True)
    except CodecError:
        return
    assert CODEC.decode(CODEC.encode(message), foreign=True) == message


@given(st.integers(0, 1 << 32), st.integers(0, 200))
def test_a_message_with_a_damaged_byte_is_well_typed_or_refused(seed: int, place: int) -> None:
    random = Random(seed)
    cls = random.choice(RAFT.messages)
    data = bytearray(CODEC.encode(fuzz.value(random, cls)))
    data[place % len(data)] ^= 1 << random.randrange(8)
    try:
        message = CODEC.decode(bytes(data), foreign=True)
    except CodecError:
        return
    assert CODEC.decode(CODEC.encode(message)) == message


def test_a_peers_numbers_are_bounded_and_our_own_are_not() -> None:
    data = CODEC.encode(Hard((1 << 63) - 1, None))
    assert CODEC.decode(data) == Hard((1 << 63) - 1, None)
    with pytest.raises(CodecError):
        CODEC.decode(data, foreign=True)


@pytest.mark.parametrize("name", protocol.names())
def test_whatever_a_peer_says_the_node_goes_on(name: str) -> None:
    """Nonsense is refused and changes nothing, or is obeyed; the node serves on, and starts again from its disk."""
    found = protocol.find(name)
    refused = taken = 0
    for seed in range(12):
        random = Random(seed)
        simulation = Simulation(found, NODES, seed)
        simulation.add_client(1, 50, 100)
        simulation.run(random.uniform(0, 3))
        host = simulation.hosts["n1"]
        for _ in range(40):
            assert host.node is not None
            message = fuzz.value(random, random.choice(found.messages))
            before = host.node.state
            problem = host.node.receive(Receive(random.choice(NODES[1:]), message, simulation.clock(host)))
            refused += problem is not None
            taken += problem is None
            assert problem is None or host.node.state is before
            simulation._flush(host)
        simulation.inject(Crash("n1", torn=True))
        simulation.inject(Restart("n1"))
        simulation.run(1)
        assert host.node is not None
    assert taken
    assert refused or name == "crdt_set"


# Storage


@given(st.integers(0, 1 << 32))
def test_a_torn_store_gives_back_a_prefix_with_everything_that_was_synced(seed: int) -> None:
    random = Random(seed)
    disk = MemoryDisk()
    store = Store(disk, CODEC)
    store.load()
    written: list[Any] = []
    synced = 0
    count = random.randrange(1, 8)
    for number in range(count):
        write = Write(tuple(Hard(number, "n1") for _ in range(random.randrange(1, 4))))
        written += write.records
        store.begin(write)
        if number < count - 1 or random.random() < 0.3:  # a node has one write under way
            store.finish(write)
            synced = len(written)
    disk.crash(random)
    again = Store(disk, CODEC)
    found = list(again.load())
    assert found == written[: len(found)]
    assert len(found) >= synced
    again.write(Write((Hard(99, None),)))
    assert list(Store(disk, CODEC).load()) == [*found, Hard(99, None)]


def test_damage_in_the_middle_is_told_from_a_torn_end(tmp_path: Path) -> None:
    store = Store(FileDisk(tmp_path), CODEC)
    store.load()
    for number in range(3):
        store.write(Write((Hard(number, None),)))
    path = tmp_path / "log-00000000"
    data = bytearray(path.read_bytes())
    data[15] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(Corrupt):
        Store(FileDisk(tmp_path), CODEC).load()


# One seed


def traces(folder: Path, name: str, seed: int) -> dict[str, str]:
    """The hash of each node's trace of a run with faults and clients."""
    random = Random(seed)
    faults = schedule.random_schedule(random, NODES, 20.0)
    simulation = Simulation(protocol.find(name), NODES, seed, faults, traces=folder)
    for client in range(2):
        simulation.add_client(client, 100, 18)
    simulation.run(20.0)
    simulation.close()
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("name", protocol.names())
def test_one_seed_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    first = traces(tmp_path / "first", name, 5)
    assert len(first) == 3
    assert traces(tmp_path / "second", name, 5) == first
    assert traces(tmp_path / "third", name, 6) != first


def test_the_bytes_do_not_depend_on_the_process(tmp_path: Path) -> None:
    """String hashes differ between processes; nothing that is written may."""
    found = set()
    for number in ("1", "2"):
        code = (
            "from pathlib import Path; from tests.impl.test_runtime import traces;"
            f"print([traces(Path({str(tmp_path)!r}) / {number!r} / n, n, 3) for n in {protocol.names()!r}])"
        )
        environment = {**os.environ, "PYTHONHASHSEED": number}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
        )
        assert done.returncode == 0, done.stderr
        found.add(done.stdout)
    assert len(found) == 1
