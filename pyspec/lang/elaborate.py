"""Linked declarations -> core: names, then types and sugar, then models. The order of the phases on one screen."""

from __future__ import annotations

from collections.abc import Callable

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.lang import access as _access  # these register their entries in INFER
from pyspec.lang import core as c
from pyspec.lang import displays as _displays
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.abstract import Abstract
from pyspec.lang.declare import declare
from pyspec.lang.faults import crashes, network_faults, pools, role_vars
from pyspec.lang.functions import recursive
from pyspec.lang.ghosts import check_ghosts
from pyspec.lang.link import Linked
from pyspec.lang.lower import (
    Lowered,
    lower_action,
    lower_deadlock,
    lower_field,
    lower_function,
    lower_handler,
    lower_init,
    lower_liveness,
    lower_property,
    lower_var,
)
from pyspec.lang.names import Names
from pyspec.lang.refine import refinement
from pyspec.lang.settings import flaw_of, model_of

assert _access and _displays


def elaborate(linked: Linked) -> c.Spec:
    """Type a whole protocol.

    Raises SpecError with every mistake that was found.
    """
    return elaborated(linked)[0]


def elaborated(linked: Linked) -> tuple[c.Spec, Names]:
    """The same, with what its names stand for: for phrases that are typed later."""
    found: list[Diagnostic] = []
    names = declare(linked.decls, found)
    if found:
        raise SpecError(list(dict.fromkeys(found))[:50])
    out = Lowered(names)
    _variables(linked.decls, out)
    pools(out)
    _behaviour(linked.decls, list(names.functions), out)
    for role in names.roles.values():
        out.attempt(lambda role=role: crashes(role, out))  # type: ignore[misc]
    network_faults(out)
    out.found.extend(recursive(tuple(out.functions)))
    if out.found:
        raise SpecError(out.found[:50])
    for a in linked.abstracts:
        out.attempt(lambda a=a: _refines(a, linked, out))  # type: ignore[misc]
    if out.found:
        raise SpecError(out.found[:50])
    models, flaws = _models(linked, out)
    if out.found:
        raise SpecError(out.found[:50])
    spec = _spec(linked, out, models, flaws)
    check_ghosts(spec)
    return spec, names


def _refines(a: Abstract, linked: Linked, out: Lowered) -> None:
    """Lower the refined protocol beside this one, and add the property that links them."""
    found: list[Diagnostic] = []
    names = declare(linked.decls + a.decls, found)
    below = Lowered(names)
    if not found:
        _variables(a.decls, below)
        pools(below)
        below.vars = [v for v in below.vars if v.name.startswith((f"{a.alias}.", f"network.{a.alias}."))]
        _behaviour(a.decls, [f for f in names.functions if f not in out.names.functions], below)
    found += below.found
    if found:
        raise SpecError(found)
    prop, refines = refinement(a, below, out)
    out.properties.append(prop)
    out.refines.append(refines)
    out.names.types |= names.types
    for name, const in names.consts.items():
        if not name.startswith("budget."):
            out.names.consts.setdefault(name, const)


def _variables(decls: tuple[s.Decl, ...], out: Lowered) -> None:
    for d in decls:
        if isinstance(d, s.VarDecl):
            out.attempt(lambda d=d: lower_var(d, out))  # type: ignore[misc]
        if isinstance(d, s.RoleDecl):
            role = out.names.roles[d.name]
            for item in d.items:
                if isinstance(item, s.VarDecl):
                    out.attempt(lambda i=item, r=role: lower_field(i, r, out))  # type: ignore[misc]
            role_vars(role, out)


def _behaviour(decls: tuple[s.Decl, ...], functions: list[str], out: Lowered) -> None:
    for name in functions:
        out.attempt(lambda n=name: lower_function(n, out))  # type: ignore[misc]
    for d in decls:
        if isinstance(d, s.RoleDecl):
            role = out.names.roles[d.name]
            for item in d.items:
                if isinstance(item, s.ActionDecl):
                    out.attempt(lambda i=item, r=role: lower_action(i, r, out))  # type: ignore[misc]
                if isinstance(item, s.HandlerDecl):
                    out.attempt(lambda i=item, r=role: lower_handler(i, r, out))  # type: ignore[misc]
        elif isinstance(d, s.ActionDecl):
            out.attempt(lambda d=d: lower_action(d, None, out))  # type: ignore[misc]
        elif isinstance(d, s.HandlerDecl):
            out.attempt(lambda d=d: lower_handler(d, None, out))  # type: ignore[misc]
        elif type(d) in _TOP:
            out.attempt(lambda d=d: _TOP[type(d)](d, out))  # type: ignore[misc]


_TOP: dict[type, Callable[..., None]] = {
    s.PropertyDecl: lower_property,
    s.LivenessDecl: lower_liveness,
    s.DeadlockDecl: lower_deadlock,
    s.InitDecl: lower_init,
}


def _models(linked: Linked, out: Lowered) -> tuple[tuple[c.Model, ...], tuple[c.Flaw, ...]]:
    models: dict[str, c.Model] = {}
    known = [p.name for p in out.properties]
    for d in linked.decls:
        if isinstance(d, s.ModelDecl):
            out.attempt(lambda d=d: _add_model(d, out, known, models))  # type: ignore[misc]
    flaws: list[c.Flaw] = []
    for d in linked.decls:
        if isinstance(d, s.FlawDecl):
            out.attempt(lambda d=d: flaws.append(flaw_of(d, out.names, known, models)))  # type: ignore[misc]
    return tuple(models.values()), tuple(flaws)


def _add_model(d: s.ModelDecl, out: Lowered, known: list[str], models: dict[str, c.Model]) -> None:
    if d.name in models:
        raise SpecError([Diagnostic("E0201", f"model `{d.name}` is declared twice", d.span)])
    models[d.name] = model_of(d, out.names, known, models)


def _spec(linked: Linked, out: Lowered, models: tuple[c.Model, ...], flaws: tuple[c.Flaw, ...]) -> c.Spec:
    names = out.names
    types: dict[str, t.Type] = {name: of for name, of in names.types.items() if name not in names.players}
    types |= {n: m.record for n, m in names.messages.items()}
    roles = tuple(
        c.RoleInfo(r.name, r.sort.name, tuple(r.fields.values()), r.decl.doc, span=r.decl.span)
        for r in names.roles.values()
    )
    messages = tuple(
        c.MessageInfo(m.record, m.network, m.var, m.lossy, m.duplicating, m.decl.doc, span=m.decl.span)
        for m in names.messages.values()
    )
    return c.Spec(
        name=linked.header.name,
        doc=linked.doc,
        sorts=tuple(names.sorts),
        types=types,
        consts=tuple(names.consts.values()),
        vars=tuple(out.vars),
        init_where=tuple(out.init_where),
        functions=tuple(out.functions),
        actions=tuple(out.actions),
        properties=tuple(out.properties),
        flaws=flaws,
        models=models,
        roles=roles,
        messages=messages,
        refines=tuple(out.refines),
        files=linked.files,
    )
