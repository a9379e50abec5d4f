"""What the nodes of a lock service say to each other and write to their disks."""

from dataclasses import dataclass
from typing import Any

from impl.runtime.codec import Codec
from impl.runtime.effects import Failure, Status


@dataclass(frozen=True, slots=True)
class Position:
    """How far a node's data reaches: the epoch that wrote it, and the count of writes in that epoch's history."""

    epoch: int
    offset: int

    def key(self) -> tuple[int, int]:
        """For comparing: a later epoch is further, then a larger offset."""
        return (self.epoch, self.offset)


@dataclass(frozen=True, slots=True)
class Change:
    """Record and message part: the commands of one write, executed at `time`; `offset` is its place."""

    epoch: int
    offset: int
    time: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """Record and message part: everything up to a position."""

    at: Position
    data: bytes


@dataclass(frozen=True, slots=True)
class Promise:
    """Record: nobody of an earlier epoch is obeyed any more, and in this epoch only this leader."""

    epoch: int
    leader: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A node wants to lead `epoch`, with data up to a position; with `pre`, it only asks whether it could."""

    epoch: int
    at: Position
    pre: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to a Claim; `epoch` is the claimed one when granted, else the one the voter has promised."""

    epoch: int
    granted: bool
    pre: bool


@dataclass(frozen=True, slots=True)
class Beat:
    """The leader is there. `round` counts its beats."""

    epoch: int
    round: int


@dataclass(frozen=True, slots=True)
class BeatReply:
    """A node still obeys the leader of `epoch`; its data reaches `at`."""

    epoch: int
    round: int
    at: Position


@dataclass(frozen=True, slots=True)
class Stream:
    """Changes, on their way to a replica: they follow the position `after`. Nobody waits for them to arrive."""

    epoch: int
    after: Position
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Sync:
    """The leader's whole data, for a replica whose data does not lead to it."""

    epoch: int
    image: Image


@dataclass(frozen=True, slots=True)
class Ask:
    """Clients' commands on their way to the leader, once under each id."""

    id: int
    commands: tuple[Any, ...]
    reads: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of an Ask."""

    id: int
    results: tuple[Any, ...]


RECORDS: tuple[type, ...] = (Change, Image, Promise)
MESSAGES: tuple[type, ...] = (Claim, Grant, Beat, BeatReply, Stream, Sync, Ask, Answer)
CODEC = Codec((Status, Failure, Position, *RECORDS, *MESSAGES))
