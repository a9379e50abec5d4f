"""Laws are tested on the values of a model, lemmas are checked like invariants; in both engines."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyspec.check.search import check
from pyspec.lang import load_text
from pyspec.lang import types as ty
from pyspec.model.domains import member
from pyspec.model.instance import instantiate
from pyspec.model.result import PropertyResult
from pyspec.model.sampling import draw
from pyspec.native import engine

SPEC = """protocol laws
type Small = 0..4
type Large = 0..99
var x: Small = 0
def minus(a, b: Small) -> int: a - b
law commutes(a, b: Small): minus(a, b) == minus(b, a)
law halves(a: Small): 4 // a <= 4
law adds(a, b: Large): a + b == b + a
law bounded(a: Small): a <= 4
type Crowd = map[Small, set[Small]]
law joined_either_way(a, b: Crowd): all k in Small: a[k] | b[k] == b[k] | a[k]
law all_alike(a, b: Crowd): a == b
lemma stays_small: x < 2
action up:
    when x < 3
    x += 1
"""


@pytest.fixture(params=[True, False], ids=["native", "python"])
def found(request: pytest.FixtureRequest) -> dict[str, PropertyResult]:
    instance = instantiate(load_text(SPEC))
    result = (engine.check if request.param else check)(instance)
    return {p.name: p for p in result.properties}


def test_verdicts(found: dict[str, PropertyResult]) -> None:
    verdicts = {name: (p.verdict, p.evidence) for name, p in found.items()}
    assert verdicts["commutes"] == ("violated", "counterexample")
    assert verdicts["bounded"] == ("holds", "exhaustive")
    assert verdicts["adds"] == ("holds", "sampled: 1,000 of 10,000 cases")
    assert verdicts["joined_either_way"] == ("holds", "sampled: 1,000 of over a billion cases")
    assert verdicts["all_alike"] == ("violated", "counterexample")
    assert verdicts["stays_small"][0] == "violated"


def test_a_law_without_a_value_is_violated(found: dict[str, PropertyResult]) -> None:
    trace = found["halves"].trace
    assert trace is not None and trace.failing is not None and trace.failing.params == (("a", 0),)
    assert "its evaluation fails" in "\n".join(trace.explanation())


def test_the_story_of_a_law_shows_the_values(found: dict[str, PropertyResult]) -> None:
    trace = found["commutes"].trace
    assert trace is not None
    assert [line.strip() for line in trace.explanation()][:3] == ["with", "a = 0", "b = 1"]


SIZED = st.recursive(
    st.sampled_from([ty.Bool(), ty.Range(0, 9000), ty.Range(-3, 3), ty.Enum("Colour", ("red", "green"))]),
    lambda inner: st.one_of(
        st.builds(ty.Option, inner),
        st.builds(ty.Tuple, st.tuples(inner, inner)),
        st.builds(lambda part: ty.Record("Pair", (("left", part), ("right", part))), inner),
        st.builds(lambda part: ty.Union("Either", (ty.Record("One", (("of", part),)), ty.Record("None", ()))), inner),
        st.builds(ty.Set, inner, st.sampled_from([None, 2])),
        st.builds(ty.Bag, inner, st.just(3)),
        st.builds(ty.Seq, inner, st.just(3)),
        st.builds(ty.Map, st.just(ty.Range(0, 2)), inner),
    ),
    max_leaves=4,
)


@given(SIZED, st.randoms(use_true_random=False))
def test_what_is_drawn_is_of_the_type(of: ty.Type, chance: Random) -> None:
    assert member(draw(of, chance), of)
