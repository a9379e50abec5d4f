"""Liveness under fairness: is there a fair infinite run that never does what it must do in the end?

A counterexample to each property is a run that from some point on stays inside a set of states ("allowed") for ever:

    eventually Q          a run from an initial state, allowed: not Q
    always eventually Q   any run, allowed: not Q
    P leads to Q          a run from a state with P and not Q, allowed: not Q
    eventually always Q   any run, allowed: all states, and it meets a state with not Q again and again

Infinite runs of a finite graph end up in a strongly connected component (a single state counts: every run may stutter).
The component is fair when every weakly fair step that is enabled in all of its states is taken inside it, and every
strongly fair step that is enabled in one of its states is. States in which an unfair strongly fair step is enabled are
cut out and what remains is searched again (E. A. Emerson and C.-L. Lei, Modalities for model checking, Sci. Comput.
Program. 8, 1987).

Fairness is per step: an action together with its arguments (`fair action work(p: Proc)` is fair to every process). A
step that changes nothing is no step.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

UNFAIR = -1


@dataclass
class Graph:
    """The explored states, numbered from 0; `edges[s]` lists (label, target) of each step that changes the state.

    A label is the number of a fair step, or UNFAIR. `blocked[s]` are labels of steps that leave the explored part.
    """

    initial: list[int] = field(default_factory=list)
    edges: list[list[tuple[int, int]]] = field(default_factory=list)
    blocked: list[tuple[int, ...]] = field(default_factory=list)
    weak: set[int] = field(default_factory=set)
    strong: set[int] = field(default_factory=set)

    def enabled(self, state: int) -> set[int]:
        """The fair steps that can be taken in a state."""
        found = {label for label, _ in self.edges[state]}
        found.update(self.blocked[state])
        found.discard(UNFAIR)
        return found


@dataclass(frozen=True)
class Lasso:
    """States of a run: `states[loop:]` repeats for ever (from the last to `states[loop]`; a single one stutters)."""

    states: tuple[int, ...]
    loop: int


def counterexample(
    graph: Graph, shape: str, first: Sequence[bool], second: Sequence[bool] | None = None
) -> Lasso | None:
    """A fair run that violates the property, or None. `first` is Q (for "leads_to" P, and `second` Q), by state."""
    goal = second if shape == "leads_to" and second is not None else first
    count = len(graph.edges)
    starts: Iterable[int]
    if shape == "eventually_always":
        inside, starts = [True] * count, range(count)
        return _search(graph, inside, starts, {s for s in range(count) if not first[s]})
    inside = [not goal[s] for s in range(count)]
    if shape == "eventually":
        starts = [s for s in graph.initial if inside[s]]
    elif shape == "leads_to":
        starts = [s for s in range(count) if inside[s] and first[s]]
    else:
        starts = [s for s in range(count) if inside[s]]
    return _search(graph, inside, starts, None)


def _search(graph: Graph, inside: list[bool], starts: Iterable[int], must_meet: set[int] | None) -> Lasso | None:
    begin = list(starts)
    reach = _reach(graph, begin, inside)
    for component in components(graph, sorted(reach)):
        fair = _fair_part(graph, component, must_meet)
        if fair is not None:
            return _lasso(graph, begin, inside, fair, must_meet)
    return None


def _reach(graph: Graph, starts: Iterable[int], inside: Sequence[bool]) -> set[int]:
    found = set(starts)
    todo = deque(found)
    while todo:
        for _, target in graph.edges[todo.popleft()]:
            if inside[target] and target not in found:
                found.add(target)
                todo.append(target)
    return found


def components(graph: Graph, states: Iterable[int]) -> list[set[int]]:
    """Strongly connected components of the graph restricted to some states (Tarjan 1972, without recursion)."""
    allowed = set(states)
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    out: list[set[int]] = []
    for root in sorted(allowed):
        if root in order:
            continue
        work = [(root, 0)]
        while work:
            state, position = work.pop()
            if position == 0:
                order[state] = low[state] = len(order)
                stack.append(state)
                on_stack.add(state)
            edges = graph.edges[state]
            descended = False
            while position < len(edges):
                target = edges[position][1]
                position += 1
                if target not in allowed:
                    continue
                if target not in order:
                    work += [(state, position), (target, 0)]
                    descended = True
                    break
                if target in on_stack:
                    low[state] = min(low[state], order[target])
            if descended:
                continue
            if low[state] == order[state]:
                out.append(_pop(stack, on_stack, state))
            if work:
                parent = work[-1][0]
                low[parent] = min(low[parent], low[state])
    return out


def _pop(stack: list[int], on_stack: set[int], root: int) -> set[int]:
    found: set[int] = set()
    while True:
        state = stack.pop()
        on_stack.discard(state)
        found.add(state)
        if state == root:
            return found


def _fair_part(graph: Graph, component: set[int], must_meet: set[int] | None) -> set[int] | None:
    """A part of a component in which a run can stay for ever and be fair, or None."""
    if must_meet is not None and not component & must_meet:
        return None
    taken = {label for s in component for label, target in graph.edges[s] if target in component}
    always: set[int] | None = None
    sometimes: set[int] = set()
    for s in component:
        enabled = graph.enabled(s)
        always = enabled if always is None else always & enabled
        sometimes |= enabled
    if (always or set()) & graph.weak - taken:
        return None
    starved = (sometimes & graph.strong) - taken
    if not starved:
        return component
    rest = [s for s in component if not graph.enabled(s) & starved]
    for smaller in components(graph, rest):
        fair = _fair_part(graph, smaller, must_meet)
        if fair is not None:
            return fair
    return None


def _path(graph: Graph, starts: Iterable[int], inside: Sequence[bool] | set[int], goal: set[int]) -> list[int]:
    """A shortest path from one of the starts to the goal (which a start may be in)."""
    allowed = inside if isinstance(inside, set) else None
    before: dict[int, int | None] = dict.fromkeys(starts)
    todo = deque(before)
    while todo:
        state = todo.popleft()
        if state in goal:
            path = [state]
            while (previous := before[path[-1]]) is not None:
                path.append(previous)
            return path[::-1]
        for _, target in graph.edges[state]:
            ok = target in allowed if allowed is not None else inside[target]  # type: ignore[index]
            if ok and target not in before:
                before[target] = state
                todo.append(target)
    raise AssertionError("the goal is reachable")


def shortest(graph: Graph, state: int) -> list[int]:
    """A shortest path from an initial state."""
    return _path(graph, graph.initial, [True] * len(graph.edges), {state})


def _lasso(graph: Graph, starts: list[int], inside: list[bool], fair: set[int], must_meet: set[int] | None) -> Lasso:
    """From an initial state to one of the starts, inside the allowed states to the fair part, and round it."""
    everything = [True] * len(graph.edges)
    entry = _path(graph, starts, inside, fair)
    lead = _path(graph, graph.initial, everything, {entry[0]})
    prefix = [*lead, *entry[1:]]
    cycle = _cycle(graph, prefix[-1], fair, must_meet)
    return Lasso((*prefix[:-1], *cycle), len(prefix) - 1)


def _cycle(graph: Graph, start: int, fair: set[int], must_meet: set[int] | None) -> list[int]:
    """A closed walk inside the fair part that takes, or finds disabled, every fair step; without its last state."""
    walk = [start]
    if must_meet is not None:
        walk += _path(graph, [walk[-1]], fair, fair & must_meet)[1:]
    for label in sorted(graph.weak | graph.strong):
        edges = [(s, x) for s in sorted(fair) for found, x in graph.edges[s] if found == label and x in fair]
        if edges:
            _through(graph, walk, fair, edges[0])
        elif label in graph.weak:
            resting = {s for s in fair if label not in graph.enabled(s)}
            walk += _path(graph, [walk[-1]], fair, resting)[1:]
    walk += _path(graph, [walk[-1]], fair, {start})[1:]
    if len(walk) == 1:
        onward = next((x for _, x in graph.edges[start] if x in fair), None)
        walk += [] if onward is None or onward == start else [onward, *_path(graph, [onward], fair, {start})[1:]]
    return walk[:-1] if len(walk) > 1 else walk


def _through(graph: Graph, walk: list[int], fair: set[int], edge: tuple[int, int]) -> None:
    """Extend a walk over one edge, unless it takes it already."""
    if any(pair == edge for pair in itertools.pairwise(walk)):
        return
    walk += [*_path(graph, [walk[-1]], fair, {edge[0]})[1:], edge[1]]
