"""Clusters of processes on this machine: start, watch, break, heal, stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from impl.runtime import certs, plan
from impl.runtime.plan import ClusterPlan, PlanError
from impl.runtime.resp import encode


class NoAnswer(PlanError):
    """A node that runs, but does not answer."""


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for item in sockets:
        item.bind(("127.0.0.1", 0))
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports


def taken(cluster: ClusterPlan) -> list[str]:
    """The addresses of a cluster on which somebody listens already."""
    found = []
    for address in (*cluster.clients.values(), *cluster.peers.values()):
        with socket.socket() as item:
            item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                item.bind(plan.parse_address(address))
            except OSError:
                found.append(address)
    return found


def create(
    folder: Path,
    protocol: str,
    nodes: int,
    port: int,
    password: str = "",
    traces: bool = False,
    exact: bool = False,
    options: Mapping[str, Any] | None = None,
    tick_ms: int = 50,
) -> ClusterPlan:
    """A plan with certificates for a new cluster. Ports count up from `port`; 0 takes free ones."""
    names = tuple(f"n{number}" for number in range(1, nodes + 1))
    ports = list(range(port, port + 2 * nodes)) if port else free_ports(2 * nodes)
    addresses = [f"127.0.0.1:{number}" for number in ports]
    made = ClusterPlan(
        protocol=protocol,
        members=names,
        clients=dict(zip(names, addresses[:nodes], strict=True)),
        peers=dict(zip(names, addresses[nodes:], strict=True)),
        password=password,
        tick_ms=tick_ms,
        options=dict(options or {}),
        traces=traces or exact,
        exact=exact,
    )
    certs.make(folder / "certs", names)
    plan.save(made, folder)
    return made


def grow(folder: Path) -> str:
    """Add a node to the plan of a cluster, with a certificate; it is no member until the protocol makes it one."""
    old = plan.load(folder)
    name = f"n{len(old.clients) + 1}"
    client, peer = free_ports(2)
    clients = {**old.clients, name: f"127.0.0.1:{client}"}
    peers = {**old.peers, name: f"127.0.0.1:{peer}"}
    certs.make(folder / "certs", (name,))
    fields = {field: getattr(old, field) for field in ClusterPlan.__slots__}
    plan.save(ClusterPlan(**{**fields, "clients": clients, "peers": peers}), folder)
    return name


def start(folder: Path, name: str) -> subprocess.Popen[bytes]:
    """Start one node's process."""
    plan.load(folder).node(folder, name)
    if pid_of(folder, name) is not None:
        raise PlanError(f"{name} is running already")
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "impl", "node", name, "--folder", str(folder.resolve())]
    with (home / "log.jsonl").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    (home / "pid").write_text(f"{process.pid}\n", encoding="utf-8")
    return process


def pid_of(folder: Path, name: str) -> int | None:
    """The process of a node, if it runs."""
    try:
        pid = int((folder / name / "pid").read_text(encoding="utf-8"))
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    return pid if state != "Z" and name.encode() in command and str(folder.resolve()).encode() in command else None


def kill(folder: Path, name: str) -> None:
    """Kill a node, and wait until it is gone."""
    send_signal(folder, name, signal.SIGKILL)
    while pid_of(folder, name) is not None:
        time.sleep(0.005)


def send_signal(folder: Path, name: str, number: signal.Signals) -> None:
    """Send a signal to a node's process."""
    pid = pid_of(folder, name)
    if pid is None:
        raise PlanError(f"{name} is not running")
    os.kill(pid, number)


def stop(folder: Path, seconds: float = 5.0) -> list[str]:
    """Ask every node to stop, wait, and kill those that do not; their names."""
    names = [name for name in plan.load(folder).clients if pid_of(folder, name) is not None]
    for name in names:
        send_signal(folder, name, signal.SIGTERM)
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and any(pid_of(folder, name) is not None for name in names):
        time.sleep(0.02)
    left = [name for name in names if pid_of(folder, name) is not None]
    for name in left:
        send_signal(folder, name, signal.SIGKILL)
    return left


