"""What a protocol gives to the hosts: one object named PROTOCOL in its module. Nothing here knows which."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from impl.runtime.codec import Codec
from impl.runtime.effects import Command, Effect, Event

Stepped = tuple[Any, tuple[Effect, ...]]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a node is told when it starts: its name, the first members, and the protocol's own options."""

    node: str
    members: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


def no_workload(random: Random) -> Command:
    """A client that only asks whether the node is there."""
    return (b"PING",)


def no_check(command: Command) -> str | None:
    """Every command is well formed."""
    return None


def as_is(value: Any) -> Any:
    """Nothing to describe further."""
    return None


def every_field(state: Any) -> Any:
    """A state as a hashable value."""
    return tuple(state.__dict__.items())


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol as the hosts see it.

    `boot(setup, records, clock, random)` rebuilds the state from durable records, `step(state, event)` is the core,
    `observe(state)` gives the flat public fields for traces and status. `reads` names the commands that change nothing,
    `writes` the others the front lets through; `check` says what is wrong with a client's command. `describe` turns a
    protocol value into plain data for a trace, or None. `canonical` is a state as a hashable value without what only
    measures time, for exploration. `quiet_notes` are too frequent for a log.
    """

    name: str
    codec: Codec
    boot: Callable[[Setup, tuple[Any, ...], int, int], Stepped]
    step: Callable[[Any, Event], Stepped]
    observe: Callable[[Any], dict[str, Any]]
    reads: frozenset[bytes]
    writes: frozenset[bytes]
    messages: tuple[type, ...]
    records: tuple[type, ...]
    check: Callable[[Command], str | None] = no_check
    workload: Callable[[Random], Command] = no_workload
    quiet_notes: frozenset[str] = frozenset()
    canonical: Callable[[Any], Any] = every_field
    describe: Callable[[Any], Any] = as_is


class UnknownProtocol(Exception):
    """No module of that name under `impl` offers a PROTOCOL."""


def names() -> tuple[str, ...]:
    """The protocols there are: every module or package at the top of `impl` except the machinery."""
    import impl

    found = (module.name for module in pkgutil.iter_modules(impl.__path__))
    return tuple(sorted(name for name in found if name != "runtime" and not name.startswith("_")))


def find(name: str) -> Protocol:
    """The protocol called `name`, or UnknownProtocol with the names there are."""
    if name not in names():
        raise UnknownProtocol(f"no protocol {name!r}; there are: {', '.join(names())}")
    protocol = importlib.import_module(f"impl.{name}").PROTOCOL
    assert isinstance(protocol, Protocol)
    return protocol
