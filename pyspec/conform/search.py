"""The search for an explanation: the set of states that explain the events so far, and what to go back to when no
state explains the next one.

Usually one order of the events and a small set of states do. What was left aside is kept for a while (a window of
events): other orders of concurrent events, states beyond the width of the frontier, silent steps that were not needed.
When an event has no explanation, these are tried, the latest first, and silent steps by iterative deepening. If none of
them helps, any number of silent steps is tried, to tell a rejection from a limit that was too low.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from pyspec.conform.feed import Cut, Feed
from pyspec.conform.growing import Covering
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

    `silent` counts the silent steps that were taken right before the event, from the states `earlier`.
    """

    cut: Cut
    states: list[State]
    event: Event
    aside: list[State] = field(default_factory=list)
    silent: int = 0
    earlier: list[State] = field(default_factory=list)


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


class Silent(Protocol):
    """The steps that no line shows (`pyspec.conform.steps`)."""

    def steps(self, state: State) -> Iterable[State]:
        """The states after one step."""

    def largest(self, state: State) -> State:
        """A state reached by steps of which none excludes anything that was possible without it."""

    def others(self, state: State) -> Iterable[State]:
        """The states after one step that `largest` does not take."""

    def forgotten(self, state: State) -> int:
        """How many messages a state has lost to more of them; then `largest` may exclude something after all."""


QUICK = 20
"""A part of the tries, so large, comes before the search without a limit of silent steps, which may save the rest."""

UNLIMITED = -1
"""The level of a search that takes silent steps without counting them."""

Found = tuple[int, Node, list[Node]]
"""The moment that a search began at, where it came, and what it has not looked at."""

Seen = dict[tuple[Cut, int, int], set[State]]
"""States by their cut, the silent steps counted on the way, and those that may still be taken anew there."""


