"""The state of a node of the lock service, and the working copy that one step edits."""

from dataclasses import dataclass, field
from typing import Any

from immutables import Map

from impl.redis_lock.messages import Change, Position, Promise
from impl.runtime.effects import Command, Effect, Note, Persist, Reply, Result, Send
from impl.runtime.keyspace import Keyspace

REPLICA, PRECLAIMANT, CLAIMANT, LEADER = "replica", "preclaimant", "claimant", "leader"
NONE: Map[Any, Any] = Map()
START = Position(0, 0)
TOKENS_PER_EPOCH = 1 << 32


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may set; times in ticks.

    A leader serves only within `lease_ticks` of a beat that a majority has acknowledged; a node that has acknowledged
    one gives nobody else its vote for `wait_ticks`. The difference is the room for clocks that run differently. Of the
    questions of one life of a node the last `served` are remembered one by one.
    """

    lease_ticks: int = 8
    wait_ticks: int = 12
    claim_ticks: int = 12
    give_up_ticks: int = 100
    backlog: int = 1000
    compact_changes: int = 4000
    most_pending: int = 4096
    served: int = 256


@dataclass(frozen=True, slots=True)
class Pending:
    """Results that wait until a majority has acknowledged `round`: for our own client's ticket or another node's id."""

    round: int
    origin: str
    id: int
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of our own clients; `sent` to the leader of that epoch as a question of this `number`, after which its
    outcome may be unknown."""

    commands: tuple[Command, ...]
    reads: bool
    sent: int = 0
    number: int = 0
    age: int = 0


LIVES = 4
"""Of how many lives of a node questions are remembered."""


@dataclass(frozen=True, slots=True)
class Served:
    """Which questions of one life of a node were dealt with here: those `above`; all below `low` count as such."""

    life: int
    low: int = 0
    above: frozenset[int] = frozenset()

    def __contains__(self, number: int) -> bool:
        return number < self.low or number in self.above

    def add(self, number: int, most: int) -> "Served":
        """One more question; when there are more than `most`, the older half is remembered by its end only."""
        above = self.above | {number}
        if len(above) <= most:
            return Served(self.life, self.low, above)
        low = sorted(above)[most // 2]
        return Served(self.life, low, frozenset(one for one in above if one >= low))


@dataclass(frozen=True, slots=True)
class Follower:
    """What the leader knows of a node: the last round it has acknowledged, and how far its data reaches."""

    round: int = 0
    at: Position = START


@dataclass
class State:
    """Everything a node knows. `quiet` counts ticks since its vote was bound, `waited` since it could have claimed.

    `questions` gives for the number of each question under way the ticket of the request in `asked`.
    """

    me: str
    members: tuple[str, ...]
    options: Options
    next_id: int
    promise: Promise = field(default_factory=lambda: Promise(0, ""))
    keys: Keyspace = field(default_factory=Keyspace)
    at: Position = START
    role: str = REPLICA
    leader: str | None = None
    clock: int = 0
    ticks: int = 0
    quiet: int = 0
    waited: int = 0
    jitter: int | None = None
    granted: frozenset[str] = frozenset()
    round: int = 0
    sent_at: tuple[tuple[int, int], ...] = ()
    followers: Map[str, Follower] = field(default_factory=Map)
    start: Position = START
    backlog: tuple[Change, ...] = ()
    pending: tuple[Pending, ...] = ()
    asked: Map[int, Asked] = field(default_factory=Map)
    questions: Map[int, int] = field(default_factory=Map)
    last_question: int = 0
    served: Map[str, tuple[Served, ...]] = field(default_factory=Map)
    uncompacted: int = 0

    def copy(self) -> "State":
        """A working copy that shares every value."""
        state = State.__new__(State)
        state.__dict__.update(self.__dict__)
        return state


class Turn:
    """One step in the making."""

    __slots__ = ("out", "s")

    def __init__(self, state: State) -> None:
        self.s = state.copy()
        self.out: list[Effect] = []

    def send(self, to: str, message: Any, held: bool = False) -> None:
        """Send a message."""
        self.out.append(Send(to, message, held))

    def broadcast(self, message: Any) -> None:
        """Send a message to every other node."""
        for node in self.s.members:
            if node != self.s.me:
                self.send(node, message)

    def persist(self, *records: Any) -> None:
        """Write records."""
        self.out.append(Persist(records))

    def reply(self, ticket: int, results: tuple[Result, ...]) -> None:
        """Answer a client, once what it was told is on the disk."""
        self.out.append(Reply(ticket, results, held=True))

    def note(self, name: str, **fields: Any) -> None:
        """Tell the trace."""
        self.out.append(Note(name, tuple(fields.items())))


def majority(s: State, count: int) -> bool:
    """Whether so many nodes are more than half."""
    return 2 * count > len(s.members)
