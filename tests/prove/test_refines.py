"""Refinement for any size: proved with the step's own parameters as witnesses, never what is not so."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyspec.lang import load_spec
from pyspec.prove.engine import Options, prove

OPTIONS = Options(seconds=5, cti_seconds=8, threads=1, use_cache=False)
ABSTRACT = """protocol seats
sort Guest
type Seat = 0..9
record Place(seat: Seat, guest: Guest)
var taken: set[Place] = {}
action sit(s: Seat, g: Guest):
    when all p in taken: p.seat != s
    taken += {Place(s, g)}
model ci: Guest = 2
"""
CONCRETE = """protocol hall
sort Guest
type Seat = 0..9
message Ask(seat: Seat, guest: Guest)
network set
var at: map[Seat, Guest?] = {s: none for s in Seat}
action ask(s: Seat, g: Guest):
    send Ask(s, g)
on Ask(s, g):
    when GUARD
    at[s] = g
refines seats with taken = {seats.Place(s, g) for s in Seat, g in Guest if at[s] == g}
model ci: Guest = 2
"""


def _refinement(folder: Path, guard: str) -> str:
    (folder / "seats.pspec").write_text(ABSTRACT, encoding="utf-8")
    path = folder / "hall.pspec"
    path.write_text(CONCRETE.replace("GUARD", guard), encoding="utf-8")
    result = prove(load_spec(path), options=OPTIONS)
    (found,) = (prop for prop in result.properties if prop.kind == "refines")
    return found.fate


@pytest.mark.parametrize("guard", ["at[s] == none", "at[s] in {none, g}"])
def test_a_refinement_is_proved(tmp_path: Path, guard: str) -> None:
    assert _refinement(tmp_path, guard) == "proved"


@pytest.mark.parametrize("guard", ["true", "at[s] == none or at[s] != g", "at[0] == none"])
def test_what_is_no_refinement_is_refuted(tmp_path: Path, guard: str) -> None:
    assert _refinement(tmp_path, guard) == "refuted"


def test_a_flaw_breaks_the_refinement() -> None:
    spec = load_spec(Path(__file__).resolve().parents[2] / "specs" / "voting.pspec")
    (found,) = (prop for prop in spec.properties if prop.kind == "refines")
    fates = {prop.name: prop.fate for prop in prove(spec, flaws=("two_values_a_ballot",), options=OPTIONS).properties}
    assert fates[found.name] != "proved"
