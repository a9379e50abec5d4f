"""Traces: one JSON object a line, one file a node, the same from every host.

An exact trace also holds what a step of the core needs to be taken again: the event itself as bytes, how much was
durable before, and a moment that all processes of a machine agree on. It leaves out no tick.
"""

import base64
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from impl.runtime.effects import (
    Effect,
    Event,
    Note,
    Nudge,
    Peers,
    Persist,
    Receive,
    Reply,
    Request,
    Rewrite,
    Send,
    Tick,
)
from impl.runtime.packing import Unreadable
from impl.runtime.protocol import Protocol

Sink = Callable[[str], Any]


def plain(value: Any, protocol: Protocol) -> Any:
    """A value as JSON can hold it; dataclasses carry their name under `type`, bytes become text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace") if len(value) <= 256 else f"<{len(value)} bytes>"
    if isinstance(value, tuple | list):
        return [plain(item, protocol) for item in value]
    if isinstance(value, frozenset):
        return sorted((plain(item, protocol) for item in value), key=repr)
    if isinstance(value, dict):
        return {str(key): plain(item, protocol) for key, item in value.items()}
    described = protocol.describe(value)
    if described is not None:
        return plain(described, protocol)
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {"type": type(value).__name__, **plain(fields, protocol)}


Boot = tuple[tuple[Any, ...], int, int]
"""What a node booted with: records, clock, random number."""

EVENTS: tuple[type, ...] = (Tick, Receive, Request, Nudge)


def packed(event: Event | Boot, protocol: Protocol) -> str:
    """An event, or what a node booted with, as text."""
    kind = EVENTS.index(type(event)) if type(event) in EVENTS else -1
    fields = event if isinstance(event, tuple) else tuple(getattr(event, f.name) for f in dataclasses.fields(event))
    return base64.b64encode(protocol.codec.encode((kind, fields))).decode("ascii")


def unpacked(text: str, protocol: Protocol) -> Event | Boot:
    """What `packed` was given. Raises ValueError where the text is something else."""
    try:
        kind, fields = protocol.codec.decode(base64.b64decode(text, validate=True))
        found: Event | Boot = EVENTS[kind](*fields) if kind >= 0 else fields
    except (Unreadable, ValueError, TypeError, IndexError) as problem:
        raise ValueError(f"not an event: {problem}") from problem
    return found


def opened(path: Path) -> TextIO:
    """A node's trace for one more life. Each line is out before the effects of its step are: it survives `kill -9`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a", encoding="utf-8", buffering=1)
    if file.tell() and not _ends_a_line(path):
        file.write("\n")
    return file


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read() == b"\n"


class Exact:
    """What an exact trace holds besides."""

    def __init__(self, protocol: Protocol, moment: Callable[[], int], durable: Callable[[], int]) -> None:
        self._protocol = protocol
        self._moment = moment
        self._durable = durable
        self.boot: Boot = ((), 0, 0)

    def fields(self, event: Event | None) -> dict[str, Any]:
        """The fields of one line."""
        durable = 0 if event is None else self._durable()
        exact = packed(self.boot if event is None else event, self._protocol)
        return {"moment": self._moment(), "durable": durable, "exact": exact}


class Tracer:
    """Writes what one node does. A line holds the step's number, its event, its effects, and the fields it changed."""

    def __init__(
        self, node: str, protocol: Protocol, sink: Sink, time: Callable[[], float], exact: Exact | None = None
    ) -> None:
        self._node = node
        self._protocol = protocol
        self._sink = sink
        self._time = time
        self._exact = exact
        self._number = 0
        self._last: dict[str, Any] = {}

    def observe(self, event: Event | None, effects: tuple[Effect, ...], state: Any) -> None:
        """Write one step, unless it is a tick that changed nothing anyone can see."""
        view, last = self._protocol.observe(state), {} if event is None else self._last
        changed = {key: value for key, value in view.items() if key not in last or last[key] != value}
        self._last = view
        if isinstance(event, Tick) and not effects and not changed and self._exact is None:
            return
        self._number += 1
        line: dict[str, Any] = {"node": self._node, "step": self._number, "time": self._time()}
        line |= self._event(event)
        line |= self._effects(effects)
        line["state"] = plain(changed, self._protocol)
        if self._exact is not None:
            line |= self._exact.fields(event)
        self._sink(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")

    def crashed(self) -> None:
        """The node has stopped without warning; what it says next is a new life."""
        self._number += 1
        self._last = {}
        line = {"node": self._node, "step": self._number, "time": self._time(), "event": "crash"}
        self._sink(json.dumps(line, separators=(",", ":")) + "\n")

    def _event(self, event: Event | None) -> dict[str, Any]:
        if event is None:
            return {"event": "boot"}
        if isinstance(event, Receive):
            return {"event": "receive", "from": event.sender, "message": plain(event.message, self._protocol)}
        if isinstance(event, Request):
            return {"event": "request", "ticket": event.ticket, "commands": plain(event.commands, self._protocol)}
        name = type(event).__name__.lower()
        return {"event": getattr(event, "order", name)}

    def _effects(self, effects: tuple[Effect, ...]) -> dict[str, Any]:
        line: dict[str, list[Any]] = {}
        for effect in effects:
            if isinstance(effect, Send):
                message = plain(effect.message, self._protocol)
                line.setdefault("send", []).append({"to": effect.to, "held": effect.held, "message": message})
            elif isinstance(effect, Persist):
                line.setdefault("persist", []).extend(plain(effect.records, self._protocol))
            elif isinstance(effect, Rewrite):
                line.setdefault("rewrite", []).extend(plain(effect.records, self._protocol))
            elif isinstance(effect, Reply):
                results = plain(effect.results, self._protocol)
                line.setdefault("reply", []).append({"ticket": effect.ticket, "results": results})
            elif isinstance(effect, Note):
                fields = plain(dict(effect.fields), self._protocol)
                line.setdefault("notes", []).append({"note": effect.name, **fields})
            elif isinstance(effect, Peers):
                line.setdefault("peers", []).extend(node for node, _ in effect.addresses)
        return dict(line)
