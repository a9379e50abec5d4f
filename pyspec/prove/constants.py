"""Constants for any size: symbolic values within their types, quorum systems as families of sets that intersect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.walk import expressions
from pyspec.prove.logic import Truth, conj
from pyspec.prove.structure import fits, lift
from pyspec.prove.values import SetVal, Val

if TYPE_CHECKING:
    from pyspec.prove.encode import Encoder

#: How the names of axioms begin that only obligations about the initial state use: that there is a majority at all is
#: needed where everything still is as at first, and in other obligations it is one more thing to try.
INITIALLY = "initially "


def constant(e: Encoder, name: str) -> Val:
    """A constant, a flaw switch, or a quorum system, by name."""
    if any(flaw.name == name for flaw in e.spec.flaws):
        return name in e.flaws
    decl = next(decl for decl in e.spec.consts if decl.name == name)
    if e.finite:
        assert isinstance(decl.default, core.Lit)
        return lift(e.u, decl.type, decl.default.value)
    if decl.quorum is not None:
        return _quorums(e, decl)
    left = any(var.name == name for var in e.spec.vars)  # what is left of a budget has the budget's name
    value = e.u.load(decl.type, f"granted:{name}" if left else name)
    e.u.axiom(f"type of {name}", f"{name} is a value of its type", lambda: fits(e.u, decl.type, value))
    return value


def _quorums(e: Encoder, decl: core.ConstDecl) -> SetVal:
    """A quorum system: any that satisfies the assumptions about it; without such, what its kind says."""
    sort = e.spec.types[decl.quorum_of or ""]
    if decl.quorum == "majority" and not _assumed(e.spec, decl.name):
        return majorities(e, sort)
    system: SetVal = e.u.load(ty.Set(ty.Set(sort)), decl.name)
    if not _assumed(e.spec, decl.name):
        e.u.axiom(
            f"quorums {decl.name}",
            f"any two quorums of {decl.name} have an element in common",
            lambda: intersecting(system),
        )
    return system


def _assumed(spec: core.Spec, name: str) -> bool:
    """Whether an assumption speaks of a constant."""
    bodies = [prop.body for prop in spec.properties if prop.kind == "assume"]
    return any(isinstance(node, core.Const) and node.name == name for body in bodies for node in expressions(body))


def majorities(e: Encoder, sort: ty.Type) -> SetVal:
    """The majorities of a sort: a family of sets any two of which have an element in common."""
    assert isinstance(sort, ty.Sort)
    name = f"majority of {sort.name}"
    system: SetVal = e.u.load(ty.Set(ty.Set(sort)), name)
    e.u.axiom(name, f"any two majorities of {sort.name} have an element in common", lambda: intersecting(system))
    whole = f"all of {sort.name} are a majority"
    e.u.axiom(f"{INITIALLY}{sort.name}", whole, lambda: system.each("exists", lambda q: True))
    return system


def intersecting(system: SetVal) -> Truth:
    """Any two sets of a family have an element in common."""
    return conj((
        system.each("all", lambda p: system.each("all", lambda q: p.each("exists", q.contains))),
    ))  # fmt: skip
