"""First pass over the declarations: every name gets its meaning, before any body is typed."""

from __future__ import annotations

from collections.abc import Callable

from pyspec.base.diagnostics import Diagnostic, SpecError, error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.exprs import check, domain, element_type
from pyspec.lang.habits import TYPES
from pyspec.lang.messages import closest
from pyspec.lang.names import Env, FunctionSig, Message, Names, Role
from pyspec.lang.typeops import BOOL, INT, article, same, value_type

_CONTAINERS: dict[str, type] = {"set": t.Set, "bag": t.Bag, "seq": t.Seq}


def constant_env(names: Names, why: str) -> Env:
    """A scope for expressions that must be constant."""
    return Env(names, constant=True, why_constant=why)


def resolve_type(e: s.Expr, names: Names) -> t.Type:
    """Read an expression as a type.

    Raises SpecError when it is none.
    """
    if isinstance(e, s.Name):
        return _named_type(e, names)
    if isinstance(e, s.OptionType):
        inner = resolve_type(e.item, names)
        if isinstance(inner, t.Option):
            raise error("E0328", "an option of an option", e.span, "one `?` is enough")
        return t.Option(inner)
    if isinstance(e, s.TupleDisplay):
        return t.Tuple(tuple(resolve_type(i, names) for i in e.items))
    if isinstance(e, s.Binary) and e.op == "..":
        env = constant_env(names, "the bounds of a range")
        return t.Range(check(e.left, env, INT, "a bound"), check(e.right, env, INT, "a bound"))
    if isinstance(e, s.Index) and isinstance(e.item, s.Name):
        return _container(e, e.item.name, names)
    dotted = _dotted(e)
    if dotted is not None and dotted in names.types:
        return names.types[dotted]
    raise error(
        "E0329",
        "this is not a type",
        e.span,
        "types are bool, int, 0..N, names, T?, (A, B), set[T], seq[T], bag[T], map[K, V]",
    )


def _dotted(e: s.Expr) -> str | None:
    if isinstance(e, s.Name):
        return e.name
    if isinstance(e, s.Attr):
        inner = _dotted(e.item)
        return f"{inner}.{e.name}" if inner else None
    return None


def _named_type(e: s.Name, names: Names) -> t.Type:
    if e.name == "bool":
        return BOOL
    if e.name == "int":
        return INT
    if e.name in names.types:
        return names.types[e.name]
    if e.name in names.messages:
        return names.messages[e.name].record
    if e.name in names.pending:
        return names.pending[e.name](e.span)
    known = [*names.types, *names.messages, *names.pending, "bool", "int", "set", "seq", "bag", "map"]
    raise error("E0203", f"unknown type `{e.name}`", e.span, TYPES.get(e.name.lower()) or closest(e.name, known))


def _container(e: s.Index, name: str, names: Names) -> t.Type:
    if name == "map":
        if len(e.keys) != 2:
            raise error("E0329", "a map has a key type and a value type", e.span, "write map[K, V]")
        key = resolve_type(e.keys[0], names)
        _check_key(key, e.keys[0].span)
        return t.Map(key, resolve_type(e.keys[1], names))
    if name not in _CONTAINERS:
        hint = TYPES.get(name.lower()) or closest(name, [*_CONTAINERS, "map"])
        raise error("E0203", f"unknown type `{name}[...]`", e.span, hint)
    item = resolve_type(e.keys[0], names)
    capacity: c.Expr | None = None
    if len(e.keys) == 2:
        capacity = check(e.keys[1], constant_env(names, "a capacity"), INT, "the capacity")
    if len(e.keys) > 2:
        raise error(
            "E0329", f"{name} takes an element type and perhaps a capacity", e.span, f"write {name}[T] or {name}[T, 5]"
        )
    built: t.Type = _CONTAINERS[name](item, capacity)
    return built


def _check_key(key: t.Type, span: Span) -> None:
    """A key type has finitely many values, known beforehand."""
    inner = {t.Option: lambda k: [k.item], t.Tuple: lambda k: k.items, t.Record: lambda k: [x for _, x in k.fields]}
    if isinstance(key, (t.Bool, t.Range, t.Enum, t.Sort)):
        return
    if type(key) in inner:
        for part in inner[type(key)](key):  # type: ignore[no-untyped-call]
            _check_key(part, span)
        return
    raise error(
        "E0330", f"{article(key)} cannot be a key: a map has a value for every key", span, "use a range, enum or sort"
    )


