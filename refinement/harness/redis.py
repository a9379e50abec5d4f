"""A dumb model of the Redis commands that campaigns use: a dictionary of value and deadline, time as an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impl.runtime.effects import OK, Command

Model = dict[bytes, tuple[bytes, int | None]]
"""For each key its value and the millisecond at which it expires, if it does."""

UNSURE = object()
"""An answer that the model does not know."""


def model_of(keys: Any, now: int) -> Model:
    """The live keys of a keyspace at a moment."""
    rows = ((key, item.value, item.deadline) for key, item in keys.items.items())
    return {key: (value, deadline) for key, value, deadline in rows if deadline is None or deadline > now}


def expire(model: Model, now: int) -> None:
    """Forget what has expired."""
    for key in [key for key, (_, deadline) in model.items() if deadline is not None and deadline <= now]:
        del model[key]


def execute(model: Model, command: Command, now: int) -> Any:
    """Change the model as Redis would; its answer."""
    expire(model, now)
    run = COMMANDS.get(command[0])
    return UNSURE if run is None else run(model, command[1:], now)


def _get(model: Model, words: Command, now: int) -> Any:
    return model[words[0]][0] if words[0] in model else None


def _set(model: Model, words: Command, now: int) -> Any:
    key, value, *options = words
    there = key in model
    if (b"NX" in options and there) or (b"XX" in options and not there):
        return None
    deadline = now + int(options[options.index(b"PX") + 1]) if b"PX" in options else None
    model[key] = (value, deadline)
    return OK


def _incr(model: Model, words: Command, now: int) -> Any:
    value, deadline = model.get(words[0], (b"0", None))
    if not value.lstrip(b"-").isdigit():
        return UNSURE
    model[words[0]] = (b"%d" % (int(value) + 1), deadline)
    return int(value) + 1


def _del(model: Model, words: Command, now: int) -> Any:
    return sum(model.pop(key, None) is not None for key in dict.fromkeys(words))


def _append(model: Model, words: Command, now: int) -> Any:
    value, deadline = model.get(words[0], (b"", None))
    model[words[0]] = (value + words[1], deadline)
    return len(value) + len(words[1])


def _scripted(model: Model, words: Command, now: int) -> Any:
    body, key, owner, *rest = words
    if key not in model or model[key][0] != owner:
        return 0
    value, deadline = model.pop(key)
    if body == b"release":
        return 1
    if body == b"extend" and deadline is None:
        model[key] = (value, None)
        return 0
    begin = deadline if body == b"extend" and rest[1] == b"0" and deadline is not None else now
    model[key] = (value, begin + int(rest[0]))
    return 1


COMMANDS: dict[bytes, Callable[[Model, Command, int], Any]] = {
    b"GET": _get,
    b"SET": _set,
    b"INCR": _incr,
    b"DEL": _del,
    b"APPEND": _append,
    b"EXISTS": lambda model, words, now: sum(key in model for key in words),
    b"SCRIPTED": _scripted,
}


def difference(wanted: Model, keys: Any, now: int) -> str | None:
    """Where a keyspace is not what the model says, at a moment."""
    expire(wanted, now)
    found = model_of(keys, now)
    if found == wanted:
        return None
    wrong = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))[:3]
    return "; ".join(f"{key!r} is {found.get(key)}, should be {wanted.get(key)}" for key in wrong)
