"""The sizes of nodes and labels: fixed before the layout, from our own measure of text."""

from __future__ import annotations

from typing import Final

from pyspec.draw.graph import Node
from pyspec.draw.metrics import widest

TITLE: Final = 14.0  # font sizes
DETAIL: Final = 11.5
LABEL: Final = 11.5
TITLE_LINE: Final = 18.0  # heights of lines
DETAIL_LINE: Final = 15.0
LABEL_LINE: Final = 14.5
PAD_X: Final = 14.0
PAD_Y: Final = 9.0


def node_size(node: Node) -> tuple[float, float]:
    """Width and height in pixels."""
    w = max(widest(node.title, TITLE, bold=True), widest(node.detail, DETAIL))
    h = len(node.title) * TITLE_LINE + len(node.detail) * DETAIL_LINE
    return max(w + 2 * PAD_X, 56.0), h + 2 * PAD_Y


def label_size(lines: tuple[str, ...]) -> tuple[float, float]:
    """Width and height of the label of an edge, with some room around it."""
    return widest(lines, LABEL) + 10, len(lines) * LABEL_LINE + 4
