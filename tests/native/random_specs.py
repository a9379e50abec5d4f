"""Random specifications in the core that use every expression, operator and statement."""

from __future__ import annotations

from pyspec.lang import core
from pyspec.lang import types as t
from tests.native.random_expressions import Expressions
from tests.native.random_types import (
    BOOL,
    COLOUR,
    CONTAINERS,
    DEEP,
    INT,
    ITEMS,
    LIT3,
    NODE,
    PAIR,
    RANK,
    REPLY,
    SCALARS,
    SHAPE,
    SMALL,
    WIDE,
)


class Maker(Expressions):
    """Makes one specification from a seed."""

    def assign(self, env: dict[str, t.Type], depth: int) -> list[core.Stmt]:
        name = self.r.choice([n for n in self.vars if n != "steps"])
        of: t.Type = self.vars[name]
        path: list[core.IndexStep | core.FieldStep] = []
        while self.r.random() < 0.6:
            if isinstance(of, t.Map):
                path.append(core.IndexStep(self.expr(of.key, depth, env)))
                of = of.value
            elif isinstance(of, t.Record):
                field, of = self.r.choice(of.fields)
                path.append(core.FieldStep(field))
            elif isinstance(of, t.Seq) and self.risky():
                path.append(core.IndexStep(self.lit(0)))
                of = of.item
            else:
                break
        let = self.name()
        value: core.Expr = core.Local(of, let)
        size = {t.Set: "set.size", t.Bag: "bag.size", t.Seq: "seq.len"}.get(type(of))
        out: list[core.Stmt] = [core.Let(let, self.expr(of, depth, env))]
        if size and not self.risky():
            out.append(core.When(self.op(BOOL, "le", self.op(INT, size, value), self.lit(3))))
        whole = core.StateVar(of, name)
        if isinstance(of, t.Set | t.Bag) and not path and self.r.random() < 0.4:
            grow = "set.union" if isinstance(of, t.Set) else "bag.add"
            one = (core.SetLit if isinstance(of, t.Set) else core.BagLit)(of, (self.expr(of.item, depth, env),))
            room = self.op(BOOL, "lt", self.op(INT, size or "", whole), self.lit(3))
            return [core.When(room), core.Assign(name, (), self.op(of, grow, whole, one))]
        return [*out, core.Assign(name, tuple(path), value)]

    def block(self, env: dict[str, t.Type], depth: int, split: bool = True) -> core.Block:
        out: list[core.Stmt] = []
        env = dict(env)
        for _ in range(self.r.randrange(1, 4)):
            way = self.r.randrange(10)
            if way < 4 or depth <= 0:
                out += self.assign(env, 2)
            elif way == 4:
                out.append(
                    core.If(
                        self.expr(BOOL, 2, env),
                        self.block(env, depth - 1, split),
                        self.block(env, depth - 1, split) if self.r.random() < 0.5 else (),
                    )
                )
            elif way == 5:
                kind, name = self.r.choice(ITEMS), self.name()
                out.append(core.Let(name, self.expr(kind, 2, env)))
                env[name] = kind
            elif way == 6 and split:
                kind, name = self.r.choice(ITEMS), self.name()
                cond = self.expr(BOOL, 1, {**env, name: kind}) if self.r.random() < 0.5 else None
                out.append(core.Any(name, self.set_of(kind, 2, env), cond))
                env[name] = kind
            elif way == 7 and split:
                out.append(core.Either((self.block(env, depth - 1), self.block(env, depth - 1))))
            elif way == 8:
                kind, name = self.r.choice(ITEMS), self.name()
                domain = self.set_of(kind, 2, env) if self.r.random() < 0.6 else self.expr(t.Seq(kind, LIT3), 2, env)
                inside = split and self.r.random() < 0.2
                out.append(core.For(name, domain, self.block({**env, name: kind}, depth - 1, inside)))
            elif self.risky():
                out.append(core.Assert(self.expr(BOOL, 2, env)))
            else:
                out.append(core.When(self.likely(2, env)))
        return tuple(out)

    def action(self, number: int, bound: int) -> core.Action:
        params = []
        env: dict[str, t.Type] = {}
        for _ in range(self.r.randrange(1, 3)):
            kind, name = self.r.choice([NODE, NODE, COLOUR, COLOUR, SMALL, PAIR]), self.name()
            whole = kind in (NODE, COLOUR) and self.r.random() < 0.8
            domain = core.Domain(t.Set(kind), kind) if whole else self.set_of(kind, 1, env)
            params.append(core.Param(name, kind, domain))
            env[name] = kind
        steps = core.StateVar(SMALL, "steps")
        guard = core.When(self.op(BOOL, "lt", steps, self.lit(bound)))
        tick = core.Assign("steps", (), self.op(INT, "add", steps, self.lit(1)))
        return core.Action(f"act{number}", tuple(params), (guard, tick, *self.block(env, 2)))

    def likely(self, depth: int, env: dict[str, t.Type]) -> core.Expr:
        """A condition that often holds."""
        return self.op(BOOL, "or", *(self.expr(BOOL, depth, env) for _ in range(3)))

    def function(self, number: int) -> core.Function:
        params = tuple((self.name(), self.r.choice(ITEMS)) for _ in range(self.r.randrange(3)))
        of = self.r.choice(ITEMS)
        return core.Function(f"fun{number}", params, of, self.expr(of, 3, dict(params)))

    def variable(self, name: str, of: t.Type) -> core.Var:
        known, self.vars = self.vars, {}
        risk, self.risk = self.risk, 0.0
        try:
            if self.r.random() < 0.2 and of in SCALARS and not isinstance(of, t.Range):
                return core.Var(name, of, None, core.Domain(t.Set(of), of))
            return core.Var(name, of, self.expr(of, 1, {}))
        finally:
            self.vars, self.risk = known, risk

    def properties(self) -> tuple[core.Property, ...]:
        out = [core.Property("invariant", "inv", self.op(BOOL, "or", *(self.expr(BOOL, 3, {}) for _ in range(6))))]
        name = self.r.choice(list(self.vars))
        before = core.StateVar(self.vars[name], name)
        changed = self.op(BOOL, "ne", core.Prime(self.vars[name], before), before)
        out.append(
            core.Property(
                "step",
                "moves",
                self.op(
                    BOOL,
                    "or",
                    changed,
                    self.expr(BOOL, 3, {}),
                    core.Prime(BOOL, self.expr(BOOL, 2, {})),
                    self.likely(2, {}),
                ),
            )
        )
        out.append(
            core.Property("reachable", "goal", self.op(BOOL, "and", self.expr(BOOL, 3, {}), self.expr(BOOL, 2, {})))
        )
        if self.r.random() < 0.3:
            out.append(core.Property("deadlock_free", "deadlock_free", core.Lit(BOOL, True)))
            out.append(core.Property("terminal", "end", self.expr(BOOL, 2, {})))
        return tuple(out)

    def settings(self) -> tuple[core.Setting, ...]:
        found = [core.Setting("size", "Node", self.lit(2)), core.Setting("size", "Rank", self.lit(3))]
        way = self.r.random()
        if way < 0.15:
            found.append(core.Setting("limit", "", self.op(BOOL, "lt", core.StateVar(SMALL, "steps"), self.lit(2))))
        elif way < 0.3:
            kind = self.r.choice(list(self.vars))
            view = t.Tuple((SMALL, self.vars[kind]))
            found.append(
                core.Setting(
                    "view",
                    "",
                    core.TupleExpr(view, (core.StateVar(SMALL, "steps"), core.StateVar(self.vars[kind], kind))),
                )
            )
        return tuple(found)


def make(seed: int) -> core.Spec:
    """The specification of a seed."""
    m = Maker(seed)
    m.risk = m.r.choice([0.0, 0.0, 0.005, 0.03])
    kinds = [m.r.choice(ITEMS if m.r.random() < 0.4 else CONTAINERS) for _ in range(m.r.randrange(2, 5))]
    names = {f"v{i}": k for i, k in enumerate(kinds)}
    variables = [core.Var("steps", SMALL, m.lit(0)), *(m.variable(n, k) for n, k in names.items())]
    m.vars = {"steps": SMALL, **names}
    for i in range(2):
        m.functions.append(m.function(i))
    bound = m.r.choice([2, 3, 3])
    actions = tuple(m.action(i, bound) for i in range(m.r.randrange(3, 6)))
    properties = m.properties()
    model = core.Model("random", m.settings())
    types: dict[str, t.Type] = {k.name: k for k in (COLOUR, NODE, RANK, PAIR, WIDE, SHAPE, DEEP, REPLY)}
    return core.Spec(
        f"random_{seed}",
        None,
        ("Node", "Rank"),
        types,
        (),
        tuple(variables),
        (),
        tuple(m.functions),
        actions,
        properties,
        (),
        (model,),
    )