def param_types(params: tuple[s.ParamDecl, ...], names: Names) -> tuple[tuple[str, t.Type], ...]:
    """Parameters of a function, procedure or law. `a, b: T` gives both the type T."""
    out: list[tuple[str, t.Type]] = []
    waiting: list[s.Name] = []
    for param in params:
        if param.domain is not None:
            raise error("E0331", "a parameter here has a type", param.span, f"write {param.names[0].name}: T")
        waiting += param.names
        if param.type is not None:
            kind = resolve_type(param.type, names)
            out += [(n.name, kind) for n in waiting]
            waiting = []
    if waiting:
        raise error(
            "E0331", f"parameter `{waiting[0].name}` has no type", waiting[0].span, f"write {waiting[0].name}: T"
        )
    return tuple(out)


# -------------------------------------------------------------------------------------------- declarations


def _sort(d: s.SortDecl, names: Names) -> None:
    for name in d.names:
        names.declare(name.name, name.span)
        names.types[name.name] = t.Sort(name.name, d.ordered)
        names.sorts.append(name.name)


def _enum(d: s.EnumDecl, names: Names) -> None:
    names.declare(d.name, d.span)
    seen: set[str] = set()
    for member in d.members:
        if member.name in seen:
            raise error("E0201", f"`{member.name}` is in {d.name} twice", member.span)
        if member.name in names.places:
            raise error("E0201", f"`{member.name}` is declared twice", member.span)
        seen.add(member.name)
    enum = t.Enum(d.name, tuple(m.name for m in d.members))
    names.types[d.name] = enum
    for member in d.members:
        names.members.setdefault(member.name, []).append(enum)


def _later(d: s.RecordDecl | s.UnionDecl | s.AliasDecl, build: Callable[[], t.Type], names: Names) -> None:
    """Types may be used before their declaration: resolve when first asked for."""
    names.declare(d.name, d.span)
    running = [False]

    def resolve(span: Span) -> t.Type:
        if running[0]:
            raise error(
                "E0332", f"type `{d.name}` contains itself", d.span, "values are finite: use a sort of identifiers"
            )
        running[0] = True
        try:
            names.types[d.name] = build()
        finally:
            running[0] = False
        names.pending.pop(d.name, None)
        return names.types[d.name]

    names.pending[d.name] = resolve


def fields_of(decls: tuple[s.FieldDecl, ...], names: Names) -> tuple[tuple[str, t.Type], ...]:
    """The fields of a record, case or message."""
    seen: set[str] = set()
    for f in decls:
        if f.name in seen:
            raise error("E0201", f"field `{f.name}` is declared twice", f.span)
        seen.add(f.name)
    return tuple((f.name, resolve_type(f.type, names)) for f in decls)


def _record(d: s.RecordDecl, names: Names) -> None:
    _later(d, lambda: t.Record(d.name, fields_of(d.fields, names)), names)


def _union(d: s.UnionDecl, names: Names) -> None:
    def build() -> t.Type:
        union = t.Union(d.name, tuple(t.Record(k.name, fields_of(k.fields, names)) for k in d.cases))
        for case in union.cases:
            names.cases[case.name] = union
        return union

    _later(d, build, names)
    for case in d.cases:
        names.declare(case.name, case.span)


def _alias(d: s.AliasDecl, names: Names) -> None:
    if d.type is None:
        raise error(
            "E0333",
            f"type `{d.name}` is left open; only a module parameter can be",
            d.span,
            f"write type {d.name} = ...",
        )
    written = d.type
    _later(d, lambda: resolve_type(written, names), names)


def _const(d: s.ConstDeclaration, names: Names) -> None:
    names.declare(d.name, d.span)
    kind = resolve_type(d.type, names)
    env = constant_env(names, "a default")
    default = check(d.default, env, value_type(kind), "the default") if d.default is not None else None
    names.consts[d.name] = c.ConstDecl(d.name, kind, default, doc=d.doc, span=d.span)


_QUORUM_KINDS = ("majority", "byzantine")


def _quorum(d: s.QuorumDecl, names: Names) -> None:
    names.declare(d.name, d.span)
    sort = names.types.get(d.sort.name)
    if not isinstance(sort, t.Sort):
        raise error(
            "E0334",
            f"quorums are sets of nodes; `{d.sort.name}` is not a sort or role",
            d.span,
            closest(d.sort.name, names.sorts),
        )
    if d.kind is not None and d.kind not in _QUORUM_KINDS:
        raise error(
            "E0334", f"unknown kind of quorum `{d.kind}`", d.span, "use majority, byzantine, or = a set of sets"
        )
    kind = t.Set(t.Set(sort))
    default = check(d.default, constant_env(names, "a quorum system"), kind) if d.default is not None else None
    how = d.kind or ("custom" if d.default is not None else "majority")
    names.consts[d.name] = c.ConstDecl(d.name, kind, default, d.sort.name, how, d.doc, span=d.span)


