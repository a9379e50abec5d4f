"""Logs of a Raft with the rules of etcd's library, in the shape of its trace events.

Lines in the midst of a step, pre-votes (which no line shows), CheckQuorum, snapshots, crashes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

NODES = ("1", "2", "3")
Record = dict[str, Any]


@dataclass
class Disk:
    """What survives a crash; `first` entries are in the snapshot."""

    term: int = 0
    vote: str = "0"
    commit: int = 0
    log: list[int] = field(default_factory=list)
    first: int = 0


class Node:
    """One node: messages in, messages and lines out."""

    def __init__(self, me: str, disk: Disk, cluster: Cluster) -> None:
        self.me, self.disk, self.cluster = me, disk, cluster
        self.term, self.vote, self.commit, self.role = 0, "0", 0, "StateFollower"
        self.log, self.first = list(disk.log), disk.first
        self.votes: set[str] = set()
        self.next: dict[str, int] = {}
        self.match: dict[str, int] = {}
        self.quiet = self.limit = 0
        self.outbox: list[Record] = []
        self.conf: list[str] = []
        self.line("InitState")
        self.line("ApplyConfChange")
        self.conf = list(NODES)
        self.term, self.vote, self.commit = disk.term, disk.vote, disk.commit
        self.follow(self.term)

    def line(self, name: str, message: Record | None = None) -> None:
        """Writes what happens."""
        state = {"term": self.term, "vote": self.vote, "commit": self.commit}
        event = {"name": name, "nid": self.me, "state": state, "role": self.role, "log": len(self.log)}
        event |= {"conf": [self.conf, []]} | ({} if message is None else {"msg": message})
        self.cluster.lines.append({"tag": "trace", "event": event})

    def term_at(self, index: int) -> int:
        """The term of an entry, 0 before the first."""
        return self.log[index - 1] if 0 < index <= len(self.log) else 0

    def send(self, to: str, kind: str, **fields: Any) -> None:
        """Puts a message into the outbox, which goes out when the disk has what it rests on."""
        empty = {"index": 0, "logTerm": 0, "entries": 0, "commit": 0, "reject": False, "rejectHint": 0}
        message = {"type": kind, "term": self.term, "from": self.me, "to": to} | empty | fields
        if not kind.startswith("MsgPre"):
            self.line(f"Send{_name(kind)}", message)
        self.outbox.append(message | {"slice": self.log[message["index"] : message["index"] + message["entries"]]})

    def ready(self) -> None:
        """Saves what is new, then lets the messages go."""
        self.line("Ready")
        self.disk.term, self.disk.vote, self.disk.commit = self.term, self.vote, self.commit
        self.disk.log, self.disk.first = list(self.log), self.first
        going, self.outbox = self.outbox, []
        for message in going:
            if message["to"] == self.me:
                self.receive(message)
            else:
                self.cluster.send(message)
        if self.outbox:
            self.ready()

    # ------------------------------------------------------------------------------------------- roles

    def reset(self, term: int) -> None:
        """A new term, or a new role."""
        if term != self.term:
            self.term, self.vote = term, "0"
        self.quiet, self.limit = 0, self.cluster.dice.randint(10, 19)
        self.votes = set()

    def follow(self, term: int) -> None:
        """becomeFollower"""
        self.reset(term)
        self.role = "StateFollower"
        self.line("BecomeFollower")

    def campaign(self) -> None:
        """Asks for pre-votes, which no line shows."""
        self.votes, self.role, self.quiet = {self.me}, "StatePreCandidate", 0
        for peer in NODES:
            if peer != self.me:
                last = len(self.log)
                self.send(peer, "MsgPreVote", term=self.term + 1, index=last, logTerm=self.term_at(last))

    def stand(self) -> None:
        """Asks for votes."""
        self.reset(self.term + 1)
        self.vote, self.role = self.me, "StateCandidate"
        self.line("BecomeCandidate")
        self.send(self.me, "MsgVoteResp")
        last = len(self.log)
        for peer in NODES:
            if peer != self.me:
                self.send(peer, "MsgVote", index=last, logTerm=self.term_at(last))

    def lead(self) -> None:
        """A majority has voted."""
        self.reset(self.term)
        self.role = "StateLeader"
        self.next, self.match = dict.fromkeys(NODES, len(self.log) + 1), dict.fromkeys(NODES, 0)
        self.line("BecomeLeader")
        self.append()

    def append(self) -> None:
        """A new entry, sent to all."""
        self.line("Replicate")
        self.log.append(self.term)
        self.send(self.me, "MsgAppResp", index=len(self.log))
        for peer in NODES:
            if peer != self.me:
                self.send_entries(peer)

    def send_entries(self, peer: str) -> None:
        """What the peer lacks: entries, or a snapshot if they are gone."""
        place = self.next[peer] - 1
        if place < self.first:
            self.next[peer] = self.commit + 1
            self.send(peer, "MsgSnap", entries=self.commit)
            return
        count = min(len(self.log) - place, 5)
        self.next[peer] += count
        self.send(peer, "MsgApp", index=place, logTerm=self.term_at(place), entries=count, commit=self.commit)

    def tick(self) -> None:
        """The clock goes on."""
        self.quiet += 1
        if self.role == "StateLeader" and self.quiet % 3 == 0:
            for peer in NODES:
                if peer != self.me:
                    self.send(peer, "MsgHeartbeat", commit=min(self.match[peer], self.commit))
        if self.role == "StateLeader" and self.quiet >= 30:
            self.quiet = 0
            if len(self.votes) < 2:  # CheckQuorum: who has answered lately
                self.follow(self.term)
            self.votes = {self.me}
        elif self.role != "StateLeader" and self.quiet >= self.limit:
            self.campaign()

    # ------------------------------------------------------------------------------------------- messages

    def receive(self, message: Record) -> None:
        """Step"""
        kind, term, sender = message["type"], message["term"], message["from"]
        if not kind.startswith("MsgPre"):
            self.line(f"Receive{_name(kind)}", {key: value for key, value in message.items() if key != "slice"})
        entries = kind in ("MsgApp", "MsgHeartbeat", "MsgSnap")
        if term > self.term and not (kind == "MsgPreVote" or (kind == "MsgPreVoteResp" and not message["reject"])):
            if kind == "MsgVote" and self.role == "StateFollower" and self.quiet < 5:
                return  # there is a leader
            self.follow(term)
        elif term < self.term:
            if kind in ("MsgApp", "MsgHeartbeat"):
                self.send(sender, "MsgAppResp")  # CheckQuorum: tells the later term
            elif kind == "MsgPreVote":
                self.send(sender, "MsgPreVoteResp", reject=True)
            return
        if entries and self.role != "StateFollower":
            self.follow(term)
        if entries:
            self.quiet = 0
        getattr(self, f"on_{kind}")(message, sender)

    def up_to_date(self, message: Record) -> bool:
        """Whether a candidate's log is not behind this one."""
        last = len(self.log)
        return bool((message["logTerm"], message["index"]) >= (self.term_at(last), last))

    def on_MsgPreVote(self, message: Record, sender: str) -> None:
        """Granted if it could be elected, and nobody leads here."""
        alone = self.quiet >= 5 and self.role != "StateLeader"
        good = message["term"] > self.term and alone and self.up_to_date(message)
        self.send(sender, "MsgPreVoteResp", reject=not good, term=message["term"] if good else self.term)

    def on_MsgPreVoteResp(self, message: Record, sender: str) -> None:
        """A majority of pre-votes begins the election."""
        if self.role == "StatePreCandidate" and not message["reject"]:
            self.votes.add(sender)
            if len(self.votes) == 2:
                self.stand()

    def on_MsgVote(self, message: Record, sender: str) -> None:
        """One vote in a term."""
        if self.vote in ("0", sender) and self.up_to_date(message):
            self.send(sender, "MsgVoteResp")
            self.vote, self.quiet = sender, 0
        else:
            self.send(sender, "MsgVoteResp", reject=True)

    def on_MsgVoteResp(self, message: Record, sender: str) -> None:
        """A majority of votes wins."""
        if self.role == "StateCandidate" and not message["reject"]:
            self.votes.add(sender)
            if len(self.votes) == 2:
                self.lead()

    def on_MsgApp(self, message: Record, sender: str) -> None:
        """Entries; nothing is taken of what lies before the commit."""
        place, entries = message["index"], message["slice"]
        if place < self.commit:
            self.send(sender, "MsgAppResp", index=self.commit)
        elif place <= len(self.log) and self.term_at(place) == message["logTerm"]:
            if self.log[place : place + len(entries)] != entries:
                self.log = self.log[:place] + entries
            self.commit = max(self.commit, min(message["commit"], place + len(entries)))
            self.send(sender, "MsgAppResp", index=place + len(entries))
        else:
            self.send(sender, "MsgAppResp", index=place, reject=True, rejectHint=min(place, len(self.log)))

    def on_MsgHeartbeat(self, message: Record, sender: str) -> None:
        """A commit, and a sign of life."""
        self.commit = max(self.commit, message["commit"])
        self.send(sender, "MsgHeartbeatResp")

    def on_MsgSnap(self, message: Record, sender: str) -> None:
        """All that is committed, unless it is known here."""
        entries = message["slice"]
        if len(entries) > self.commit:
            agrees = self.log[: len(entries)] == entries
            self.commit = len(entries)
            if not agrees:
                self.log, self.first = list(entries), len(entries)
                self.line("ApplyConfChange")
        self.send(sender, "MsgAppResp", index=self.commit)

    def on_MsgHeartbeatResp(self, message: Record, sender: str) -> None:
        """What is lacking is sent again."""
        if self.role == "StateLeader":
            self.votes.add(sender)
            if self.match[sender] < len(self.log):
                self.next[sender] = self.match[sender] + 1
                self.send_entries(sender)

    def on_MsgAppResp(self, message: Record, sender: str) -> None:
        """What a node has stored."""
        if self.role != "StateLeader":
            return
        self.votes.add(sender)
        if message["reject"]:
            self.next[sender] = max(self.match[sender], min(self.next[sender] - 2, message["rejectHint"])) + 1
            self.send_entries(sender)
            return
        self.match[sender] = max(self.match[sender], message["index"])
        self.next[sender] = max(self.next[sender], self.match[sender] + 1)
        stored = sorted(self.match.values())[1]
        if stored > self.commit and self.term_at(stored) == self.term:
            self.commit = stored
        self.line("Commit")


