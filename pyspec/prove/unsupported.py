"""What has no encoding: a diagnostic that names the construct, its place, and what to write instead."""

from __future__ import annotations

from pyspec.base.diagnostics import SpecError, error
from pyspec.base.source import Span


def unsupported(construct: str, span: Span, instead: str) -> SpecError:
    """The mistake of asking for a proof about a construct that has no encoding."""
    return error("E0881", f"no proof for any size: {construct} cannot be encoded", span, instead)


def too_large(construct: str, span: Span, instead: str) -> SpecError:
    """The same in the finite setting."""
    return error("E0882", f"no proof for this model: {construct} is too large to encode", span, instead)
