"""A generated fast model, loaded: initial states, the runs of actions, the functions that a mapping's expressions have
become."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable
from typing import Any

from pyspec.base.diagnostics import error
from pyspec.conform.generate import generate
from pyspec.conform.rt import State
from pyspec.conform.values import Pool, long, plain
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.errors import EVALUATION_ERRORS, EvaluationError
from pyspec.model.instance import Instance
from pyspec.model.values import Value

Run = Callable[..., Iterable[State]]


class FastModel:
    """An instance, stepped fast."""

    def __init__(self, instance: Instance, keep: int = 0) -> None:
        self.instance, self.keep = instance, keep
        self.generated = generate(instance)
        self.names = self.generated.names
        self._file = f"<fast model of {instance.spec.name}>"
        self.space: dict[str, Any] = {"__name__": f"pyspec.generated.fast.{instance.spec.name}"}
        self.load(self.generated.source, self._file, self.space)
        self.attributes = self.names.attributes()
        self.pools = {var.name: var for var in instance.spec.vars if var.kind == "pool"}

    def load(self, source: str, file: str, space: dict[str, Any]) -> None:
        """Runs generated source among names."""
        try:
            code = compile(source, file, "exec", dont_inherit=True)
        except (SyntaxError, RecursionError, MemoryError) as problem:
            message = f"{self.instance.spec.name} nests expressions or statements too deeply ({problem})"
            raise error("E0712", message) from None
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(code, space)  # generated from a typed core: nothing of the user's text is in it but names

    def run(self, action: str) -> Run:
        """The generator of the runs of an action from a state, with all arguments given."""
        run: Run = self.space[self.names.of("action", action)]
        return run

    def domain(self, action: str, position: int) -> Callable[..., Iterable[Value]]:
        """What a parameter ranges over in a state, given the earlier ones."""
        found: Callable[..., Iterable[Value]] = self.space[self.names.of("domain", f"{action} {position}")]
        return found

    def function(self, name: str) -> Callable[..., Value]:
        """A function of the instance; one that reads the state takes it first."""
        found: Callable[..., Value] = self.space[self.names.of("function", name)]
        return found

    def initial(self) -> list[State]:
        """Every initial state."""
        try:
            return [self._shared(state) for state in self.space["initial"]()]
        except EvaluationError as problem:
            raise error(EVALUATION_ERRORS[problem.kind][0], problem.message, problem.span) from None

    def _shared(self, state: Any) -> State:
        for var in self.instance.spec.vars:
            attribute = self.attributes[var.name]
            value = getattr(state, attribute)
            if var.kind == "pool":
                value = Pool(isinstance(var.type, ty.Bag), self.keep).plus(value)
            elif isinstance(value, tuple) and isinstance(var.type, ty.Seq):
                value = long(value)
            setattr(state, attribute, value)
        assert isinstance(state, State)
        return state

    def values(self, state: State) -> dict[str, Value]:
        """The values of a state as the interpreter has them, by the names of the variables."""
        return {name: plain(getattr(state, attribute)) for name, attribute in self.attributes.items()}

    def action(self, name: str) -> core.Action:
        """An action of the instance."""
        return self.instance.action(name)
