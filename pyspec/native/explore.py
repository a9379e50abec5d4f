"""The state graph of an instance, for whoever wants all of it: diagrams, lemma search, liveness.

with explore(instance) as graph:
    for node in graph.states(): ...
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyspec.model.instance import Instance
from pyspec.model.values import Value
from pyspec.native.engine import Compiled, Request, compile_model, search_options
from pyspec.native.layout import Known, decode_state, decode_var
from pyspec.native.library import NO_PARENT, Search


@dataclass(frozen=True)
class Node:
    """A state: `at` identifies it, `parent` is the state it was first reached from (None: initial)."""

    at: int
    parent: int | None
    words: tuple[int, ...]


@dataclass(frozen=True)
class Edge:
    """A step: the name of the action, the packed state it leads to, and (with symmetry) what stands for that one."""

    action: str
    words: tuple[int, ...]
    representative: tuple[int, ...]


class Graph:
    """All reachable states, found already; edges are computed when they are asked for."""

    def __init__(self, instance: Instance, compiled: Compiled, search: Search) -> None:
        self.instance, self._compiled, self._search = instance, compiled, search
        self._known: Known = {}

    @property
    def distinct(self) -> int:
        """How many states there are."""
        return self._search.progress().distinct

    @property
    def complete(self) -> bool:
        """Whether these are all: nothing ran out and no evaluation error cut the search short."""
        failure = self._search.finding(len(self._compiled.made.properties) + 1)
        return self._search.progress().stop == 0 and failure is None

    def states(self) -> Iterator[Node]:
        """Every state, breadth first."""
        for at, parent, words in self._search.log():
            yield Node(at, None if parent == NO_PARENT else parent, words)

    def values(self, words: tuple[int, ...]) -> dict[str, Value]:
        """The values of the variables in a packed state."""
        made = self._compiled.made
        return decode_state(made.em, made.layout, list(words), self._known)

    def value(self, name: str, words: tuple[int, ...]) -> Value:
        """The value of one variable in a packed state."""
        made = self._compiled.made
        if name not in made.layout.cells:
            return self.values(words)[name]
        return decode_var(made.em, made.layout, name, words, self._known)

    def edges(self, words: tuple[int, ...]) -> list[Edge]:
        """The steps from a packed state, those beyond a limit included."""
        actions = self._compiled.made.actions
        return [Edge(actions[s.action], s.words, s.representative) for s in self._search.successors(list(words))]


@contextmanager
def explore(
    instance: Instance, *, threads: int = 1, symmetry: bool = False, max_states: int | None = None
) -> Iterator[Graph]:
    """Find all states; properties are not checked. Raises CannotEmit and CannotBuild."""
    compiled = compile_model(instance, symmetry)
    request = Request(threads, symmetry, max_states, None, None, (), True, None, False, 0.0, None)
    folder = tempfile.mkdtemp(prefix="pyspec-")
    try:
        options = search_options(request, compiled.made, folder)
        options.stop_when_decided = 0
        with Search(compiled.library.handle, compiled.made, options) as search:
            search.start()
            while not search.wait(0.1):
                pass
            yield Graph(instance, compiled, search)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
