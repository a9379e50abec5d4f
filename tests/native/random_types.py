"""The types that random specifications draw from."""

from __future__ import annotations

from pyspec.lang import core
from pyspec.lang import types as t

BOOL, INT = t.Bool(), t.Int()
COLOUR = t.Enum("Colour", ("red", "green", "blue"))
NODE = t.Sort("Node")
RANK = t.Sort("Rank", ordered=True)
SMALL = t.Range(core.Lit(INT, 0), core.Lit(INT, 3))
SIGNED = t.Range(core.Lit(INT, -2), core.Lit(INT, 2))
BIG = t.Range(core.Lit(INT, 0), core.Lit(INT, 99))
PAIR = t.Record("Pair", (("left", SMALL), ("right", COLOUR)))
WIDE = t.Record("Wide", (("one", BIG), ("two", BIG), ("who", NODE)))
SHAPE = t.Union(
    "Shape", (t.Record("Dot", ()), t.Record("Line", (("size", SMALL),)), t.Record("Box", (("by", NODE), ("n", SIGNED))))
)
LIT3 = core.Lit(INT, 3)
DEEP = t.Record("Deep", (("log", t.Seq(WIDE, LIT3)), ("at", SMALL), ("seen", t.Set(NODE))))
REPLY = t.Union("Reply", (t.Record("Ok", (("log", t.Seq(WIDE, LIT3)),)), t.Record("No", (("why", COLOUR),))))

SCALARS: list[t.Type] = [BOOL, SMALL, SIGNED, BIG, COLOUR, NODE, RANK]
ITEMS: list[t.Type] = [*SCALARS, PAIR, WIDE, SHAPE, t.Option(COLOUR), t.Tuple((SMALL, NODE)), t.Option(PAIR)]
CONTAINERS: list[t.Type] = [
    *(t.Set(i) for i in (SMALL, SIGNED, COLOUR, NODE, PAIR, SHAPE, t.Tuple((SMALL, NODE)), t.Set(COLOUR))),
    t.Set(BIG, LIT3), t.Set(WIDE, LIT3), t.Set(t.Seq(SMALL, LIT3), LIT3), t.Set(t.Option(WIDE), LIT3),
    t.Bag(SMALL, LIT3), t.Bag(WIDE, LIT3), t.Bag(SHAPE, LIT3), t.Bag(NODE, LIT3),
    t.Seq(SMALL, LIT3), t.Seq(WIDE, LIT3), t.Seq(PAIR, LIT3), t.Seq(NODE, LIT3), t.Seq(t.Set(NODE), LIT3),
    t.Map(NODE, SMALL), t.Map(COLOUR, t.Set(NODE)), t.Map(NODE, t.Seq(SIGNED, LIT3)), t.Map(BOOL, WIDE),
    t.Map(t.Tuple((NODE, BOOL)), SMALL), t.Map(NODE, t.Map(COLOUR, SMALL)), t.Map(SIGNED, t.Option(NODE)),
    t.Map(NODE, t.Bag(SMALL, LIT3)), t.Map(NODE, PAIR), t.Option(t.Seq(SMALL, LIT3)), t.Option(WIDE),
    DEEP,
    t.Tuple((t.Seq(SMALL, LIT3), t.Bag(COLOUR, LIT3))),
    REPLY,
]  # fmt: skip