class Search:
    """Takes events one by one from a feed. `step` returns False when no state explains the next event.

    Then `more_silent` says whether more silent steps than `limits.silent` together explain it; None if that is open.
    """

    def __init__(
        self,
        initial: list[State],
        feed: Feed,
        event_of: Callable[[Line], Event],
        silent: Silent,
        covering: Covering,
        limits: Limits,
    ) -> None:
        self.feed, self._event_of, self.limits = feed, event_of, limits
        self._silent, self._covering = silent, covering
        self.cut = feed.first
        self.states = initial[: limits.width]
        self.history: deque[Moment] = deque()
        self.events = 0
        self.widest = len(self.states)
        self.silent_steps = 0
        self.reordered = 0
        self.conclusive = True
        self.more_silent: bool | None = False
        self.failed: list[Event] = []
        self._aside = initial[limits.width :]
        self._needed: dict[Cut, int] = {}
        self._forgot = False
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
        if len(after) > 1 and self._covering.due(self.events):
            after = self._covering.left(after, self.events)
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
        more: bool | None = False
        for tries in (self.limits.tries // QUICK, self.limits.tries):
            budget = [tries]
            found = self._levels(moments, budget)
            if found is not None:
                self._adopt(moments, *found)
                return True
            if self.limits.silent and tries < self.limits.tries:
                more = self._unlimited(moments)
            if budget[0] > 0 or (self.limits.silent and more is False):
                break
        else:
            self.conclusive = False
        self.more_silent = more
        self.conclusive = self.conclusive and more is False
        return False

    def _levels(self, moments: list[Moment], budget: list[int]) -> Found | None:
        """The search with no silent step, then with one more and one more."""
        self._needed = {moment.cut: moment.silent for moment in moments if moment.silent}
        levels = (self._level(moments, level, budget) for level in range(self.limits.silent + 1))
        return next((found for found in levels if found is not None), None)

    def _unlimited(self, moments: list[Moment]) -> bool | None:
        """Whether any number of silent steps explains the event; None if there was too much to try."""
        self._needed, self._forgot = {}, False
        budget = [self.limits.tries]
        if self._level(moments[:1], UNLIMITED, budget) is not None:
            return True
        return None if budget[0] <= 0 or self._forgot else False

    def _level(self, moments: list[Moment], level: int, budget: list[int]) -> Found | None:
        """The search from each moment, the latest first, with so many silent steps."""
        goal = sum(self.cut) + 1
        seen: Seen = {(moment.cut, 0, 0): set(moment.states) for moment in moments}
        for at in range(len(moments) - 1, -1, -1):
            path = self._explore(self._starts(moments[at], level), level, goal, seen, budget)
            if path is not None:
                return at, *path
            if budget[0] <= 0:
                return None
        return None

    def _starts(self, moment: Moment, level: int) -> list[Node]:
        """Where to begin at a moment; without silent steps, the states that were followed lead nowhere new."""
        if level == 0:
            states = moment.aside if self.feed.single else [*moment.states, *moment.aside]
            return [Node(moment.cut, states, 0, None, None)] if states else []
        others = [*moment.aside, *moment.earlier]
        first = [Node(moment.cut, others, 0, None, None)] if others else []
        return [*first, Node(moment.cut, moment.states, 0, None, None, moment.silent)]

    def _anew(self, cut: Cut, here: int) -> int:
        """How many silent steps may still be taken before an event because it had needed so many."""
        return max(0, self._needed.get(cut, 0) - here)

    def _explore(
        self, stack: list[Node], level: int, goal: int, seen: Seen, budget: list[int]
    ) -> tuple[Node, list[Node]] | None:
        while stack and budget[0] > 0:
            node = stack.pop()
            if sum(node.cut) >= goal:
                return node, stack
            budget[0] -= len(node.states)
            if level == UNLIMITED:
                self._enlarge(node)
            more = self._more(node, level, seen)
            if more is not None:
                stack.append(more)
            for chain, line in reversed(self.feed.heads(node.cut)):
                event = self._event_of(line)
                cut = (*node.cut[:chain], node.cut[chain] + 1, *node.cut[chain + 1 :])
                after = self._fresh(self.advance(node.states, event), cut, node.silent, self._anew(cut, 0), seen)
                if after:
                    stack.append(Node(cut, after, node.silent, node, event))
        return None

    def _enlarge(self, node: Node) -> None:
        before = node.states
        node.states = list(dict.fromkeys(map(self._silent.largest, before)))
        most = max(map(self._silent.forgotten, before), default=0)
        self._forgot = self._forgot or any(self._silent.forgotten(state) > most for state in node.states)

    def _more(self, node: Node, level: int, seen: Seen) -> Node | None:
        """The states after one more silent step, if one may be taken."""
        anew, here = self._anew(node.cut, node.here), node.here + 1
        unlimited = level == UNLIMITED
        if not (anew or node.silent < level or unlimited):
            return None
        counted = node.silent + (not anew and not unlimited)
        step = self._silent.others if unlimited else self._silent.steps
        after = dict.fromkeys(after for state in node.states for after in step(state))
        states = self._fresh(after, node.cut, counted, self._anew(node.cut, here), seen)
        return Node(node.cut, states, counted, node, None, here) if states else None

    @staticmethod
    def _fresh(states: Iterable[State], cut: Cut, silent: int, anew: int, seen: Seen) -> list[State]:
        known = seen.setdefault((cut, silent, anew), set())
        found = [state for state in states if state not in known]
        known.update(found)
        return found

    def _adopt(self, moments: list[Moment], at: int, node: Node, left: list[Node]) -> None:
        """Goes on from a point that was found: the history is what led there, and what was not looked at yet."""
        path: list[Node] = []
        here: Node | None = node
        while here is not None:
            path.append(here)
            here = here.parent
        path.reverse()
        start = moments[at]
        made = []
        earlier = list(dict.fromkeys([*start.states, *start.aside, *start.earlier])) if self.limits.silent else []
        for one, following in itertools.pairwise(path):
            if following.event is not None:
                made.append(Moment(one.cut, one.states, following.event, [], one.here, earlier))
                earlier = []
            elif not earlier:
                earlier = one.states
        dropped = moments[at:-1]
        self.silent_steps += sum(moment.silent for moment in made) - sum(moment.silent for moment in dropped)
        self.history = deque([*moments[:at], *made])
        by_cut = {moment.cut: moment for moment in made}
        for one in left:
            if one.parent is None:
                continue  # a start: its states are among the earlier ones
            if one.cut in by_cut:
                by_cut[one.cut].aside += one.states
            else:
                self.conclusive = False
        self.cut, self.states, self._aside = node.cut, node.states, []
        self.events = sum(node.cut)


_NO_LINE = Line({}, "", 0)
