"""Where in the code a step happened: it is taken again, and the lines that run are written down."""

from __future__ import annotations

import contextlib
import linecache
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from impl.runtime.protocol import Setup
from refinement.harness.mapping import ProtocolMapping, Step

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    """A function that ran in a step: its place, its depth below the core, and its lines that were executed."""

    file: str
    line: int
    name: str
    depth: int
    lines: tuple[int, ...]

    @property
    def place(self) -> str:
        """`impl/raft/election.py:147`, from the root of the repository."""
        return f"{Path(self.file).relative_to(ROOT)}:{self.line}"


MACHINE = tuple(str(ROOT / "impl" / "runtime" / name) for name in ("keyspace.py", "commands.py"))
"""What cores share: the state machine under them."""


class _Recorder:
    """A trace function that keeps the calls into one folder, and into the state machine that cores share."""

    def __init__(self, folder: Path) -> None:
        self.places = (str(folder), *MACHINE)
        self.calls: list[list[Any]] = []
        self.depth = 0

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(self.places) or code.co_name.startswith("<"):
            return None
        lines: list[int] = []
        name = code.co_qualname if code.co_name == "__init__" else code.co_name
        call = [code.co_filename, code.co_firstlineno, name, self.depth, lines]
        self.calls.append(call)
        self.depth += 1

        def local(inner: FrameType, what: str, value: object) -> Any:
            if what == "line":
                lines.append(inner.f_lineno)
            elif what == "return":
                self.depth -= 1
            return local

        return local


def ran(mapping: ProtocolMapping, step: Step) -> list[Ran]:
    """The functions of the protocol that a step runs through, or a start, in the order of their calls."""
    if step.event is not None and step.before is None:
        return []
    module = sys.modules[mapping.protocol.step.__module__]
    recorder = _Recorder(Path(module.__file__ or "").parent)
    old = sys.gettrace()
    sys.settrace(recorder)
    try:
        with contextlib.suppress(Exception):  # the step that stops a core is shown as far as it goes
            if step.event is None:
                mapping.protocol.boot(Setup(step.node, mapping.nodes, dict(mapping.options)), step.records, 0, 1)
            else:
                mapping.protocol.step(step.before, step.event)
    finally:
        sys.settrace(old)
    return [Ran(file, line, name, depth, tuple(lines)) for file, line, name, depth, lines in recorder.calls]


BORING = frozenset(
    ("copy", "term_at", "last_term", "send", "note", "finish", "last_time", "__eq__", "_key", "Turn.__init__")
)
"""Functions that run in nearly every step: they are named last, and without their lines."""


def shown(calls: list[Ran], most: int = 60) -> list[str]:
    """The functions with the lines of theirs that were executed; of those after the first `most` lines the numbers."""
    lines: list[str] = []
    seen: set[tuple[str, int]] = set()
    for call in calls:
        if call.name in BORING or (call.file, call.line) in seen:
            continue
        seen.add((call.file, call.line))
        numbers, place = list(dict.fromkeys(call.lines)), f"{'  ' * call.depth}{call.name}  {call.place}"
        if len(lines) >= most:
            lines.append(f"{place}, lines {', '.join(map(str, numbers))}")
            continue
        lines.append(place)
        for number in numbers:
            text = linecache.getline(call.file, number).rstrip()
            lines.append(f"{'  ' * call.depth}    {number:>4} {text.strip()}")
    return lines
