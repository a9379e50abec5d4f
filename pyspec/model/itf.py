"""Traces in the Informal Trace Format of Apalache, https://apalache-mc.org/docs/adr/015adr-trace.html."""

from __future__ import annotations

import keyword
from collections.abc import Callable

from pyspec.model.trace import Trace
from pyspec.model.values import Atom, Bag, Map, Rec, Value, ordered

SMALL = 2**53  # integers beyond are written as objects, since JSON readers lose digits


def itf(trace: Trace) -> dict[str, object]:
    """The trace as an ITF object. Atoms are strings; `none` is the string "none"; a bag is a map from element to
    count; see `field_name` for fields named like Python's keywords."""
    states: list[object] = []
    for number, step in enumerate(trace.steps):
        if step.state is None:
            continue
        state: dict[str, object] = {"#meta": {"index": number, "action": step.action or "initial"}}
        for name, value in step.state.values().items():
            state[name] = encode(value)
        states.append(state)
    first = trace.states()
    found: dict[str, object] = {"#meta": {"format": "ITF", "format-description": __doc__.split(",")[1].strip(" .\n")}}
    found["vars"] = list(first[0].values()) if first else []
    found["states"] = states
    if trace.loop_start is not None:
        found["loop"] = trace.loop_start
    return found


def encode(value: Value) -> object:
    """A value in ITF."""
    return _ENCODE[type(value)](value)


def _int(value: int) -> object:
    return value if -SMALL < value < SMALL else {"#bigint": str(value)}


def field_name(name: str) -> str:
    """A field's name in ITF. Readers make Python records of ITF records, so a Python keyword (`from`, above all) gets
    an underscore behind it."""
    return f"{name}_" if keyword.iskeyword(name) else name


def _rec(value: Rec) -> object:
    fields = {field_name(name): encode(part) for name, part in zip(value._names, value._values, strict=True)}
    return {"tag": value._name, **fields}


_ENCODE: dict[type, Callable[..., object]] = {
    type(None): lambda value: "none",
    bool: lambda value: value,
    int: _int,
    Atom: lambda value: value.name,
    Rec: _rec,
    tuple: lambda value: [encode(item) for item in value],
    frozenset: lambda value: {"#set": [encode(item) for item in ordered(value)]},
    Bag: lambda value: {"#map": [[encode(item), count] for item, count in value.counts()]},
    Map: lambda value: {"#map": [[encode(key), encode(item)] for key, item in value.items()]},
}
