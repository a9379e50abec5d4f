"""Values: identity, readability, and the canonical order against its definition."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyspec.lang import types as ty
from pyspec.model.domains import cardinality, fits, member, values_of
from pyspec.model.errors import EvaluationError
from pyspec.model.values import Atom, Bag, Map, Rec, ordered, show, sort_key, to_json

PHASE = ty.Enum("Phase", ("idle", "busy"))
NODE = ty.Sort("Node", elements=("n1", "n2"))
ENTRY = ty.Record("Entry", (("term", ty.Range(0, 1)), ("who", ty.Option(NODE))))
REQUEST = ty.Union("Request", (ty.Record("Get", ()), ty.Record("Put", (("value", ty.Bool()),))))
TYPES = [
    ty.Bool(),
    ty.Range(-1, 2),
    PHASE,
    NODE,
    ENTRY,
    REQUEST,
    ty.Option(ty.Range(0, 1)),
    ty.Tuple((PHASE, ty.Bool())),
    ty.Set(ty.Range(0, 3)),
    ty.Set(ty.Range(0, 3), 2),
    ty.Set(ENTRY, 1),
    ty.Bag(ty.Range(0, 2), 3),
    ty.Seq(PHASE, 3),
    ty.Map(NODE, ty.Range(0, 2)),
    ty.Map(ty.Tuple((NODE, ty.Bool())), PHASE),
    ty.Map(NODE, ty.Set(NODE)),
]


@pytest.mark.parametrize("of", TYPES, ids=str)
def test_all_values_come_in_canonical_order_without_repetition(of: ty.Type) -> None:
    values = values_of(of)
    assert len(values) == cardinality(of) == len(set(values))
    assert list(values) == sorted(values, key=sort_key)
    assert all(member(value, of) and fits(value, of) == value for value in values)


@pytest.mark.parametrize("of", TYPES, ids=str)
def test_values_survive_pickling_and_show_differently(of: ty.Type) -> None:
    values = values_of(of)
    assert pickle.loads(pickle.dumps(values)) == values
    assert len({show(value, of) for value in values}) == len(values)
    assert len({repr(to_json(value)) for value in values}) == len(values)


@given(st.frozensets(st.integers(0, 6)), st.frozensets(st.integers(0, 6)))
def test_sets_are_ordered_as_their_bit_masks(left: frozenset[int], right: frozenset[int]) -> None:
    def mask(items: frozenset[int]) -> int:
        return sum(1 << item for item in items)

    assert (sort_key(left) < sort_key(right)) == (mask(left) < mask(right))


@given(st.lists(st.integers(0, 4)), st.lists(st.integers(0, 4)))
def test_bags_are_ordered_by_the_greatest_element_whose_counts_differ(left: list[int], right: list[int]) -> None:
    first, second = Bag(left), Bag(right)
    differing = [item for item in range(5) if first.count(item) != second.count(item)]
    less = bool(differing) and first.count(differing[-1]) < second.count(differing[-1])
    assert (sort_key(first) < sort_key(second)) == less


def test_values_read_as_the_language_writes_them() -> None:
    n1, n2 = values_of(NODE)
    entry = Rec("Entry", ("term", "who"), (1, None))
    assert repr(entry) == "Entry(term=1, who=none)"
    assert entry.term == 1 and entry["who"] is None
    assert show(frozenset({n2, n1})) == "{n1, n2}"
    assert repr(Map({n2: True, n1: False})) == "{n1: false, n2: true}"
    assert repr(Bag([n2, n1, n2])) == "bag{n1, n2 x2}"
    assert show((n1, 1), ty.Tuple((NODE, ty.Range(0, 1)))) == "(n1, 1)"
    assert show((n1, n2), ty.Seq(NODE)) == "[n1, n2]"
    assert ordered(frozenset({3, 1, 2})) == (1, 2, 3)


def test_atoms_are_interned_ordered_and_immutable() -> None:
    assert Atom("Phase", 0, "idle") is Atom("Phase", 0, "idle")
    assert Atom("Phase", 0, "idle") < Atom("Phase", 1, "busy")
    with pytest.raises(AttributeError):
        Atom("Phase", 0, "idle").name = "x"  # type: ignore[misc]


def test_stores_outside_a_range_or_a_capacity_are_errors() -> None:
    with pytest.raises(EvaluationError, match=r"4 is outside 0\.\.3, the range of term") as caught:
        fits(4, ty.Range(0, 3), "term")
    assert caught.value.kind == "range"
    with pytest.raises(EvaluationError, match="log would hold 2 elements, its capacity is 1") as caught:
        fits((1, 2), ty.Seq(ty.Range(0, 3), 1), "log")
    assert caught.value.kind == "capacity" and caught.value.knob == "capacity log"


def test_records_of_one_name_with_other_fields_are_different() -> None:
    one, other = Rec("Vote", ("bal",), (1,)), Rec("Vote", ("ballot",), (1,))
    assert one != other
    assert ordered(frozenset({one}))[0].bal == 1
    assert ordered(frozenset({other}))[0].ballot == 1
