"""Finite instances of a specification to look for counterexamples in: sizes from a model block, larger and smaller."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyspec.base.diagnostics import SpecError
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.instance import Instance, choose_model, instantiate
from pyspec.model.values import show
from pyspec.model.walk import bodies, expressions

#: No sort is made larger than this in the search for a counterexample.
LARGEST = 4
#: Integers without bounds are looked at up to so many beyond twice the numbers written down, if all of these are at
#: most MANY.
INTEGERS, MANY = 6, 100
#: How many elements of each sort the smallest instance has that is looked at first.
FEW = 2
#: Capacities that a model sets are widened to this: the protocol for any size has none. (Sequences stay short.)
WIDE, NARROW = 16, ("seq",)


@dataclass(frozen=True)
class Sizes:
    """Sizes of sorts and values of integer and Boolean constants and budgets, by name."""

    values: tuple[tuple[str, int], ...]

    def but(self, name: str, value: int) -> Sizes:
        """These sizes with another one for a name."""
        return Sizes(tuple((n, value if n == name else v) for n, v in self.values))

    def text(self) -> str:
        """`RM = 3, LAST = 2`."""
        return ", ".join(f"{name} = {show(value)}" for name, value in self.values)


def starting(spec: core.Spec, flaws: tuple[str, ...], least: int = 3) -> Sizes | None:
    """Sizes to begin with: those of the default model, or of the one that a flaw names, with at least three of each
    sort (or `least`) where the assumptions allow it; None if the specification has no instance."""
    base = _instance(spec, {}, flaws) or _instance(spec, dict.fromkeys(spec.sorts, 3), flaws)
    if base is None:
        return None
    sizes = [(sort, len(base.sort(sort).elements or ())) for sort in spec.sorts]
    crashing = any(action.kind == "fault" and action.name.endswith("crash") for action in spec.actions)
    budgets = [("crashes", 1)] if crashing else []
    own = Sizes((*sizes, *_constants(spec, base), *budgets))
    wanted = Sizes(tuple((n, max(least, v) if n in spec.sorts else v) for n, v in own.values))
    return fitted(spec, wanted, own, flaws)


def fitted(spec: core.Spec, wanted: Sizes, own: Sizes, flaws: tuple[str, ...]) -> Sizes:
    """The sizes wanted, as far as the assumptions of the specification allow them ("there is one server"); for sorts
    of which they do not, the sizes that are its own."""
    if wanted == own or instance(spec, wanted, flaws) is not None:
        return wanted
    for name, value in wanted.values:
        if name in spec.sorts and instance(spec, own.but(name, value), flaws) is not None:
            own = own.but(name, value)
    return own


def _constants(spec: core.Spec, base: Instance) -> list[tuple[str, int]]:
    """Integer and Boolean constants that have a value of their own (others follow from them)."""
    found, flaws = [], {flaw.name for flaw in spec.flaws}
    for decl in spec.consts:
        value = base.constants.get(decl.name)
        derived = decl.default is not None and not isinstance(decl.default, core.Lit)
        if isinstance(value, int) and not derived and "." not in decl.name and decl.name not in flaws:
            found.append((decl.name, value))
    return found


def instance(spec: core.Spec, sizes: Sizes, flaws: tuple[str, ...]) -> Instance | None:
    """The instance with these sizes; None if the specification does not allow them."""
    return _instance(spec, dict(sizes.values), flaws)


def _instance(spec: core.Spec, overrides: dict[str, int], flaws: tuple[str, ...]) -> Instance | None:
    model = _model(spec, flaws)
    wide = {f"capacity {s.name}": WIDE for s in model.settings if s.kind == "capacity" and s.name not in NARROW}
    try:
        return instantiate(spec, _with_few_integers(spec, model), {**wide, **overrides}, flaws)
    except SpecError:
        return None


def _model(spec: core.Spec, flaws: tuple[str, ...]) -> core.Model:
    """The default model; of a flaw that says in which model it shows, that one."""
    own = [flaw for flaw in spec.flaws if flaw.name in flaws and (flaw.model or flaw.overrides)]
    model = choose_model(spec, own[0].model if own else None)
    return replace(model, settings=(*model.settings, *own[0].overrides)) if own else model


def _with_few_integers(spec: core.Spec, model: core.Model) -> core.Model:
    """A model that gives `int` no range gets a small one around the numbers that are written down: what a
    counterexample has in a set can then be listed."""
    written = [node for body in bodies(spec) for node in expressions(body) if isinstance(node, core.Lit)]
    numbers = [lit.value for lit in written if isinstance(lit.value, int) and not isinstance(lit.value, bool)]
    if any(one.kind == "int" for one in model.settings) or max(map(abs, numbers), default=0) > MANY:
        return model
    low, high = min(0, *numbers, 0) - 1, 2 * max(0, *numbers, 0) + INTEGERS
    few = core.Setting("int", "int", core.Lit(ty.Int(), low), core.Lit(ty.Int(), high))
    return replace(model, settings=(*model.settings, few))


def singles(sizes: Sizes, spec: core.Spec) -> list[Sizes]:
    """These sizes with one sort of a single element, for each sort."""
    return [sizes.but(name, 1) for name, value in sizes.values if name in spec.sorts and value > 1]


def fewest(sizes: Sizes, spec: core.Spec) -> list[Sizes]:
    """These sizes with two elements of each sort: many mistakes need no more, and such an instance is quickly made."""
    few = Sizes(tuple((name, min(value, FEW) if name in spec.sorts else value) for name, value in sizes.values))
    return [few] if few != sizes else []


def smaller(sizes: Sizes, spec: core.Spec) -> list[Sizes]:
    """Each way to make one thing smaller by one."""
    found = []
    for name, value in sizes.values:
        least = 1 if name in spec.sorts else 0
        if not isinstance(value, bool) and value > least:
            found.append(sizes.but(name, value - 1))
    return found


def flipped(sizes: Sizes) -> list[Sizes]:
    """Each way to give one Boolean constant the other value."""
    return [sizes.but(name, not value) for name, value in sizes.values if isinstance(value, bool)]


def larger(sizes: Sizes, spec: core.Spec, flaws: tuple[str, ...]) -> list[Sizes]:
    """Integer constants one larger; then sorts one larger as well, where the assumptions allow it."""

    def kept(name: str, value: int) -> bool:
        return name in spec.sorts or name == "crashes" or isinstance(value, bool)

    ints = Sizes(tuple((n, v if kept(n, v) else v + 1) for n, v in sizes.values))
    both = Sizes(tuple((n, min(v + 1, max(v, LARGEST)) if n in spec.sorts else v) for n, v in ints.values))
    return [step for step in dict.fromkeys((ints, fitted(spec, both, ints, flaws))) if step != sizes]
