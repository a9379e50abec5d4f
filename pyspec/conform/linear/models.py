"""Sequential models: what operations do when they happen one at a time. A model is a small class; write your own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from pyspec.conform.linear.history import UNKNOWN, Operation

State = Hashable


class Model(Protocol):
    """`step` gives the states after an operation whose result is as observed (any, if it is UNKNOWN); none if it is
    impossible. States are hashable."""

    name: str

    def initial(self) -> State:
        """The state before any operation."""

    def key(self, operation: Operation) -> Hashable:
        """Operations on different keys do not meet; None: it touches everything."""

    def step(self, state: Any, operation: Operation) -> Iterable[State]:
        """The states after it."""

    def knows(self, f: str) -> bool:
        """Whether there is such an operation."""


def seen(result: Any, value: Any) -> bool:
    """Whether a result is what was observed; numerals and numbers are the same, as many clients return text."""
    if result is UNKNOWN or result == value:
        return True
    return result is not None and value is not None and not isinstance(value, bool) and str(result) == str(value)


def maybe(op: Operation) -> bool:
    """Whether nothing is known of the outcome. (What returned without a result has succeeded.)"""
    return op.result is UNKNOWN and op.outcome != "ok"


def done(op: Operation) -> bool:
    """Whether a result says no more than that it succeeded, or nothing."""
    return op.result is UNKNOWN or op.result is True or op.result in (None, "OK", "ok") or op.result == op.value


def refused(op: Operation) -> bool:
    """Whether a result may say that nothing was done."""
    return maybe(op) or op.result in (False, None, 0)


def freeze(value: Any) -> Hashable:
    """A JSON value that can be a part of a state."""
    if isinstance(value, list):
        return tuple(map(freeze, value))
    return tuple(sorted((k, freeze(v)) for k, v in value.items())) if isinstance(value, dict) else value


ARGUMENTS: Final = ("value", "old", "new", "owner")
"""The arguments that rules look at."""

Rule = Callable[[Any, Operation], Iterable[State]]


class Table:
    """A model whose operations stand in a table."""

    name = ""
    start: State = None
    rules: Mapping[str, Rule] = {}

    def initial(self) -> State:
        """The state before any operation."""
        return self.start

    def key(self, operation: Operation) -> Hashable:
        """The key of the operation."""
        found = freeze(operation.key)
        return "" if found is None else found

    def knows(self, f: str) -> bool:
        """Whether there is such an operation."""
        return f in self.rules

    def step(self, state: Any, operation: Operation) -> Iterable[State]:
        """The states after an operation."""
        return self.rules[operation.f](state, operation)

    def alike(self, operation: Operation) -> tuple[Hashable, ...]:
        """The same for operations on one key that do the same to any state."""
        return operation.f, *(freeze(operation.args.get(name)) for name in ARGUMENTS)

    def looks(self, operation: Operation) -> bool:
        """Whether an operation, by what it returned, changes nothing, whenever it happens."""
        rule = self.rules[operation.f]
        return rule in LOOKING or (rule in REFUSING and operation.result in (False, None, 0))

    def growth(self, operations: list[Operation]) -> Growth | None:
        """Where one key is only read and counted up, or only read and appended to: how far it may have grown when each
        operation happens."""
        rules = {self.rules[one.f] for one in operations}
        known = [one for one in operations if one.outcome == "ok" and not isinstance(one.result, bool)]
        if rules <= {_read, _append}:
            read = [one for one in known if self.rules[one.f] is _read and isinstance(one.result, str | None)]
            return Growth({one.id: one.result or "" for one in read}, _not_begun, len)
        if not rules <= {_read, _incr, _incr_by} or any(_by(one) < 0 for one in operations):
            return None
        told = [(one, _number(one.result)) for one in known]
        return Growth({one.id: number - _by(one) for one, number in told if number is not None}, _above, int)

    def needed(self, operations: list[Operation]) -> list[Operation]:
        """The operations on one key without writes of unknown outcome whose value nobody has seen: where all else are
        reads, writes and comparisons that held, they may as well not have happened. Where some comparison did not hold
        one of them may be why; they are all alike then."""
        rules = [self.rules[operation.f] for operation in operations]
        if any(rule not in (_read, _write, _cas) for rule in rules):
            return operations
        pairs = list(zip(operations, rules, strict=True))
        looked = [freeze(one.result) for one, rule in pairs if rule is _read and one.outcome == "ok"]
        looked += [_pair(one)[0] for one, rule in pairs if rule is _cas]
        if UNKNOWN in looked:
            return operations
        there = {*looked, *map(str, looked)}
        unseen = {
            one.id
            for one, rule in pairs
            if rule is _write and one.outcome != "ok" and not {freeze(one.value), str(freeze(one.value))} & there
        }
        if any(rule is _cas and one.outcome == "ok" and refused(one) for one, rule in pairs):
            return [replace(one, args={**one.args, "value": UNSEEN}) if one.id in unseen else one for one in operations]
        return [one for one in operations if one.id not in unseen]


@dataclass(frozen=True)
class Growth:
    """A state that only grows. By the id of an operation: the limits that it must not have passed when that happens;
    whether a state has passed one; which of two comes first."""

    limits: Mapping[int, Any]
    passed: Callable[[Any, Any], bool]
    size: Callable[[Any], int]


def _above(state: Any, limit: int) -> bool:
    return int(state or 0) > limit


def _not_begun(state: Any, limit: str) -> bool:
    return not limit.startswith(state or "")


UNSEEN: Final = "a value that nobody has seen"


def _when(condition: bool, state: State) -> tuple[State, ...]:
    return (state,) if condition else ()


def _read(state: Any, op: Operation) -> Iterable[State]:
    return _when(seen(op.result, state), state)


def _write(state: Any, op: Operation) -> Iterable[State]:
    return _when(done(op), freeze(op.value))


def _pair(op: Operation) -> tuple[Hashable, Hashable]:
    """What a comparison asks for, and what it writes."""
    pair = op.value if isinstance(op.value, list) and len(op.value) == 2 else [op.args.get("old"), op.args.get("new")]
    return freeze(pair[0]), freeze(pair[1])


def _cas(state: Any, op: Operation) -> Iterable[State]:
    old, new = _pair(op)
    if seen(old, state):
        return _when(not (op.result is False or op.result in (None, 0)), new)
    return _when(refused(op), state)


class Register(Table):
    """One value (for each key): read, write, cas (value [old, new])."""

    name = "register"
    rules = {"read": _read, "write": _write, "cas": _cas, "get": _read, "set": _write, "put": _write}


def _number(state: Any) -> int | None:
    try:
        return int(state) if state is not None else 0
    except (TypeError, ValueError):
        return None


def _add(by: int | None, sign: int = 1) -> Rule:
    def step(state: Any, op: Operation) -> Iterable[State]:
        more = by if by is not None else _number(op.value)
        old = _number(state)
        if old is None or more is None:
            return (state,)
        new = old + sign * more
        return _when(op.result is True or seen(op.result, new), new)

    return step


def _delete(state: Any, op: Operation) -> Iterable[State]:
    return _when(op.result in (True, None, "OK") or seen(op.result, int(state is not None)), None)


def _set_if_absent(state: Any, op: Operation) -> Iterable[State]:
    if state is None:
        return _when(not (op.result is False or op.result in (None, 0)), freeze(op.value))
    return _when(refused(op), state)


def _append(state: Any, op: Operation) -> Iterable[State]:
    new = f"{'' if state is None else state}{op.value}"
    return _when(done(op) or seen(op.result, len(new)) or op.result == new, new)


def _exists(state: Any, op: Operation) -> Iterable[State]:
    return _when(op.result is UNKNOWN or op.result == int(state is not None), state)


def _get_set(state: Any, op: Operation) -> Iterable[State]:
    return _when(seen(op.result, state), freeze(op.value))


_incr, _incr_by = _add(1), _add(None)


def _by(op: Operation) -> int:
    """How much more there is after an operation that reads or counts."""
    return 1 if op.f == "incr" else 0 if op.f in ("get", "read") else _number(op.value) or 0


class KeyValue(Table):
    """Keys with texts or counters, by the names of Redis: get, set, del, incr, decr, incrby, decrby, append, setnx,
    exists, getset, cas. A key that is absent reads as null."""

    name = "kv"
    rules = {
        **Register.rules, "del": _delete, "delete": _delete, "incr": _incr, "decr": _add(1, -1),
        "incrby": _incr_by, "decrby": _add(None, -1), "add": _incr_by, "append": _append, "setnx": _set_if_absent,
        "exists": _exists, "getset": _get_set,
    }  # fmt: skip


class Counter(Table):
    """A number: incr, decr, add, read."""

    name = "counter"
    start = 0
    rules = {"incr": _incr, "decr": _add(1, -1), "add": _incr_by, "read": _read, "get": _read}


def _owner(op: Operation) -> Hashable:
    return freeze(op.args.get("owner", op.process))


def _acquire(state: Any, op: Operation) -> Iterable[State]:
    holder, last = state
    if op.result is False or op.result is None:
        return _when(holder is not None, state)
    if holder is not None:
        return _when(maybe(op), state)
    return _granted(last, op)


def _granted(last: int, op: Operation) -> Iterable[State]:
    """A free lock is taken; its token, if there is one, is larger than all before."""
    if op.result is UNKNOWN or op.result is True or isinstance(op.result, str):
        return ((_owner(op), last),)
    return _when(op.result > last, (_owner(op), op.result))


def _release(state: Any, op: Operation) -> Iterable[State]:
    holder, last = state
    if holder == _owner(op):
        return _when(op.result not in (False, 0), (None, last))
    return _when(refused(op), state)


def _lease(state: Any, op: Operation) -> Iterable[State]:
    """As acquire, but whoever held the lock may have lost it meanwhile."""
    holder, last = state
    if op.result is False or op.result is None:
        return _when(holder is not None, state)
    return (*_granted(last, op), *_when(maybe(op), state))


class Lock(Table):
    """A lock (for each key): acquire -> token, true or false; release -> true or false. Tokens grow. The owner is the
    process, or the field `owner`."""

    name = "lock"
    start = (None, -1)
    rules = {"acquire": _acquire, "lock": _acquire, "release": _release, "unlock": _release}

    def alike(self, operation: Operation) -> tuple[Hashable, ...]:
        """Who owns a lock is a part of what is done."""
        return *super().alike(operation), _owner(operation)


class Lease(Lock):
    """A lock that its holder may lose at any time: what is left is that tokens grow."""

    name = "lease"
    rules = {**Lock.rules, "acquire": _lease, "lock": _lease}


def _insert(state: Any, op: Operation) -> Iterable[State]:
    new = state | {freeze(op.value)}
    return _when(done(op) or op.result == len(new) - len(state), new)


def _remove(state: Any, op: Operation) -> Iterable[State]:
    new = state - {freeze(op.value)}
    return _when(done(op) or op.result == len(state) - len(new), new)


def _contains(state: Any, op: Operation) -> Iterable[State]:
    return _when(op.result is UNKNOWN or op.result == (freeze(op.value) in state), state)


def _members(state: Any, op: Operation) -> Iterable[State]:
    return _when(op.result is UNKNOWN or frozenset(map(freeze, op.result or ())) == state, state)


class Set(Table):
    """A set (for each key): add, remove, contains, members; or by the names of Redis: sadd, srem, sismember,
    smembers."""

    name = "set"
    start: State = frozenset()
    rules = {
        "add": _insert, "remove": _remove, "contains": _contains, "members": _members, "read": _members,
        "sadd": _insert, "srem": _remove, "sismember": _contains, "smembers": _members,
    }  # fmt: skip


def _enqueue(state: Any, op: Operation) -> Iterable[State]:
    return ((*state, freeze(op.value)),)


def _dequeue(state: Any, op: Operation) -> Iterable[State]:
    if not state:
        return _when(op.result in (UNKNOWN, None), state)
    return _when(seen(op.result, state[0]), state[1:])


class Queue(Table):
    """First in, first out: enqueue, dequeue (null: it is empty)."""

    name = "queue"
    start = ()
    rules = {"enqueue": _enqueue, "dequeue": _dequeue, "push": _enqueue, "pop": _dequeue}


LOOKING: Final = (_read, _exists, _contains, _members)
REFUSING: Final = (_cas, _set_if_absent, _acquire, _release)

MODELS: Final[Mapping[str, type[Table]]] = {
    model.name: model for model in (Register, KeyValue, Counter, Lock, Lease, Set, Queue)
}
