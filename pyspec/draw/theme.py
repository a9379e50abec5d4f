"""The colours of all pictures, each for light and for dark pages. Roles take the hues in the order of the
specification, in every picture of it alike."""

from __future__ import annotations

from typing import Final, Literal

Theme = Literal["auto", "light", "dark"]
THEMES: Final = ("auto", "light", "dark")

#: ink -> (light, dark)
INKS: Final[dict[str, tuple[str, str]]] = {
    "paper": ("#ffffff", "#16181d"),
    "text": ("#1d2430", "#e8eaee"),
    "muted": ("#5b6573", "#a3acb8"),
    "line": ("#6b7685", "#8d97a5"),
    "faint": ("#d3d8df", "#3a414c"),
    "panel": ("#f4f6f8", "#21252c"),
    "bad": ("#c0272d", "#ff7b72"),
    "bad.fill": ("#fdecec", "#3f1d1f"),
}
#: hue -> fill, line and text, each (light, dark). The first six are for roles, `grey` for what is nobody's.
HUES: Final[dict[str, tuple[tuple[str, str], tuple[str, str], tuple[str, str]]]] = {
    "blue": (("#e3eefc", "#17304f"), ("#2f6fbe", "#6aa9f5"), ("#123f77", "#cfe3fc")),
    "orange": (("#fdeedb", "#47300f"), ("#c0711a", "#eda34c"), ("#6d3d07", "#fbe3c3")),
    "green": (("#e2f3e6", "#173a22"), ("#2f8a4a", "#63c681"), ("#11502a", "#cdefd7")),
    "purple": (("#f0e8fa", "#34224d"), ("#7c4dbd", "#b28df0"), ("#47217f", "#e4d7fa")),
    "teal": (("#dcf3f3", "#123a3b"), ("#1f8488", "#52c4c8"), ("#0c4b4e", "#c8eeef")),
    "pink": (("#fbe7f0", "#451d31"), ("#b8437c", "#ef86b5"), ("#701c46", "#fad3e4")),
    "grey": (("#eef0f3", "#2a2f37"), ("#6b7685", "#8d97a5"), ("#333c49", "#d9dde3")),
}
ROLE_HUES: Final = ("blue", "orange", "green", "purple", "teal", "pink")


def hue(number: int | None) -> str:
    """The hue of the role with this number; None: of what is nobody's."""
    return "grey" if number is None else ROLE_HUES[number % len(ROLE_HUES)]


def colour(ink: str, dark: bool = False) -> str:
    """The colour of an ink: a key of INKS, or `blue.fill`, `blue.line`, `blue.text` for a hue."""
    if ink in INKS:
        return INKS[ink][dark]
    name, _, part = ink.partition(".")
    return HUES[name][("fill", "line", "text").index(part)][dark]
