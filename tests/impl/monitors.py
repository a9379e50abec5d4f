"""What must hold while a cluster runs: watchers for a simulation that raise at the step that breaks a promise."""

from typing import Any

from impl.crdt_set.commands import members
from impl.redis_lock.messages import Change
from impl.runtime.effects import Effect, Event, Persist
from impl.runtime.packing import unpack
from impl.runtime.simulator import Operation


class Broken(AssertionError):
    """A promise of the protocol was broken."""


class RaftMonitor:
    """The properties of figure 3 of the Raft paper, over every step of every node and every life."""

    def __init__(self) -> None:
        self.leaders: dict[int, str] = {}
        self.committed: dict[int, tuple[int, bytes]] = {}
        self.since: dict[int, int] = {}
        self.last: dict[str, tuple[int, int]] = {}

    def __call__(self, node: str, event: Event | None, effects: tuple[Effect, ...], state: Any) -> None:
        """Look at one step."""
        if event is None:
            self.last[node] = (0, 0)
        self.progress(node, state)
        self.election_safety(node, state)
        self.state_machine_safety(node, state)

    def progress(self, node: str, state: Any) -> None:
        """Term and commit index never go back within a life."""
        term, commit = self.last.get(node, (0, 0))
        if state.term < term or state.commit < commit:
            raise Broken(f"{node} went from term {term}, commit {commit} to {state.term}, {state.commit}")
        self.last[node] = (state.term, state.commit)

    def election_safety(self, node: str, state: Any) -> None:
        """At most one leader in a term, and it has every committed entry."""
        if state.role != "leader":
            return
        if self.leaders.get(state.term) != node:
            if state.term in self.leaders:
                raise Broken(f"two leaders in term {state.term}: {self.leaders[state.term]} and {node}")
            self.leaders[state.term] = node
            self.leader_completeness(node, state)

    def leader_completeness(self, node: str, state: Any) -> None:
        """What is committed in a term is in the log of the leader of every later term."""
        for index, (term, _) in self.committed.items():
            if (
                self.since[index] < state.term
                and index > state.log.base
                and index > state.snapshot.index
                and state.log.term_at(index) != term
            ):
                raise Broken(f"leader {node} of term {state.term} lacks the committed entry {index} of term {term}")

    def state_machine_safety(self, node: str, state: Any) -> None:
        """No two nodes apply different entries at one index."""
        log = state.log
        index = state.commit
        while index > log.base:
            entry = log.entry(index)
            known = self.committed.get(index)
            if known is None:
                self.committed[index] = (entry.term, entry.data)
                self.since[index] = state.term
            elif known != (entry.term, entry.data):
                raise Broken(f"{node} committed {entry} where another committed an entry of term {known[0]}")
            else:
                break
            index -= 1


def check_counter(history: list[Operation], key: bytes = b"counter") -> None:
    """INCR and GET of one counter are linearizable: values respect real time, and no increment shows twice."""
    incremented: set[int] = set()
    observed: list[tuple[int, int, int, bool]] = []
    invoked = 0
    for operation in history:
        if operation.command[:2] == (b"INCR", key):
            invoked += 1
            if operation.returned is not None and isinstance(operation.result, int):
                if operation.result in incremented:
                    raise Broken(f"two increments returned {operation.result}")
                incremented.add(operation.result)
                observed.append((operation.invoked, operation.returned, operation.result, True))
        elif operation.command == (b"GET", key) and isinstance(operation.result, bytes) and operation.returned:
            observed.append((operation.invoked, operation.returned, int(operation.result), False))
    if incremented and max(incremented) > invoked:
        raise Broken(f"{invoked} increments were asked for, but one returned {max(incremented)}")
    check_real_time(observed)


def check_real_time(observed: list[tuple[int, int, int, bool]]) -> None:
    """A later call never sees an older counter."""
    finished = sorted(observed, key=lambda call: call[1])
    best, position = 0, 0
    for start, _, value, increments in sorted(observed):
        while position < len(finished) and finished[position][1] < start:
            best = max(best, finished[position][2])
            position += 1
        if value < best or (increments and value == best):
            raise Broken(f"a call that began at {start} saw {value} after {best} had been returned")


class LockMonitor:
    """One leader an epoch, replicas equal at equal positions, and each change as a dumb model would do it."""

    def __init__(self) -> None:
        self.leaders: dict[int, str] = {}
        self.data: dict[Any, Any] = {}
        self.before: dict[str, Any] = {}

    def __call__(self, node: str, event: Event | None, effects: tuple[Effect, ...], state: Any) -> None:
        """Look at one step."""
        if state.role == "leader" and self.leaders.setdefault(state.promise.epoch, node) != node:
            raise Broken(f"{node} and {self.leaders[state.promise.epoch]} lead epoch {state.promise.epoch}")
        changes = [record for effect in effects if isinstance(effect, Persist) for record in effect.records]
        changes = [record for record in changes if isinstance(record, Change)]
        if changes and event is not None:
            data = alive(state.keys, changes[-1].time)
            if self.data.setdefault(state.at, data) != data:
                raise Broken(f"{node} has other data at {state.at} than another node had there")
        if len(changes) == 1 and state.role == "leader" and node in self.before:
            self.compare(self.before[node].keys, changes[0], state.keys)
        self.before[node] = state

    def compare(self, before: Any, change: Change, after: Any) -> None:
        """The locks after a change, by the rules a user of Redis knows."""
        now = max(before.now, change.time)
        model = {key: item[:2] for key, item in before.items.items() if item.deadline is None or item.deadline > now}
        for command in unpack(change.data):
            oracle(model, command, now)
        found = {key: item[:2] for key, item in after.items.items() if item.deadline is None or item.deadline > now}
        if model != found:
            raise Broken(f"{unpack(change.data)} at {now} made {found} of {before.items}, not {model}")


def alive(keys: Any, now: int) -> tuple[Any, ...]:
    """The locks that have not expired at a moment; when the others are swept away is each replica's own affair."""
    return tuple(sorted(row for row in keys.items.items() if row[1].deadline is None or row[1].deadline > now))


def oracle(model: dict[bytes, Any], command: Any, now: int) -> None:
    """Locks as a dictionary of owner and deadline."""
    if command[0] == b"SET" and command[1] not in model:
        model[command[1]] = (command[2], now + int(command[5]))
    elif command[0] == b"SCRIPTED" and command[2] in model and model[command[2]][0] == command[3]:
        owner, deadline = model.pop(command[2])
        if command[1] == b"extend":
            model[command[2]] = (owner, deadline + int(command[4]))


def check_tokens(history: list[Operation]) -> None:
    """The tokens of a lock respect real time: no call sees an older one than a call that ended before it began."""
    for lock in {operation.command[1] for operation in history}:
        seen = [
            (call.invoked, call.returned, call.result, False)
            for call in history
            if call.command == (b"FENCE", lock) and call.returned is not None and isinstance(call.result, int)
        ]
        check_real_time(seen)


def check_set(state: Any, history: list[Operation]) -> None:
    """Elements that were added once and never removed are there; those whose removal found them are not."""
    present = members(state, b"all")
    adds = [call for call in history if call.command[0] == b"SADD"]
    removals = [call for call in history if call.command[0] == b"SREM"]
    touched = {call.command[2] for call in removals}
    lost = {call.command[2] for call in adds if call.returned is not None} - touched - present
    if lost:
        raise Broken(f"acknowledged additions are lost: {sorted(lost)[:5]}")
    back = {call.command[2] for call in removals if call.result == 1} & present
    if back:
        raise Broken(f"acknowledged removals have come back: {sorted(back)[:5]}")
