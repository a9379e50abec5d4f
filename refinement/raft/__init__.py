"""How the Raft core reads as specs/raft.pspec.

Both speak of terms, votes, logs and commit indices; they differ in how much a message holds and in what the
specification leaves out:

- An Append with several entries is as many Appends of the specification with one entry each (BATCH = 1).
- `next_index` is a guess of the leader on which no property depends: it is chosen to fit what was sent.
- A refusal tells a term and nothing else; the specification's Reply without success does the same.
- A node may stop being a candidate or a leader by itself (pre-vote, quorum check): it is then a follower.
- A snapshot is the committed prefix of the log in one message; compaction changes nothing.
- Votes are counted when they decide, since until then the messages that bring them wait in the network.

Membership changes are not in the specification: see `refinement.raft.members`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from impl.raft import PROTOCOL, TIMERS, messages
from impl.raft.state import CANDIDATE, LEADER, State
from impl.runtime.effects import Command, Persist, Receive, Send
from impl.runtime.world import Bounds
from pyspec.model.values import Atom, Map, Rec, Value, show
from refinement.harness import redis
from refinement.harness.abstract import Beyond
from refinement.harness.mapping import ProtocolMapping, Step, View
from refinement.harness.walk import Refused, Walk
from refinement.raft import copies, elections, histories, members, serving

VALUES = 64
LEAVES, COMES = (b"MEMBER", b"REMOVE", b"n3"), (b"MEMBER", b"ADD", b"n3")


class RaftMapping(ProtocolMapping):
    """The mapping."""

    protocol = PROTOCOL
    spec = "raft.pspec"
    sizes = {
        "Server": 3,
        "Value": VALUES,
        "TERMS": 60,
        "LENGTH": 120,
        "BATCH": 1,
        "HEARTBEATS": True,
        "crashes": 1 << 20,
    }
    others = (4, 5)
    small_sizes = {"Server": 2, "Value": 1, "TERMS": 2, "LENGTH": 2, "crashes": 1}
    role = "Server"
    crash = "crash"
    history = ("decided", "reign")
    deep = frozenset({"full"})
    free = frozenset({"Server.next_index", "Server.mode", "Server.votes", "Server.match_index", "Server.commit"})
    costly = frozenset({"log_matching", "appends_are_of_the_log"})
    live_sizes = {"TERMS": 400, "LENGTH": 20_000}
    live_unwatched = frozenset({"log_matching"})
    options = {
        "compact_entries": 30,
        "keep_entries": 3,
        "chunk_bytes": 400,
        "append_bytes": 100,
        "inflight": 4,
        "give_up_ticks": 30,
    }
    calm = 10.0  # elections of two candidates may fail twice, and a leader that is removed leaves when all was well
    alone = frozenset({b"MEMBER"})
    orders = ("campaign", "precampaign", "resign", "compact")

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, bytes], int] = {}
        self._entries: dict[tuple[int, Atom], Rec] = {}  # one object for equal ones: comparing long logs is fast

    # ------------------------------------------------------------------------------------------- values

    def value(self, kind: int, data: bytes) -> Atom:
        """What an entry carries; every payload is its own value as long as there are enough."""
        number = self._numbers.setdefault((kind, data), len(self._numbers))
        return self.abstract.atom("Value", f"Value{number % VALUES + 1}")

    def entry(self, entry: messages.Entry) -> Rec:
        """An entry of the log."""
        value = self.value(entry.kind, entry.data)
        found = self._entries.get((entry.term, value))
        if found is None:
            found = self._entries[entry.term, value] = Rec("Entry", ("term", "value"), (entry.term, value))
        return found

    def log(self, walk: Walk, me: Atom, s: State) -> tuple[Value, ...]:
        """The whole log; what was compacted is as it was, or as it was committed elsewhere."""
        base = s.log.base
        known = walk.get("Server.log", me)
        prefix = known[:base] if len(known) >= base else walk.get("decided")[:base]
        return (*prefix, *map(self.entry, s.log.entries()))

    def view(self, walk: Walk, node: str, state: State) -> View:
        """Terms, votes, logs, roles, commit indices, and what a leader knows of the others."""
        me = self.atom(node)
        mode = state.role if state.role in (CANDIDATE, LEADER) else "follower"
        found: View = {
            ("Server.term", me): state.term,
            ("Server.voted_for", me): None if state.vote is None else self.atom(state.vote),
            ("Server.log", me): self.log(walk, me, state),
            ("Server.mode", me): self.abstract.atom("Mode", mode),
            ("Server.commit", me): state.commit,
        }
        if state.role == LEADER:
            for peer, progress in state.progress.items():
                if peer != node:
                    found["Server.match_index", me, self.atom(peer)] = progress.match
        return found

    # ----------------------------------------------------------------------------------------- messages

    def vote(self, node: str, to: str, term: int) -> Rec:
        """A vote that was given."""
        return Rec("Vote", ("term", "from", "to"), (term, self.atom(node), self.atom(to)))

    def reply(self, node: str, to: str, term: int, success: bool, match: int) -> Rec:
        """An acknowledgement, or a refusal that tells a term."""
        names = ("term", "success", "match", "from", "to")
        return Rec("Reply", names, (term, success, match, self.atom(node), self.atom(to)))

    def appends(self, node: str, to: str, m: messages.Append) -> tuple[Rec, ...]:
        """An Append as messages with one entry each; without entries, as one."""
        names = ("term", "prev", "prev_term", "entries", "commit", "from", "to")
        ends = (m.commit, self.atom(node), self.atom(to))
        if not m.entries:
            return (Rec("Append", names, (m.term, m.prev_index, m.prev_term, (), *ends)),)
        terms = (m.prev_term, *(entry.term for entry in m.entries))
        return tuple(
            Rec("Append", names, (m.term, m.prev_index + place, terms[place], (self.entry(entry),), *ends))
            for place, entry in enumerate(m.entries)
        )

    def says(self, walk: Walk, node: str, to: str, message: Any) -> tuple[Rec, ...]:
        """What a message promises or asks."""
        if to == node or (isinstance(message, messages.VoteReply) and message.granted and message.pre):
            return ()
        if isinstance(message, messages.RequestVote) and not message.pre:
            return (self.request(node, message),)
        if isinstance(message, messages.VoteReply):
            granted = self.vote(node, to, message.term)
            return (granted if message.granted else self.reply(node, to, message.term, False, 0),)
        if isinstance(message, messages.Append):
            found = self.appends(node, to, message)
            idle = not message.entries and not walk.was_sent(found[0])
            return (self.reply(node, to, message.term, False, 0),) if idle else found
        if isinstance(message, messages.AppendReply):
            return (self.reply(node, to, message.term, message.ok, message.index if message.ok else 0),)
        if isinstance(message, messages.Install):
            return (self.reply(node, to, message.term, False, 0),)
        if isinstance(message, messages.InstallReply):
            return (self.reply(node, to, message.term, message.done, message.index if message.done else 0),)
        return ()

    def request(self, node: str, m: messages.RequestVote) -> Rec:
        """A candidate's question."""
        names = ("term", "last", "last_term", "from")
        return Rec("RequestVote", names, (m.term, m.last_index, m.last_term, self.atom(node)))

    def kept(self, node: str, state: State) -> View:
        """Where the log begins, and the snapshot; the machine in it is judged when it is taken."""
        snapshot, log = state.snapshot, state.log
        return {
            ("beginning of the log",): (log.base, log.base_term, log.base_time),
            ("snapshot",): (snapshot.index, snapshot.term, snapshot.time),
        }

    def durable(self, node: str, to: str, message: Any) -> frozenset[str]:
        """Only a leader's entries may leave before they are on its own disk."""
        if isinstance(message, messages.Append | messages.Install):
            return frozenset({"Server.term", "Server.voted_for"})
        if isinstance(message, messages.VoteReply | messages.RequestVote):
            return frozenset() if message.pre else frozenset({"Server.term", "Server.voted_for"})
        if isinstance(message, messages.AppendReply | messages.InstallReply | messages.Stored):
            return frozenset({"Server.term", "Server.voted_for", "Server.log"})
        return frozenset()

    # -------------------------------------------------------------------------------------------- steps

    def follow(self, walk: Walk, step: Step) -> None:
        """First what the event does, then what the node did about it."""
        me, s = self.atom(step.node), step.after
        if isinstance(step.event, Receive) and step.event.sender != step.node:
            self.received(walk, step, me, step.event.sender, step.event.message)
        if walk.get("Server.term", me) < s.term and s.vote == step.node:
            walk.take("timeout", me)
        mode, commit = walk.get("Server.mode", me), walk.get("Server.commit", me)
        leaving = mode.name == LEADER and s.role != LEADER and commit < s.commit  # it commits its own removal
        if s.role == LEADER and mode.name != LEADER:
            self.elected(walk, step, me)
        elif s.role not in (LEADER, CANDIDATE) and mode.name != "follower" and not leaving:
            self.retire(walk, me)
        self.forgotten(walk, step, me)
        for effect in step.effects:
            self.carried_out(walk, step, me, effect)
        if (s.role == LEADER or leaving) and walk.get("Server.commit", me) < s.commit:
            walk.take("advance_commit", me, s.commit)
        if leaving:
            self.retire(walk, me)
        self.acknowledged(walk, step)

    def forgotten(self, walk: Walk, step: Step, me: Atom) -> None:
        """A node that was taken out and comes in again is new to the leader: nothing is known of its log."""
        if step.before is None or not step.before.role == step.after.role == LEADER:
            return
        for node in step.after.progress:
            known = walk.get("Server.match_index", me)
            if node not in step.before.progress and known[self.atom(node)]:
                match = walk.cell("Server.match_index", me, known.put(self.atom(node), 0))
                walk.choose(f"{node} comes in again", Server__match_index=match)

    def acknowledged(self, walk: Walk, step: Step) -> None:
        """What a node acknowledges is what this very message has told it, whatever it knew before."""
        for effect in step.effects:
            if isinstance(effect, Send) and isinstance(effect.message, messages.AppendReply) and effect.message.ok:
                (reply,) = self.says(walk, step.node, effect.to, effect.message)
                if reply not in walk.spoken and not self.idle(walk, step, effect.message.index):
                    told = [show(message) for message in walk.spoken if message._name == "Reply"]
                    raise Refused(f"{step.node} acknowledges {effect.message.index} entries", [f"it may say: {told}"])

    def idle(self, walk: Walk, step: Step, index: int) -> bool:
        """Whether the message tells nothing, so that the specification does not send it, and covers so many entries."""
        m = step.event.message if isinstance(step.event, Receive) else None
        if not isinstance(m, messages.Append) or m.entries or not isinstance(step.event, Receive):
            return False
        return m.prev_index == index and not walk.was_sent(self.appends(step.event.sender, step.node, m)[0])

    def received(self, walk: Walk, step: Step, me: Atom, sender: str, m: Any) -> None:
        """What a message changes."""
        s = step.after
        if isinstance(m, messages.RequestVote) and not m.pre:
            voted = s.vote == sender and walk.get("Server.voted_for", me) != self.atom(sender)
            question = self.request(sender, m)
            if voted or walk.get("Server.term", me) < s.term or walk.changes_nothing("on_RequestVote", me, question):
                walk.take("on_RequestVote", me, question)
        elif isinstance(m, messages.Append) and m.term >= step.before.term:
            self.appended(walk, step, me, sender, m)
        elif isinstance(m, messages.Install) and m.term >= step.before.term:
            self.heard(walk, step, sender, me, m.term)
            if s.snapshot.index == m.snapshot.index > step.before.commit:
                self.installed(walk, step, me, sender, m)
            self.acknowledge(walk, step, me, sender)
        elif isinstance(m, messages.AppendReply | messages.InstallReply):
            success = m.ok if isinstance(m, messages.AppendReply) else m.done
            if m.term > step.before.term or (step.before.role == LEADER and m.term == s.term):
                walk.take("on_Reply", self.reply(sender, step.node, m.term, success, m.index if success else 0))
        elif isinstance(m, messages.VoteReply) and not m.granted and m.term > step.before.term:
            self.heard(walk, step, sender, me, m.term)

    def heard(self, walk: Walk, step: Step, sender: str, me: Atom, term: int) -> None:
        """Somebody's term, which may be later than ours."""
        if term > walk.get("Server.term", me):
            walk.take("on_Reply", self.reply(sender, step.node, term, False, 0))

    def appended(self, walk: Walk, step: Step, me: Atom, sender: str, m: messages.Append) -> None:
        """A leader's entries, one by one, until one does not fit."""
        if m.prev_index < step.before.log.base:
            self.heard(walk, step, sender, me, m.term)
            self.acknowledge(walk, step, me, sender)
            return
        for message in self.appends(sender, step.node, m):
            if not walk.was_sent(message) and not m.entries:
                self.heard(walk, step, sender, me, m.term)
                return
            walk.take("on_Append", message)

    def acknowledge(self, walk: Walk, step: Step, me: Atom, sender: str) -> None:
        """What is committed here, a leader of this term has as well: it could have sent the last of it again."""
        commit, term = step.after.commit, step.after.term
        if commit and commit <= len(walk.get("Server.log", me)):
            walk.say(self.reply(step.node, sender, term, True, commit))

    def installed(self, walk: Walk, step: Step, me: Atom, sender: str, m: messages.Install) -> None:
        """A snapshot: the committed prefix, as Appends that the leader could have sent."""
        names = ("term", "prev", "prev_term", "entries", "commit", "from", "to")
        decided = walk.get("decided")[: m.snapshot.index]
        terms = (0, *(entry.term for entry in decided))
        for place, entry in enumerate(decided):
            values = (m.term, place, terms[place], (entry,), m.snapshot.index, self.atom(sender), me)
            message = Rec("Append", names, values)
            walk.say(message)
            walk.take("on_Append", message)

    def elected(self, walk: Walk, step: Step, me: Atom) -> None:
        """The votes that have come in, until they are enough."""
        event = step.event
        voters = step.before.granted | ({event.sender} if isinstance(event, Receive) else frozenset())
        for voter in sorted(voters - {step.node}):
            if walk.get("Server.mode", me).name == CANDIDATE:
                walk.take("on_Vote", self.vote(voter, step.node, step.after.term))

    def retire(self, walk: Walk, me: Atom) -> None:
        """A node is neither candidate nor leader any more, by its own decision."""
        servers = walk.get("Server.mode")
        walk.choose(
            "a node gives up being candidate or leader",
            Server__mode=walk.cell("Server.mode", me, self.abstract.atom("Mode", "follower")),
            Server__votes=walk.cell("Server.votes", me, frozenset()),
            Server__next_index=walk.cell("Server.next_index", me, Map(dict.fromkeys(servers, 1))),
            Server__match_index=walk.cell("Server.match_index", me, Map(dict.fromkeys(servers, 0))),
        )

    def carried_out(self, walk: Walk, step: Step, me: Atom, effect: Any) -> None:
        """Entries that a leader appends, messages that it sends, and refusals."""
        leads = walk.get("Server.mode", me).name == LEADER
        if isinstance(effect, Persist) and leads:
            for record in effect.records:
                for entry in record.entries if isinstance(record, messages.Appended) else ():
                    if entry.index > self.size("LENGTH"):
                        raise Beyond("a leader appends more entries than the specification's logs hold")
                    walk.take("client_request", me, self.value(entry.kind, entry.data))
                    if walk.get("Server.log", me)[-1] == self.entry(entry):
                        walk.share("Server.log", me, (*walk.get("Server.log", me)[:-1], self.entry(entry)))
        elif isinstance(effect, Send) and isinstance(effect.message, messages.Append) and leads:
            self.sent(walk, step, me, effect.to, effect.message)
        elif isinstance(effect, Send) and effect.to != step.node:
            refusal = self.reply(step.node, effect.to, walk.get("Server.term", me), False, 0)
            if refusal in self.says(walk, step.node, effect.to, effect.message):
                walk.say(refusal)

    def sent(self, walk: Walk, step: Step, me: Atom, to: str, m: messages.Append) -> None:
        """An Append that the leader sends: the specification's guess of what the follower lacks is the leader's."""
        if walk.get("Server.commit", me) < m.commit:
            walk.take("advance_commit", me, m.commit)
        peer = self.atom(to)
        for message in self.appends(step.node, to, m):
            if walk.was_sent(message):
                continue
            held = walk.get("Server.next_index", me)
            guess = walk.cell("Server.next_index", me, held.put(peer, message["prev"] + 1))  # type: ignore[operator]
            walk.choose(f"{step.node} believes that {to} has {message['prev']} entries", Server__next_index=guess)
            whole = message["prev"] == len(walk.get("Server.log", me))  # else the specification would send an entry
            if m.entries or (whole and walk.can("append_entries", me, peer)):
                walk.take("append_entries", me, peer)
            elif walk.can("heartbeat", me, peer):
                walk.take("heartbeat", me, peer)
            else:  # the specification sends no message that tells nothing but the term
                walk.say(self.reply(step.node, to, walk.get("Server.term", me), False, 0))

    def restarted(self, walk: Walk, step: Step) -> None:
        """A snapshot remembers how far the log was committed."""
        me = self.atom(step.node)
        if step.after.snapshot.index:
            walk.choose(
                "a snapshot holds committed entries only",
                Server__commit=walk.cell("Server.commit", me, step.after.snapshot.index),
            )

    def alike(self, state: State) -> Any:
        """Without timers, without the order of the members, and without the random numbers of an idle gateway."""
        plain = {**state.__dict__, "members": frozenset(state.members.everyone)}
        gateway = state.gateway
        if not gateway.writes and not gateway.reads and gateway.session is None:
            plain["gateway"] = gateway.opening
        if not state.snapshot.index:
            plain["snapshot"] = None
        return tuple(value for name, value in plain.items() if name not in TIMERS)

    def beyond(self, state: State) -> bool:
        """Near the end of the specification's terms or log."""
        return state.term > self.size("TERMS") - 3 or state.log.last > self.size("LENGTH") - 6

    # ---------------------------------------------------------------- beside the specification

    def demands(self, walk: Walk, step: Step) -> Iterator[str]:
        """Members, elections in time, copies, and what clients are told."""
        yield from members.demands(walk, step)
        yield from elections.demands(walk, step)
        yield from copies.demands(walk, step)
        if step.before is not None:
            yield from serving.demands(walk, step)

    def finished(self, states: dict[str, Any], history: list[Any], seconds: float) -> Iterator[str]:
        """In the end all nodes have the same state, and those who ask are answered."""
        yield from histories.counted(history)
        present = members.present(states)
        if present is None:
            return
        if sum(state.role == LEADER for state in present.values()) != 1:
            yield "there is not one leader long after the last fault"
        came = members.came(history, 0.6 * seconds)
        late = [call for call in history if 0.84 * seconds < call.invoked / 1_000_000 < 0.88 * seconds]
        for call in late:
            if call.node not in present or call.node in came or call.command[0] == b"MEMBER":
                continue
            if call.returned is None or redis.unserved(call.result):
                yield f"{call.command} at {call.node} is not served long after the last fault: {call.result}"

    @property
    def odd(self) -> bool:
        """Whether a majority of the nodes without one of them is a majority of all: then members may change."""
        return len(self.nodes) % 2 == 1

    def unanswered(self, states: dict[str, Any], calls: list[Any]) -> Iterator[str]:
        """An order about members is sent once and may be lost; a node that is no member has nobody to ask."""
        present = members.present(states) or {}
        rest = [call for call in calls if call.command[0] != b"MEMBER" and call.node in present]
        yield from super().unanswered(states, rest)

    def workload(self, random: Random) -> Command:
        """One counter, keys that expire, any command now and then; sometimes a node is taken out, or in again."""
        kind = random.random()
        if kind < 0.08 and self.odd:
            return random.choice((LEAVES, COMES))
        if kind < 0.28:
            return redis.random_command(random)
        if kind < 0.5:
            return (b"INCR", b"counter")
        if kind < 0.85:
            return (b"GET", b"counter")
        return (b"SET", b"lease%d" % random.randrange(3), b"1", b"NX", b"PX", b"%d" % random.randrange(50, 1500))

    def live_command(self, random: Random) -> Command:
        """Counters and texts that do not expire."""
        key, value = b"k%d" % random.randrange(3), b"%d" % random.randrange(1000)
        commands: tuple[Command, ...] = (
            (b"INCR", b"counter%d" % random.randrange(2)),
            (b"GET", b"counter%d" % random.randrange(2)),
            (b"SET", key, value),
            (b"GET", key),
        )
        return random.choice(commands)

    def live_questions(self, history: list[Any], nodes: tuple[str, ...]) -> list[tuple[str, Command]]:
        """Every key, at every node: what was acknowledged must be there."""
        keys = sorted({call.command[1] for call in history})
        return [(node, (b"GET", key)) for node in nodes for key in keys]

    def live_operations(self, history: list[Any]) -> list[dict[str, Any]]:
        """All of them."""
        return histories.operations(history)

    def walks(self) -> tuple[Bounds, ...]:
        """Elections, entries, snapshots, crashes in any order."""
        orders = (
            ("campaign", 24),
            ("precampaign", 12),
            ("heartbeat", 40),
            ("propose", 24),
            ("compact", 12),
            ("resign", 6),
        )
        calls: tuple[tuple[Command, int], ...] = (((b"INCR", b"counter"), 12), ((b"GET", b"counter"), 12))
        calls += (((b"SET", b"lease", b"1", b"NX", b"PX", b"500"), 6), ((b"GET", b"lease"), 6))
        calls += ((((b"GET", b"counter"), (b"INCR", b"counter"), (b"GET", b"lease")), 4),)
        calls += ((LEAVES, 12), (COMES, 12)) if self.odd else ()
        snapshots = {
            "compact_entries": 3,
            "keep_entries": 1,
            "chunk_bytes": 50,
            "append_bytes": 100,
            "most_sessions": 3,
        }
        single = {"append_bytes": 1, "inflight": 2}
        soon = {"election_ticks": 3, "retry_ticks": 3, "give_up_ticks": 12}
        ahead = (900, 0, 300, 2000, 600)[: len(self.nodes)]
        whole = Bounds(self.nodes, orders, calls, 10, 60, 60, 600, instant=False)
        return (
            replace(whole, options=tuple((snapshots | soon).items())),
            replace(whole, options=tuple((single | soon).items()), ahead=ahead),
        )

    def worlds(self) -> dict[str, Bounds]:
        """Three nodes: elections, entries, a crash."""
        small = (("campaign", 2), ("propose", 1))
        return {
            "elections": Bounds(self.nodes, (("campaign", 2),), crashes=1),
            "entries": Bounds(self.nodes, (("campaign", 1), ("propose", 2)), crashes=1),
            "small": Bounds(self.nodes, small),
            "full": Bounds(self.nodes, (("campaign", 2), ("propose", 2)), crashes=1),
        }


MAPPING = RaftMapping()
