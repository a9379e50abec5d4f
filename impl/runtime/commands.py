"""The Redis commands over a keyspace: one small function each, found through one table."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from impl.runtime.effects import OK, Command, Failure, Result, Status
from impl.runtime.keyspace import Draft, Keyspace

Arguments = tuple[Any, ...]
INTEGER = re.compile(rb"-?(0|[1-9][0-9]{0,18})\Z")
LIMIT = 2**63
SYNTAX = "ERR syntax error"
NOT_AN_INTEGER = "ERR value is not an integer or out of range"


@dataclass(frozen=True, slots=True)
class Verb:
    """What a command name means: its function, how many arguments it takes (most: None for any), whether it writes."""

    run: Callable[[Draft, Arguments], Result]
    least: int
    most: int | None
    writes: bool

    def accepts(self, count: int) -> bool:
        """Whether this many arguments are right."""
        return count >= self.least and (self.most is None or count <= self.most)


class CommandError(Exception):
    """A command that cannot be carried out; `text` is the error reply."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def execute(keys: Keyspace, commands: Iterable[Command], now: int) -> tuple[Keyspace, tuple[Result, ...]]:
    """Run commands in order at time `now` (or the latest time seen, if that is later)."""
    draft = Draft(keys, now)
    results = tuple([run(draft, command) for command in commands])
    return draft.freeze(), results


def run(draft: Draft, command: Command) -> Result:
    """Execute one command and give its reply."""
    found = COMMANDS.get(command[0])
    if found is None:
        return Failure(f"ERR unknown command {command[0]!r}")
    try:
        return found.run(draft, command[1:])
    except CommandError as problem:
        return Failure(problem.text)


def integer(text: bytes) -> int:
    """A 64-bit number as Redis reads one."""
    if not INTEGER.match(text) or not -LIMIT <= int(text) < LIMIT:
        raise CommandError(NOT_AN_INTEGER)
    return int(text)


def _get(draft: Draft, arguments: Arguments) -> Result:
    item = draft.find(arguments[0])
    return None if item is None else item.value


def _mget(draft: Draft, arguments: Arguments) -> Result:
    return tuple(_get(draft, (key,)) for key in arguments)


UNITS = {b"EX": (1000, True), b"PX": (1, True), b"EXAT": (1000, False), b"PXAT": (1, False)}


@dataclass(slots=True)
class SetOptions:
    """The words after `SET key value`."""

    only_absent: bool = False
    only_present: bool = False
    keep: bool = False
    get: bool = False
    deadline: int | None = None


FLAGS = {b"NX": "only_absent", b"XX": "only_present", b"KEEPTTL": "keep", b"GET": "get"}


def deadline_of(draft: Draft, unit: bytes, amount: bytes, command: str) -> int:
    """The moment at which a time given as EX, PX, EXAT or PXAT ends."""
    factor, relative = UNITS[unit]
    number = integer(amount) * factor
    moment = number + (draft.now if relative else 0)
    if number <= 0 or moment >= LIMIT:
        raise CommandError(f"ERR invalid expire time in '{command}' command")
    return moment


def set_options(draft: Draft, words: Arguments) -> SetOptions:
    """Read the options of SET; contradictory ones are a syntax error."""
    options, position = SetOptions(), 0
    while position < len(words):
        word = words[position].upper()
        if word in FLAGS:
            setattr(options, FLAGS[word], True)
        elif word in UNITS and position + 1 < len(words) and options.deadline is None:
            position += 1
            options.deadline = deadline_of(draft, word, words[position], "set")
        else:
            raise CommandError(SYNTAX)
        position += 1
    if (options.only_absent and options.only_present) or (options.keep and options.deadline is not None):
        raise CommandError(SYNTAX)
    return options


def _set(draft: Draft, arguments: Arguments) -> Result:
    if len(arguments) == 2:
        draft.put(arguments[0], arguments[1])
        return OK
    key, value = arguments[:2]
    options = set_options(draft, arguments[2:])
    old = draft.find(key)
    refused = (options.only_absent and old is not None) or (options.only_present and old is None)
    if not refused:
        kept = old.deadline if options.keep and old is not None else options.deadline
        draft.put(key, value, kept)
    if options.get:
        return None if old is None else old.value
    return None if refused else OK


