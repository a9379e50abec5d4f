"""Initial values chosen key by key.

`{m in map[K, V] where all k in K: p(k, m[k])}` is what `in` means for a field of a role, and what the set of functions
into a set becomes. Written as the product of the sets of values, one for each key, nobody goes through all maps.
"""

from __future__ import annotations

import dataclasses

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import cardinality, values_of
from pyspec.model.walk import expressions, locals_in, rewritten

MOST_KEYS = 16


def key_by_key(var: core.Var) -> core.Var:
    """A variable with its choices as a product, where each value of a map is chosen by itself."""
    found = var.choices and _pattern(var.choices)
    if not found:
        return var
    whole, kind, each = found
    gens, items = [], []
    for number, key in enumerate(values_of(kind.key)):
        name = f"{whole}.{number}"
        chosen = core.Local(kind.value, name)
        this = core.Lit(kind.key, key)
        gens.append(core.Gen(name, _values(kind, whole, each, this, chosen, bool(var.role))))
        items.append((this, chosen))
    body = core.MapLit(kind, tuple(items))
    return dataclasses.replace(var, choices=core.SetComp(ty.Set(kind), tuple(gens), None, body, span=var.span))


def _pattern(choices: core.Expr) -> tuple[str, ty.Map, core.Quant] | None:
    """The name of the map, its type, and the condition on each of its values."""
    if not isinstance(choices, core.SetComp) or len(choices.gens) != 1:
        return None
    (gen,), each = choices.gens, choices.cond
    if (
        not isinstance(choices.body, core.Local)
        or choices.body.name != gen.var
        or not isinstance(gen.domain, core.Domain)
    ):
        return None
    kind = gen.domain.of
    if not isinstance(kind, ty.Map) or not isinstance(each, core.Quant) or each.kind != "all":
        return None
    if each.domain != core.Domain(each.domain.type, kind.key) or cardinality(kind.key) > MOST_KEYS:
        return None
    uses = [x for x in expressions(each.body) if isinstance(x, core.Local) and x.name == gen.var]
    places = [x for x in expressions(each.body) if _is_value(x, gen.var, each.var)]
    return (gen.var, kind, each) if len(uses) == len(places) > 0 else None


def _is_value(expr: core.Expr, whole: str, key: str) -> bool:
    """Whether this is `whole[key]`."""
    if not isinstance(expr, core.Op) or expr.op != "map.at":
        return False
    of, at = expr.args
    return isinstance(of, core.Local) and of.name == whole and isinstance(at, core.Local) and at.name == key


def _values(kind: ty.Map, whole: str, each: core.Quant, key: core.Lit, chosen: core.Local, stored: bool) -> core.Expr:
    """The values that one key may have. Those of a field are a set that is written there: each of them is stored, and
    must be in the range of the field."""
    values = core.Domain(ty.Set(kind.value), kind.value, span=each.span)
    cond = rewritten(each.body, lambda part: _replaced(part, whole, each.var, key, chosen))
    if isinstance(cond, core.Op) and cond.op == "set.in" and cond.args[0] == chosen:
        among = cond.args[1]
        if stored and chosen.name not in locals_in(among):
            return among
    return core.SetComp(ty.Set(kind.value), (core.Gen(chosen.name, values),), cond, chosen, span=each.span)


def _replaced(part: core.Expr, whole: str, name: str, key: core.Lit, chosen: core.Local) -> core.Expr | None:
    if _is_value(part, whole, name):
        return chosen
    return key if isinstance(part, core.Local) and part.name == name else None
