"""The models of every specification beside `ci`: exhausted and as they declare, or clean for ten million states.

`deep` is either, for every specification; where it is exhausted it pins its count.
"""

from pathlib import Path

import pytest

from pyspec.cli.exits import BUDGET, OK
from pyspec.cli.report import exit_code
from pyspec.cli.runner import Request, run
from pyspec.lang import load_spec

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.pspec"))
MODELS = [(path, model.name) for path in SPECS for model in load_spec(path).models if model.name != "ci"]
#: No model that pins its count has more states; the others are searched so far.
ENOUGH = 11_000_000


@pytest.mark.slow
@pytest.mark.parametrize(("path", "model"), MODELS, ids=[f"{path.stem}-{model}" for path, model in MODELS])
def test_a_larger_model_is_as_declared(path: Path, model: str) -> None:
    report = run(Request(str(path), model=model, max_states=ENOUGH, use_cache=False))
    assert report["errors"] == []
    pinned = [e["what"] for e in report["expectations"]]
    if report["stopped_by"] == "states":
        assert exit_code(report) == BUDGET
        assert report["distinct"] >= 10_000_000
        assert not pinned, "a count is pinned that no nightly run can compare"
    else:
        assert exit_code(report) == OK, (report["verdict"], report["expectations"])
        assert pinned or model != "deep", f"{report['distinct']} states are all: pin them"