def _setnx(draft: Draft, arguments: Arguments) -> Result:
    return int(_set(draft, (*arguments, b"NX")) is not None)


def _setex(draft: Draft, arguments: Arguments) -> Result:
    key, seconds, value = arguments
    draft.put(key, value, deadline_of(draft, b"EX", seconds, "setex"))
    return OK


def _psetex(draft: Draft, arguments: Arguments) -> Result:
    key, milliseconds, value = arguments
    draft.put(key, value, deadline_of(draft, b"PX", milliseconds, "psetex"))
    return OK


def _getset(draft: Draft, arguments: Arguments) -> Result:
    old = _get(draft, arguments)
    draft.put(arguments[0], arguments[1])
    return old


def _getdel(draft: Draft, arguments: Arguments) -> Result:
    old = _get(draft, arguments)
    draft.remove(arguments[0])
    return old


def _mset(draft: Draft, arguments: Arguments) -> Result:
    if len(arguments) % 2:
        raise CommandError("ERR wrong number of arguments for 'mset' command")
    for key, value in zip(arguments[::2], arguments[1::2], strict=True):
        draft.put(key, value)
    return OK


def _delete(draft: Draft, arguments: Arguments) -> Result:
    return sum([draft.remove(key) for key in arguments])


def _exists(draft: Draft, arguments: Arguments) -> Result:
    return sum(draft.find(key) is not None for key in arguments)


def add(draft: Draft, key: bytes, amount: int) -> Result:
    """Add to a counter; its time to live stays."""
    item = draft.find(key)
    total = amount + (integer(item.value) if item is not None else 0)
    if not -LIMIT <= total < LIMIT:
        raise CommandError("ERR increment or decrement would overflow")
    draft.put(key, b"%d" % total, item.deadline if item is not None else None)
    return total


def _append(draft: Draft, arguments: Arguments) -> Result:
    key, suffix = arguments
    item = draft.find(key)
    value = (item.value if item is not None else b"") + suffix
    draft.put(key, value, item.deadline if item is not None else None)
    return len(value)


def _strlen(draft: Draft, arguments: Arguments) -> Result:
    return len(_get(draft, arguments) or b"")


def expire_at(draft: Draft, key: bytes, moment: int) -> Result:
    """Let a key expire at a moment; one in the past removes it."""
    item = draft.find(key)
    if item is None:
        return 0
    if moment <= draft.now:
        draft.remove(key)
    else:
        draft.put(key, item.value, moment, item.born)
    return 1


def _expiry(factor: int, relative: bool, name: str) -> Callable[[Draft, Arguments], Result]:
    def run(draft: Draft, arguments: Arguments) -> Result:
        number = integer(arguments[1]) * factor
        moment = number + (draft.now if relative else 0)
        if not -LIMIT <= moment < LIMIT:
            raise CommandError(f"ERR invalid expire time in '{name}' command")
        return expire_at(draft, arguments[0], moment)

    return run


def _persist(draft: Draft, arguments: Arguments) -> Result:
    item = draft.find(arguments[0])
    if item is None or item.deadline is None:
        return 0
    draft.put(arguments[0], item.value, None, item.born)
    return 1


def remaining(draft: Draft, key: bytes) -> int:
    """Milliseconds a key has left; -1 for ever, -2 if it is not there."""
    item = draft.find(key)
    if item is None:
        return -2
    return -1 if item.deadline is None else item.deadline - draft.now


def _pttl(draft: Draft, arguments: Arguments) -> Result:
    return remaining(draft, arguments[0])


def _ttl(draft: Draft, arguments: Arguments) -> Result:
    left = remaining(draft, arguments[0])
    return left if left < 0 else (left + 500) // 1000


def _type(draft: Draft, arguments: Arguments) -> Result:
    return Status("none" if draft.find(arguments[0]) is None else "string")


