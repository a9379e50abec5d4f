"""At the sizes of a model every specification of the library can be encoded: nothing is refused, whatever it uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyspec.lang import load_spec
from pyspec.model.instance import instantiate
from pyspec.prove.cti import Place
from pyspec.prove.execute import execute

SPECS = sorted((Path(__file__).resolve().parents[2] / "specs").glob("*.pspec"))
#: Those with clocks, sets or logs in messages, folds, loops over positions.
QUICK = ("causal_crdt", "raft_membership", "zab")


def _param(path: Path) -> object:
    return pytest.param(path, id=path.stem, marks=() if path.stem in QUICK else pytest.mark.slow)


@pytest.mark.parametrize("path", list(map(_param, SPECS)))
def test_nothing_is_refused(path: Path) -> None:
    instance = instantiate(load_spec(path))
    place = Place(instance)
    kinds = {part.prop.name for part in (*place.problem.parts, *place.problem.step_parts, *place.problem.law_parts)}
    assert kinds >= {
        prop.name for prop in instance.spec.properties if prop.kind in ("invariant", "lemma", "step", "law")
    }
    for action in instance.spec.actions:
        with place.problem.encoder.u.collecting():
            assert execute(place.problem.encoder, action, place.problem.before), action.name