def _name(kind: str) -> str:
    """What the lines call a message."""
    return ("RequestVote" if "Vote" in kind else "AppendEntries") + ("Response" if kind.endswith("Resp") else "Request")


class Cluster:
    """Three nodes, a network that loses and delays, crashes and snapshots; `lines` is the log."""

    def __init__(self, seed: int, rounds: int) -> None:
        self.dice, self.lines = Random(seed), list[Record]()
        self.network: list[tuple[int, Record]] = []
        self.now, self.cut, self.down = 0, "", dict[str, int]()
        self.nodes = {name: Node(name, Disk(), self) for name in NODES}
        for self.now in range(rounds):
            self.round()

    def send(self, message: Record) -> None:
        """A message on its way, perhaps."""
        if self.dice.random() > 0.03 and self.cut not in (message["from"], message["to"]):
            self.network.append((self.now + self.dice.randint(1, 3), message))
            if self.dice.random() < 0.03:
                self.network.append((self.now + self.dice.randint(1, 30), message))

    def round(self) -> None:
        """Every node ticks; what is due arrives; sometimes something breaks."""
        for name, node in self.nodes.items():
            if name in self.down:
                self.down[name] -= 1
                if self.down[name] <= 0:
                    del self.down[name]
                    self.nodes[name] = Node(name, node.disk, self)
                continue
            self.act(node, node.tick)
            if node.role == "StateLeader" and self.dice.random() < 0.4:
                self.act(node, node.append)
            if node.commit - node.first > 12:  # a snapshot
                node.first = node.commit - self.dice.randint(0, 3)
        due = [message for at, message in self.network if at <= self.now]
        self.network = [(at, message) for at, message in self.network if at > self.now]
        self.dice.shuffle(due)
        for message in due:
            node = self.nodes[message["to"]]
            if node.me not in self.down and self.cut not in (message["from"], message["to"]):
                self.act(node, partial(node.receive, message))
        chance = self.dice.random()
        if chance < 0.03:
            self.cut = self.dice.choice(NODES)
        elif chance < 0.07:
            self.cut = ""
        elif chance < 0.085:
            self.down[self.dice.choice(NODES)] = self.dice.randint(1, 30)

    @staticmethod
    def act(node: Node, step: Any) -> None:
        """A step, and what it leads to."""
        before = len(node.cluster.lines)
        step()
        if node.outbox or len(node.cluster.lines) > before:
            node.ready()


def rawnode_log(seed: int, rounds: int) -> list[Record]:
    """The lines of all nodes in the order in which they happened."""
    return Cluster(seed, rounds).lines