def glob(pattern: bytes) -> re.Pattern[bytes]:
    """A Redis glob (`*`, `?`, `[abc]`, `[^a]`, `\\x`) as a regular expression that cannot backtrack for long."""
    parts: list[bytes] = []
    position = 0
    while position < len(pattern):
        char = pattern[position : position + 1]
        closing = pattern.find(b"]", position + 1) if char == b"[" else -1
        if char == b"*":
            if not parts or parts[-1] != b".*":
                parts.append(b".*")
        elif char == b"?":
            parts.append(b".")
        elif closing > position + 1:
            body = pattern[position + 1 : closing]
            negated = body.startswith(b"^") and len(body) > 1
            chars = re.escape(body[1:] if negated else body).replace(rb"\-", b"-")
            parts.append(b"[" + (b"^" if negated else b"") + chars + b"]")
            position = closing
        else:
            if char == b"\\" and position + 1 < len(pattern):
                position += 1
                char = pattern[position : position + 1]
            parts.append(re.escape(char))
        position += 1
    try:
        return re.compile(b"".join(parts), re.DOTALL)
    except re.error as problem:
        raise CommandError("ERR invalid pattern") from problem


def matching(draft: Draft, pattern: bytes) -> tuple[bytes, ...]:
    """The live keys that match a glob, in order."""
    if pattern.count(b"*") > 8:
        raise CommandError("ERR pattern with too many stars")
    wanted = glob(pattern)
    return tuple(key for key in draft.live() if wanted.fullmatch(key))


def _keys(draft: Draft, arguments: Arguments) -> Result:
    return matching(draft, arguments[0])


def _scan(draft: Draft, arguments: Arguments) -> Result:
    words = dict(zip([word.upper() for word in arguments[1::2]], arguments[2::2], strict=False))
    if len(arguments) % 2 == 0 or not words.keys() <= {b"MATCH", b"COUNT", b"TYPE"}:
        raise CommandError(SYNTAX)
    return (b"0", matching(draft, words.get(b"MATCH", b"*")))


def _dbsize(draft: Draft, arguments: Arguments) -> Result:
    return draft.count()


def _flush(draft: Draft, arguments: Arguments) -> Result:
    draft.clear()
    return OK


def _versions(draft: Draft, arguments: Arguments) -> Result:
    return tuple(version_of(draft, key) for key in arguments)


def version_of(draft: Draft, key: bytes) -> int:
    """The count of writes when a key was last written; 0 for an absent key."""
    item = draft.find(key)
    return 0 if item is None else item.version


def _fence(draft: Draft, arguments: Arguments) -> Result:
    """The fencing token of a key, if it is alive (and holds the given value): larger for every later acquisition."""
    item = draft.find(arguments[0])
    if item is None or (len(arguments) == 2 and item.value != arguments[1]):
        return None
    return max(item.born, draft.least)


def _exec(draft: Draft, arguments: Arguments) -> Result:
    watched, commands = arguments
    if any(version_of(draft, key) != version for key, version in watched):
        return None
    return tuple([run(draft, command) for command in commands])


def _scripted(draft: Draft, arguments: Arguments) -> Result:
    """A known script, by the name of its body: the front has recognised it and counted its arguments."""
    body, key, *rest = arguments
    run_body, count = SCRIPT_BODIES.get(body, (_release, 0))
    if len(rest) != count:
        raise CommandError(SYNTAX)
    item = draft.find(key)
    if item is None or item.value != rest[0]:
        return 0
    return run_body(draft, key, tuple(rest))


def _release(draft: Draft, key: bytes, rest: Arguments) -> Result:
    return int(draft.remove(key))


def _extend(draft: Draft, key: bytes, rest: Arguments) -> Result:
    left = remaining(draft, key)
    if left < 0:
        return 0
    return expire_at(draft, key, draft.now + integer(rest[1]) + (left if rest[2] == b"0" else 0))


def _renew(draft: Draft, key: bytes, rest: Arguments) -> Result:
    return expire_at(draft, key, draft.now + integer(rest[1]))


SCRIPT_BODIES: dict[bytes, tuple[Callable[[Draft, bytes, Arguments], Result], int]] = {
    b"release": (_release, 1),
    b"extend": (_extend, 3),
    b"renew": (_renew, 2),
}

