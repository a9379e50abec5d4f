"""The replicated state machine: a keyspace, and sessions through which a batch takes effect exactly once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from immutables import Map

from impl.raft.messages import Entry, Kind
from impl.runtime import keyspace
from impl.runtime.commands import execute, valid_command
from impl.runtime.effects import Command, Failure, Result, Status
from impl.runtime.keyspace import Keyspace
from impl.runtime.packing import Unreadable, extension, pack, unpack

Results = tuple[Result, ...]
NONE: Map[int, Any] = Map()
NO_KEYS = Keyspace()


@dataclass(frozen=True, slots=True)
class Session:
    """One client of the log: its last batch, the answers it may still ask for, and when it was last heard."""

    owner: str
    nonce: int
    last: int = 0
    answers: Map[int, Results] = NONE
    used: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """Keys and sessions after some prefix of the log."""

    keys: Keyspace = NO_KEYS
    sessions: Map[int, Session] = NONE


@dataclass(frozen=True, slots=True)
class Outcome:
    """What applying an entry means to the session's owner.

    `results` is None where the session is unknown; `early` says that the batch came before its predecessor and had no
    effect, so that it must be sent again.
    """

    session: int
    seq: int
    results: Results | None
    early: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """The data of a BATCH entry. `acked`: answers up to this number need not be kept. Session 0 is no session."""

    session: int
    seq: int
    acked: int
    commands: tuple[Command, ...]


def encode_batch(batch: Batch) -> bytes:
    """The bytes of a BATCH entry."""
    return pack((batch.session, batch.seq, batch.acked, batch.commands))


def decode_batch(data: bytes) -> Batch:
    """The batch in the data of an entry that passed `valid`."""
    return Batch(*unpack(data))


def encode_open(owner: str, nonce: int) -> bytes:
    """The bytes of an OPEN entry."""
    return pack((owner, nonce))


def valid(kind: int, data: bytes) -> bool:
    """Whether forwarded data is what `apply` can execute; checked before it may enter the log."""
    try:
        value = unpack(data)
    except Unreadable:
        return False
    if type(value) is not tuple:
        return False
    if kind == Kind.OPEN:
        return tuple(map(type, value)) == (str, int)
    return (
        kind == Kind.BATCH and tuple(map(type, value)) == (int, int, int, tuple) and all(map(valid_command, value[3]))
    )


def apply(machine: Machine, entry: Entry, most_sessions: int) -> tuple[Machine, Outcome | None]:
    """The machine after a committed entry, and what its owner should learn."""
    if entry.kind == Kind.BATCH:
        return _apply_batch(machine, entry)
    if entry.kind == Kind.OPEN:
        return _apply_open(machine, entry, most_sessions), None
    return replace(machine, keys=machine.keys.at(entry.time)), None


def _apply_open(machine: Machine, entry: Entry, most_sessions: int) -> Machine:
    owner, nonce = unpack(entry.data)
    sessions = machine.sessions
    if len(sessions) >= most_sessions:
        oldest = min(sessions, key=lambda number: (sessions[number].used, number))
        sessions = sessions.delete(oldest)
    return replace(machine, sessions=sessions.set(entry.index, Session(owner, nonce, used=entry.time)))


def _apply_batch(machine: Machine, entry: Entry) -> tuple[Machine, Outcome | None]:
    batch = decode_batch(entry.data)
    if batch.session == 0:
        keys, results = execute(machine.keys, batch.commands, entry.time)
        return replace(machine, keys=keys), Outcome(0, entry.index, results)
    session = machine.sessions.get(batch.session)
    if session is None:
        return machine, Outcome(batch.session, batch.seq, None)
    if batch.seq != session.last + 1:
        early = batch.seq > session.last
        return machine, Outcome(batch.session, batch.seq, None, True) if early else None
    keys, results = execute(machine.keys, batch.commands, entry.time)
    answers = forget(session.answers, batch.acked).set(batch.seq, results)
    session = replace(session, last=batch.seq, answers=answers, used=entry.time)
    sessions = machine.sessions.set(batch.session, session)
    return Machine(keys, sessions), Outcome(batch.session, batch.seq, results)


def forget(answers: Map[int, Results], acked: int) -> Map[int, Results]:
    """Answers without those that their owner has received."""
    old = [seq for seq in answers if seq <= acked]
    if not old:
        return answers
    for seq in old:
        answers = answers.delete(seq)
    return answers


def read(machine: Machine, commands: Iterable[Command]) -> Results:
    """The answers to commands that change nothing."""
    return execute(machine.keys, commands, machine.keys.now)[1]


STATUS, FAILURE = 1, 2


def _pack_result(value: Any) -> Any:
    if isinstance(value, Status | Failure):
        return extension(STATUS if isinstance(value, Status) else FAILURE, value.text.encode())
    raise TypeError(f"{value!r} is no result")


def _unpack_result(code: int, data: bytes) -> Result:
    return Status(data.decode()) if code == STATUS else Failure(data.decode())


def dump(machine: Machine) -> bytes:
    """The machine as bytes; equal machines give equal bytes."""
    rows = []
    for number in sorted(machine.sessions):
        session = machine.sessions[number]
        answers = tuple((seq, session.answers[seq]) for seq in sorted(session.answers))
        rows.append((number, session.owner, session.nonce, session.last, answers, session.used))
    return pack((machine.keys.dump(), tuple(rows)), _pack_result)


def load(data: bytes) -> Machine:
    """The machine that `dump` described."""
    keys, rows = unpack(data, _unpack_result)
    sessions = {row[0]: Session(row[1], row[2], row[3], Map(row[4]), row[5]) for row in rows}
    return Machine(keyspace.load(keys), Map(sessions))
