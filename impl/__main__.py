"""The command line: `python -m impl up raft --nodes 3`, and commands that break, heal and show a running cluster."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from impl.runtime import certs, cluster, plan, protocol
from impl.runtime.host import Host
from impl.runtime.journal import Journal
from impl.runtime.plan import PlanError

PATH = click.Path(path_type=Path)
FOLDER = click.option("--folder", type=PATH, default=Path(".cluster"), show_default=True, help="The cluster's folder.")


class Usage(click.ClickException):
    """A request that cannot be carried out; exit code 2."""

    exit_code = 2


class Group(click.Group):
    """Turns mistakes of a request into messages."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (PlanError, protocol.UnknownProtocol) as problem:
            raise Usage(str(problem)) from problem


@click.group(cls=Group)
def main() -> None:
    """Clusters of the implemented protocols on this machine."""


@main.command()
@click.argument("name")
@click.option("--nodes", type=click.IntRange(1, 9), default=3, show_default=True)
@click.option("--port", type=int, default=7101, show_default=True, help="First client port; 0 takes free ports.")
@click.option("--password", default="", help="Clients must AUTH with it.")
@click.option("--traces", is_flag=True, help="Write traces/<node>.jsonl.")
@click.option("--detach", is_flag=True, help="Leave the cluster running and return.")
@click.option("--seconds", type=float, default=None, help="Stop after so many seconds.")
@FOLDER
def up(
    name: str, nodes: int, port: int, password: str, traces: bool, detach: bool, seconds: float | None, folder: Path
) -> None:
    """Start a cluster, new or as its folder holds it, show its state, and stop it cleanly on Ctrl-C."""
    protocol.find(name)
    if (folder / "cluster.json").exists():
        old = plan.load(folder)
        if any(cluster.pid_of(folder, node) is not None for node in old.clients):
            raise PlanError(f"the cluster in {folder} is running: stop it with `python -m impl down`")
        if (old.protocol, len(old.members)) != (name, nodes):
            raise PlanError(f"{folder} holds a cluster of {old.protocol}; name another folder with --folder")
    else:
        cluster.create(folder, name, nodes, port, password, traces)
    made = plan.load(folder)
    taken = cluster.taken(made)
    if taken:
        advice = "stop what listens there, or start with --port 0 (free ports) in another --folder"
        raise PlanError(f"{', '.join(taken)} is in use: {advice}")
    processes = [cluster.start(folder, node) for node in made.clients]
    if not cluster.wait_ready(folder):
        report_failure(folder, processes)
    for node, address in made.clients.items():
        click.echo(f"{node}  redis-cli -h {address.replace(':', ' -p ')}")
    if not detach:
        watch(folder, seconds)


def report_failure(folder: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    """Say why the cluster did not come up, and stop what did."""
    ended = [process for process in processes if process.poll() is not None]
    cluster.stop(folder)
    logs = ", ".join(str(path) for path in sorted(folder.glob("*/log.jsonl")))
    raise Usage(f"the cluster did not come up ({len(ended)} of {len(processes)} nodes ended); see {logs}")


def watch(folder: Path, seconds: float | None) -> None:
    """Show the cluster whenever it changes, until interrupted; then stop it."""
    limit = None if seconds is None else time.monotonic() + seconds
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, frame: stopping.append(got))
    shown = ""
    while not stopping and (limit is None or time.monotonic() < limit):
        table = table_of(cluster.status(folder))
        if table != shown:
            lines = shown.count("\n")
            click.echo((f"\x1b[{lines}A\x1b[J" if sys.stdout.isatty() and lines else "") + table, nl=False)
            shown = table
        time.sleep(0.3)
    left = cluster.stop(folder)
    click.echo("stopped" if not left else f"stopped; had to kill {', '.join(left)}")


HIDDEN = frozenset(["node", "protocol", "match", "granted", "clients", "loss", "delay", "vote", "last_term", "base"])


def table_of(views: dict[str, dict[str, Any]]) -> str:
    """The state of a cluster, a line for each node; changing counters are left to `status`."""
    columns = sorted({key for view in views.values() for key in view} - HIDDEN - {"role", "address", "blocked"})
    columns = ["role", *columns, "blocked", "address"]
    rows = [["node", *columns]]
    rows += [[name, *(text_of(view.get(column, "")) for column in columns)] for name, view in views.items()]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() + "\n" for row in rows)


