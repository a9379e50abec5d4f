"""Every specification of the library: it loads, says where it comes from, and its `ci` model is as it declares.

All flaws run under `make check`; here the first of each specification, and that each names a property of its own.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from pyspec.cli.flaws import Campaign
from pyspec.cli.report import exit_code
from pyspec.cli.runner import Request, run
from pyspec.lang import load_spec
from pyspec.model.instance import instantiate

FOLDER = Path(__file__).parents[2] / "specs"
SPECS = sorted(FOLDER.glob("*.pspec"))
MODULES = sorted((FOLDER / "lib").glob("*.pspec"))

every_spec = pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)


@every_spec
def test_it_says_what_it_is(path: Path) -> None:
    spec = load_spec(path)
    assert spec.name == path.stem
    assert spec.doc is not None
    assert len(spec.doc.splitlines()) > 1, "what it is, and its source"
    assert any(p.kind in ("invariant", "step", "law") for p in spec.properties)
    assert {"ci", "deep"} <= {model.name for model in spec.models}


@every_spec
def test_every_model_is_finite(path: Path) -> None:
    spec = load_spec(path)
    for model in spec.models:
        instantiate(spec, model)
    for flaw in spec.flaws:
        base = next(m for m in spec.models if m.name == (flaw.model or "ci"))
        instantiate(spec, replace(base, settings=(*base.settings, *flaw.overrides)), flaws=(flaw.name,))
        assert flaw.doc, f"{flaw.name} says what is wrong"


@every_spec
def test_the_ci_model_is_as_declared(path: Path) -> None:
    report = run(Request(str(path), model="ci", use_cache=False))
    assert exit_code(report) == 0, (report["verdict"], report["errors"], report["expectations"])
    goals = [p for p in report["properties"] if p["kind"] == "reachable"]
    assert all(goal["trace"] for goal in goals)


@every_spec
def test_a_flaw_is_caught(path: Path) -> None:
    spec = load_spec(path)
    for found in Campaign(spec, Request(str(path), use_cache=False), quiet=True).run(spec.flaws[:1]):
        assert found["verdict"] == "caught", found


#: distinct states as published; those of three and flexible are of searches written by hand
PUBLISHED = {
    ("consensus", "ci"): 4,
    ("voting", "mc"): 77,
    ("voting", "ci"): 6_752,
    ("paxos", "ci"): 3_921,
    ("paxos", "three"): 185_369,
    ("paxos", "flexible"): 20_609,
    ("transaction_commit", "ci"): 34,
    ("two_phase_commit", "ci"): 288,
    ("raft_mongo", "published"): 7_778,
}


@pytest.mark.parametrize(("stem", "model"), PUBLISHED)
def test_published_sizes(stem: str, model: str) -> None:
    report = run(Request(str(FOLDER / f"{stem}.pspec"), model=model))
    assert exit_code(report) == 0, (report["verdict"], report["errors"], report["expectations"])
    assert report["distinct"] == PUBLISHED[stem, model]
    assert report["expectations"], "the model says so, too"


def test_modules_are_used() -> None:
    texts = [path.read_text() for path in (*SPECS, *MODULES)]
    for module in MODULES:
        assert any(f"lib.{module.stem}" in text for text in texts), f"nobody imports {module.stem}"