def network_of(words: tuple[s.Name, ...]) -> tuple[str, bool, bool]:
    """`bag lossy duplicating` -> ("bag", True, True)."""
    kind, *flags = words
    if kind.name not in ("set", "bag", "fifo"):
        raise error("E0415", f"unknown kind of network `{kind.name}`", kind.span, "a network is set, bag or fifo")
    for flag in flags:
        if flag.name not in ("lossy", "duplicating"):
            raise error("E0415", f"a network is not `{flag.name}`", flag.span, "it may be lossy and duplicating")
    given = {f.name for f in flags}
    if kind.name == "set" and given:
        raise error(
            "E0415",
            "in a set network every message can already be lost, late or received again",
            flags[0].span,
            "write network set",
        )
    if kind.name == "fifo" and "duplicating" in given:
        raise error("E0415", "a fifo channel does not duplicate", flags[0].span)
    return kind.name, "lossy" in given, "duplicating" in given


def _message(d: s.MessageDecl, names: Names) -> None:
    names.declare(d.name, d.span)
    fields = fields_of(d.fields, names)
    for name in ("from", "to"):
        end = d.sender if name == "from" else d.to
        if end is None:
            continue
        sort = names.types.get(end.name)
        if not isinstance(sort, t.Sort):
            raise error(
                "E0416", f"`{end.name}` is not a role or sort of nodes", end.span, closest(end.name, names.sorts)
            )
        fields = (*fields, (name, sort))
    kind, lossy, duplicating = network_of(d.via) if d.via else names.network
    message = Message(t.Record(d.name, fields, message=True), d, kind, lossy, duplicating)
    names.messages[d.name] = message
    if kind == "fifo" and (d.sender is None or d.to is None):
        raise error(
            "E0417",
            f"{d.name} travels in a fifo channel, from one node to another",
            d.span,
            "declare `from Role to Role`",
        )


def _var(d: s.VarDecl, names: Names) -> None:
    kind = resolve_type(d.type, names)
    for name in d.names:
        names.declare(name.name, name.span)
        names.vars[name.name] = c.Var(name.name, kind, None, ghost=d.storage == "ghost", doc=d.doc, span=name.span)


def _def(d: s.DefDecl, names: Names) -> None:
    from pyspec.lang.builtins import BUILTINS

    if d.name in BUILTINS:
        raise error("E0202", f"`{d.name}` is a built-in function", d.span, "choose another name")
    names.declare(d.name, d.span)
    declare_function(d, names, d.name, None)


def declare_function(d: s.DefDecl, names: Names, full: str, role: Role | None) -> None:
    """Enter a function; one inside a role gets the node as its first parameter."""
    first = ((role.decl.self_name, role.sort),) if role is not None else ()
    result = resolve_type(d.result, names) if d.result is not None else None
    params = first + param_types(d.params, names)
    names.functions[full] = FunctionSig(full, params, result, d, role.name if role else None)


def _procedure(d: s.ProcedureDecl, names: Names) -> None:
    names.declare(d.name, d.span)
    names.procedures[d.name] = d


def _flaw(d: s.FlawDecl, names: Names) -> None:
    names.declare(d.name, d.span)
    names.flaws[d.name] = d


def role_sort(d: s.RoleDecl, names: Names) -> None:
    """A role declares a sort of its own name, or is played by the nodes of another sort."""
    names.declare(d.name, d.span)
    if d.sort is None:
        names.types[d.name] = t.Sort(d.name)
        names.sorts.append(d.name)
    else:
        names.players[d.name] = d.sort.name


def _role(d: s.RoleDecl, names: Names) -> None:
    sort = names.types.get(d.sort.name if d.sort else d.name)
    if not isinstance(sort, t.Sort):
        assert d.sort is not None
        raise error("E0416", f"`{d.sort.name}` is not a sort", d.sort.span, closest(d.sort.name, names.sorts))
    role = Role(d.name, sort, d)
    names.roles[d.name] = role
    for item in d.items:
        _role_item(item, role, names)
    if role.separate_restart:
        var = c.Var(f"{d.name}.up", t.Map(sort, BOOL), None, kind="up", role=d.name, span=d.span)
        names.vars[var.name] = var
    if d.byzantine:
        name = f"{d.name}.byzantine"
        names.vars[name] = c.Var(name, t.Set(sort), None, kind="byzantine", role=d.name, span=d.span)


