"""How wide a text is drawn. Widths are those of DejaVu Sans, the widest face of the font list in the pictures: text
that fits by this measure is not clipped in any of them, and layouts do not depend on the fonts of a machine."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

FONTS: Final = "'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

#: Advance widths of the characters 32 to 126 in thousandths of the font size.
_PLAIN: Final = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
    748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
    615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
    337, 636, 838,
)  # fmt: skip
_BOLD: Final = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696, 696,
    696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995,
    837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716,
    678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712,
    365, 712, 838,
)  # fmt: skip
GLUE: Final = "\N{NO-BREAK SPACE}"
OTHER: Final = 850  # letters with accents, arrows


def width(text: str, size: float, bold: bool = False) -> float:
    """The width of one line of text in pixels."""
    table = _BOLD if bold else _PLAIN
    return sum(_of(character, table) for character in text) * size / 1000


def _of(character: str, table: tuple[int, ...]) -> int:
    code = ord(character)
    if character == GLUE:
        return table[0]
    if 32 <= code <= 126:
        return table[code - 32]
    if unicodedata.combining(character):
        return 0
    return 1050 if unicodedata.east_asian_width(character) in "WF" else OTHER


def widest(lines: Iterable[str], size: float, bold: bool = False) -> float:
    """The width of the widest of some lines."""
    return max((width(line, size, bold) for line in lines), default=0.0)


def wrap(text: str, size: float, most: float, bold: bool = False) -> list[str]:
    """A text in lines no wider than `most`: broken at spaces, else behind commas, dots and underscores, else
    anywhere."""
    lines: list[str] = []
    line = ""
    for word in _words(text):
        if line and width(line + word.rstrip(), size, bold) > most:
            lines.append(line.rstrip())
            line = ""
        line += word
        while width(line.rstrip(), size, bold) > most:
            cut = _fitting(line, size, most, bold)
            lines.append(line[:cut].rstrip())
            line = line[cut:]
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def wrap_names(names: Iterable[str], size: float, most: float) -> list[str]:
    """Names with commas between them, in lines; no name of several words is broken if it fits."""
    glued = ", ".join(name.replace(" ", GLUE) for name in names)
    return [line.replace(GLUE, " ") for line in wrap(glued, size, most)]


def _words(text: str) -> Iterator[str]:
    word = ""
    for character in text:
        word += character
        if character == " ":
            yield word
            word = ""
    yield word


def _fitting(line: str, size: float, most: float, bold: bool) -> int:
    """Where to break a word that is too wide."""
    best = good = 1
    for end in range(1, len(line)):
        if width(line[:end], size, bold) > most:
            break
        best = end
        if line[end - 1] in ",._/|&([{":
            good = end
    return good if good > 2 else best
