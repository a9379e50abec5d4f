"""What a phase says about a specification that is wrong: code, place, cause, fix."""

from dataclasses import dataclass, field
from typing import Literal

from pyspec.base.source import NOWHERE, Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake: a stable code (a key of `pyspec.base.codes.CODES`), its place, its cause and, if known, a fix."""

    code: str
    message: str
    span: Span = NOWHERE
    hint: str | None = None
    severity: Severity = "error"
    notes: tuple[tuple[str, Span], ...] = field(default=())


class SpecError(Exception):
    """A specification, or a request about one, that is wrong. Carries every diagnostic found in one run."""

    def __init__(self, diagnostics: "list[Diagnostic] | tuple[Diagnostic, ...]") -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(map(_in_words, self.diagnostics)))

    def __reduce__(self) -> "tuple[type[SpecError], tuple[tuple[Diagnostic, ...]]]":
        return SpecError, (self.diagnostics,)


def _in_words(found: Diagnostic) -> str:
    place = "" if found.span == NOWHERE else f"{found.span}: "
    return f"{place}{found.code} {found.message}" + (f" ({found.hint})" if found.hint else "")


def error(code: str, message: str, span: Span = NOWHERE, hint: str | None = None) -> SpecError:
    """A SpecError with a single diagnostic."""
    return SpecError([Diagnostic(code, message, span, hint)])
