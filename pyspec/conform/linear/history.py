"""Histories: calls and returns of clients, and the faults that happened meanwhile, as JSON lines.

    {"process": 1, "type": "invoke", "f": "set", "key": "x", "value": 3, "time": 10}
    {"process": 1, "type": "ok", "f": "set", "time": 17}
    {"type": "fault", "f": "partition", "time": 12, "until": 40}

`ok`: it happened, with this `result` (or `value`); `fail`: it did not; `info`, or no return at all: perhaps, and
perhaps later. Also one line for a whole operation: `start`, `end` and `type`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pyspec.base.diagnostics import SpecError, error
from pyspec.base.source import Span
from pyspec.conform.feed import number

FOREVER: Final = float("inf")


class _Unknown:
    __slots__ = ()

    def __repr__(self) -> str:
        return "?"


UNKNOWN: Final = _Unknown()
"""The result of an operation that did not return one."""


@dataclass(slots=True)
class Operation:
    """One call. `end` is infinite and `result` UNKNOWN when its outcome is (`outcome` "info"). `order` is its place in
    the commit order, if the log tells it. `args` are all other fields of the call."""

    id: int
    process: str
    f: str
    args: dict[str, Any]
    start: float
    line: int
    end: float = FOREVER
    result: Any = UNKNOWN
    outcome: str = "info"
    order: float | None = None

    @property
    def key(self) -> Any:
        """The key that the operation is about, if it names one."""
        return self.args.get("key")

    @property
    def value(self) -> Any:
        """Its first argument besides the key."""
        return self.args.get("value")

    def __str__(self) -> str:
        args = ", ".join(shown(v) for k, v in self.args.items() if v is not None)
        result = "" if self.outcome == "info" or self.result is UNKNOWN else f" -> {shown(self.result)}"
        return f"{self.f}({args}){result}"


def shown(value: Any) -> str:
    """A value for readers."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong for a while."""

    name: str
    start: float
    end: float


@dataclass
class History:
    """Operations that may have happened (those that failed are left out, and counted), and faults."""

    file: str
    operations: list[Operation]
    faults: list[Fault] = field(default_factory=list)
    failed: list[Operation] = field(default_factory=list)


META = frozenset({
    "process", "type", "f", "time", "result", "index", "order", "start", "end", "error", "client", "op", "at", "until",
})  # fmt: skip


def read_history(path: str | Path) -> History:
    """The history in a file. Raises SpecError at a line that cannot be one."""
    name = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise error("E0825", f"cannot read the history: {wrong}", Span(name)) from None
    rows = []
    for at, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise _bad(name, at, "this line is no JSON object")
        rows.append((at, row))
    return make_history(rows, name)


def make_history(rows: Iterable[tuple[int, dict[str, Any]]], name: str = "<history>") -> History:
    """A history of numbered records."""
    return _Builder(name).run(list(rows))


def _bad(name: str, at: int, message: str, hint: str | None = None) -> SpecError:
    return error("E0834", message, Span(name, at, 1, at, 2), hint)


class _Builder:
    def __init__(self, name: str) -> None:
        self.name = name
        self.open: dict[str, Operation] = {}
        self.history = History(name, [])
        self.timed = False

    def run(self, rows: list[tuple[int, dict[str, Any]]]) -> History:
        """Goes through the lines in the order of their times, if all have one, else in the order of the file."""
        self.timed = all(number(row.get("time", row.get("start", row.get("at")))) is not None for _, row in rows)
        for at, row in rows:
            if "start" in row:
                self._whole(at, row)
        calls = [(at, row) for at, row in rows if "start" not in row]
        if self.timed:
            calls.sort(key=lambda pair: (self._time(*pair), pair[1].get("type") != "invoke"))
        for at, row in calls:
            self._event(at, row)
        found = self.history
        found.failed = [one for one in found.operations if one.outcome == "fail"]
        found.operations = [one for one in found.operations if one.outcome != "fail"]
        if not found.operations:
            raise error("E0828", "the history has no operation that may have happened", Span(self.name))
        return found

    def _time(self, at: int, row: dict[str, Any], key: str = "time") -> float:
        found = number(row.get(key, row.get("at"))) if self.timed else None
        return float(at) if found is None else found

    def _event(self, at: int, row: dict[str, Any]) -> None:
        kind = str(row.get("type", ""))
        if kind == "fault" or row.get("process") == "nemesis":
            self._fault(at, row)
            return
        process = self._process(at, row)
        if kind == "invoke":
            self.open[process] = self._call(at, row, process, self._time(at, row))
        elif kind in ("ok", "fail", "info"):
            self._return(at, row, process, kind)
        else:
            raise _bad(self.name, at, f"type {kind or 'is missing: it'} is none of invoke, ok, fail, info, fault")

    def _process(self, at: int, row: dict[str, Any]) -> str:
        found = row.get("process", row.get("client"))
        if found is None:
            raise _bad(self.name, at, "this line does not say which process (or client) it is about")
        return str(found)

    def _call(self, at: int, row: dict[str, Any], process: str, start: float) -> Operation:
        f = row.get("f", row.get("op"))
        if not isinstance(f, str):
            raise _bad(self.name, at, 'this call does not say what it does: "f" is missing')
        args = {key: value for key, value in row.items() if key not in META}
        made = Operation(len(self.history.operations), process, f.lower(), args, start, at)
        self.history.operations.append(made)
        return made

    def _return(self, at: int, row: dict[str, Any], process: str, kind: str) -> None:
        call = self.open.pop(process, None)
        if call is None:
            message = f"process {process} returns without a call: its `invoke` is missing"
            raise _bad(self.name, at, message)
        self._outcome(call, row, kind, self._time(at, row))

    def _outcome(self, call: Operation, row: dict[str, Any], kind: str, end: float) -> None:
        call.outcome = kind
        order = row.get("order", row.get("index"))
        call.order = float(order) if isinstance(order, int | float) and not isinstance(order, bool) else None
        if kind == "ok":
            call.end = end
            call.result = row["result"] if "result" in row else row.get("value", UNKNOWN)
            if "result" not in row and call.args.get("value") == call.result:
                call.result = True  # it repeats what it was called with: it succeeded
        elif kind == "fail":
            call.end = end

    def _whole(self, at: int, row: dict[str, Any]) -> None:
        kind = str(row.get("type", "ok"))
        if kind == "fault":
            self._fault(at, row)
            return
        call = self._call(at, row, self._process(at, row), self._time(at, row, "start"))
        if kind not in ("ok", "fail", "info"):
            raise _bad(self.name, at, f"type {kind} is none of ok, fail, info")
        whole = {**row, "result": row["result"]} if "result" in row else {k: v for k, v in row.items() if k != "value"}
        self._outcome(call, whole, kind, self._time(at, row, "end") if row.get("end") is not None else FOREVER)

    def _fault(self, at: int, row: dict[str, Any]) -> None:
        name = str(row.get("f", row.get("fault", "fault")))
        start = self._time(at, row, "start" if "start" in row else "time")
        end = number(row.get("until", row.get("end")))
        if name.startswith(("stop", "heal", "end", "restart")) and end is None:
            open_ = [i for i, fault in enumerate(self.history.faults) if fault.end == FOREVER]
            if open_:
                last = self.history.faults[open_[-1]]
                self.history.faults[open_[-1]] = Fault(last.name, last.start, start)
                return
        self.history.faults.append(Fault(name, start, FOREVER if end is None else end))
