"""Substituting and prefixing names in syntax trees: module parameters, aliases, refined protocols."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from pyspec.lang import syntax as s


def walk(node: object, change: Callable[[s.Node], object]) -> object:
    """Rebuild a syntax tree bottom-up."""
    if isinstance(node, tuple):
        return tuple(walk(x, change) for x in node)
    if not isinstance(node, s.Node):
        return node
    fields = {f.name: walk(getattr(node, f.name), change) for f in dataclasses.fields(node)}
    if isinstance(node, s.SortDecl | s.EnumDecl | s.VarDecl):
        for name in ("names", "members"):  # places where names are declared
            if name in fields:
                fields[name] = getattr(node, name)
    return change(dataclasses.replace(node, **fields))  # type: ignore[arg-type]


def substitute(node: s.Decl, given: Mapping[str, s.Expr]) -> s.Decl:
    """A declaration with expressions in place of names."""
    if not given:
        return node
    found = walk(node, lambda n: given.get(n.name, n) if isinstance(n, s.Name) else n)
    assert isinstance(found, s.Decl)
    return found


def declared(d: s.Decl) -> list[str]:
    """The names that a declaration introduces at top level."""
    names = [n.name for n in getattr(d, "names", ())] + [n.name for n in getattr(d, "members", ())]
    if isinstance(d, s.UnionDecl):
        names += [k.name for k in d.cases]
    if hasattr(d, "name"):
        names.append(d.name)
    return names


def prefix_all(decls: tuple[s.Decl, ...], alias: str, keep: set[str] | None = None) -> list[s.Decl]:
    """Put `alias.` before every name that these declare (but those of `keep`), where declared and where used."""
    names = {n for d in decls for n in declared(d)} - (keep or set())
    roles = {d.name for d in decls if isinstance(d, s.RoleDecl)}
    out: list[s.Decl] = []
    for d in decls:
        moved = walk(d, lambda n: _prefixed(n, names, alias))
        assert isinstance(moved, s.Decl)
        out.append(_redeclare(moved, alias, names | roles))
    return out


def _prefixed(n: object, names: set[str], alias: str) -> object:
    if isinstance(n, s.Name) and n.name in names:
        return dataclasses.replace(n, name=f"{alias}.{n.name}")
    return n


def _redeclare(d: s.Decl, alias: str, names: set[str]) -> s.Decl:
    changes: dict[str, object] = {}
    if hasattr(d, "name") and d.name in names:
        changes["name"] = f"{alias}.{d.name}"
    for field in ("names", "members"):
        if hasattr(d, field):
            old: tuple[s.Name, ...] = getattr(d, field)
            moved = [dataclasses.replace(n, name=f"{alias}.{n.name}") if n.name in names else n for n in old]
            changes[field] = tuple(moved)
    if isinstance(d, s.UnionDecl):
        changes["cases"] = tuple(dataclasses.replace(k, name=f"{alias}.{k.name}") for k in d.cases)
    return dataclasses.replace(d, **changes)  # type: ignore[arg-type]
