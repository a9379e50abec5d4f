"""From text to core: one module a phase, one typed result a phase.

text -> lexer (logical lines) -> parser (syntax.File) -> link (Linked) -> declare (Names) -> elaborate (core.Spec)
"""

from pathlib import Path

from pyspec.base.source import Source
from pyspec.lang import core
from pyspec.lang.elaborate import elaborate
from pyspec.lang.link import link, read

__all__ = ["load_spec", "load_text"]


def load_spec(path: str | Path) -> core.Spec:
    """Read, parse and type the specification in a file.

    Raises SpecError with every mistake that was found.
    """
    return elaborate(link(read(Path(path))))


def load_text(text: str, file: str = "<text>") -> core.Spec:
    """The same for a specification given as text; imports are looked up in the working directory."""
    return elaborate(link(Source(file, text)))
