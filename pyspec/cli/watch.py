"""`pyspec watch`: check again whenever a specification, or a module that it imports, is saved.

Files are polled: their sizes and times four times a second, their contents when those change. That needs no package,
and works on network folders, in containers, and with editors that write a new file and rename it. The check runs in a
process of its own, so that the next save can end a long one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from pyspec.cli import diagnostics, exits, options
from pyspec.cli.cache import digest
from pyspec.cli.console import count, duration, make_console, plain, plural
from pyspec.cli.report import Report

INTERVAL = 0.25  # seconds between two looks at the files
PATIENCE = 8  # looks at which a file may be absent before that is said

Stamp = tuple[int, int, int] | None


@click.command("watch")
@options.specs_argument()
@options.model_options()
@options.search_options()
@click.option("--keep-going", is_flag=True, help="Go on after the first violation, until every property is decided.")
def command(specs: tuple[str, ...], **asked: object) -> int:
    """Check each SPEC, and again whenever it (or a module it imports) is saved; Ctrl-C ends.

    What is printed is the result and what is different from the one before. A SPEC may be a folder: then all .pspec
    files in it.
    """
    from pyspec.cli.check import spec_files

    for path in spec_files(specs):  # a folder without a specification is a mistake, too
        if stamp(path) is None:
            raise click.UsageError(f"there is no file {path}")
    console = make_console()
    more = arguments(asked)
    watched: dict[str, Watched] = {}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console.print(f"watching {plain(', '.join(specs))}; Ctrl-C ends")
    try:
        while True:
            for path in listed(specs, watched):
                watched.setdefault(path, Watched(path, more)).look(console)
            time.sleep(INTERVAL)
    except KeyboardInterrupt:
        console.print()
        return exits.OK
    finally:
        for one in watched.values():
            one.stop()


def listed(specs: Sequence[str], watched: Iterable[str]) -> list[str]:
    """The files to look at: those named, and those in folders now or earlier."""
    found = [str(p) for name in specs if Path(name).is_dir() for p in sorted(Path(name).glob("*.pspec"))]
    return list(dict.fromkeys([*watched, *(name for name in specs if not Path(name).is_dir()), *found]))


def arguments(asked: dict[str, object]) -> list[str]:
    """The options of `pyspec check` that say the same."""
    out: list[str] = []
    names = {"consts": "--const", "flaws": "--flaw"}
    for name, value in asked.items():
        option = names.get(name, f"--{name.replace('_', '-')}")
        if isinstance(value, tuple):
            for one in value:
                out += [option, "=".join(one) if isinstance(one, tuple) else str(one)]
        elif value is True:
            out.append(option)
        elif value not in (None, False):
            out += [option, str(value)]
    return out


def stamp(path: str) -> Stamp:
    """What changes when a file is written; None if it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)


@dataclass
class Watched:
    """One specification: the files it is made of, the check that runs, the last result."""

    path: str
    more: Sequence[str]
    stamps: dict[str, Stamp] = field(default_factory=dict)  # of the last look
    checked: dict[str, str] = field(default_factory=dict)  # digests of what the last check read
    due: bool = False  # something was written since
    absent: int = 0  # looks in a row at which a file was not there
    running: subprocess.Popen[str] | None = None
    last: Report | None = None
    good: Report | None = None  # the last one that was no error: what a result is compared with

    def look(self, console: Console) -> None:
        """One look: has something changed, has the check ended?"""
        stamps = {file: stamp(file) for file in self._files()}
        still = stamps == self.stamps or not self.stamps  # a save may be in several steps: wait for the end of it
        self.due = self.due or stamps != self.stamps
        self.stamps = stamps
        if self.due and still and self._there(console):
            self.due = False
            self._check_again()
        if self.running is not None and self.running.poll() is not None:
            self._ended(console, self.running)

    def _files(self) -> list[str]:
        """What the result depends on; after an error, modules that are missing or not yet known count as well."""
        known = [str(f) for f in (self.last or {}).get("files", ())]
        if self.last is None or self.last["verdict"] == "error":
            folder = Path(self.path).resolve().parent
            known += [str(p) for where in (folder, folder / "lib") for p in sorted(where.glob("*.pspec"))]
            known = [f for f in known if Path(f).resolve() != Path(self.path).resolve()]
        return list(dict.fromkeys([self.path, *known]))

    def _there(self, console: Console) -> bool:
        """Whether every file that was there is there; editors take files away for a moment."""
        gone = [f for f, now in self.stamps.items() if now is None and self.checked.get(f) != "absent"]
        self.absent = self.absent + 1 if gone else 0
        if self.path in gone and self.absent == PATIENCE:
            console.print(Text(f"{clock()} {plain(self.path)} is not there; waiting for it", "yellow"))
        return not gone or (self.absent >= PATIENCE and self.path not in gone)

    def _check_again(self) -> None:
        contents = {file: digest(file) for file in self.stamps}
        if any(self.checked.get(file) != value for file, value in contents.items()):
            self.checked = contents
            self.stop()
            self.running = self._start()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pyspec", "check", self.path, "--json", *self.more]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Ends the check, if one runs."""
        if self.running is not None:
            self.running.kill()
            self.running.communicate()
            self.running = None

    def _ended(self, console: Console, process: subprocess.Popen[str]) -> None:
        out, _ = process.communicate()
        self.running = None
        try:
            report: Report = json.loads(out)
        except ValueError:
            console.print(Text(f"{clock()} {plain(self.path)}: the check was killed", "red"))
            return
        tell(console, self.path, report, self.good)
        self.good = report if report["verdict"] != "error" else self.good
        self.last = report if "files" in report else {**report, "files": (self.last or {}).get("files", [])}
        self.stamps = {file: stamp(file) for file in self._files()}
        self.checked = {file: self.checked.get(file) or digest(file) for file in self.stamps}


