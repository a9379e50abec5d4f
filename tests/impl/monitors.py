"""What must hold while a cluster runs: watchers for a simulation that raise at the step that breaks a promise."""

from typing import Any

from impl.runtime.effects import Effect, Event
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
