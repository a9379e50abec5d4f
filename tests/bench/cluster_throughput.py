"""Operations a second of the real Raft cluster next to PySyncObj, in one run on this machine.

    python tests/bench/cluster_throughput.py [--seconds 8] [--clients 4] [--pipeline 200]

Three processes each on loopback, every write flushed to the disk before it is acknowledged. Our clients pipeline over
the Redis protocol; PySyncObj's client is a caller in one of its processes that keeps as many calls under way. Its
journal is flushed by its own setting (`flushJournal`), which is the strictest it has.
"""

import argparse
import json
import multiprocessing
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from impl.runtime import cluster, plan
from impl.runtime.resp import encode

Answers = multiprocessing.Queue  # of (count, latencies)
KEYS = 1000
VALUE = b"x" * 16


def percentile(values: list[float], share: float) -> float:
    """The value below which a share of the values lies, in milliseconds."""
    return 1000 * statistics.quantiles(values, n=1000)[int(share * 1000) - 1] if len(values) > 1 else float("nan")


def our_client(address: str, pipeline: int, seconds: float, answers: Answers) -> None:
    """SET in batches of `pipeline`, each answered before the next is sent."""
    host, port = plan.parse_address(address)
    link = socket.create_connection((host, port))
    batch = b"".join(encode((b"SET", b"key%d" % (number % KEYS), VALUE)) for number in range(pipeline))
    count, latencies = 0, []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        link.sendall(batch)
        missing = 5 * pipeline
        while missing > 0:
            data = link.recv(1 << 16)
            if not data or data[:1] == b"-":
                raise OSError(f"the cluster answered {data[:100]!r}")
            missing -= len(data)
        latencies.append(time.monotonic() - begun)
        count += pipeline
    answers.put((count, latencies))


def measure_ours(seconds: float, clients: int, pipeline: int) -> dict[str, float]:
    """A fresh cluster, some clients at its nodes, and how much they got done."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = cluster.create(folder, "raft", 3, 0)
        for node in made.clients:
            cluster.start(folder, node)
        if not cluster.wait_ready(folder):
            raise SystemExit("the cluster did not come up")
        try:
            leader = next(view["leader"] for view in cluster.status(folder).values())
            answers: multiprocessing.Queue[tuple[int, list[float]]] = multiprocessing.Queue()
            arguments = (made.clients[leader], pipeline, seconds, answers)
            workers = [multiprocessing.Process(target=our_client, args=arguments) for _ in range(clients)]
            return gather(workers, answers, seconds)
        finally:
            cluster.stop(folder)


def gather(workers: list[multiprocessing.Process], answers: Answers, seconds: float) -> dict[str, float]:
    """Run the workers and sum up what they report."""
    for worker in workers:
        worker.start()
    found = [answers.get(timeout=seconds + 60) for _ in workers]
    for worker in workers:
        worker.join()
    latencies = [latency for _, each in found for latency in each]
    total = sum(count for count, _ in found)
    return {"ops": total / seconds, "p50_ms": percentile(latencies, 0.5), "p99_ms": percentile(latencies, 0.99)}


def their_node(me: str, others: list[str], folder: str, window: int, seconds: float, caller: bool) -> None:
    """One PySyncObj process; the caller keeps `window` calls under way and prints what it got done."""
    from pysyncobj import SyncObj, SyncObjConf, replicated

    class Store(SyncObj):  # type: ignore[misc]  # the library has no annotations
        """A replicated dictionary."""

        def __init__(self) -> None:
            conf = SyncObjConf(
                journalFile=f"{folder}/{me}.journal",
                flushJournal=True,
                appendEntriesUseBatch=True,
                commandsQueueSize=10**6,
            )
            super().__init__(me, others, conf)
            self.data: dict[str, bytes] = {}

        @replicated  # type: ignore[untyped-decorator]
        def put(self, key: str, value: bytes) -> None:
            """Set a key."""
            self.data[key] = value

    store = Store()
    while store._getLeader() is None:
        time.sleep(0.05)
    if not caller:
        time.sleep(seconds + 30)
        return
    run_their_caller(store, window, seconds)


def run_their_caller(store: object, window: int, seconds: float) -> None:
    """Keep `window` calls under way for some seconds."""
    latencies: list[float] = []
    under_way: deque[float] = deque()
    done = [0]

    def answered(result: object, error: object) -> None:
        latencies.append(time.monotonic() - under_way.popleft())
        done[0] += error == 0

    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        if len(under_way) >= window:
            time.sleep(0.0005)
            continue
        for _ in range(min(100, window - len(under_way))):
            under_way.append(time.monotonic())
            store.put(f"key{number % KEYS}", VALUE, callback=answered)  # type: ignore[attr-defined]
            number += 1
    print(
        json.dumps(
            {"ops": done[0] / seconds, "p50_ms": percentile(latencies, 0.5), "p99_ms": percentile(latencies, 0.99)}
        ),
        flush=True,
    )


def measure_theirs(seconds: float, window: int) -> dict[str, float]:
    """Three PySyncObj processes; one of them calls."""
    with tempfile.TemporaryDirectory() as folder:
        names = [f"127.0.0.1:{port}" for port in cluster.free_ports(3)]
        processes = []
        for position, name in enumerate(names):
            others = ",".join(other for other in names if other != name)
            command = [sys.executable, __file__, "--node", name, "--others", others, "--folder", folder]
            command += ["--window", str(window), "--seconds", str(seconds)] + (["--caller"] if position == 0 else [])
            processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        try:
            out, _ = processes[0].communicate(timeout=seconds + 60)
            found: dict[str, float] = json.loads(out.strip().splitlines()[-1])
            return found
        finally:
            for process in processes:
                process.kill()
                process.wait()


def compare(seconds: float, clients: int, pipeline: int) -> float:
    """Measure both, print one table, and give the ratio to the better of PySyncObj's two runs."""
    window = clients * pipeline
    rows = [(f"PySyncObj, {wide} under way", measure_theirs(seconds, wide)) for wide in (window, 5 * window)]
    rows.append((f"impl raft, {window} under way", measure_ours(seconds, clients, pipeline)))
    print(f"\n{'':30} {'ops/s':>10} {'p50 ms':>9} {'p99 ms':>9}")
    for name, row in rows:
        print(f"{name:30} {row['ops']:10.0f} {row['p50_ms']:9.2f} {row['p99_ms']:9.2f}")
    ratio = rows[-1][1]["ops"] / max(row["ops"] for _, row in rows[:-1])
    print(f"{'ratio':30} {ratio:10.2f}")
    return ratio


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pipeline", type=int, default=200)
    parser.add_argument("--node")
    parser.add_argument("--others")
    parser.add_argument("--folder")
    parser.add_argument("--window", type=int, default=0)
    parser.add_argument("--caller", action="store_true")
    options = parser.parse_args()
    if options.node:
        others = options.others.split(",")
        their_node(options.node, others, options.folder, options.window, options.seconds, options.caller)
        return
    compare(options.seconds, options.clients, options.pipeline)


if __name__ == "__main__":
    main()
