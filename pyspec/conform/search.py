"""The search for an explanation: the set of states that explain the events so far, and what to go back to when no
state explains the next one.

Usually one order of the events and a small set of states do. What was left aside is kept for a while (a window of
events): other orders of concurrent events, states beyond the width of the frontier, silent steps that were not needed.
When an event has no explanation, these are tried, the latest first, and silent steps by iterative deepening.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pyspec.conform.feed import Cut, Feed
from pyspec.conform.lines import Line
from pyspec.conform.plan import RulePlan, Slots
from pyspec.conform.rt import State


@dataclass(slots=True)
class Event:
    """A line with its rule and the values that the rule takes from it; no plan for one that is ignored."""

    line: Line
    plan: RulePlan | None
    values: Slots


@dataclass(slots=True)
class Moment:
    """Before an event: the cut, the states that explained what came before, and those that were put aside.

    `silent` counts the silent steps that were taken right before the event.
    """

    cut: Cut
    states: list[State]
    event: Event
    aside: list[State] = field(default_factory=list)
    silent: int = 0


@dataclass(frozen=True)
class Limits:
    """How far the search goes: states kept at once, events to go back, states to try when going back, silent steps
    in a row."""

    width: int = 256
    window: int = 1000
    tries: int = 200_000
    silent: int = 0


@dataclass
class Node:
    """A point of the search while it goes back.

    `silent` counts the silent steps on the way, but for those taken anew where the trace had needed them before;
    `here` counts all since the last event.
    """

    cut: Cut
    states: list[State]
    silent: int
    parent: Node | None
    event: Event | None
    here: int = 0


Silent = Callable[[State], Iterable[State]]
Seen = dict[tuple[Cut, int, int], set[State]]
"""States by their cut, the silent steps counted on the way, and those that may still be taken anew there."""


class Search:
    """Takes events one by one from a feed. `step` returns False when no state explains the next event."""

    def __init__(
        self, initial: list[State], feed: Feed, event_of: Callable[[Line], Event], silent: Silent, limits: Limits
    ) -> None:
        self.feed, self._event_of, self._silent, self.limits = feed, event_of, silent, limits
        self.cut = feed.first
        self.states = initial[: limits.width]
        self.history: deque[Moment] = deque()
        self.events = 0
        self.widest = len(self.states)
        self.silent_steps = 0
        self.reordered = 0
        self.conclusive = True
        self.failed: list[Event] = []
        self._aside = initial[limits.width :]
        self._needed: dict[Cut, int] = {}
        self._single = feed.single

    def step(self) -> bool | None:
        """Takes one event: True; False if there is none that can be explained; None at the end."""
        heads = self.feed.heads(self.cut)
        if not heads:
            return None
        rejected: list[Event] = []
        for chain, line in heads:
            event = self._event_of(line)
            after = self.advance(self.states, event)
            if after:
                self.reordered += bool(rejected)
                self._take(chain, event, after)
                return True
            rejected.append(event)
        self.failed = rejected
        return self._go_back()

    @staticmethod
    def advance(states: list[State], event: Event) -> list[State]:
        """The states after an event, each once."""
        plan = event.plan
        if plan is None:
            return states
        values = event.values
        if len(states) == 1:
            found = list(plan.after(states[0], values))
            return found if len(found) < 2 else list(dict.fromkeys(found))
        return list(dict.fromkeys([after for state in states for after in plan.after(state, values)]))

    def _take(self, chain: int, event: Event, after: list[State]) -> None:
        history = self.history
        history.append(Moment(self.cut, self.states, event, self._aside))
        self._aside = []
        if len(after) > self.limits.width:
            self.widest = max(self.widest, len(after))
            after, self._aside = after[: self.limits.width], after[self.limits.width :]
        elif len(after) > self.widest:
            self.widest = len(after)
        self.states = after
        self.events += 1
        cut = self.cut
        self.cut = (cut[0] + 1,) if self._single else (*cut[:chain], cut[chain] + 1, *cut[chain + 1 :])
        if len(history) > self.limits.window:
            gone = history.popleft()
            if gone.aside:
                self.conclusive = False
            self.feed.forget(history[0].cut)

    # ------------------------------------------------------------------------------------------ going back

    def _go_back(self) -> bool:
        """Tries what was left aside, until one more event is explained. False if nothing helps."""
        moments = [*self.history, Moment(self.cut, self.states, Event(_NO_LINE, None, []), self._aside)]
        if self.feed.single and not self.limits.silent and not any(moment.aside for moment in moments):
            return False
        self._needed = {moment.cut: moment.silent for moment in moments if moment.silent}
        goal = sum(self.cut) + 1
        budget = [self.limits.tries]
        for level in range(self.limits.silent + 1):
            seen: Seen = {(moment.cut, 0, 0): set(moment.states) for moment in moments} if level == 0 else {}
            for at in range(len(moments) - 1, -1, -1):
                found = self._retry(moments[at], level, goal, seen, budget)
                if found is not None:
                    self._adopt(moments[:at], *found)
                    return True
                if budget[0] <= 0:
                    self.conclusive = False
                    return False
        return False

    def _retry(
        self, moment: Moment, level: int, goal: int, seen: Seen, budget: list[int]
    ) -> tuple[Node, list[Node]] | None:
        if level == 0:
            starts = [*moment.states, *moment.aside] if not self.feed.single else moment.aside
            node = Node(moment.cut, starts, 0, None, None)
        else:
            silent = self._silently(moment.states)
            node = Node(moment.cut, self._fresh(silent, moment.cut, 1, 0, seen), 1, None, None, moment.silent + 1)
        return self._explore(node, level, goal, seen, budget) if node.states else None

    def _anew(self, cut: Cut, here: int) -> int:
        """How many silent steps may still be taken before an event because it had needed so many."""
        return max(0, self._needed.get(cut, 0) - here)

    def _explore(
        self, start: Node, level: int, goal: int, seen: Seen, budget: list[int]
    ) -> tuple[Node, list[Node]] | None:
        stack = [start]
        while stack and budget[0] > 0:
            node = stack.pop()
            if sum(node.cut) >= goal:
                return node, stack
            budget[0] -= len(node.states)
            anew, here = self._anew(node.cut, node.here), node.here + 1
            if anew or node.silent < level:
                silent = node.silent + (not anew)
                more = self._fresh(self._silently(node.states), node.cut, silent, self._anew(node.cut, here), seen)
                if more:
                    stack.append(Node(node.cut, more, silent, node, None, here))
            for chain, line in reversed(self.feed.heads(node.cut)):
                event = self._event_of(line)
                cut = (*node.cut[:chain], node.cut[chain] + 1, *node.cut[chain + 1 :])
                after = self._fresh(self.advance(node.states, event), cut, node.silent, self._anew(cut, 0), seen)
                if after:
                    stack.append(Node(cut, after, node.silent, node, event))
        return None

    @staticmethod
    def _fresh(states: Iterable[State], cut: Cut, silent: int, anew: int, seen: Seen) -> list[State]:
        known = seen.setdefault((cut, silent, anew), set())
        found = [state for state in states if state not in known]
        known.update(found)
        return found

    def _silently(self, states: list[State]) -> list[State]:
        return list(dict.fromkeys(after for state in states for after in self._silent(state)))

    def _adopt(self, before: list[Moment], node: Node, left: list[Node]) -> None:
        """Goes on from a point that was found: the history is what led there, and what was not looked at yet."""
        path: list[Node] = []
        here: Node | None = node
        while here is not None:
            path.append(here)
            here = here.parent
        path.reverse()
        made = []
        for one, following in itertools.pairwise(path):
            if following.event is not None:
                made.append(Moment(one.cut, one.states, following.event, [], one.here))
        dropped = list(itertools.islice(self.history, len(before), None))
        self.silent_steps += sum(moment.silent for moment in made) - sum(moment.silent for moment in dropped)
        self.history = deque([*before, *made])
        by_cut = {moment.cut: moment for moment in made}
        for one in left:
            if one.cut in by_cut:
                by_cut[one.cut].aside += one.states
            else:
                self.conclusive = False
        self.cut, self.states, self._aside = node.cut, node.states, []
        self.events = sum(node.cut)


_NO_LINE = Line({}, "", 0)
