"""Logs of a Raft that was not written from the specification, in the shape of etcd-io/raft's trace events.

Some fields of the state, counts instead of entries, the state as it was before or after the line, batches, pre-votes,
empty entries at the begin of a term, leaders that retire.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from impl.raft import PROTOCOL
from impl.raft import messages as m
from impl.runtime.effects import Effect, Event, Receive, Send
from impl.runtime.schedule import Heal, Order, Partition, Schedule, Weather
from impl.runtime.simulator import Simulation

NODES = ("1", "2", "3")
ROLES = {"leader": "StateLeader", "candidate": "StateCandidate", "precandidate": "StatePreCandidate"}
Record = dict[str, Any]
KINDS = {
    m.RequestVote: ("RequestVoteRequest", "MsgVote"),
    m.VoteReply: ("RequestVoteResponse", "MsgVoteResp"),
    m.Append: ("AppendEntriesRequest", "MsgApp"),
    m.AppendReply: ("AppendEntriesResponse", "MsgAppResp"),
}


def etcd_log(seed: int, seconds: float = 8.0) -> list[Record]:
    """The events of all nodes in the order in which they happened."""
    log = _Log()
    simulation = Simulation(PROTOCOL, NODES, seed, schedule(seed, seconds), {"compact_entries": 1 << 30})
    simulation.watchers.append(log.watch)
    for number in range(2):
        simulation.add_client(number, 60.0, seconds)
    simulation.run(seconds)
    return [{"level": "debug", "tag": "trace", "event": event} for event in log.events]


def schedule(seed: int, seconds: float) -> Schedule:
    """Partitions, loss, and elections by order; nobody crashes."""
    dice = Random(seed)
    events: list[tuple[float, Any]] = [(0.0, Weather(0.03, 0.03, 0.2, 12.0, 0.02))]
    now = 1.5
    while now < seconds:
        node = dice.choice(NODES)
        rest = tuple(other for other in NODES if other != node)
        events.append((now, Partition(((node,), rest))))
        events.append((now + dice.uniform(0.3, 1.2), Heal()))
        events.append((now + 1.3, Order(dice.choice(NODES), dice.choice(["campaign", "resign"]))))
        now += dice.uniform(1.5, 2.5)
    return tuple(sorted(events, key=lambda pair: pair[0]))


class _Log:
    def __init__(self) -> None:
        self.events: list[Record] = []
        self._last: dict[str, Any] = {}

    def watch(self, node: str, event: Event | None, effects: tuple[Effect, ...], state: Any) -> None:
        """One step of a node as the lines that it would write."""
        before = self._last.get(node)
        self._last[node] = state
        if before is None:
            self._line("InitState", node, state)
            return
        if isinstance(event, Receive) and type(event.message) in KINDS and event.sender != node:
            self._message("Receive", node, before, event.sender, node, event.message)
        for name in _changes(before, state):
            self._line(name, node, state, before if name in ("BecomeLeader", "Replicate", "Commit") else None)
        for effect in effects:
            if isinstance(effect, Send) and type(effect.message) in KINDS and effect.to != node:
                self._message("Send", node, state, node, effect.to, effect.message)

    def _line(self, name: str, node: str, state: Any, before: Any = None, message: Record | None = None) -> None:
        log = before.log.last if before is not None and name != "Commit" else state.log.last
        commit = before.commit if before is not None and name != "Commit" else state.commit
        shown = {"term": state.term, "vote": state.vote or "0", "commit": commit}
        role = ROLES.get(state.role, "StateFollower")
        record: Record = {"name": name, "nid": node, "state": shown, "role": role, "log": log}
        self.events.append(record | ({} if message is None else {"msg": message}))

    def _message(self, verb: str, node: str, state: Any, source: str, target: str, message: Any) -> None:
        kind, word = KINDS[type(message)]
        if getattr(message, "pre", False):
            word = word.replace("MsgVote", "MsgPreVote")
        fields = {"type": word, "term": message.term, "from": source, "to": target}
        self._line(f"{verb}{kind}", node, state, message=fields | _fields(message))


def _changes(before: Any, after: Any) -> Iterator[str]:
    if after.term > before.term and after.vote == after.me:
        yield "BecomeCandidate"
    if after.role == "leader" and before.role != "leader":
        yield "BecomeLeader"
    elif after.role == "follower" and (before.role != "follower" or after.term > before.term):
        yield "BecomeFollower"
    if after.role == "leader":
        yield from ["Replicate"] * (after.log.last - before.log.last)
    if after.commit > before.commit and after.role == "leader":
        yield "Commit"


def _fields(message: Any) -> Record:
    if isinstance(message, m.RequestVote):
        return {"index": message.last_index, "logTerm": message.last_term}
    if isinstance(message, m.VoteReply):
        return {"reject": not message.granted}
    if isinstance(message, m.Append):
        return {"index": message.prev_index, "logTerm": message.prev_term, "entries": len(message.entries),
                "commit": message.commit}  # fmt: skip
    return {"index": message.index, "reject": not message.ok, "rejectHint": message.hint_index}


def like_etcd(records: list[Record]) -> list[Record]:
    """The same run as etcd would log it: what a node sends to itself, commits for acknowledgements, and heartbeats."""
    return _with_heartbeats(_with_committed(_with_own(records)))


def _with_own(records: list[Record]) -> list[Record]:
    """A candidate sends its vote to itself, a leader what it has stored."""
    made: list[Record] = []
    for record in records:
        event = record["event"]
        node, term = event["nid"], event["state"]["term"]
        message = {"term": term, "from": node, "to": node, "reject": False, "index": 0, "rejectHint": 0}
        if event["name"] == "BecomeCandidate":
            own = [(f"{verb}RequestVoteResponse", {"type": "MsgVoteResp"}) for verb in ("Send", "Receive")]
            made.append(record)
        elif event["name"] == "SendAppendEntriesRequest":
            fields = {"type": "MsgAppResp", "index": event["log"]}
            own = [(f"{verb}AppendEntriesResponse", fields) for verb in ("Send", "Receive")]
        else:
            own = []
        made += [record | {"event": event | {"name": name, "msg": message | fields}} for name, fields in own]
        if event["name"] != "BecomeCandidate":
            made.append(record)
    return made


def _with_committed(records: list[Record]) -> list[Record]:
    """What lies before a node's commit is answered with its commit."""
    stale: dict[str, int] = {}  # by node: its commit when the message that it answers next came
    answers: dict[str, Record] = {}
    made = []
    for record in records:
        event = record["event"]
        node, message = event["nid"], event.get("msg", {})
        if event["name"] == "ReceiveAppendEntriesRequest":
            commit = event["state"]["commit"]
            if event["state"]["term"] <= message["term"] and message["index"] + message["entries"] < commit:
                stale[node] = commit
        elif event["name"] == "SendAppendEntriesResponse" and message["to"] != node:
            if node in stale and not message["reject"]:
                answers[repr(message)] = message | {"index": stale[node]}
                record = record | {"event": event | {"msg": answers[repr(message)]}}
            stale.pop(node, None)
        elif event["name"] == "ReceiveAppendEntriesResponse" and repr(message) in answers:
            record = record | {"event": event | {"msg": answers[repr(message)]}}
        made.append(record)
    return made


