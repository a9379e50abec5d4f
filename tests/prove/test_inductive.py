"""The page of what is inductive at the sizes of a model is about the specifications that there are."""

from __future__ import annotations

import re

import pytest

from tests.prove.inductive import KNOWN, PAGE, SPECS, properties, section, sections

SHOWN = sections(PAGE.read_text(encoding="utf-8"))
#: Those that are proved again in seconds.
QUICK = ("consensus", "redis_lock", "redlock", "two_phase_commit")


@pytest.mark.parametrize("name", SPECS)
def test_every_property_is_accounted_for(name: str) -> None:
    _, _, _, inductive, false, rest, undecided, _ = (cell.strip() for cell in SHOWN[name].row.split("|"))
    open_ = [one for cell in (false, rest, undecided) for one in cell.split(", ") if one]
    proved, whole = map(int, inductive.split(" of "))
    known = properties(name)
    assert set(open_) <= {*known, "evaluation"}
    assert whole in (len(known), len(known) + 1) and proved == whole - len(open_)
    assert bool(open_) == bool(SHOWN[name].text) == (name in KNOWN["reasons"])
    shown = set(re.findall(r"^Counterexample to induction for (\w+)", SHOWN[name].text, re.MULTILINE))
    assert rest == "" or false or undecided
    assert shown == set(filter(None, false.split(", ")))


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in SPECS])
def test_it_is_as_the_page_says(name: str) -> None:
    assert section(name, 900).row == SHOWN[name].row
