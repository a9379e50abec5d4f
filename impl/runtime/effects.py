"""Events in, effects out: the whole vocabulary between a core and its host.

A core is a pure function `step(state, event) -> (state, effects)`. Clock readings and random numbers arrive inside
events, storage arrives as records at boot. The order of effects matters: a *held* effect waits until every record
persisted before it, in this step or an earlier one, is durable.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias, Union

Argument: TypeAlias = Union[bytes, "Command"]
Command: TypeAlias = tuple[Any, ...]
"""A client's command: its name in capitals, then its arguments, as bytes. A transaction nests commands."""


def commands_of(call: Command) -> tuple[Command, ...]:
    """What a client sends at once: one command, or several of them in a tuple."""
    return call if type(call[0]) is tuple else (call,)


@dataclass(frozen=True, slots=True)
class Status:
    """A short word that reports success, such as OK."""

    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An error reply; the first word of the text is its class, as in `ERR syntax error`."""

    text: str


Result: TypeAlias = Any
"""A reply to one command: None, int, bytes, Status, Failure, a tuple or a frozenset of results."""

OK = Status("OK")


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick has passed. `random` is a fresh 32-bit number, `clock` the node's wall clock in milliseconds."""

    clock: int
    random: int


@dataclass(frozen=True, slots=True)
class Receive:
    """A message has arrived from a peer (or from this node itself)."""

    sender: str
    message: Any
    clock: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A client's commands, to be answered together under one ticket. `reads` says that none of them writes."""

    ticket: int
    commands: tuple[Command, ...]
    clock: int = 0
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Nudge:
    """An order from outside that stands for time running out or for an operator: `campaign`, `resign`, `compact`."""

    order: str
    clock: int = 0


Event: TypeAlias = Tick | Receive | Request | Nudge


@dataclass(frozen=True, slots=True)
class Persist:
    """Append records to durable storage. They are durable only once the host has flushed them."""

    records: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Replace everything persisted so far by these records, in one atomic step."""

    records: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message. A held one leaves only after everything persisted before it is durable."""

    to: str
    message: Any
    held: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a request: one result for each of its commands."""

    ticket: int
    results: tuple[Result, ...]
    held: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something a trace reader wants to know: a name of the protocol's own, with fields."""

    name: str
    fields: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Peers:
    """The nodes to talk to from now on, each with its address (empty where the host knows it already)."""

    addresses: tuple[tuple[str, str], ...]


Effect: TypeAlias = Persist | Rewrite | Send | Reply | Note | Peers