def clock() -> str:
    """The time of day."""
    return time.strftime("%H:%M:%S")


def tell(console: Console, path: str, report: Report, before: Report | None) -> None:
    """Prints a result: one line, then what is different, then what is wrong."""
    if report["verdict"] == "error":
        found = plural(report["error_count"], "error")
        console.print(Text(f"{clock()} {plain(path)}: {found}", "bold red"))
        diagnostics.show(console, [diagnostics.from_json(e) for e in report["errors"]])
        return
    code = report["exit_code"]
    style = {exits.OK: "bold green", exits.BUDGET: "bold yellow"}.get(code, "bold red")
    console.print(Text.assemble(f"{clock()} ", (headline(report, before), style)))
    for line in differences(report, before):
        console.print(f"    {plain(line)}")
    diagnostics.show(console, [diagnostics.from_json(e) for e in [*report["errors"], *report["warnings"]]])
    for name, trace in counterexamples(report).items():
        known = before is not None and counterexamples(before).get(name) == trace
        console.print(f"  counterexample to {plain(name)}" + (": the same as before" if known else ""))
        if not known:
            console.print(Text(trace.rstrip("\n")))


def headline(report: Report, before: Report | None) -> str:
    """Protocol, verdict, counts."""
    states = plural(report["distinct"], "state")
    if before is not None and before["distinct"] != report["distinct"]:
        states += f" ({count(before['distinct'])} before)"
    where = f"{plain(report['protocol'])}, model {plain(report['model'])}"
    violated = [p["name"] for p in report["properties"] if p["verdict"] == "violated"]
    verdict = f"violated: {', '.join(violated)}" if violated else report["verdict"]
    if report["stopped_by"]:
        verdict = f"incomplete, stopped by {report['stopped_by']}"
    unmet = [
        f"expected {e['expected']} {e['what']}, found {e['found']}" for e in report["expectations"] if not e["met"]
    ]
    more = f"; {'; '.join(unmet)}" if unmet and not report["stopped_by"] else ""
    return f"{where}: {plain(verdict)}; {states}, depth {report['depth']}, {duration(report['seconds'])}{plain(more)}"


def differences(report: Report, before: Report | None) -> list[str]:
    """Properties whose verdict is not what it was, in words."""
    if before is None:
        return []
    old = {p["name"]: p["verdict"] for p in before["properties"]}
    new = {p["name"]: p["verdict"] for p in report["properties"]}
    lines = [f"{name}: {old[name]} -> {verdict}" for name, verdict in new.items() if old.get(name, verdict) != verdict]
    lines += [f"{name}: new, {verdict}" for name, verdict in new.items() if name not in old]
    return lines + [f"{name}: gone" for name in old if name not in new]


def counterexamples(report: Report) -> dict[str, str]:
    """The text of each violated property's trace, and of the run to an error."""
    found = {p["name"]: p["trace"]["text"] for p in report["properties"] if p["verdict"] == "violated" and p["trace"]}
    if report.get("error_trace"):
        found["(evaluation error)"] = report["error_trace"]["text"]
    return found
