"""Evaluating an expression of the language in a state, and looking for a state in which one is true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspec.base.source import Source
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.ask import ASKED, with_goal, with_value
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.explain import because
from pyspec.model.given import Override
from pyspec.model.instance import Instance, choose_model, instantiate
from pyspec.model.state import State
from pyspec.model.values import Atom, Value, show


@dataclass(frozen=True)
class Answer:
    """The value of an expression; for a boolean one also why it is so."""

    value: Value
    text: str
    because: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asker:
    """A specification's text and the choices that made an instance of it: what a question needs."""

    source: Source
    model: str | None = None
    overrides: Mapping[str, Override] = field(default_factory=dict)
    flaws: tuple[str, ...] = ()

    def value(self, text: str, instance: Instance, state: State, after: State | None = None) -> Answer:
        """The value of an expression in a state; elements of sorts may be used by name (`Server1.term`).

        Raises SpecError if the expression is wrong, EvaluationError if it has no value here.
        """
        atoms = _elements(instance)
        asked = self._instance(with_value(self.source, text, {name: atom.type for name, atom in atoms.items()}))
        functions = {function.name: function for function in asked.spec.functions}
        body = functions[ASKED].body
        scope = Scope(state.values(), after.values() if after else None, functions, dict(atoms))
        value = evaluate(body, scope)
        why = because(body, scope) if isinstance(body.type, ty.Bool) else []
        return Answer(value, show(value, body.type), why)

    def goal(self, text: str) -> Instance:
        """The instance with a `reachable` goal named `asked__`: the expression.

        Raises SpecError if the expression is wrong.
        """
        return self._instance(with_goal(self.source, text))

    def _instance(self, spec: core.Spec) -> Instance:
        return instantiate(spec, choose_model(spec, self.model), dict(self.overrides), self.flaws)


def _elements(instance: Instance) -> dict[str, Atom]:
    """The elements of all sorts, by name, but those that are named like something declared."""
    spec = instance.spec
    taken = {*spec.types, *spec.sorts, *(var.name for var in spec.vars), *(f.name for f in spec.functions)}
    found: dict[str, Atom] = {}
    for name in spec.sorts:
        sort = instance.sort(name)
        for index, element in enumerate(sort.elements or ()):
            if element not in taken and element.isidentifier():
                found[element] = Atom(name, index, element)
    return found
