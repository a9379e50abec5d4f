"""What clients of the Raft cluster have seen: a linearizable store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from impl.runtime.effects import Failure
from pyspec.conform.linear import MODELS, check_history
from pyspec.conform.linear.history import make_history


def counted(history: list[Any]) -> Iterator[str]:
    """The counter is linearizable."""
    rows = []
    for number, call in enumerate(history):
        if call.command[1:2] == (b"counter",):
            row = {
                "process": f"{call.client}.{number}",
                "f": call.command[0].decode().lower(),
                "key": "counter",
            }
            result = call.result.decode() if isinstance(call.result, bytes) else call.result
            if isinstance(result, Failure) and not result.text.startswith("UNKNOWN "):
                continue  # all other errors say that nothing was done
            sure = call.returned is not None and not isinstance(result, Failure)
            end = (
                {"type": "ok", "end": call.returned, "result": result}
                if sure
                else {"type": "info", "end": call.invoked}
            )
            rows.append({**row, "start": call.invoked, **end})
    if not any(row["type"] == "ok" for row in rows):
        return  # nobody was told anything
    verdict = check_history(make_history(list(enumerate(rows, 1))), MODELS["kv"](), 1.0)
    if verdict.failure is not None:
        yield f"the counter is not linearizable: {verdict.failure}"


def operations(history: list[Any]) -> list[dict[str, Any]]:
    """What clients of real processes called, as lines of a history."""
    rows = []
    for call in history:
        name, key, *rest = (word.decode() for word in call.command)
        row = {"process": call.client, "f": name.lower(), "key": key, "start": call.invoked}
        row |= {"value": rest[0]} if rest else {}
        if call.returned is None:
            rows.append({**row, "type": "info", "end": call.invoked})
        else:
            result = None if call.result == "-1" else call.result
            rows.append({**row, "type": "ok", "end": call.returned, "result": result})
    return rows
