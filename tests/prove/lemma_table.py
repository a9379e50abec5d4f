"""Lemma search on the small protocols of `lemmas/`, each with its safety property alone: a table of what was found.

python -m tests.prove.lemma_table [NAME...]: seconds are of this process and of those it starts (solvers, compilers).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from pyspec.check.search import check
from pyspec.lang import core, load_spec, load_text
from pyspec.model.instance import Instance
from pyspec.model.result import CheckResult
from pyspec.prove import engine
from pyspec.prove.spell import lemma_line
from pyspec.prove.suggest import Options, Suggestions, suggest

FOLDER = Path(__file__).parent / "lemmas"
NAMES = sorted(path.stem for path in FOLDER.glob("*.pspec"))
PROOF = engine.Options(seconds=20, cti_seconds=0, threads=1, use_cache=False)


@dataclass(frozen=True)
class Line:
    """What became of one protocol; `proved`: whether plain `prove` proves the text with the lemmas pasted in."""

    name: str
    found: Suggestions
    lines: tuple[str, ...]
    proved: bool
    seconds: float

    def text(self) -> str:
        """The line of the table."""
        status = f"{self.found.status}{', proved' if self.proved else ''}"
        hints = sum(prop.kind == "hint" for prop in load_spec(str(FOLDER / f"{self.name}.pspec")).properties)
        return f"{self.name:20} {hints:5} {len(self.lines):6} {self.found.rounds:6} {self.seconds:7.0f}  {status}"


HEAD = f"{'protocol':20} {'hints':>5} {'lemmas':>6} {'rounds':>6} {'seconds':>7}  status"


def explore(instance: Instance, seconds: float) -> CheckResult:
    """The search of a model that suggestions are held against."""
    return check(instance, keep_going=True, max_states=20_000, max_seconds=seconds)


def searched(text: str, seconds: float) -> tuple[core.Spec, Suggestions]:
    """The lemmas for a specification."""
    spec = load_text(text)
    return spec, suggest(spec, explore, Options(seconds, PROOF))


def line(name: str, seconds: float) -> Line:
    """The search for one protocol, and the proof of the text with what it found."""
    text, began = (FOLDER / f"{name}.pspec").read_text(), _used()
    spec, found = searched(text, seconds)
    spent = _used() - began
    lines = tuple(lemma_line(spec, one) for one in found.lemmas)
    whole = load_text(text + "\n".join(lines) + "\n")
    return Line(name, found, lines, engine.prove(whole, options=PROOF).verdict == "proved", spent)


def _used() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main(names: list[str]) -> None:
    """Prints the table."""
    print(HEAD)
    for name in names or NAMES:
        one = line(name, 300)
        print(one.text(), flush=True)
        print(*(f"    {lemma}" for lemma in one.lines), sep="\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
