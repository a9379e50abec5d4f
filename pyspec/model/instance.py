"""An instance: a specification together with one model block, everything about it finite and concrete."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspec.base.diagnostics import Diagnostic, SpecError, error
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.concrete import MOST_ELEMENTS, Concretizer, is_lit, spent_from_the_start
from pyspec.model.domains import LISTABLE, cardinality, describe
from pyspec.model.errors import EVALUATION_ERRORS, EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.given import Given, Override
from pyspec.model.symmetry import symmetric_sorts
from pyspec.model.unroll import key_by_key
from pyspec.model.values import Value, show
from pyspec.model.walk import bodies, nodes


@dataclass(frozen=True)
class Instance:
    """What every bounded engine consumes.

    In `spec` every range and capacity is a number, every sort has its elements, constants, flaw switches and quorum
    systems are literals, a stored `int` is a range, and what they decide has been simplified away. `model` is the
    block as written.
    """

    spec: core.Spec
    model: core.Model
    flaws: tuple[str, ...] = ()
    limits: tuple[core.Expr, ...] = ()
    view: core.Expr | None = None
    symmetric: tuple[str, ...] = ()
    constants: Mapping[str, Value] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def var(self, name: str) -> core.Var:
        """A state variable by name."""
        return next(var for var in self.spec.vars if var.name == name)

    def action(self, name: str) -> core.Action:
        """An action by name."""
        return next(action for action in self.spec.actions if action.name == name)

    def sort(self, name: str) -> ty.Sort:
        """A sort by name."""
        found = self.spec.types[name]
        assert isinstance(found, ty.Sort)
        return found


def choose_model(spec: core.Spec, model: core.Model | str | None) -> core.Model:
    """The model asked for; without a name `ci`, else the first, else one that says nothing."""
    if isinstance(model, core.Model):
        return model
    named = {block.name: block for block in spec.models}
    if model is None:
        first = spec.models[0] if spec.models else core.Model("(none)", ())
        return named.get("ci", first)
    if model not in named:
        close = difflib.get_close_matches(model, named, 1)
        known = ", ".join(named) or "none"
        hint = f"did you mean {close[0]}?" if close else f"models of {spec.name}: {known}"
        raise error("E0709", f"{spec.name} has no model {model}", hint=hint)
    return named[model]


def instantiate(
    spec: core.Spec,
    model: core.Model | str | None = None,
    overrides: Mapping[str, Override] | None = None,
    flaws: tuple[str, ...] = (),
    most_elements: int = MOST_ELEMENTS,
) -> Instance:
    """A specification with one of its models. `overrides` (by constant, sort, budget, `capacity NAME`) win over the
    model. No sort has more than `most_elements` elements: packed engines keep a set of them in one word."""
    block = choose_model(spec, model)
    check_flaws(spec, flaws)
    try:
        make = Concretizer(spec, Given(spec, block, overrides or {}), flaws, most_elements)
        return _instantiate(make, block, flaws)
    except RecursionError:
        raise error("E0712", f"{spec.name} nests expressions or statements too deeply") from None


def check_flaws(spec: core.Spec, flaws: tuple[str, ...]) -> None:
    """Raises a diagnostic unless the specification declares these flaws."""
    known = [flaw.name for flaw in spec.flaws]
    for flaw in flaws:
        if flaw not in known:
            close = difflib.get_close_matches(flaw, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"flaws of {spec.name}: {', '.join(known) or 'none'}"
            raise error("E0710", f"{spec.name} has no flaw {flaw}", hint=hint)


def _instantiate(make: Concretizer, block: core.Model, flaws: tuple[str, ...]) -> Instance:
    constants = _constants(make)
    folded = _fold(make)
    unrolled = dataclasses.replace(folded, vars=tuple(map(key_by_key, folded.vars)))
    _check_domains(unrolled)
    limits = tuple(make.expr(one.value) for one in block.settings if one.kind == "limit" and one.value is not None)
    view = next((make.expr(one.value) for one in block.settings if one.kind == "view" and one.value is not None), None)
    _check_assumptions(folded)
    symmetric, notes = _symmetry(folded, block, limits)
    if view is not None and symmetric:
        symmetric, notes = (), ("no reduction by symmetry: the model has a view",)
    return Instance(unrolled, block, flaws, limits, view, symmetric, constants, notes, make.spec.files)


def _constants(make: Concretizer) -> dict[str, Value]:
    """Every constant's value; all that are missing are reported together."""
    found: dict[str, Value] = {}
    problems: list[Diagnostic] = []
    for name in make.spec.sorts:
        _gather(problems, lambda name=name: make.elements(name))
    for decl in make.spec.consts:
        if not problems:
            found[decl.name] = make.const(decl.name)
        elif decl.default is None and decl.quorum is None:
            _gather(problems, lambda decl=decl: make.const(decl.name))
    if problems:
        raise SpecError(list(dict.fromkeys(problems)))
    return found


