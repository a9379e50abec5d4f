"""A cluster on this machine as a folder: its plan, its certificates, and one folder for each node.

cluster.json   what `up` decided: protocol, nodes, ports, password
certs/         the authority and the nodes' certificates
n1/            data/, log.jsonl, pid
traces/        n1.jsonl ..., if traces were asked for
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


class PlanError(Exception):
    """A cluster folder, or a request about one, that is wrong."""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """What one node process needs to know."""

    name: str
    members: tuple[str, ...]
    client_address: str
    peer_address: str
    peers: Mapping[str, str]
    data: Path
    certs: Path
    password: str = ""
    tick_ms: int = 50
    options: Mapping[str, Any] = field(default_factory=dict)
    trace: Path | None = None
    exact: bool = False
    faults: bool = False


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """What `cluster.json` holds. Addresses are `host:port`; `exact` traces can be taken again."""

    protocol: str
    members: tuple[str, ...]
    clients: Mapping[str, str]
    peers: Mapping[str, str]
    password: str = ""
    tick_ms: int = 50
    options: Mapping[str, Any] = field(default_factory=dict)
    traces: bool = False
    exact: bool = False
    faults: bool = True

    def node(self, folder: Path, name: str) -> NodePlan:
        """The plan of one node."""
        if name not in self.clients:
            raise PlanError(f"no node {name!r}; there are: {', '.join(sorted(self.clients))}")
        trace = folder / "traces" / f"{name}.jsonl" if self.traces else None
        return NodePlan(
            name=name,
            members=self.members if name in self.members else (),
            client_address=self.clients[name],
            peer_address=self.peers[name],
            peers=self.peers,
            data=folder / name / "data",
            certs=folder / "certs",
            password=self.password,
            tick_ms=self.tick_ms,
            options=self.options,
            trace=trace,
            exact=self.exact,
            faults=self.faults,
        )


def parse_address(address: str) -> tuple[str, int]:
    """`host:port` as a pair."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise PlanError(f"{address!r} is not host:port")
    return host, int(port)


def save(plan: ClusterPlan, folder: Path) -> None:
    """Write `cluster.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "cluster.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(plan), indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> ClusterPlan:
    """Read `cluster.json`, or say what is wrong with it."""
    path = folder / "cluster.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return ClusterPlan(**{**data, "members": tuple(data["members"])})
    except FileNotFoundError as problem:
        raise PlanError(f"no cluster in {folder}: start one with `python -m impl up PROTOCOL`") from problem
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise PlanError(f"{path} cannot be read: {problem}") from problem
