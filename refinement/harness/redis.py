"""A dumb model of the Redis commands: a dictionary of values and deadlines, time as an argument; and random commands.

Each command is written here a second time, so that what the cores execute has something to be held against.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from random import Random
from typing import Any, NamedTuple

from impl.runtime.effects import OK, Command, Failure, Status
from impl.runtime.simulator import EPOCH

LIMIT = 1 << 63


class Row(NamedTuple):
    """What a key holds. `version` and `token` are None if it was written since the model was made: they are new."""

    value: bytes
    deadline: int | None
    version: int | None = None
    token: int | None = None


class Model(dict[bytes, Row]):
    """The keys. `since` counts the writes before; not `sure` any more once a command may have done this or that."""

    since = 0
    sure = True


UNSURE = object()
"""An answer that the model does not know."""
FAILED = object()
"""An error, whatever it says."""


class Wrong(Exception):
    """A command that cannot be carried out."""


def model_of(keys: Any, now: int, least: int = 0) -> Model:
    """The live keys of a keyspace at a moment; `least` is what a token is at least from then on."""
    model, least = Model(), max(least, keys.least)
    for key, item in keys.items.items():
        if item.deadline is None or item.deadline > now:
            model[key] = Row(item.value, item.deadline, item.version, max(item.born, least))
    model.since = keys.version
    return model


def plain(keys: Any, now: int) -> dict[bytes, tuple[bytes, int | None]]:
    """Values and deadlines of the live keys."""
    return {key: row[:2] for key, row in model_of(keys, now).items()}


def expire(model: Model, now: int) -> None:
    """Forget what has expired."""
    for key in [key for key, row in model.items() if row.deadline is not None and row.deadline <= now]:
        del model[key]


def execute(model: Model, command: Command, now: int) -> Any:
    """Change the model as Redis would; its answer."""
    expire(model, now)
    run = COMMANDS.get(command[0])
    if run is None:
        return UNSURE
    try:
        return run(model, command[1:], now)
    except Wrong:
        return FAILED


def unserved(result: Any) -> bool:
    """Whether an answer says that the cluster could not serve; other errors are about the command."""
    return isinstance(result, Failure) and not result.text.startswith("ERR ")


def fits(told: Any, wanted: Any) -> bool:
    """Whether an answer is the one of the model, as far as that knows it."""
    if wanted is FAILED:
        return isinstance(told, Failure)
    if type(wanted) is tuple and type(told) is tuple:
        return len(told) == len(wanted) and all(map(fits, told, wanted))
    return wanted is UNSURE or (type(told) is type(wanted) and bool(told == wanted))


def shown(wanted: Any) -> str:
    """An answer of the model for readers."""
    if type(wanted) is tuple:
        return f"({', '.join(map(shown, wanted))})"
    return "an error" if wanted is FAILED else "anything" if wanted is UNSURE else repr(wanted)


def _number(text: bytes) -> int:
    try:
        number = int(text)
    except ValueError:
        raise Wrong from None
    if b"%d" % number != text or not -LIMIT <= number < LIMIT:
        raise Wrong
    return number


def _get(model: Model, words: Command, now: int) -> Any:
    return model[words[0]].value if words[0] in model else None


def _set(model: Model, words: Command, now: int) -> Any:
    key, value, *rest = words
    old, deadline, options = model.get(key), None, set()
    rest = [word.upper() for word in rest]
    while rest:
        option = rest.pop(0)
        if option in (b"EX", b"PX", b"EXAT", b"PXAT") and rest and deadline is None:
            deadline = _later(option, _number(rest.pop(0)), now)
        elif option in (b"NX", b"XX", b"KEEPTTL", b"GET"):
            options.add(option)
        else:
            raise Wrong
    if {b"NX", b"XX"} <= options or (b"KEEPTTL" in options and deadline is not None):
        raise Wrong
    done = not (b"NX" in options and old) and not (b"XX" in options and not old)
    if done:
        model[key] = Row(value, old.deadline if b"KEEPTTL" in options and old else deadline)
    if b"GET" in options:
        return old.value if old else None
    return OK if done else None


def _later(unit: bytes, amount: int, now: int) -> int:
    """The moment at which a time to live ends."""
    milliseconds = amount * 1000 if unit in (b"EX", b"EXAT") else amount
    moment = milliseconds if unit.endswith(b"AT") else milliseconds + now
    if milliseconds <= 0 or moment >= LIMIT:
        raise Wrong
    return moment


def _setnx(model: Model, words: Command, now: int) -> Any:
    return int(model.setdefault(words[0], fresh := Row(words[1], None)) is fresh)


def _setting(unit: bytes) -> Callable[[Model, Command, int], Any]:
    return lambda model, words, now: _set(model, (words[0], words[2], unit, words[1]), now)


def _getset(model: Model, words: Command, now: int) -> Any:
    old = _get(model, words, now)
    model[words[0]] = Row(words[1], None)
    return old


def _getdel(model: Model, words: Command, now: int) -> Any:
    old = model.pop(words[0], None)
    return old.value if old else None


def _mset(model: Model, words: Command, now: int) -> Any:
    if len(words) % 2:
        raise Wrong
    for place in range(0, len(words), 2):
        model[words[place]] = Row(words[place + 1], None)
    return OK


def _del(model: Model, words: Command, now: int) -> Any:
    return sum(model.pop(key, None) is not None for key in words)


def _adding(sign: int) -> Callable[[Model, Command, int], Any]:
    def run(model: Model, words: Command, now: int) -> Any:
        value, deadline = model.get(words[0], Row(b"0", None))[:2]
        amount = _number(words[1]) if len(words) > 1 else 1
        total = _number(value) + sign * amount
        if not -LIMIT <= total < LIMIT:
            raise Wrong
        model[words[0]] = Row(b"%d" % total, deadline)
        return total

    return run


def _append(model: Model, words: Command, now: int) -> Any:
    value, deadline = model.get(words[0], Row(b"", None))[:2]
    model[words[0]] = Row(value + words[1], deadline)
    return len(value) + len(words[1])


def _expiring(factor: int, relative: bool) -> Callable[[Model, Command, int], Any]:
    def run(model: Model, words: Command, now: int) -> Any:
        moment = _number(words[1]) * factor + (now if relative else 0)
        if not -LIMIT <= moment < LIMIT:
            raise Wrong
        return _until(model, words[0], moment, now)

    return run


def _until(model: Model, key: bytes, moment: int | None, now: int) -> int:
    """Let a key live until a moment; that does not make another token."""
    row = model.pop(key, None)
    if row is not None and (moment is None or moment > now):
        model[key] = row._replace(deadline=moment, version=None)
    return int(row is not None)


def _persist(model: Model, words: Command, now: int) -> Any:
    held = words[0] in model and model[words[0]].deadline is not None
    return _until(model, words[0], None, now) if held else 0


def _left(model: Model, words: Command, now: int) -> int:
    row = model.get(words[0])
    if row is None:
        return -2
    return -1 if row.deadline is None else row.deadline - now


def _ttl(model: Model, words: Command, now: int) -> Any:
    left = _left(model, words, now)
    return left if left < 0 else (left + 500) // 1000


def _keys(model: Model, words: Command, now: int) -> Any:
    pattern = re.sub(r"\[\^", "[!", words[0].decode("latin-1"))
    return tuple(key for key in sorted(model) if fnmatchcase(key.decode("latin-1"), pattern))


def _scan(model: Model, words: Command, now: int) -> Any:
    rest = [word.upper() for word in words[1::2]]
    if len(words) % 2 == 0 or not set(rest) <= {b"MATCH", b"COUNT", b"TYPE"}:
        raise Wrong
    pattern = words[2 + 2 * rest.index(b"MATCH")] if b"MATCH" in rest else b"*"
    return (b"0", _keys(model, (pattern,), now))


def _flush(model: Model, words: Command, now: int) -> Any:
    model.clear()
    return OK


def _scripted(model: Model, words: Command, now: int) -> Any:
    body, key, owner, *rest = words
    row = model.get(key)
    if row is None or row.value != owner:
        return 0
    if body == b"release":
        del model[key]
        return 1
    if body == b"extend" and row.deadline is None:
        return 0
    begin = row.deadline if body == b"extend" and rest[1] == b"0" and row.deadline is not None else now
    return _until(model, key, begin + _number(rest[0]), now)


def _fence(model: Model, words: Command, now: int) -> Any:
    row = model.get(words[0])
    if row is None or (len(words) > 1 and row.value != words[1]):
        return None
    return UNSURE if row.token is None else row.token


def _version(model: Model, key: bytes) -> Any:
    """The version of a key; 0 if it is not there."""
    row = model.get(key)
    return 0 if row is None else UNSURE if row.version is None else row.version


def _exec(model: Model, words: Command, now: int) -> Any:
    watched, commands = words
    versions = [(_version(model, key), version) for key, version in watched]
    if any(version != known if known is not UNSURE else version <= model.since for known, version in versions):
        return None
    if any(known is UNSURE for known, _ in versions):
        model.sure = False
        return UNSURE
    return tuple(execute(model, command, now) for command in commands)


COMMANDS: dict[bytes, Callable[[Model, Command, int], Any]] = {
    b"GET": _get,
    b"MGET": lambda model, words, now: tuple(_get(model, (key,), now) for key in words),
    b"SET": _set,
    b"SETNX": _setnx,
    b"SETEX": _setting(b"EX"),
    b"PSETEX": _setting(b"PX"),
    b"GETSET": _getset,
    b"GETDEL": _getdel,
    b"MSET": _mset,
    b"DEL": _del,
    b"UNLINK": _del,
    b"EXISTS": lambda model, words, now: sum(key in model for key in words),
    b"INCR": _adding(1),
    b"DECR": _adding(-1),
    b"INCRBY": _adding(1),
    b"DECRBY": _adding(-1),
    b"APPEND": _append,
    b"STRLEN": lambda model, words, now: len(_get(model, words, now) or b""),
    b"EXPIRE": _expiring(1000, True),
    b"PEXPIRE": _expiring(1, True),
    b"EXPIREAT": _expiring(1000, False),
    b"PEXPIREAT": _expiring(1, False),
    b"PERSIST": _persist,
    b"TTL": _ttl,
    b"PTTL": _left,
    b"TYPE": lambda model, words, now: Status("string" if words[0] in model else "none"),
    b"KEYS": _keys,
    b"SCAN": _scan,
    b"DBSIZE": lambda model, words, now: len(model),
    b"FLUSHDB": _flush,
    b"FLUSHALL": _flush,
    b"SCRIPTED": _scripted,
    b"FENCE": _fence,
    b"VERSIONS": lambda model, words, now: tuple(_version(model, key) for key in words),
    b"EXEC": _exec,
}


def difference(wanted: Model, keys: Any, now: int) -> str | None:
    """Where a keyspace is not what the model says, at a moment."""
    expire(wanted, now)
    found = model_of(keys, now)
    both = {key: (found.get(key), wanted.get(key)) for key in sorted(found.keys() | wanted.keys())}
    wrong = [key for key, rows in both.items() if not _same(*rows, wanted.since, keys.least)]
    told = [f"{key!r} is {both[key][0]}, should be {both[key][1]}" for key in wrong[:3]]
    if found.since < wanted.since:
        told.append(f"{found.since} writes are counted after {wanted.since}")
    return "; ".join(told) if told and wanted.sure else None


def _same(found: Row | None, wanted: Row | None, since: int, least: int) -> bool:
    """Whether a key holds what the model says. What was written since has a version and a token above all before."""
    if found is None or wanted is None:
        return found is wanted
    version, token = found.version or 0, found.token or 0
    counted = version > since if wanted.version is None else version == wanted.version
    fenced = token > since if wanted.token is None else token == max(wanted.token, least)
    return found[:2] == wanted[:2] and counted and fenced


SOME_KEYS = (b"k0", b"k1")


def random_command(random: Random, keys: tuple[bytes, ...] = SOME_KEYS) -> Command:
    """Any command, on few keys, which hold numbers and words, many for some seconds only. Nothing is flushed."""
    key, other = random.choice(keys), random.choice(keys)
    value = b"%d" % random.randrange(-2, 6) if random.random() < 0.75 else b"w%d" % random.randrange(3)
    amount = b"%d" % random.randrange(1, 5)
    short = b"%d" % random.choice((random.randrange(1, 1500), random.randrange(2000, 9000)))
    moment = EPOCH + random.randrange(20_000)
    flags: tuple[Command, ...] = ((b"NX",), (b"XX",), (b"KEEPTTL",), (b"GET",), (b"XX", b"GET"), (b"NX", b"XX"))
    times: tuple[Command, ...] = ((b"EX", b"1"), (b"PXAT", b"%d" % moment), (b"EXAT", b"3"), (b"PX", b"0"))
    writes: tuple[Command, ...] = (
        (b"SET", key, value),
        (b"SET", key, value, b"PX", short),
        (b"SET", key, value, b"NX", b"PX", short),
        (b"SET", key, value, b"PX", short, *random.choice(flags)),
        (b"SET", key, value, *random.choice(flags)),
        (b"SET", key, value, *random.choice(times)),
        (b"SETNX", key, value),
        (b"SETEX", key, b"1", value),
        (b"PSETEX", key, short, value),
        (b"GETSET", key, value),
        (b"GETDEL", key),
        (b"MSET", key, value, other, amount),
        (b"DEL", key, other),
        (b"UNLINK", key),
        (b"INCR", key),
        (b"DECR", key),
        (b"INCRBY", key, amount),
        (b"DECRBY", key, random.choice((amount, b"x"))),
        (b"APPEND", key, value),
        (b"PEXPIRE", key, short),
        (b"EXPIRE", key, random.choice((b"1", b"-1"))),
        (b"PEXPIREAT", key, b"%d" % moment),
        (b"EXPIREAT", key, b"%d" % (moment // 1000)),
        (b"PERSIST", key),
        (b"SCRIPTED", b"release", key, value),
        (b"SCRIPTED", b"extend", key, value, short, random.choice((b"0", b"1"))),
        (b"SCRIPTED", b"renew", key, value, short),
    )
    reads: tuple[Command, ...] = (
        (b"GET", key),
        (b"MGET", key, other),
        (b"EXISTS", key, other),
        (b"STRLEN", key),
        (b"TTL", key),
        (b"PTTL", key),
        (b"TYPE", key),
        (b"KEYS", random.choice((b"k*", b"k?", b"k[01]", b"k[^0]"))),
        (b"SCAN", b"0", b"MATCH", b"k*"),
        (b"DBSIZE",),
        (b"FENCE", key),
        (b"FENCE", key, value),
        (b"VERSIONS", key, other),
    )
    if random.random() < 0.1:
        watched = tuple((one, random.choice((0, random.randrange(40)))) for one in (key, other)[: random.randrange(3)])
        return (b"EXEC", watched, (*random.sample(writes, 2), random.choice(reads)))
    return random.choice(writes if random.random() < 0.7 else reads)
