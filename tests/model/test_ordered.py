"""The order of sets whose elements are equal for Python and different for the language."""

from __future__ import annotations

from pyspec.model.values import Rec, ordered


def test_booleans_and_integers_are_not_mixed_up() -> None:
    assert [type(x) for x in ordered(frozenset({0, 1}))] == [int, int]
    assert [type(x) for x in ordered(frozenset({False, True}))] == [bool, bool]
    assert [type(x) for x in ordered(frozenset({None, 1}))] == [type(None), int]
    assert [type(x) for x in ordered(frozenset({None, True}))] == [type(None), bool]


def test_nor_within_tuples_and_records() -> None:
    for make in (lambda x: (x, 7), lambda x: Rec("r", ("a",), (x,)), lambda x: frozenset({x})):
        for values, kind in (((0, 1), int), ((False, True), bool)):
            for item in ordered(frozenset(map(make, values))):
                (part,) = {type(x) for x in (item._values if isinstance(item, Rec) else item)} - ({int} - {kind})
                assert part is kind
