"""Redis commands over a replicated set; each gives its reply and the deltas that it makes."""

from collections.abc import Callable

from impl.crdt_set.orset import EMPTY, Delta, add, remove
from impl.crdt_set.state import State
from impl.runtime.effects import OK, Command, Failure, Result, Status

Deltas = list[tuple[int, Delta]]
Ran = tuple[Result, Deltas]


def members(s: State, key: bytes) -> frozenset[bytes]:
    """The members of a key."""
    return frozenset(member for shard in s.shards.values() for member in shard.keys.get(key, EMPTY))


def has(s: State, key: bytes, member: bytes) -> bool:
    """Whether a key has a member."""
    return member in s.shard(s.number_of(key, member)).keys.get(key, EMPTY)


def keys(s: State) -> list[bytes]:
    """The keys that have members, in order."""
    return sorted({key for shard in s.shards.values() for key in shard.keys})


def _sadd(s: State, command: Command) -> Ran:
    key, wanted = command[1], dict.fromkeys(command[2:])
    fresh = sum(not has(s, key, member) for member in wanted)
    deltas: Deltas = []
    contexts = dict(s.shards)
    for member in wanted:
        number = s.number_of(key, member)
        shard, delta = add(contexts.get(number, s.shard(number)), s.actor, (key, member))
        contexts[number] = shard
        deltas.append((number, delta))
    return fresh, deltas


def removal(s: State, key: bytes, wanted: list[bytes]) -> Ran:
    """Remove the members that are there, and tell how many."""
    deltas: Deltas = []
    for member in wanted:
        number = s.number_of(key, member)
        if has(s, key, member):
            deltas.append((number, remove(s.shard(number), (key, member))[1]))
    return len(deltas), deltas


def _srem(s: State, command: Command) -> Ran:
    return removal(s, command[1], list(dict.fromkeys(command[2:])))


def _smembers(s: State, command: Command) -> Ran:
    return members(s, command[1]), []


def _sismember(s: State, command: Command) -> Ran:
    return int(has(s, command[1], command[2])), []


def _smismember(s: State, command: Command) -> Ran:
    return tuple(int(has(s, command[1], member)) for member in command[2:]), []


def _scard(s: State, command: Command) -> Ran:
    return len(members(s, command[1])), []


def _del(s: State, command: Command) -> Ran:
    gone, deltas = 0, []
    for key in dict.fromkeys(command[1:]):
        count, more = removal(s, key, sorted(members(s, key)))
        gone += count > 0
        deltas += more
    return gone, deltas


def _exists(s: State, command: Command) -> Ran:
    known = set(keys(s))
    return sum(key in known for key in command[1:]), []


def _type(s: State, command: Command) -> Ran:
    return Status("set" if members(s, command[1]) else "none"), []


def _dbsize(s: State, command: Command) -> Ran:
    return len(keys(s)), []


def _flush(s: State, command: Command) -> Ran:
    return OK, _del(s, (b"DEL", *keys(s)))[1]


Run = Callable[[State, Command], Ran]

COMMANDS: dict[bytes, tuple[Run, int, int | None, bool]] = {
    b"SADD": (_sadd, 2, None, True),
    b"SREM": (_srem, 2, None, True),
    b"SMEMBERS": (_smembers, 1, 1, False),
    b"SISMEMBER": (_sismember, 2, 2, False),
    b"SMISMEMBER": (_smismember, 2, None, False),
    b"SCARD": (_scard, 1, 1, False),
    b"DEL": (_del, 1, None, True),
    b"EXISTS": (_exists, 1, None, False),
    b"TYPE": (_type, 1, 1, False),
    b"DBSIZE": (_dbsize, 0, 0, False),
    b"FLUSHDB": (_flush, 0, 1, True),
    b"FLUSHALL": (_flush, 0, 1, True),
}
"""For each name its function, how few and how many arguments it takes, and whether it writes."""

READS = frozenset(name for name, row in COMMANDS.items() if not row[3])
WRITES = frozenset(name for name, row in COMMANDS.items() if row[3])


def check(command: Command) -> str | None:
    """What is wrong with a client's command."""
    _, least, most, _ = COMMANDS[command[0]]
    if len(command) - 1 < least or (most is not None and len(command) - 1 > most):
        return f"ERR wrong number of arguments for '{command[0].decode().lower()}' command"
    return None


def run(s: State, command: Command) -> Ran:
    """The reply to a command and the changes it makes; they are not yet in the state."""
    found = COMMANDS.get(command[0])
    if found is None:
        return Failure("ERR unknown command"), []
    return found[0](s, command)
