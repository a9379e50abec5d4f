"""Real processes on this machine, killed, paused, slowed and cut off; what their clients saw is judged afterwards."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from impl.runtime import cluster
from impl.runtime.effects import Command
from impl.runtime.plan import PlanError
from pyspec.conform.linear import MODELS, check_history
from pyspec.conform.linear.history import make_history
from refinement.harness import report, traces
from refinement.harness.mapping import ProtocolMapping

PATIENCE = 3.0
"""Seconds that a client waits for an answer."""
REFUSALS = ("BUSY", "READONLY", "NOAUTH")
"""Errors that say that nothing was done."""


@dataclass
class Seen:
    """One call of a client; `returned` is None where its outcome is not known."""

    client: int
    node: str
    command: Command
    invoked: float
    returned: float | None = None
    result: str | None = None


@dataclass
class Lived:
    """What happened: calls, faults (name, begin, end), the last word of every node, and what was wrong."""

    protocol: str
    seed: int
    history: list[Seen] = field(default_factory=list)
    faults: list[tuple[str, float, float]] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class _Cluster:
    """A cluster of processes with clients and a saboteur."""

    def __init__(self, mapping: ProtocolMapping, folder: Path, seed: int, nodes: int) -> None:
        self.mapping, self.folder = mapping, folder
        self.plan = cluster.create(folder, mapping.protocol.name, nodes, 0, options=mapping.options, exact=True)
        self.nodes = tuple(self.plan.clients)
        self.children = {node: cluster.start(folder, node) for node in self.nodes}
        self.result = Lived(mapping.protocol.name, seed)
        self.random = Random(seed)
        self.began = time.monotonic()
        self.ended = threading.Event()

    def now(self) -> float:
        return time.monotonic() - self.began

    def call(self, node: str, command: Command, seconds: float = PATIENCE) -> str:
        words = [word.decode() for word in command]
        return cluster.call(self.plan.clients[node], self.plan.password, *words, seconds=seconds)

    def client(self, number: int, random: Random) -> None:
        """One call after another, at any node."""
        while not self.ended.is_set():
            node, command = random.choice(self.nodes), self.mapping.live_command(random)
            seen = Seen(number, node, command, self.now())
            self.result.history.append(seen)
            try:
                seen.result = self.call(node, command)
                seen.returned = self.now()
            except OSError:
                number += 100  # what became of the call is not known: it is as if another client went on
            except PlanError as refusal:
                if str(refusal).startswith(REFUSALS):
                    self.result.history.remove(seen)
                number += 100
            time.sleep(random.uniform(0.0, 0.02))

    def sabotage(self, until: float) -> None:
        """One fault after another, each ended before the next; all kinds before one comes again."""
        faults: list[Callable[[], None]] = []
        while self.now() < until:
            if not faults:
                faults = self.random.sample((self.kill, self.pause, self.split, self.slow), 4)
            fault = faults.pop()
            begin = self.now()
            with contextlib.suppress(PlanError, OSError):
                fault()
            self.result.faults.append((fault.__name__, begin, self.now()))
            time.sleep(self.random.uniform(0.3, 1.0))

    def kill(self) -> None:
        """`kill -9`, and a new start."""
        node = self.random.choice(self.nodes)
        self.children[node].kill()
        self.children[node].wait()
        time.sleep(self.random.uniform(0.1, 1.5))
        self.children[node] = cluster.start(self.folder, node)

    def pause(self) -> None:
        """A process that stands still for a while."""
        node = self.random.choice(self.nodes)
        cluster.send_signal(self.folder, node, signal.SIGSTOP)
        time.sleep(self.random.uniform(0.5, 2.5))
        cluster.send_signal(self.folder, node, signal.SIGCONT)

    def split(self) -> None:
        """One node alone."""
        node = self.random.choice(self.nodes)
        cluster.partition(self.folder, [[node], [other for other in self.nodes if other != node]])
        time.sleep(self.random.uniform(0.5, 2.5))
        cluster.heal(self.folder)

    def slow(self) -> None:
        """Messages of one node are late, and some are lost."""
        node = self.random.choice(self.nodes)
        cluster.order(self.folder, node, "FAULT", "DELAY", "0.2")
        cluster.order(self.folder, node, "FAULT", "LOSS", "0.1")
        time.sleep(self.random.uniform(0.5, 2.5))
        cluster.order(self.folder, node, "FAULT", "HEAL")

    def recover(self) -> None:
        """Everything is well again."""
        for node in self.nodes:
            if self.children[node].poll() is not None:
                self.children[node] = cluster.start(self.folder, node)
            with contextlib.suppress(PlanError):
                cluster.send_signal(self.folder, node, signal.SIGCONT)
        limit = time.monotonic() + 20.0
        while not self.healed() and time.monotonic() < limit:
            time.sleep(0.1)
        if not cluster.wait_ready(self.folder, 20.0):
            self.result.problems.append("the cluster does not serve after all faults have ended")

    def healed(self) -> bool:
        """End every fault of the network; False if a node does not answer yet."""
        try:
            cluster.heal(self.folder)
        except PlanError:
            return False
        return True

    def stop(self) -> None:
        """No process is left behind."""
        cluster.stop(self.folder)
        for child in self.children.values():
            child.kill()
            child.wait()


@contextlib.contextmanager
def running(mapping: ProtocolMapping, folder: Path, seed: int, nodes: int) -> Iterator[_Cluster]:
    """A cluster that ends with the block."""
    found = _Cluster(mapping, folder, seed, nodes)
    try:
        found.recover()
        yield found
    finally:
        found.ended.set()
        found.stop()


def live(mapping: ProtocolMapping, folder: Path, seconds: float, seed: int, nodes: int = 3, clients: int = 4) -> Lived:
    """Clients and faults for so many seconds, then calm, then judgement."""
    with running(mapping, folder, seed, nodes) as found:
        randoms = [Random(seed * 1000 + number) for number in range(clients)]
        pool = ThreadPoolExecutor(clients)
        ended = [pool.submit(found.client, number, random) for number, random in enumerate(randoms)]
        found.sabotage(found.now() + seconds)
        found.recover()
        time.sleep(1.0)
        found.ended.set()
        pool.shutdown(wait=False)
        for one in ended:
            surprise = one.exception(4 * PATIENCE)
            if surprise is not None:
                found.result.problems.append(f"a client did not understand the cluster: {surprise!r}")
        for client, (node, command) in enumerate(mapping.live_questions(found.result.history, found.nodes), 10_000):
            ask(found, client, node, command)
    judge(mapping, found.result)
    follow(mapping, folder, nodes, found.result)
    return found.result


def follow(mapping: ProtocolMapping, folder: Path, nodes: int, result: Lived) -> None:
    """What the processes did, by their traces: every step must be one of the specification."""
    large = mapping.living(nodes)
    try:
        traced = traces.judge(large, sorted((folder / "traces").glob("*.jsonl")), mapping.options)
    except traces.BadTrace as problem:
        result.problems.append(str(problem))
        return
    far = f", the first {traced.seconds:.1f} s: {traced.cut}" if traced.cut else ""
    result.evidence.append(f"{traced.count} steps of {traced.starts} lives of processes followed in traces{far}")
    if traced.rejection is not None:
        result.problems.append(report.traced_text(large, traced))


def ask(found: _Cluster, client: int, node: str, command: Command) -> None:
    """A question at the end, which must be answered."""
    for _ in range(10):
        begin = found.now()
        with contextlib.suppress(OSError, PlanError):
            answer = found.call(node, command)
            found.result.history.append(Seen(client, node, command, begin, found.now(), answer))
            return
        time.sleep(0.3)
    found.result.problems.append(f"{node} does not answer {command} after all faults have ended")


def judge(mapping: ProtocolMapping, result: Lived) -> None:
    """What the clients saw: linearizable where it must be, and what else the protocol promises."""
    if not any(seen.returned is not None for seen in result.history):
        result.problems.append("no call was answered")
    rows = mapping.live_operations(result.history)
    if rows:
        verdict = check_history(make_history(list(enumerate(rows, 1))), MODELS["kv"](), 60.0)
        result.evidence.append(f"{verdict.operations} operations on {verdict.keys} keys: {verdict.verdict}")
        if not verdict.linearizable:
            told = verdict.failure if verdict.failure is not None else verdict.unknown_keys
            result.problems.append(f"the history is {verdict.verdict}: {told}")
    result.problems += mapping.live_problems(result.history)


def summary(result: Lived) -> str:
    """A run in a few lines."""
    answered = sum(seen.returned is not None for seen in result.history)
    faults = ", ".join(name for name, _, _ in result.faults) or "none"
    lines = [f"{result.protocol}: {len(result.history)} calls, {answered} answered; faults: {faults}"]
    lines += [f"    {line}" for line in result.evidence]
    return "\n".join([*lines, *(f"    WRONG: {problem}" for problem in result.problems or ())])


def to_data(result: Lived) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "way": "live",
        "protocol": result.protocol,
        "seed": result.seed,
        "verdict": "violated" if result.problems else "unknown",
        "calls": len(result.history),
        "answered": sum(seen.returned is not None for seen in result.history),
        "faults": [{"fault": name, "begin": round(a, 2), "end": round(b, 2)} for name, a, b in result.faults],
        "evidence": result.evidence,
        "problems": result.problems,
    }


def never_back(history: list[Any], name: bytes) -> Iterator[str]:
    """Where a number that a command answers is smaller than one that was answered before the call began."""
    by_key: dict[bytes, list[Any]] = {}
    for seen in history:
        if seen.command[0] == name and seen.returned is not None and str(seen.result).isdigit():
            by_key.setdefault(seen.command[1], []).append(seen)
    for key, calls in by_key.items():
        for call in calls:
            higher = [
                other for other in calls if other.returned < call.invoked and int(other.result) > int(call.result)
            ]
            if higher:
                yield f"{name.decode()} {key.decode()} goes back from {higher[0].result} to {call.result}"
