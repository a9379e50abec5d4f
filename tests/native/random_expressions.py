"""Random expressions of the core, with every operator.

Expressions are mostly total: integers are clamped to the place they are stored in, sequences are guarded before they
are indexed; now and then they are not, so that evaluation errors are compared too.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from pyspec.lang import core
from pyspec.lang import types as t
from tests.native.random_types import (
    BIG,
    BOOL,
    COLOUR,
    CONTAINERS,
    INT,
    ITEMS,
    LIT3,
    NODE,
    PAIR,
    RANK,
    SCALARS,
    SHAPE,
    SIGNED,
    SMALL,
)


@dataclass
class Expressions:
    """Makes expressions over the variables and functions that there are."""

    seed: int
    vars: dict[str, t.Type] = field(default_factory=dict)
    functions: list[core.Function] = field(default_factory=list)
    counter: int = 0
    risk: float = 0.02

    def __post_init__(self) -> None:
        self.r = random.Random(self.seed)

    def name(self) -> str:
        self.counter += 1
        return f"x{self.counter}"

    def pick(self, *ways: Callable[[], core.Expr]) -> core.Expr:
        return self.r.choice(ways)()

    def op(self, of: t.Type, op: str, *args: core.Expr) -> core.Op:
        return core.Op(of, op, args)

    def lit(self, value: int) -> core.Lit:
        return core.Lit(INT, value)

    def risky(self) -> bool:
        return self.r.random() < self.risk

    def expr(self, of: t.Type, depth: int, env: dict[str, t.Type]) -> core.Expr:
        """An expression of a type; integers of range type stay inside it."""
        near: list[core.Expr] = [core.Local(k, n) for n, k in env.items() if k == of]
        far: list[core.Expr] = [core.StateVar(k, n) for n, k in self.vars.items() if k == of]
        if near and self.r.random() < 0.5:
            return self.r.choice(near)
        if (near or far) and (depth <= 0 or self.r.random() < 0.5):
            return self.r.choice(near + far)
        if depth > 0 and self.r.random() < 0.5:
            found = self.anywhere(of, depth - 1, env)
            if found is not None:
                return found
        made: core.Expr = getattr(self, "make_" + type(of).__name__.lower())(of, depth - 1, env)
        return made

    def anywhere(self, of: t.Type, depth: int, env: dict[str, t.Type]) -> core.Expr | None:
        """Ways that work for every type."""
        way = self.r.randrange(12)
        return self.taken(way, of, depth, env) if way in (3, 5, 10) else self.chosen(way, of, depth, env)

    def chosen(self, way: int, of: t.Type, depth: int, env: dict[str, t.Type]) -> core.Expr | None:
        """Conditionals, lets, look-ups, calls."""
        if way == 0:
            return core.IfExpr(of, self.expr(BOOL, depth, env), self.expr(of, depth, env), self.expr(of, depth, env))
        if way == 1:
            kind = self.r.choice(ITEMS)
            name = self.name()
            return core.LetExpr(of, name, self.expr(kind, depth, env), self.expr(of, depth, {**env, name: kind}))
        if way == 2:
            given = (self.expr(t.Option(of), depth, env), self.expr(of, depth, env))
            return None if isinstance(of, t.Option) else self.op(of, "or_else", *given)
        if way == 4:
            key = self.r.choice([NODE, COLOUR, BOOL, t.Tuple((NODE, BOOL))])
            return self.op(of, "map.at", self.expr(t.Map(key, of), depth, env), self.expr(key, depth, env))
        if way == 6 and isinstance(of, t.Range | t.Enum | t.Sort | t.Bool | t.Tuple):
            both = t.Tuple((of, self.r.choice(SCALARS)))
            return core.Proj(of, self.expr(both, depth, env), 0)
        if way == 7 and self.functions:
            matching = [f for f in self.functions if f.result == of]
            if matching:
                f = self.r.choice(matching)
                return core.Call(of, f.name, tuple(self.expr(k, depth, env) for _, k in f.params))
        if way in (8, 9):
            return self.from_set(of, depth, env)
        return None

    def taken(self, way: int, of: t.Type, depth: int, env: dict[str, t.Type]) -> core.Expr | None:
        """Something taken out of a sequence, an option or a union, mostly after a look whether it is there."""
        if way == 3 and not isinstance(of, t.Map | t.Bag):
            item = self.expr(t.Seq(of, LIT3), depth, env)
            name = self.name()
            seq = core.Local(item.type, name)
            index = self.lit(self.r.randrange(-1, 2)) if self.risky() else self.lit(0)
            take = self.pick(
                lambda: self.op(of, "seq.at", seq, index),
                lambda: self.op(of, "seq.first", seq),
                lambda: self.op(of, "seq.last", seq),
            )
            safe = core.IfExpr(
                of, self.op(BOOL, "gt", self.op(INT, "seq.len", seq), self.lit(0)), take, self.expr(of, depth - 1, env)
            )
            return core.LetExpr(of, name, item, take if self.risky() else safe)
        if way == 5 and not isinstance(of, t.Option):
            name = self.name()
            some = core.Local(t.Option(of), name)
            take = self.op(of, "unwrap", some)
            safe = core.IfExpr(
                of, self.op(BOOL, "ne", some, core.Lit(some.type, None)), take, self.expr(of, depth - 1, env)
            )
            return core.LetExpr(of, name, self.expr(t.Option(of), depth, env), take if self.risky() else safe)
        if way == 10 and of in (SMALL, NODE):
            name = self.name()
            shape = core.Local(SHAPE, name)
            case, part = ("Line", "size") if of == SMALL else ("Box", "by")
            take = core.CaseField(of, shape, case, part)
            safe = core.IfExpr(of, core.IsCase(BOOL, shape, case), take, self.expr(of, depth - 1, env))
            return core.LetExpr(of, name, self.expr(SHAPE, depth, env), take if self.risky() else safe)
        return None

    def from_set(self, of: t.Type, depth: int, env: dict[str, t.Type]) -> core.Expr | None:
        if isinstance(of, t.Map | t.Bag | t.Seq | t.Set):
            return None
        items = self.set_of(of, depth, env)
        name, var = self.name(), self.name()
        whole = core.Local(items.type, name)
        inner = {**env, var: of}
        cond = self.expr(BOOL, depth - 1, inner) if self.risky() else None
        ordered = isinstance(of, t.Range | t.Enum) or of == RANK
        ways: list[Callable[[], core.Expr]] = [lambda: core.Choose(of, var, whole, cond)]
        if ordered:
            ways += [lambda: self.op(of, "set.min", whole), lambda: self.op(of, "set.max", whole)]
        if self.risky():
            ways.append(lambda: self.op(of, "set.only", whole))
        take = self.pick(*ways)
        filled = self.op(BOOL, "gt", self.op(INT, "set.size", whole), self.lit(0))
        return core.LetExpr(of, name, items, core.IfExpr(of, filled, take, self.expr(of, depth - 1, env)))

    def make_bool(self, of: t.Type, depth: int, env: dict[str, t.Type]) -> core.Expr:
        if depth <= 0:
            return core.Lit(BOOL, self.r.random() < 0.5)
        e = self.expr
        kind = self.r.choice(ITEMS + CONTAINERS)
        ordered = self.r.choice([SMALL, SIGNED, COLOUR, RANK, BIG])
        item = self.r.choice(ITEMS)
        seq = t.Seq(self.r.choice(ITEMS), LIT3)
        bag = t.Bag(self.r.choice(ITEMS), LIT3)
        var = self.name()

        def quant() -> core.Expr:
            return core.Quant(
                BOOL,
                self.r.choice(["all", "exists"]),
                var,
                self.set_of(item, depth, env),
                e(BOOL, depth, {**env, var: item}),
            )

        return self.pick(
            lambda: self.op(BOOL, "not", e(BOOL, depth, env)),
            lambda: self.op(BOOL, "and", *(e(BOOL, depth, env) for _ in range(self.r.randrange(2, 4)))),
            lambda: self.op(BOOL, "or", *(e(BOOL, depth, env) for _ in range(self.r.randrange(2, 4)))),
            lambda: self.op(BOOL, "implies", e(BOOL, depth, env), e(BOOL, depth, env)),
            lambda: self.op(BOOL, self.r.choice(["eq", "ne"]), e(kind, depth, env), e(kind, depth, env)),
            lambda: self.op(
                BOOL, self.r.choice(["lt", "le", "gt", "ge"]), e(ordered, depth, env), e(ordered, depth, env)
            ),
            lambda: self.op(BOOL, "set.in", e(item, depth, env), self.set_of(item, depth, env)),
            lambda: self.op(BOOL, "set.subset", self.set_of(item, depth, env), self.set_of(item, depth, env)),
            lambda: self.op(BOOL, "set.majority", self.set_of(NODE, depth, env)),
            lambda: self.op(BOOL, "bag.in", e(bag.item, depth, env), e(bag, depth, env)),
            lambda: self.op(BOOL, "seq.in", e(seq.item, depth, env), e(seq, depth, env)),
            lambda: self.op(BOOL, "seq.prefix", e(seq, depth, env), e(seq, depth, env)),
            lambda: core.IsCase(BOOL, e(SHAPE, depth, env), self.r.choice(["Dot", "Line", "Box"])),
            quant,
            quant,
        )

    def integer(self, depth: int, env: dict[str, t.Type]) -> core.Expr:
        """Any integer, of no particular range."""
        e = self.integer
        if depth <= 0:
            return self.lit(self.r.randrange(-3, 5))
        many = self.r.choice([t.Bag(SMALL, LIT3), t.Bag(NODE, LIT3)])
        acc, var = self.name(), self.name()

        def fold() -> core.Expr:
            item = self.r.choice([SMALL, COLOUR, NODE])
            ways = [lambda: self.set_of(item, depth - 1, env), lambda: self.expr(t.Seq(item, LIT3), depth - 1, env)]
            if item == SMALL:
                ways.append(lambda: self.op(t.Seq(INT), "range.seq", self.lit(0), self.expr(SMALL, depth - 1, env)))
            domain = self.pick(*ways)
            inner = {**env, var: item}
            step = self.op(INT, self.r.choice(["add", "sub", "max2"]), core.Local(INT, acc), e(depth - 2, inner))
            return core.Fold(INT, acc, self.lit(1), var, domain, step)

        divisor = self.lit(self.r.choice([-3, -1, 1, 2])) if not self.risky() else e(depth - 1, env)
        return self.pick(
            lambda: self.expr(SMALL, depth - 1, env),
            lambda: self.expr(SIGNED, depth - 1, env),
            lambda: self.op(
                INT, self.r.choice(["add", "sub", "mul", "min2", "max2"]), e(depth - 1, env), e(depth - 1, env)
            ),
            lambda: self.op(INT, self.r.choice(["div", "mod"]), e(depth - 1, env), divisor),
            lambda: self.op(INT, self.r.choice(["neg", "abs"]), e(depth - 1, env)),
            lambda: self.op(INT, "index_of", self.expr(self.r.choice([COLOUR, RANK]), depth - 1, env)),
            lambda: self.op(INT, "set.size", self.set_of(self.r.choice(ITEMS), depth - 1, env)),
            lambda: self.op(INT, "seq.len", self.expr(t.Seq(self.r.choice(ITEMS), LIT3), depth - 1, env)),
            lambda: self.op(INT, "bag.size", self.expr(many, depth - 1, env)),
            lambda: self.op(INT, "bag.count", self.expr(many, depth - 1, env), self.expr(many.item, depth - 1, env)),
            lambda: core.Field(INT, self.expr(PAIR, depth - 1, env), "left"),
            fold,
        )

    def make_range(self, of: t.Range, depth: int, env: dict[str, t.Type]) -> core.Expr:
        assert isinstance(of.lo, core.Lit) and isinstance(of.hi, core.Lit)
        lo, hi = of.lo.value, of.hi.value
        assert isinstance(lo, int) and isinstance(hi, int)
        if depth <= 0:
            return self.lit(self.r.randrange(lo, min(hi, 3) + 1))
        value = self.integer(depth, env)
        if self.risky():
            return value
        return self.op(INT, "min2", self.op(INT, "max2", value, of.lo), of.hi)

    def make_int(self, of: t.Type, depth: int, env: dict[str, t.Type]) -> core.Expr:
        return self.integer(depth, env)

    def make_enum(self, of: t.Enum, depth: int, env: dict[str, t.Type]) -> core.Expr:
        if depth > 0 and self.r.random() < 0.3:
            return core.Field(of, self.expr(PAIR, depth, env), "right") if of == COLOUR else core.Lit(of, of.members[0])
        if self.risky():
            return self.op(of, self.r.choice(["succ", "pred"]), self.expr(of, depth, env))
        return core.Lit(of, self.r.choice(of.members))

    def make_sort(self, of: t.Sort, depth: int, env: dict[str, t.Type]) -> core.Expr:
        if of == RANK and self.risky():
            return self.op(of, self.r.choice(["succ", "pred"]), self.expr(of, depth, env))
        return core.Choose(of, self.name(), core.Domain(t.Set(of), of), None)

    def make_record(self, of: t.Record, depth: int, env: dict[str, t.Type]) -> core.Expr:
        if depth > 0 and self.r.random() < 0.3:
            name, kind = self.r.choice(of.fields)
            return core.With(of, self.expr(of, depth, env), name, self.expr(kind, depth, env))
        return core.RecordExpr(of, tuple(self.expr(kind, depth, env) for _, kind in of.fields))

    def make_union(self, of: t.Union, depth: int, env: dict[str, t.Type]) -> core.Expr:
        case = self.r.choice(of.cases)
        return core.CaseExpr(of, case.name, tuple(self.expr(kind, depth, env) for _, kind in case.fields))

    def make_option(self, of: t.Option, depth: int, env: dict[str, t.Type]) -> core.Expr:
        if self.r.random() < 0.4:
            return core.Lit(of, None)
        return self.op(of, "some", self.expr(of.item, depth, env))

    def make_tuple(self, of: t.Tuple, depth: int, env: dict[str, t.Type]) -> core.Expr:
        return core.TupleExpr(of, tuple(self.expr(kind, depth, env) for kind in of.items))

    def set_of(self, item: t.Type, depth: int, env: dict[str, t.Type]) -> core.Expr:
        """A set with elements of a type, of any size."""
        of = t.Set(item)

        def deep() -> core.Expr:
            return self.set_of(item, depth - 1, env)

        known = [core.StateVar(k, n) for n, k in self.vars.items() if isinstance(k, t.Set) and k.item == item]
        if known and self.r.random() < 0.4:
            return self.r.choice(known)
        if depth <= 0:
            return core.SetLit(of, tuple(self.expr(item, 0, env) for _ in range(self.r.randrange(3))))
        small = item in (SMALL, SIGNED, COLOUR, NODE, RANK, BOOL, PAIR, SHAPE) and not isinstance(item, t.Range)
        ways: list[Callable[[], core.Expr]] = [
            lambda: core.SetLit(of, tuple(self.expr(item, depth - 1, env) for _ in range(self.r.randrange(4)))),
            lambda: self.op(of, self.r.choice(["set.union", "set.inter", "set.diff"]), deep(), deep()),
            lambda: self.filtered(of, depth, env),
            lambda: self.crossed(of, depth, env),
            lambda: self.op(of, "seq.set", self.expr(t.Seq(item, LIT3), depth - 1, env)),
            lambda: self.op(of, "bag.support", self.expr(t.Bag(item, LIT3), depth - 1, env)),
            lambda: self.op(of, "map.values", self.expr(t.Map(COLOUR, item), depth - 1, env)),
            lambda: self.op(of, "set.flatten", core.SetLit(t.Set(of), (deep(), deep()))),
        ]  # fmt: skip
        if small:
            ways.append(lambda: core.Domain(of, item))
        if isinstance(item, t.Range) and isinstance(item.lo, core.Expr):
            low = item.lo
            ways.append(lambda: self.op(t.Set(INT), "range", low, self.expr(item, depth - 1, env)))
        if isinstance(item, t.Set):
            ways.append(lambda: self.op(of, "set.subsets", self.set_of(item.item, depth - 1, env)))
        return self.pick(*ways)

    def filtered(self, of: t.Set, depth: int, env: dict[str, t.Type]) -> core.Expr:
        """`{x for x in S if cond}`."""
        var = self.name()
        cond = self.expr(BOOL, depth - 1, {**env, var: of.item})
        return core.SetComp(of, (core.Gen(var, self.set_of(of.item, depth - 1, env)),), cond, core.Local(of.item, var))

    def crossed(self, of: t.Set, depth: int, env: dict[str, t.Type]) -> core.Expr:
        """`{e for n in Node, c in S}`."""
        node, colour = self.name(), self.name()
        inner = {**env, node: NODE}
        gens = (core.Gen(node, core.Domain(t.Set(NODE), NODE)), core.Gen(colour, self.set_of(COLOUR, depth - 1, inner)))
        return core.SetComp(of, gens, None, self.expr(of.item, depth - 1, {**inner, colour: COLOUR}))

    def make_set(self, of: t.Set, depth: int, env: dict[str, t.Type]) -> core.Expr:
        if of.capacity is None:
            return self.set_of(of.item, depth, env)
        return core.SetLit(of, tuple(self.expr(of.item, depth - 1, env) for _ in range(self.r.randrange(3))))

    def make_bag(self, of: t.Bag, depth: int, env: dict[str, t.Type]) -> core.Expr:
        if depth > 0 and self.r.random() < 0.4:
            op = "bag.diff" if not self.risky() else "bag.add"
            return self.op(of, op, self.expr(of, depth, env), self.expr(of, depth, env))
        return core.BagLit(of, tuple(self.expr(of.item, depth - 1, env) for _ in range(self.r.randrange(3))))

    def make_seq(self, of: t.Seq, depth: int, env: dict[str, t.Type]) -> core.Expr:
        item, var = of.item, self.name()
        if depth > 0 and self.r.random() < 0.6:
            name = self.name()
            seq = core.Local(of, name)
            source = self.r.choice(ITEMS)
            length = self.op(INT, "seq.len", seq)
            full = self.op(BOOL, "lt", length, self.lit(2))
            grown = self.op(of, "seq.concat", seq, core.SeqLit(of, (self.expr(item, depth - 1, env),)))

            def changed() -> core.Expr:
                return self.op(of, "seq.update", seq, self.lit(0), self.expr(item, depth - 1, env))

            def parts() -> tuple[core.Expr, core.Expr]:
                inner = {**env, var: source}
                return self.expr(BOOL, depth - 1, inner), self.expr(item, depth - 1, inner)

            way = self.pick(
                lambda: core.IfExpr(of, full, grown, seq),
                lambda: self.op(of, "seq.slice", seq, self.lit(0), length if not self.risky() else self.lit(2)),
                lambda: core.IfExpr(of, self.op(BOOL, "gt", length, self.lit(0)), changed(), seq),
                lambda: core.SeqComp(of, core.Gen(var, self.expr(t.Seq(source, LIT3), depth - 1, env)), *parts()),
            )  # fmt: skip
            return core.LetExpr(of, name, self.expr(of, depth - 1, env), way)
        return core.SeqLit(of, tuple(self.expr(item, depth - 1, env) for _ in range(self.r.randrange(3))))

    def make_map(self, of: t.Map, depth: int, env: dict[str, t.Type]) -> core.Expr:
        var = self.name()
        if depth > 0 and self.r.random() < 0.4:
            return self.op(
                of,
                "map.update",
                self.expr(of, depth, env),
                self.expr(of.key, depth, env),
                self.expr(of.value, depth, env),
            )
        if of.key == BOOL and self.r.random() < 0.5:
            pairs = tuple((core.Lit(BOOL, b), self.expr(of.value, depth, env)) for b in (False, True))
            return core.MapLit(of, pairs)
        return core.MapComp(of, var, self.expr(of.value, depth, {**env, var: of.key}))
