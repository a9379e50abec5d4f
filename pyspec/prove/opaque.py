"""Conditions that stay names: a `def` with a quantifier in it is a predicate symbol, and its body an axiom about it.

A lemma such as "stored, or dead" is then a clause to the solver, which looks into `dead` only where the argument needs
it. A name stands for the function in one state: what it reads decides which, so an action that changes nothing that a
function reads leaves its name as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import z3

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.walk import nodes
from pyspec.prove.logic import Term, Truth, conj
from pyspec.prove.reading import reads
from pyspec.prove.values import Row, Val, is_flat

if TYPE_CHECKING:
    from pyspec.prove.encode import Encoder, Env


@dataclass(frozen=True)
class Definition:
    """One function in one state: its symbol, what it read there, and what its symbol means."""

    symbol: str
    read: tuple[Val, ...]
    formula: list[Truth]


@dataclass
class Opaque:
    """The functions that stay names, in the state before a step and in the states of one run."""

    encoder: Encoder
    first: dict[str, Val] = field(default_factory=dict)  # the state before a step
    _before: dict[str, Definition] = field(default_factory=dict)
    _during: dict[str, list[Definition]] = field(default_factory=dict)
    _hidden: dict[str, bool] = field(default_factory=dict)
    _reads: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def hides(self, function: core.Function) -> bool:
        """Whether a function stays a name: a condition with a quantifier, of scalars, for any size."""
        if function.name not in self._hidden:
            self._hidden[function.name] = self._hides(function)
        return self._hidden[function.name]

    def _hides(self, function: core.Function) -> bool:
        kinds = [of for _, of in function.params]
        return (
            not self.encoder.finite
            and bool(kinds)
            and isinstance(function.result, ty.Bool)
            and all(is_flat(of) and len(self.encoder.u.shapes(of)) == 1 for of in kinds)
            and any(isinstance(node, core.Quant) for node in nodes(function.body))
            and bool(self._read_by(function))
        )

    def _read_by(self, function: core.Function) -> tuple[str, ...]:
        if function.name not in self._reads:
            self._reads[function.name] = tuple(sorted(reads(function.body, self.encoder.functions)))
        return self._reads[function.name]

    def call(self, function: core.Function, args: tuple[Val, ...], env: Env) -> Truth:
        """The symbol of a function in a state, applied."""
        kinds = ty.Tuple(tuple(of for _, of in function.params))
        ((_, _, leaves),) = self.encoder.u.decide(kinds, Row(args))
        return self.encoder.u.apply(self._definition(function, env).symbol, leaves, ty.Bool())

    def _definition(self, function: core.Function, env: Env) -> Definition:
        read = tuple(env.state[name] for name in self._read_by(function))
        before = all(self.first.get(name) is value for name, value in zip(self._read_by(function), read, strict=True))
        if before:
            if function.name not in self._before:
                self._before[function.name] = made = Definition(f"{function.name}()", read, [])
                made.formula.append(self._meaning(function, made.symbol, env))
            return self._before[function.name]
        known = self._during.setdefault(function.name, [])
        for one in known:
            if all(a is b for a, b in zip(one.read, read, strict=True)):
                return one
        primes = "'" * (len(known) + 1)
        known.append(made := Definition(f"{function.name}(){primes}", read, []))
        made.formula.append(self._meaning(function, made.symbol, env))
        return made

    def _meaning(self, function: core.Function, symbol: str, env: Env) -> Truth:
        """For all arguments the symbol says what the body says."""
        u = self.encoder.u
        kinds = tuple(of for _, of in function.params)
        (shape,) = u.shapes(ty.Tuple(kinds))
        kept, u.bound = u.bound, []
        variables: list[Term] = [z3.Const(f"%{at}", u.sort(leaf)) for at, leaf in enumerate(shape.leaves)]
        u.bound += variables
        try:
            with u.collecting() as facts:
                names = {
                    name: item
                    for (name, _), item in zip(function.params, shape.build(tuple(variables)).items, strict=True)
                }
                body = self.encoder.value(function.body, replace(env, locals=names, next=None))
        finally:
            u.bound = kept
        head = u.apply(symbol, tuple(variables), ty.Bool())
        return conj((*facts, z3.ForAll(variables, head == u.term(body), patterns=[head])))

    def forget_run(self) -> None:
        """The next run has states of its own."""
        self._during = {}

    def definitions(self) -> list[tuple[str, Truth]]:
        """What the symbols mean, before the step and in this run."""
        found = [*self._before.values(), *(one for several in self._during.values() for one in several)]
        return [(f"definition {one.symbol}", conj(one.formula)) for one in found]