def _role_item(item: s.Decl, role: Role, names: Names) -> None:
    if isinstance(item, s.VarDecl):
        kind = resolve_type(item.type, names)
        for name in item.names:
            _role_field(name, item, kind, role, names)
    elif isinstance(item, s.DefDecl):
        full = f"{role.name}.{item.name}"
        role.functions[item.name] = full
        declare_function(item, names, full, role)
    elif isinstance(item, s.ProcedureDecl):
        role.procedures[item.name] = item
    elif isinstance(item, s.RestartItem):
        if item.word.name != "later":
            raise error("E0418", f"restart is not `{item.word.name}`", item.span, "write `restart later`")
        role.separate_restart = True


def _role_field(name: s.Name, item: s.VarDecl, kind: t.Type, role: Role, names: Names) -> None:
    if name.name in role.fields or name.name in names.places or name.name in names.members:
        raise error(
            "E0201", f"`{name.name}` is declared twice", name.span, "a field and another name cannot be the same"
        )
    other = names.fields_of(role.sort.name)
    if name.name in other:
        raise error("E0201", f"another role of {role.sort.name} has a field `{name.name}`", name.span)
    full = f"{role.name}.{name.name}"
    role.fields[name.name] = full
    stable, ghost = item.storage in ("stable", "ghost"), item.storage == "ghost"
    names.vars[full] = c.Var(
        full, t.Map(role.sort, kind), None, kind="field", role=role.name, stable=stable, ghost=ghost, doc=item.doc,
        span=name.span,
    )  # fmt: skip


#: Passes in order; inside a pass, declarations in the order of the text.
PASSES: tuple[dict[type, Callable[..., None]], ...] = (
    {s.SortDecl: _sort, s.EnumDecl: _enum, s.RoleDecl: role_sort},
    {s.RecordDecl: _record, s.UnionDecl: _union, s.AliasDecl: _alias},
    {s.FlawDecl: _flaw},
    {s.ConstDeclaration: _const},
    {s.QuorumDecl: _quorum},
    {s.MessageDecl: _message},
    {s.VarDecl: _var, s.RoleDecl: _role, s.ProcedureDecl: _procedure},
    {s.DefDecl: _def},
)


def declare(decls: tuple[s.Decl, ...], found: list[Diagnostic]) -> Names:
    """Enter every declaration; mistakes go to `found`."""
    names = Names()
    for model in (d for d in decls if isinstance(d, s.ModelDecl)):
        for setting in model.settings:
            if isinstance(setting.value, s.SetDisplay):
                given = (i.name for i in setting.value.items if isinstance(i, s.Name))
                names.model_elements |= dict.fromkeys(given, model.name)
    networks = [d for d in decls if isinstance(d, s.NetworkDecl)]
    for network in networks:
        _collect(lambda d=network: _network(d, names), found)  # type: ignore[misc]
    for number, table in enumerate(PASSES):
        for d in decls:
            if type(d) in table:
                _collect(lambda d=d, table=table: table[type(d)](d, names), found)  # type: ignore[misc]
        if number == 0:
            played = {role: names.types.get(sort) for role, sort in names.players.items()}
            names.types |= {role: sort for role, sort in played.items() if isinstance(sort, t.Sort)}
        if number == 1:
            for name in list(names.pending):
                _collect(lambda name=name: _resolve_pending(name, names), found)  # type: ignore[misc]
        if number == 3:
            for name in list(names.pending):
                _collect(lambda name=name: names.pending[name](names.places[name]), found)  # type: ignore[misc]
    return names


def _resolve_pending(name: str, names: Names) -> None:
    """Types that need no constant resolve at once; others wait for the constants."""
    if name in names.pending:
        try:
            names.pending[name](names.places[name])
        except SpecError:
            return


def _network(d: s.NetworkDecl, names: Names) -> None:
    names.network = network_of(d.words)


def _collect(run: Callable[[], object], found: list[Diagnostic]) -> None:
    try:
        run()
    except SpecError as wrong:
        found.extend(wrong.diagnostics)


__all__ = ["declare", "domain", "element_type", "param_types", "resolve_type", "same"]
