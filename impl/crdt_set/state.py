"""The state of one replica of a set."""

import zlib
from dataclasses import dataclass, field

from immutables import Map

from impl.crdt_set.orset import NO_SHARD, Shard


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may set; `gossip_ticks` between two rounds of gossip, at most `piece_rows` elements in one."""

    shards: int = 64
    gossip_ticks: int = 4
    piece_rows: int = 20_000
    compact_records: int = 5000


@dataclass
class State:
    """Everything a node knows. `actor` is the name under which this life of the node gives dots."""

    me: str
    members: tuple[str, ...]
    options: Options
    actor: str = ""
    life: int = 0
    shards: Map[int, Shard] = field(default_factory=Map)
    marks: Map[int, bytes] = field(default_factory=Map)
    quiet: int = 0
    records: int = 0
    cursor: int = 0

    def copy(self) -> "State":
        """A working copy that shares every value."""
        state = State.__new__(State)
        state.__dict__.update(self.__dict__)
        return state

    def shard(self, number: int) -> Shard:
        """A shard, empty if nothing was ever in it."""
        return self.shards.get(number, NO_SHARD)

    def number_of(self, key: bytes, member: bytes) -> int:
        """The shard of an element, the same at every node."""
        return zlib.crc32(member, zlib.crc32(key)) % self.options.shards