def _gather(problems: list[Diagnostic], work: object) -> None:
    assert callable(work)
    try:
        work()
    except SpecError as found:
        problems.extend(found.diagnostics)


def _fold(make: Concretizer) -> core.Spec:
    spec = make.spec
    flaws = frozenset(flaw.name for flaw in spec.flaws)
    actions = tuple(made for a in spec.actions if not _is_off(made := make.node(a), a, flaws))
    written = {node.var for action in actions for node in nodes(action) if isinstance(node, core.Assign)}
    kept = [v for v in spec.vars if v.name in written or not spent_from_the_start(v, make.var_type(v))]
    return dataclasses.replace(
        spec,
        types={name: make.type(kind) for name, kind in spec.types.items()},
        consts=tuple(_constant(make, decl) for decl in spec.consts),
        vars=tuple(dataclasses.replace(make.node(var), type=make.var_type(var)) for var in kept),
        init_where=tuple(map(make.expr, spec.init_where)),
        functions=tuple(make.function(function.name) for function in spec.functions),
        actions=actions,
        properties=tuple(map(make.node, spec.properties)),
        flaws=tuple(dataclasses.replace(flaw, overrides=()) for flaw in spec.flaws),
        models=(),
        messages=tuple(map(make.node, spec.messages)),
        refines=tuple(_refines(make, refines) for refines in spec.refines),
    )


def _is_off(action: core.Action, written: core.Action, flaws: frozenset[str]) -> bool:
    """Whether a model switches an action off: a fault without a budget, a step of a flaw that is not on, what a
    constant says is not done."""
    guards = (statement for statement in written.body if isinstance(statement, core.When))
    consts = [node for guard in guards for node in nodes(guard) if isinstance(node, core.Const)]
    switched = any(c.name in flaws or c.name.startswith("budget.") or isinstance(c.type, ty.Bool) for c in consts)
    return switched and _never(action) and not _never(written)


def _never(action: core.Action) -> bool:
    return any(isinstance(statement, core.When) and is_lit(statement.cond, False) for statement in action.body)


def _constant(make: Concretizer, decl: core.ConstDecl) -> core.ConstDecl:
    kind = make.type(decl.type)
    return dataclasses.replace(decl, type=kind, default=core.Lit(kind, make.const(decl.name), span=decl.span))


def _refines(make: Concretizer, refines: core.Refines) -> core.Refines:
    mapping = tuple((name, make.expr(expr)) for name, expr in refines.mapping)
    steps = tuple((name, make.expr(expr)) for name, expr in refines.steps)
    return dataclasses.replace(refines, mapping=mapping, steps=steps)


def _check_domains(spec: core.Spec) -> None:
    """Every type whose values are to be listed must have few enough of them."""
    problems = []
    for root in bodies(spec):
        for node in nodes(root):
            of = node.of if isinstance(node, core.Domain) else None
            if of is not None and cardinality(of) > LISTABLE:
                assert isinstance(node, core.Domain)
                message = f"{describe(of)} has too many values to try them all"
                hint = "give `int` a range in the model (`int in 0..9`), or range over a smaller set"
                problems.append(Diagnostic("E0714", message, node.span, hint))
    if problems:
        raise SpecError(list(dict.fromkeys(problems)))


def _check_assumptions(spec: core.Spec) -> None:
    functions = {function.name: function for function in spec.functions}
    for prop in spec.properties:
        if prop.kind != "assume":
            continue
        try:
            holds = evaluate(prop.body, Scope(functions=functions))
        except EvaluationError as problem:
            code = EVALUATION_ERRORS[problem.kind][0]
            raise error(code, f"in assumption {prop.name}: {problem.message}", problem.span) from None
        if not holds:
            raise error("E0711", f"the model does not satisfy the assumption {prop.name}", prop.span)


def _symmetry(
    spec: core.Spec, block: core.Model, extra: tuple[core.Expr, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if any(setting.kind == "symmetry" and not setting.on for setting in block.settings):
        return (), ()
    sorts = {name: kind for name, kind in spec.types.items() if isinstance(kind, ty.Sort)}
    good, notes = symmetric_sorts(spec, sorts, extra)
    return good, tuple(notes)


def describe_constants(instance: Instance) -> str:
    """The constants of an instance on one line, for a heading: `RM = 3, MaxTerm = 2`."""
    sizes = [f"{name} = {len(instance.sort(name).elements or ())}" for name in instance.spec.sorts]
    values = [f"{name} = {show(value)}" for name, value in instance.constants.items() if isinstance(value, bool | int)]
    return ", ".join(sizes + [text for text in values if not text.startswith("budget.")])
