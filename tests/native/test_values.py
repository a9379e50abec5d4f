"""Codes: one for each value, in canonical order, and back."""

import pytest

from pyspec.lang import types as t
from pyspec.model.domains import values_of
from pyspec.model.values import sort_key
from pyspec.native import domains as d
from pyspec.native.values import decode, encode

COLOUR = t.Enum("Colour", ("red", "green", "blue"))
NODE = t.Sort("Node", elements=("a", "b"))
PAIR = t.Record("Pair", (("left", t.Range(-1, 2)), ("right", COLOUR)))
SHAPE = t.Union("Shape", (t.Record("Dot", ()), t.Record("Line", (("size", t.Range(3, 5)), ("by", NODE)))))
TYPES: list[t.Type] = [
    t.Bool(), t.Range(-3, 4), COLOUR, NODE, PAIR, SHAPE, t.Option(COLOUR), t.Option(PAIR), t.Tuple((NODE, COLOUR)),
    t.Set(COLOUR), t.Set(t.Set(NODE)), t.Option(t.Set(NODE)), t.Seq(NODE, 3), t.Seq(PAIR, 2), t.Map(NODE, COLOUR),
    t.Map(COLOUR, t.Option(NODE)), t.Map(NODE, t.Seq(COLOUR, 2)), t.Record("Log", (("items", t.Seq(COLOUR, 2)),)),
]  # fmt: skip


@pytest.mark.parametrize("of", TYPES, ids=repr)
def test_codes_are_in_canonical_order(of: t.Type) -> None:
    dom, values = d.of_type(of), sorted(values_of(of), key=sort_key)
    codes = [encode(dom, value) for value in values]
    assert codes == sorted(set(codes))
    assert dom.card is not None
    assert codes[-1] < dom.card
    assert [decode(dom, code) for code in codes] == values
    assert dom.dense is False or codes == list(range(dom.card))


def test_joins_hold_both() -> None:
    assert d.join(d.DInt(0, 3), d.DInt(-2, 1)) == d.DInt(-2, 3)
    assert d.join(d.NO_INT, d.DInt(4, 5)) == d.DInt(4, 5)
    assert d.join(d.DSeq(d.NO_INT, 0), d.DSeq(d.DInt(1, 2), 4)) == d.DSeq(d.DInt(1, 2), 4)
    with pytest.raises(d.CannotEmit):
        d.join(d.BOOL, d.DInt(0, 1))
