"""Messages on their way: which step put a message into the network, which step took it out or looked at it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pyspec.draw.looks import looks
from pyspec.draw.parties import GLOBAL
from pyspec.lang import core
from pyspec.model.state import State
from pyspec.model.story import bare
from pyspec.model.trace import Step
from pyspec.model.values import Atom, Bag, Map, Rec, Value

Sent = tuple[int, str]  # the number of the step, and the lane it was on


@dataclass(frozen=True)
class Message:
    """A message in the network: its text without its ends, its ends where known, the variable that holds it."""

    text: str
    sender: str | None
    receiver: str | None
    var: str


class Flights:
    """Keeps account of the messages of one trace, step after step."""

    def __init__(self, spec: core.Spec) -> None:
        self._spec = spec
        self._consumed = {info.var: info.network != "set" for info in spec.messages}
        self._infos = {info.type.name: info for info in spec.messages}
        self._open: dict[Message, list[Sent]] = {}
        self._sent: dict[int, list[Message]] = {}
        self._received: set[tuple[int, Message]] = set()

    def begin(self, state: State | None) -> None:
        """The first state of the trace: what is in the network was sent before, as if by step 0."""
        found = self.content(state) if state is not None else Counter[Message]()
        self._open = {message: [(0, message.sender or GLOBAL)] * count for message, count in found.items()}

    def content(self, state: State) -> Counter[Message]:
        """What is in the network."""
        found: Counter[Message] = Counter()
        for var, value in state.values().items():
            if var in self._consumed:
                found.update(_messages(var, value))
        return found

    def arrivals(self, action: core.Action, step: Step, before: State) -> list[tuple[Message, Sent | None, str]]:
        """What a step receives or loses, with where it was sent."""
        message = self._incoming(action, step, before)
        if action.kind == "fault":
            lost = message is not None and action.name.rpartition(".")[2].startswith("lose")
            return [(message, self._take(message, True), "lost")] if message is not None and lost else []
        found: list[tuple[Message, Sent | None, str]] = []
        if message is not None:
            found.append((message, self._take(message, self._consumed[message.var]), "received"))
        if step.state is not None:
            for var, record in looks(self._spec, action, dict(step.args), before.values(), step.state.values()):
                seen = _of_record(var, record)
                if seen != message:
                    found.append((seen, self._take(seen, False), "read"))
        return found

    def _take(self, message: Message, consumed: bool) -> Sent | None:
        sends = self._open.get(message, [])
        if not sends:
            return None
        found = sends.pop(0) if consumed else sends[0]
        self._received.add((found[0], message))
        return found

    def _incoming(self, action: core.Action, step: Step, before: State) -> Message | None:
        """The message that a handler or a loss is about: an argument, or the head of a channel."""
        values = dict(step.args)
        for value in values.values():
            if isinstance(value, Rec) and value._name in self._infos:
                return _of_record(self._infos[value._name].var, value)
        sender, receiver = values.get("sender"), values.get("self", values.get("receiver"))
        var = self._infos[action.message].var if action.message in self._infos else _channel(action, self._consumed)
        queues = before.values().get(var) if var is not None else None
        if isinstance(queues, Map) and isinstance(sender, Atom) and isinstance(receiver, Atom):
            queue = queues.get((sender, receiver))
            if isinstance(queue, tuple) and queue:
                return _of_case(str(var), (sender, receiver), queue[0])
        return None

    def departures(
        self, number: int, lane: str, before: State, after: State, arrived: list[tuple[Message, Sent | None, str]]
    ) -> None:
        """What a step sends: what is in the network afterwards and was not, but for what it took out."""
        old = self.content(before)
        old.subtract(m for m, _, kind in arrived if self._consumed[m.var] and kind in ("received", "lost"))
        for message, count in (self.content(after) - Counter({m: n for m, n in old.items() if n > 0})).items():
            for _ in range(count):
                self._open.setdefault(message, []).append((number, lane))
                self._sent.setdefault(number, []).append(message)

    def unreceived(self, number: int) -> list[Message]:
        """What a step sent and no later step of the trace received; after the last step."""
        return [m for m in self._sent.get(number, []) if (number, m) not in self._received]

    def sent(self) -> dict[int, list[Message]]:
        """What each step sent."""
        return self._sent


def _messages(var: str, value: Value) -> Counter[Message]:
    if isinstance(value, frozenset):
        return Counter(_of_record(var, one) for one in value if isinstance(one, Rec))
    if isinstance(value, Bag):
        return Counter({_of_record(var, one): n for one, n in value.counts() if isinstance(one, Rec)})
    found: Counter[Message] = Counter()
    if isinstance(value, Map):
        for ends, queue in value.items():
            assert isinstance(ends, tuple) and isinstance(queue, tuple)
            found.update(_of_case(var, ends, one) for one in queue)
    return found


def _of_record(var: str, message: Rec) -> Message:
    ends = [message[word] if word in message._names else None for word in ("from", "to")]
    sender, receiver = (one.name if isinstance(one, Atom) else None for one in ends)
    return Message(bare(message), sender, receiver, var)


def _of_case(var: str, ends: tuple[Value, ...], message: Value) -> Message:
    assert isinstance(message, Rec) and isinstance(ends[0], Atom) and isinstance(ends[1], Atom)
    return Message(bare(message), ends[0].name, ends[1].name, var)


def _channel(action: core.Action, consumed: dict[str, bool]) -> str | None:
    """The channels that a loss is about."""
    short = action.name.rpartition("lose_")[2]
    return next((var for var in consumed if var == f"network.{short}"), None)
