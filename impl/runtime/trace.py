"""Traces: one JSON object a line, one file a node, the same from every host."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from impl.runtime.effects import Effect, Event, Note, Peers, Persist, Receive, Reply, Request, Rewrite, Send
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


class Tracer:
    """Writes what one node does. A line holds the step's number, its event, its effects, and the fields it changed."""

    def __init__(self, node: str, protocol: Protocol, sink: Sink, time: Callable[[], float]) -> None:
        self._node = node
        self._protocol = protocol
        self._sink = sink
        self._time = time
        self._number = 0
        self._last: dict[str, Any] = {}

    def observe(self, event: Event | None, effects: tuple[Effect, ...], state: Any) -> None:
        """Write one step, unless it is a tick that changed nothing anyone can see."""
        view, last = self._protocol.observe(state), {} if event is None else self._last
        changed = {key: value for key, value in view.items() if key not in last or last[key] != value}
        self._last = view
        if type(event).__name__ == "Tick" and not effects and not changed:
            return
        self._number += 1
        line: dict[str, Any] = {"node": self._node, "step": self._number, "time": self._time()}
        line |= self._event(event)
        line |= self._effects(effects)
        line["state"] = plain(changed, self._protocol)
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
