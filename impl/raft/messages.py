"""What Raft says between nodes and writes to its disk, as plain dataclasses."""

from dataclasses import dataclass
from enum import IntEnum

from impl.runtime.codec import Codec


class Kind(IntEnum):
    """What an entry is for."""

    NOOP = 0
    OPEN = 1
    BATCH = 2
    MEMBERS = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot of the log. `time` is the leader's clock when it was appended, never less than its predecessor's."""

    index: int
    term: int
    time: int
    kind: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Members:
    """A configuration: who votes, who only listens, and where they are."""

    voters: tuple[str, ...]
    learners: tuple[str, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()

    @property
    def everyone(self) -> tuple[str, ...]:
        """Voters and learners."""
        return self.voters + self.learners


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state machine after `index`, and the configuration that held there."""

    index: int
    term: int
    time: int
    members: Members
    data: bytes


@dataclass(frozen=True, slots=True)
class Hard:
    """Record: the term and the vote given in it."""

    term: int
    vote: str | None


@dataclass(frozen=True, slots=True)
class Appended:
    """Record: these entries follow the log before the first of them; what stood there before is gone."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """Record: the log begins after this index, whose entry had this term and time."""

    index: int
    term: int
    time: int


@dataclass(frozen=True, slots=True)
class RequestVote:
    """A candidate asks for a vote; with `pre`, whether it would get one; with `transfer`, on the leader's order."""

    term: int
    last_index: int
    last_term: int
    pre: bool
    transfer: bool = False


@dataclass(frozen=True, slots=True)
class VoteReply:
    """The answer to a RequestVote; `term` is the one asked for when granted, else the voter's own."""

    term: int
    granted: bool
    pre: bool


@dataclass(frozen=True, slots=True)
class Append:
    """AppendEntries; empty as a heartbeat. `round` numbers the leader's rounds, for reads and the quorum check."""

    term: int
    prev_index: int
    prev_term: int
    entries: tuple[Entry, ...]
    commit: int
    round: int


@dataclass(frozen=True, slots=True)
class AppendReply:
    """Accepted up to `index`, or refused after `index` with the follower's nearest possible point of agreement."""

    term: int
    ok: bool
    index: int
    hint_index: int
    hint_term: int
    round: int


@dataclass(frozen=True, slots=True)
class Stored:
    """To oneself, held: the log up to `index` is durable here, as it stood in `term`."""

    term: int
    index: int


@dataclass(frozen=True, slots=True)
class Install:
    """A piece of a snapshot: its description without data, the offset of this piece, and the size of the whole."""

    term: int
    snapshot: Snapshot
    offset: int
    size: int
    round: int


@dataclass(frozen=True, slots=True)
class InstallReply:
    """How much of the snapshot at `index` has arrived; `done` once it is installed."""

    term: int
    index: int
    offset: int
    done: bool
    round: int


@dataclass(frozen=True, slots=True)
class TimeoutNow:
    """The leader asks a follower to stand for election at once."""

    term: int


@dataclass(frozen=True, slots=True)
class Forward:
    """Clients' entries of one kind on their way to the leader, in order."""

    kind: int
    items: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReadAsk:
    """A node asks the leader for an index at which a read is up to date."""

    id: int


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """The leader was still leader after it got ReadAsk `id`, and had committed up to `index` before."""

    id: int
    index: int


@dataclass(frozen=True, slots=True)
class Admin:
    """An order about membership, on its way to the leader."""

    id: int
    words: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AdminReply:
    """What became of an Admin order: an error text, or None when it is committed."""

    id: int
    error: str | None


RECORDS: tuple[type, ...] = (Hard, Appended, Snapshot, Start)
MESSAGES: tuple[type, ...] = (
    RequestVote,
    VoteReply,
    Append,
    AppendReply,
    Install,
    InstallReply,
    TimeoutNow,
    Forward,
    ReadAsk,
    ReadAnswer,
    Admin,
    AdminReply,
)
CODEC = Codec((Entry, Members, *RECORDS, *MESSAGES, Stored))