def text_of(value: Any) -> str:
    """A cell."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


@main.command()
@click.argument("name")
@FOLDER
def node(name: str, folder: Path) -> None:
    """Run one node of a cluster in the foreground (what `up` and `restart` start)."""
    cluster_plan = plan.load(folder)
    journal = Journal(name, sys.stdout)
    host = Host(protocol.find(cluster_plan.protocol), cluster_plan.node(folder, name), journal)
    try:
        asyncio.run(serve(host))
    except Exception as problem:  # noqa: BLE001  # the last line of the log says why the node ended
        journal.write("died", kind=type(problem).__name__, problem=str(problem))
        sys.exit(1)


async def serve(host: Host) -> None:
    """Run a host until a signal ends it."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await host.run(stop)


@main.command()
@click.argument("name")
@FOLDER
def kill(name: str, folder: Path) -> None:
    """Kill a node (SIGKILL)."""
    cluster.kill(folder, name)


@main.command()
@click.argument("name")
@FOLDER
def restart(name: str, folder: Path) -> None:
    """Start a node again, and wait until it answers."""
    cluster.start(folder, name)
    if not cluster.wait_answer(folder, name):
        raise PlanError(f"{name} does not answer; see {folder / name / 'log.jsonl'}")


@main.command()
@click.argument("name")
@FOLDER
def pause(name: str, folder: Path) -> None:
    """Stop a node's process (SIGSTOP) until `resume`."""
    cluster.send_signal(folder, name, signal.SIGSTOP)


@main.command()
@click.argument("name")
@FOLDER
def resume(name: str, folder: Path) -> None:
    """Let a paused node go on (SIGCONT)."""
    cluster.send_signal(folder, name, signal.SIGCONT)


@main.command()
@click.argument("groups", nargs=-1, required=True)
@FOLDER
def partition(groups: tuple[str, ...], folder: Path) -> None:
    """Split the network: `partition n1 n2,n3`. Nodes that are not named can talk to nobody."""
    cluster.partition(folder, [group.split(",") for group in groups])


@main.command()
@FOLDER
def heal(folder: Path) -> None:
    """End partitions, loss and delay."""
    cluster.heal(folder)


@main.command()
@click.argument("name")
@click.argument("words", nargs=-1, required=True)
@FOLDER
def fault(name: str, words: tuple[str, ...], folder: Path) -> None:
    """A fault on one node: `fault n1 loss 0.1`, `fault n1 delay 0.05`, `fault n1 order resign`."""
    cluster.order(folder, name, "FAULT", *words)


@main.command()
@click.option("--json", "as_json", is_flag=True)
@FOLDER
def status(as_json: bool, folder: Path) -> None:
    """Show what each node says of itself."""
    views = cluster.status(folder)
    click.echo(json.dumps(views, indent=2) if as_json else table_of(views), nl=as_json)


@main.command()
@FOLDER
def grow(folder: Path) -> None:
    """Add a node to the cluster's plan and start it; then `MEMBER ADD` makes it a member."""
    name = cluster.grow(folder)
    cluster.start(folder, name)
    click.echo(f"{name} {plan.load(folder).peers[name]}")


@main.command()
@FOLDER
def down(folder: Path) -> None:
    """Stop a cluster."""
    left = cluster.stop(folder)
    click.echo("stopped" if not left else f"stopped; had to kill {', '.join(left)}")


@main.command(name="certs")
@click.argument("names", nargs=-1, required=True)
@click.option("--folder", type=click.Path(path_type=Path), required=True)
def make_certs(names: tuple[str, ...], folder: Path) -> None:
    """Make an authority (if there is none) and certificates for nodes."""
    certs.make(folder, names)
    click.echo(f"certificates for {', '.join(names)} in {folder}")


@main.command()
def protocols() -> None:
    """List the protocols there are."""
    click.echo("\n".join(protocol.names()))


if __name__ == "__main__":
    main(prog_name="python -m impl")
