"""The state of a Raft node, and the working copy that one step edits."""

from dataclasses import dataclass, field
from typing import Any

from immutables import Map

from impl.raft.log import Log
from impl.raft.machine import NONE, Machine
from impl.raft.messages import Hard, Members, Snapshot
from impl.runtime.effects import Command, Effect, Note, Persist, Reply, Result, Send

FOLLOWER, PRECANDIDATE, CANDIDATE, LEADER = "follower", "precandidate", "candidate", "leader"


NO_MEMBERS = Members(())
NO_SNAPSHOT = Snapshot(0, 0, 0, NO_MEMBERS, b"")


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may set; times in ticks, sizes in bytes."""

    election_ticks: int = 10
    heartbeat_ticks: int = 1
    retry_ticks: int = 10
    give_up_ticks: int = 200
    append_bytes: int = 1 << 20
    inflight: int = 64
    compact_entries: int = 4000
    compact_bytes: int = 32 << 20
    keep_entries: int = 500
    chunk_bytes: int = 1 << 20
    most_sessions: int = 1024
    most_pending: int = 1024
    clock_grain: int = 10


@dataclass(frozen=True, slots=True)
class Progress:
    """What the leader knows of one node's log. `probing`: one message at a time until they agree."""

    match: int = 0
    next: int = 1
    probing: bool = True
    paused: bool = False
    inflight: tuple[int, ...] = ()
    active: bool = True
    round: int = 0
    commit: int = 0
    offset: int = 0
    installing: int = 0


@dataclass(frozen=True, slots=True)
class LeaderRead:
    """A read the leader answers once a quorum has acknowledged `round`; `index` is None until it can be fixed."""

    origin: str
    id: int
    index: int | None
    round: int


@dataclass(frozen=True, slots=True)
class PendingWrite:
    """A batch of this node's clients that has not been seen applied; `since` counts ticks."""

    ticket: int
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class PendingRead:
    """Reads of this node's clients, waiting for an index (None) or for the log to be applied that far."""

    ticket: int
    commands: tuple[Command, ...]
    index: int | None


@dataclass(frozen=True, slots=True)
class Gateway:
    """The node's side towards its own clients: one session of the log, and what is still to be answered."""

    nonce: int
    session: int | None = None
    seq: int = 0
    writes: Map[int, PendingWrite] = NONE
    read: int = 0
    reads: Map[int, PendingRead] = NONE
    orders: Map[int, tuple[int, int]] = NONE
    waited: int = 0
    opening: bool = False
    hurry: bool = False


@dataclass
class State:
    """Everything a node knows. A step edits a copy; the values inside are immutable."""

    me: str
    options: Options
    gateway: Gateway
    term: int = 0
    vote: str | None = None
    log: Log = field(default_factory=Log)
    snapshot: Snapshot = NO_SNAPSHOT
    configs: tuple[tuple[int, Members], ...] = ()
    members: Members = NO_MEMBERS
    role: str = FOLLOWER
    leader: str | None = None
    commit: int = 0
    applied: int = 0
    applied_bytes: int = 0
    machine: Machine = field(default_factory=Machine)
    clock: int = 0
    elapsed: int = 0
    jitter: int | None = None
    beat: int = 0
    granted: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    progress: Map[str, Progress] = field(default_factory=Map)
    round: int = 0
    reads: tuple[LeaderRead, ...] = ()
    orders: tuple[tuple[int, str, int], ...] = ()
    received: tuple[Snapshot, bytes] | None = None

    def copy(self) -> "State":
        """A working copy that shares every value."""
        state = State.__new__(State)
        state.__dict__.update(self.__dict__)
        return state


class Impossible(Exception):
    """Something the algorithm excludes has happened: stop rather than go on with a wrong log."""


class Turn:
    """One step in the making: the working copy `s` and the effects so far.

    `spread` and `resend` ask for something at the end of the step: entries to everyone, and the clients' open
    requests to a new leader.
    """

    __slots__ = ("out", "resend", "s", "spread")

    def __init__(self, state: State) -> None:
        self.s = state.copy()
        self.out: list[Effect] = []
        self.spread = False
        self.resend = False

    def send(self, to: str, message: Any, held: bool = True) -> None:
        """Send a message; held ones wait for what has been persisted."""
        self.out.append(Send(to, message, held))

    def persist(self, *records: Any) -> None:
        """Write records to the durable log."""
        self.out.append(Persist(records))

    def persist_vote(self) -> None:
        """Write term and vote."""
        self.persist(Hard(self.s.term, self.s.vote))

    def reply(self, ticket: int, results: tuple[Result, ...]) -> None:
        """Answer a client."""
        self.out.append(Reply(ticket, results))

    def note(self, name: str, **fields: Any) -> None:
        """Tell the trace."""
        self.out.append(Note(name, tuple(fields.items())))


def config_at_end(snapshot: Snapshot, configs: tuple[tuple[int, Members], ...]) -> Members:
    """The configuration in force: the latest in the log, committed or not."""
    return configs[-1][1] if configs else snapshot.members


def majority(members: Members, nodes: frozenset[str]) -> bool:
    """Whether these nodes hold more than half of the votes."""
    return 2 * sum(voter in nodes for voter in members.voters) > len(members.voters)


def committed_in_term(s: State) -> bool:
    """Only then does the leader know how far the log is committed."""
    return s.log.term_at(s.commit) == s.term
