"""Imports: the declarations of a module take part in the file that imports it.

`import lib.log(Value = Entry) as log` finds `lib/log.pspec` beside the importing file, above it, or in the library's
folder; `as` puts the alias and a dot before every name of the module; parameters are replaced by what is given.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pyspec.base.diagnostics import SpecError, error
from pyspec.base.source import Source, Span
from pyspec.lang import syntax as s
from pyspec.lang.abstract import Abstract, abstract, find_protocol
from pyspec.lang.messages import closest
from pyspec.lang.parser import parse
from pyspec.lang.rename import prefix_all, substitute

_MAX_BYTES = 4_000_000


@dataclasses.dataclass(frozen=True)
class Linked:
    """One protocol with the declarations of all its modules."""

    header: s.Header
    doc: str | None
    decls: tuple[s.Decl, ...]
    files: tuple[str, ...]
    abstracts: tuple[Abstract, ...] = ()


def _nearest(path: Path) -> str | None:
    """A hint that names the specification beside a missing one whose name is nearest."""
    return closest(path.name, sorted(one.name for one in path.parent.glob("*.pspec")))


def read(path: Path, span: Span | None = None) -> Source:
    """Read a file as text.

    Raises SpecError when it cannot be read or is no text.
    """
    shown = str(path)
    at = span or Span(shown, 1, 1, 1, 1)
    try:
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise error("E0003", f"{shown} is too large for a specification", at)
        data = path.read_bytes()
    except FileNotFoundError:
        raise error("E0001", f"there is no file {shown}", at, _nearest(path)) from None
    except OSError as wrong:
        raise error("E0002", f"cannot read {shown}: {wrong.strerror or wrong}", at) from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        line = data[: wrong.start].count(b"\n") + 1
        raise error("E0003", f"{shown} is not text in UTF-8", Span(shown, line, 1, line, 1)) from None
    if "\0" in text:
        raise error("E0003", f"{shown} is not text: it has a zero byte", at)
    return Source(shown, text.removeprefix("\ufeff").replace("\r\n", "\n"))


def link(source: Source) -> Linked:
    """Parse a file and, recursively, what it imports."""
    files = [source.file]
    main = parse(source)
    header, doc = _header(main)
    if header is None:
        raise error(
            "E0114",
            "a specification begins with `protocol NAME`",
            Span(source.file, 1, 1, 1, 1),
            "write `protocol name` first",
        )
    decls = _expand(main, Path(source.file), files, ())
    abstracts = tuple(_abstract(d, Path(source.file), files, decls) for d in decls if isinstance(d, s.RefinesDecl))
    return Linked(header, header.doc or doc, decls, tuple(files), abstracts)


def _abstract(d: s.RefinesDecl, path: Path, files: list[str], decls: tuple[s.Decl, ...]) -> Abstract:
    """Read the protocol that a `refines` names."""
    found = find_protocol(d, path)
    source = read(found, d.span)
    files.append(source.file)
    return abstract(d, found, _expand(parse(source), found, files, ()), decls)


def _header(file: s.File) -> tuple[s.Header | None, str | None]:
    header = next((d for d in file.decls if isinstance(d, s.Header)), None)
    doc = next((d.text for d in file.decls if isinstance(d, s.DocDecl)), None)
    return header, doc


def _expand(file: s.File, path: Path, files: list[str], above: tuple[Path, ...]) -> tuple[s.Decl, ...]:
    out: list[s.Decl] = []
    for d in file.decls:
        if isinstance(d, s.Import):
            out += _import(d, path, files, (*above, path.resolve()))
        elif not isinstance(d, (s.Header, s.DocDecl)):
            out.append(d)
    return tuple(out)


def find(d: s.Import, path: Path) -> Path:
    """The file of a module: next to the importing file, in its `lib`, or in a folder above."""
    relative = Path(*d.path).with_suffix(".pspec")
    here = path.resolve().parent
    for folder in (here, here / "lib", *here.parents):
        if (folder / relative).is_file():
            return folder / relative
    names = [p.stem for folder in (here, here / "lib") if folder.is_dir() for p in folder.glob("*.pspec")]
    raise error("E0004", f"there is no module {'.'.join(d.path)}", d.span, closest(d.path[-1], names))


def _import(d: s.Import, path: Path, files: list[str], above: tuple[Path, ...]) -> tuple[s.Decl, ...]:
    found = find(d, path)
    if found.resolve() in above:
        raise error("E0005", f"{found.name} imports itself", d.span)
    source = read(found, d.span)
    files.append(source.file)
    file = parse(source)
    header, _ = _header(file)
    if header is None or header.kind != "module":
        raise error("E0115", f"{found.name} is not a module: it begins with `module NAME`", d.span)
    decls = _expand(file, found, files, above)
    decls = _parameters(d, header, decls)
    return tuple(prefix_all(decls, d.alias)) if d.alias else decls


def _parameters(d: s.Import, header: s.Header, decls: tuple[s.Decl, ...]) -> tuple[s.Decl, ...]:
    """Replace the parameters of a module by the arguments of the import."""
    known = {p.name for p in header.params}
    given: dict[str, s.Expr] = {a.name: a.value for a in d.args if isinstance(a, s.NamedArg)}
    plain = [a for a in d.args if not isinstance(a, s.NamedArg)]
    for param, value in zip(header.params, plain, strict=False):
        given[param.name] = value
    wrong = [n for n in given if n not in known]
    if wrong or len(plain) > len(header.params):
        raise error(
            "E0116",
            f"module {header.name} has no parameter `{(wrong or ['?'])[0]}`",
            d.span,
            closest((wrong or ["?"])[0], known),
        )
    missing = [p.name for p in header.params if p.name not in given]
    if missing:
        raise error("E0116", f"module {header.name} also needs {', '.join(missing)}", d.span)
    return tuple(substitute(x, given) for x in decls)


__all__ = ["Linked", "SpecError", "link", "read"]
