"""Symmetry reduction: every state is replaced by one representative of its orbit."""

from __future__ import annotations

from pyspec.lang import types as t
from pyspec.native.emit import Em
from pyspec.native.layout import Layout


class Symmetry:
    """Writes `canonical` for the sorts that may be permuted."""

    def __init__(self, em: Em, layout: Layout, sorts: list[t.Sort]) -> None:
        self.em, self.layout = em, layout
        self.sorts: list[t.Sort] = []
        self.names: tuple[str, ...] = ()

    def write(self) -> list[str]:
        """The C functions."""
        return []