def _with_heartbeats(records: list[Record]) -> list[Record]:
    """An Append without entries, after all that is committed and known to be stored, is a heartbeat."""
    match: dict[tuple[str, int, str], int] = {}
    beats: dict[str, Record] = {}
    beaten: dict[str, int] = {}
    answers: dict[str, Record] = {}
    made = []
    for record in records:
        event = record["event"]
        node, message = event["nid"], event.get("msg", {})
        kind, text = message.get("type"), repr(message)
        other: Record | None = None
        if event["name"] == "SendAppendEntriesRequest":
            known = match.get((node, message["term"], message["to"]), 0)
            if message["entries"] == 0 and message["commit"] == message["index"] <= known:
                beats[text] = message | {"type": "MsgHeartbeat", "index": 0, "logTerm": 0}
                other = beats[text]
        elif event["name"] == "ReceiveAppendEntriesRequest" and text in beats:
            other = beats[text]
            if event["state"]["term"] <= message["term"]:
                beaten[node] = message["index"]
        elif event["name"] == "SendAppendEntriesResponse" and message["to"] != node:
            if beaten.pop(node, None) == message["index"] and not message["reject"]:
                other = answers[text] = message | {"type": "MsgHeartbeatResp", "index": 0}
        elif event["name"] == "ReceiveAppendEntriesResponse" and kind == "MsgAppResp" and not message["reject"]:
            place = (node, message["term"], message["from"])
            if text in answers and match.get(place, 0) >= message["index"]:
                other = answers[text]
            elif event["role"] == "StateLeader" and event["state"]["term"] == message["term"]:
                match[place] = max(match.get(place, 0), message["index"])
        made.append(record if other is None else record | {"event": event | {"msg": other}})
    return made