def call(address: str, password: str, *words: str, seconds: float = 2.0) -> str:
    """The reply to one command over a plain socket; OSError if there is no answer, PlanError if it is refused."""
    greeting = encode(("AUTH", password)) if password else b""
    with socket.create_connection(plan.parse_address(address), timeout=seconds) as link:
        link.sendall(greeting + encode(words))
        with link.makefile("rb") as replies:
            if password:
                _reply(replies.readline(), replies)
            return _reply(replies.readline(), replies)


def _reply(line: bytes, stream: Any) -> str:
    if not line:
        raise OSError("the connection was closed")
    text = line[1:].strip().decode()
    if line[:1] == b"-":
        raise PlanError(text)
    if line[:1] == b"$" and text != "-1":
        data: bytes = stream.read(int(text) + 2)
        return data[:-2].decode()
    return text


def order(folder: Path, name: str, *words: str) -> str:
    """One command to a node of a cluster."""
    cluster = plan.load(folder)
    if name not in cluster.clients:
        raise PlanError(f"no node {name!r}; there are: {', '.join(sorted(cluster.clients))}")
    try:
        return call(cluster.clients[name], cluster.password, *words)
    except OSError as problem:
        raise NoAnswer(f"{name} does not answer: {problem}") from problem


def partition(folder: Path, groups: list[list[str]]) -> None:
    """Let only nodes of the same group talk; nodes in no group talk to nobody."""
    cluster = plan.load(folder)
    known = set(cluster.clients)
    strangers = {name for group in groups for name in group} - known
    if strangers:
        raise PlanError(f"no node {', '.join(sorted(strangers))}; there are: {', '.join(sorted(known))}")
    friends = {name: {friend for group in groups if name in group for friend in group} for name in known}
    _order_all(folder, {name: ("FAULT", "BLOCK", *sorted(known - friends[name] - {name})) for name in sorted(known)})


def heal(folder: Path) -> None:
    """End every fault of the network."""
    _order_all(folder, dict.fromkeys(plan.load(folder).clients, ("FAULT", "HEAL")))


def _order_all(folder: Path, orders: dict[str, tuple[str, ...]]) -> None:
    """An order to each node that runs; NoAnswer names those that do not answer, once all others have it."""
    silent = [name for name, words in orders.items() if pid_of(folder, name) and not _done(folder, name, words)]
    if silent:
        raise NoAnswer(f"{', '.join(silent)} did not answer (paused?); done at all other nodes")


def _done(folder: Path, name: str, words: tuple[str, ...]) -> bool:
    try:
        order(folder, name, *words)
    except NoAnswer:
        return False
    return True


def status(folder: Path) -> dict[str, dict[str, Any]]:
    """What each node says of itself; `down` for those that do not answer."""
    cluster = plan.load(folder)
    with ThreadPoolExecutor(len(cluster.clients)) as pool:
        views = pool.map(lambda name: view(folder, cluster, name), cluster.clients)
        return dict(zip(cluster.clients, views, strict=True))


def view(folder: Path, cluster: ClusterPlan, name: str) -> dict[str, Any]:
    """What one node says of itself."""
    address = cluster.clients[name]
    try:
        said: dict[str, Any] = json.loads(call(address, cluster.password, "STATUS", seconds=1.0))
    except (OSError, ValueError, PlanError):
        said = {"role": "down" if pid_of(folder, name) is None else "no answer"}
    return said | {"address": address}


def wait_answer(folder: Path, name: str, seconds: float = 10.0) -> bool:
    """Wait until a node answers; False if it ends or takes too long."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and pid_of(folder, name) is not None:
        if "node" in view(folder, plan.load(folder), name):
            return True
        time.sleep(0.05)
    return False


def wait_ready(folder: Path, seconds: float = 10.0) -> bool:
    """Wait until every node answers and knows where to send requests, if its protocol has leaders."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        views = status(folder).values()
        if all("node" in view and view.get("leader", "") is not None for view in views):
            return True
        time.sleep(0.05)
    return False
