"""Model blocks and flaws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pyspec.base.diagnostics import error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.declare import constant_env
from pyspec.lang.exprs import boolean, check, infer
from pyspec.lang.messages import closest
from pyspec.lang.names import Env, Names
from pyspec.lang.typeops import INT, value_type

BUDGETS = ("crashes", "losses", "duplications", "disconnects", "byzantine")
DEADLOCK = "deadlock_free"
_COUNTS = {"states": "states", "symmetric": "symmetric states", "generated": "generated", "depth": "depth"}


def element_names(settings: tuple[s.SettingDecl, ...], names: Names) -> dict[str, t.Sort]:
    """Names that a model gives to the elements of its sorts, and the names they have otherwise."""
    out: dict[str, t.Sort] = {}
    for d in settings:
        sort = names.types.get(d.name)
        if d.kind != "=" or not isinstance(sort, t.Sort):
            continue
        if isinstance(d.value, s.SetDisplay):
            for item in d.value.items:
                if not isinstance(item, s.Name):
                    raise error("E0501", "the elements of a sort are names", item.span, f"write {d.name} = {{a, b, c}}")
                out[item.name] = sort
        elif isinstance(d.value, s.Literal) and isinstance(d.value.value, int):
            out |= {f"{sort.name}{i + 1}": sort for i in range(min(d.value.value, 64))}
    return out


def settings_of(
    decls: tuple[s.SettingDecl, ...], names: Names, inherited: dict[str, t.Sort]
) -> tuple[list[c.Setting], list[c.Expect]]:
    """Type the lines of a model block."""
    names.elements = inherited | element_names(decls, names)
    try:
        settings: list[c.Setting] = []
        expects: list[c.Expect] = []
        for d in decls:
            if d.kind in ("count", "violated"):
                expects.append(_expect(d))
            else:
                settings.append(_SETTING[d.kind](d, names))
        return settings, expects
    finally:
        names.elements = {}


def _expect(d: s.SettingDecl) -> c.Expect:
    if d.kind == "violated":
        if d.words[0] != "violated":
            raise error(
                "E0502", f"cannot expect `{d.words[0]}`", d.span, "write `expect 288 states` or `expect violated NAME`"
            )
        return c.Expect("violated", name=d.words[1], span=d.span)
    if d.words[0] not in _COUNTS:
        hint = closest(d.words[0], _COUNTS) or "states, symmetric, generated or depth"
        raise error("E0502", f"cannot expect a number of `{d.words[0]}`", d.span, hint)
    return c.Expect(_COUNTS[d.words[0]], d.number, span=d.span)


def _value(d: s.SettingDecl, names: Names) -> c.Setting:
    assert d.value is not None
    kind = names.types.get(d.name)
    if isinstance(kind, t.Sort):
        if isinstance(d.value, s.SetDisplay):
            given = tuple(i.name for i in d.value.items if isinstance(i, s.Name))
            if len(set(given)) != len(given):
                raise error("E0201", "an element is named twice", d.span)
            return c.Setting("size", d.name, elements=given, span=d.span)
        return c.Setting("size", d.name, check(d.value, constant_env(names, "a size"), INT, "the size"), span=d.span)
    const = names.consts.get(d.name)
    if const is not None and not d.name.startswith("budget."):
        env = constant_env(names, "a constant")
        return c.Setting("const", d.name, check(d.value, env, _advice(const.type), "the constant"), span=d.span)
    if d.name.split(".")[-1] in BUDGETS:
        return _budget(d, names)
    known = [*names.sorts, *(n for n in names.consts if not n.startswith("budget.")), *BUDGETS]
    raise error(
        "E0503",
        f"a model cannot set `{d.name}`",
        d.span,
        closest(d.name, known) or "it sets sorts, constants and budgets",
    )


def _advice(kind: t.Type) -> t.Type:
    return kind if isinstance(kind, t.Map) else value_type(kind)


def _budget(d: s.SettingDecl, names: Names) -> c.Setting:
    assert d.value is not None
    role, _, what = d.name.rpartition(".")
    if what not in BUDGETS or (role and role not in names.roles):
        raise error(
            "E0504",
            f"unknown budget `{d.name}`",
            d.span,
            closest(d.name, BUDGETS) or f"budgets are {', '.join(BUDGETS)}",
        )
    if f"budget.{d.name}" not in names.consts:
        reasons = {
            "crashes": "no role loses anything in a crash",
            "losses": "no network is lossy",
            "duplications": "no network is duplicating",
            "disconnects": "no network is fifo",
            "byzantine": "no role is byzantine",
        }
        raise error("E0504", f"a budget of {what} has no effect: {reasons[what]}", d.span)
    return c.Setting("budget", d.name, check(d.value, constant_env(names, "a budget"), INT, "the budget"), span=d.span)


def _range(d: s.SettingDecl, names: Names) -> c.Setting:
    if d.name != "int" or not (isinstance(d.value, s.Binary) and d.value.op == ".."):
        raise error(
            "E0505", "this line of a model means nothing", d.span, "the range of `int` is written `int in 0..100`"
        )
    env = constant_env(names, "the range of int")
    return c.Setting("int", "int", check(d.value.left, env, INT), check(d.value.right, env, INT), span=d.span)


def _limit(d: s.SettingDecl, names: Names) -> c.Setting:
    assert d.value is not None
    return c.Setting("limit", value=boolean(d.value, Env(names), "a limit"), span=d.span)


def _view(d: s.SettingDecl, names: Names) -> c.Setting:
    assert d.value is not None
    return c.Setting("view", value=infer(d.value, Env(names)), span=d.span)


def _capacity(d: s.SettingDecl, names: Names) -> c.Setting:
    assert d.value is not None
    fields = [f for r in names.roles.values() for f in r.fields]
    pools = [v for v in names.vars if v.startswith("network.")]
    known = ["network", "seq", "bag", "set", *names.vars, *fields, *pools]
    if d.name not in known:
        raise error("E0506", f"nothing called `{d.name}` has a capacity", d.span, closest(d.name, known))
    value = check(d.value, constant_env(names, "a capacity"), INT, "the capacity")
    return c.Setting("capacity", d.name, value, span=d.span)


def _symmetry(d: s.SettingDecl, names: Names) -> c.Setting:
    if d.words[0] not in ("on", "off"):
        raise error("E0505", "symmetry is on or off", d.span)
    return c.Setting("symmetry", on=d.words[0] == "on", span=d.span)


_SETTING: dict[str, Callable[[s.SettingDecl, Names], c.Setting]] = {
    "=": _value,
    "<=": _budget,
    "in": _range,
    "limit": _limit,
    "view": _view,
    "capacity": _capacity,
    "symmetry": _symmetry,
}


def model_of(d: s.ModelDecl, names: Names, properties: list[str], before: dict[str, c.Model]) -> c.Model:
    """A model block; with `from`, the lines of the other model that it does not replace come first."""
    base: tuple[c.Setting, ...] = ()
    inherited: dict[str, t.Sort] = {}
    if d.base is not None:
        if d.base.name not in before:
            raise error("E0507", f"unknown model `{d.base.name}`", d.base.span, closest(d.base.name, before))
        base = before[d.base.name].settings
        inherited = {
            e: k for x in base if x.elements for e in x.elements if isinstance(k := names.types.get(x.name), t.Sort)
        }
    settings, expects = settings_of(d.settings, names, inherited)
    expects = [replace(x, name=_property(x.name, x.span, properties)) if x.name else x for x in expects]
    _twice(settings)
    replaced = {(x.kind, x.name) for x in settings if x.kind != "limit"}
    kept = [x for x in base if (x.kind, x.name) not in replaced]
    return c.Model(d.name, (*kept, *settings), tuple(expects), d.doc, span=d.span)


def _property(name: str, span: Span, properties: list[str]) -> str:
    """The property that is to be violated; `deadlock` is the name of `deadlock free`."""
    if name == "deadlock" and DEADLOCK in properties:
        return DEADLOCK
    if name not in properties:
        hint = "declare `deadlock free`" if name in ("deadlock", DEADLOCK) else closest(name, properties)
        raise error("E0509", f"unknown property `{name}`", span, hint)
    return name


def _twice(settings: list[c.Setting]) -> None:
    seen: set[tuple[str, str]] = set()
    for x in settings:
        if x.kind != "limit" and (x.kind, x.name) in seen:
            raise error("E0508", f"`{x.name or x.kind}` is set twice", x.span)
        seen.add((x.kind, x.name))


def flaw_of(d: s.FlawDecl, names: Names, properties: list[str], models: dict[str, c.Model]) -> c.Flaw:
    """A flaw, its properties and the sizes at which it shows."""
    violated = tuple(_property(name.name, name.span, properties) for name in d.violates)
    if d.model is not None and d.model.name not in models:
        raise error("E0507", f"unknown model `{d.model.name}`", d.model.span, closest(d.model.name, models))
    settings, _ = settings_of(d.settings, names, {})
    model = d.model.name if d.model else None
    return c.Flaw(d.name, violated, d.doc, model, tuple(settings), span=d.span)
