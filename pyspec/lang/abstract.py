"""`refines OTHER with ...`, first half: the declarations of the abstract protocol take part under `OTHER.`.

Sorts, types and constants that both protocols have under the same name (or that the mapping gives) are the same thing;
every other name of the abstract protocol gets the prefix. Its models, flaws and properties stay behind: a flaw is off.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pyspec.base.diagnostics import error
from pyspec.lang import syntax as s
from pyspec.lang.rename import declared, prefix_all, substitute

_LEFT_BEHIND = (s.ModelDecl, s.FlawDecl, s.PropertyDecl, s.LivenessDecl, s.DeadlockDecl, s.RefinesDecl)
_SHARED = (s.SortDecl, s.EnumDecl, s.RecordDecl, s.UnionDecl, s.AliasDecl, s.ConstDeclaration, s.QuorumDecl)


@dataclasses.dataclass(frozen=True)
class Abstract:
    """The protocol that is refined: its declarations under the prefix `alias.`, and what maps its variables."""

    alias: str
    decl: s.RefinesDecl
    decls: tuple[s.Decl, ...]
    mapping: dict[str, s.NamedArg]


def abstract(d: s.RefinesDecl, path: Path, other: tuple[s.Decl, ...], concrete: tuple[s.Decl, ...]) -> Abstract:
    """Prepare the declarations of a refined protocol."""
    alias = path.stem
    flaws = {x.name for x in other if isinstance(x, s.FlawDecl)}
    kept = [x for x in other if not isinstance(x, _LEFT_BEHIND)]
    constants = {n for x in kept if isinstance(x, (*_SHARED, s.RoleDecl)) for n in declared(x)}
    given = {m.name: m.value for m in d.mapping if m.name in constants}
    given |= {name: s.Literal(False) for name in flaws}
    known = {n for x in concrete for n in declared(x)}
    same = {n for n in constants if n in known and n not in given}
    kept = [y for x in kept if (y := _without(x, same | set(given))) is not None]
    kept = [y for x in kept if isinstance(y := substitute(x, given), s.Decl)]
    moved = prefix_all(tuple(kept), alias, same)
    mapping = {m.name: m for m in d.mapping if m.name not in constants}
    return Abstract(alias, d, tuple(moved), mapping)


def _without(d: s.Decl, shared: set[str]) -> s.Decl | None:
    """A declaration without the names that the concrete protocol provides."""
    if isinstance(d, s.SortDecl):
        names = tuple(n for n in d.names if n.name not in shared)
        return dataclasses.replace(d, names=names) if names else None
    if isinstance(d, s.RoleDecl) and d.name in shared:
        sort = d.sort or s.Name(d.name, span=d.span)
        return dataclasses.replace(d, sort=sort)
    if isinstance(d, _SHARED) and getattr(d, "name", "") in shared:
        return None
    return d


def find_protocol(d: s.RefinesDecl, path: Path) -> Path:
    """The file of the refined protocol: beside this one, or in a folder below it by its dotted name."""
    from pyspec.lang.messages import closest

    folder = path.resolve().parent
    found = folder / Path(*d.other.split(".")).with_suffix(".pspec")
    if found.is_file():
        return found
    names = [p.stem for p in folder.glob("*.pspec")]
    raise error("E0004", f"there is no protocol {d.other} beside {path.name}", d.span, closest(d.other, names))
