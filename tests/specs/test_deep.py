"""The `deep` model of every specification: exhausted, with the count that it pins, or clean for ten million states."""

from pathlib import Path

import pytest

from pyspec.cli.exits import BUDGET, OK
from pyspec.cli.report import exit_code
from pyspec.cli.runner import Request, run

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.pspec"))
#: No deep model that pins its count has more states; the others are searched so far.
ENOUGH = 11_000_000


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_deep_model_is_as_declared(path: Path) -> None:
    report = run(Request(str(path), model="deep", max_states=ENOUGH, use_cache=False))
    violated = [p["name"] for p in report["properties"] if p["verdict"] == "violated"]
    assert (violated, report["errors"]) == ([], [])
    if report["stopped_by"] == "states":
        assert exit_code(report) == BUDGET
        assert report["distinct"] >= 10_000_000
        assert not report["expectations"], "a count is pinned that no nightly run can compare"
    else:
        assert exit_code(report) == OK
        assert report["expectations"], f"{report['distinct']} states are all: pin them"