COMMANDS: dict[bytes, Verb] = {
    b"GET": Verb(_get, 1, 1, False),
    b"MGET": Verb(_mget, 1, None, False),
    b"SET": Verb(_set, 2, None, True),
    b"SETNX": Verb(_setnx, 2, 2, True),
    b"SETEX": Verb(_setex, 3, 3, True),
    b"PSETEX": Verb(_psetex, 3, 3, True),
    b"GETSET": Verb(_getset, 2, 2, True),
    b"GETDEL": Verb(_getdel, 1, 1, True),
    b"MSET": Verb(_mset, 2, None, True),
    b"DEL": Verb(_delete, 1, None, True),
    b"UNLINK": Verb(_delete, 1, None, True),
    b"EXISTS": Verb(_exists, 1, None, False),
    b"INCR": Verb(lambda draft, a: add(draft, a[0], 1), 1, 1, True),
    b"DECR": Verb(lambda draft, a: add(draft, a[0], -1), 1, 1, True),
    b"INCRBY": Verb(lambda draft, a: add(draft, a[0], integer(a[1])), 2, 2, True),
    b"DECRBY": Verb(lambda draft, a: add(draft, a[0], -integer(a[1])), 2, 2, True),
    b"APPEND": Verb(_append, 2, 2, True),
    b"STRLEN": Verb(_strlen, 1, 1, False),
    b"EXPIRE": Verb(_expiry(1000, True, "expire"), 2, 2, True),
    b"PEXPIRE": Verb(_expiry(1, True, "pexpire"), 2, 2, True),
    b"EXPIREAT": Verb(_expiry(1000, False, "expireat"), 2, 2, True),
    b"PEXPIREAT": Verb(_expiry(1, False, "pexpireat"), 2, 2, True),
    b"PERSIST": Verb(_persist, 1, 1, True),
    b"TTL": Verb(_ttl, 1, 1, False),
    b"PTTL": Verb(_pttl, 1, 1, False),
    b"TYPE": Verb(_type, 1, 1, False),
    b"KEYS": Verb(_keys, 1, 1, False),
    b"SCAN": Verb(_scan, 1, None, False),
    b"DBSIZE": Verb(_dbsize, 0, 0, False),
    b"FLUSHDB": Verb(_flush, 0, 1, True),
    b"FLUSHALL": Verb(_flush, 0, 1, True),
    b"SCRIPTED": Verb(_scripted, 3, 5, True),
    b"FENCE": Verb(_fence, 1, 2, False),
    b"VERSIONS": Verb(_versions, 1, None, False),
    b"EXEC": Verb(_exec, 2, 2, True),
}

READS = frozenset(name for name, verb in COMMANDS.items() if not verb.writes)
WRITES = frozenset(name for name, verb in COMMANDS.items() if verb.writes)


def check(command: Command) -> str | None:
    """What is wrong with a client's command, before it is sent anywhere."""
    verb = COMMANDS.get(command[0])
    if verb is None:
        return f"ERR unknown command '{command[0].decode('utf-8', 'replace')}'"
    if not verb.accepts(len(command) - 1):
        return f"ERR wrong number of arguments for '{command[0].decode('utf-8', 'replace').lower()}' command"
    return None


def valid_command(command: Any) -> bool:
    """Whether a command is well formed: a known name and the right number of byte strings."""
    if type(command) is not tuple or not command:
        return False
    verb = COMMANDS.get(command[0]) if type(command[0]) is bytes else None
    if verb is None or not verb.accepts(len(command) - 1):
        return False
    if command[0] == b"EXEC":
        return valid_transaction(command)
    return all(type(argument) is bytes for argument in command)


def valid_transaction(command: Command) -> bool:
    """Whether EXEC carries watched (key, version) pairs and commands that are no transactions themselves."""
    _, watched, commands = command
    if type(watched) is not tuple or type(commands) is not tuple:
        return False
    pairs = all(type(pair) is tuple and tuple(map(type, pair)) == (bytes, int) for pair in watched)
    return pairs and all(valid_command(inner) and inner[0] != b"EXEC" for inner in commands)
