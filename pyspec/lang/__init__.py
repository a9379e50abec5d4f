"""From text to core: one module a phase, one typed result a phase.

text -> lexer (logical lines) -> parser (syntax.File) -> link (Linked) -> declare (Names) -> elaborate (core.Spec)
"""

from pathlib import Path

from pyspec.base.diagnostics import error
from pyspec.base.source import Source, Span
from pyspec.lang import core
from pyspec.lang.elaborate import elaborate
from pyspec.lang.link import link, read

__all__ = ["load_spec", "load_text"]


def load_spec(path: str | Path) -> core.Spec:
    """Read, parse and type the specification in a file.

    Raises SpecError with every mistake that was found.
    """
    return _load(read(Path(path)))


def load_text(text: str, file: str = "<text>") -> core.Spec:
    """The same for a specification given as text; imports are looked up in the working directory."""
    return _load(Source(file, text))


def _load(source: Source) -> core.Spec:
    try:
        return elaborate(link(source))
    except RecursionError:
        raise error("E0105", "something here is nested too deep", Span(source.file, 1, 1, 1, 1)) from None
