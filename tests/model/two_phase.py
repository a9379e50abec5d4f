"""Two-phase commit built by hand in the core, with the actions of TwoPhase.tla: what the tests of the engines start
from."""

from pyspec.lang import core
from pyspec.lang import types as ty

B, RM = ty.Bool(), ty.Sort("RM")
PHASE = ty.Enum("Phase", ("working", "prepared", "committed", "aborted"))
DECISION = ty.Enum("Decision", ("undecided", "commit", "abort"))
PREPARED = ty.Record("Prepared", (("rm", RM),), message=True)
COMMIT = ty.Record("Commit", (), message=True)
ABORT = ty.Record("Abort", (), message=True)
PHASES = ty.Map(RM, PHASE)

phase, decision = core.StateVar(PHASES, "phase"), core.StateVar(DECISION, "decision")
ready, everyone = core.StateVar(ty.Set(RM), "ready"), core.Domain(ty.Set(RM), RM)


def op(name: str, *args: core.Expr, type: ty.Type = B) -> core.Op:
    return core.Op(type, name, args)


def lit(of: ty.Type, value: object) -> core.Lit:
    return core.Lit(of, value)


def local(name: str, of: ty.Type = RM) -> core.Local:
    return core.Local(of, name)


def pool(message: ty.Record) -> core.StateVar:
    return core.StateVar(ty.Set(message), f"network.{message.name}")


def send(message: ty.Record, *fields: core.Expr) -> core.Assign:
    grown = op(
        "set.union",
        pool(message),
        core.SetLit(ty.Set(message), (core.RecordExpr(message, fields),)),
        type=ty.Set(message),
    )
    return core.Assign(f"network.{message.name}", (), grown)


def at(key: core.Expr) -> core.Expr:
    return op("map.at", phase, key, type=PHASE)


def is_(expr: core.Expr, of: ty.Type, value: str) -> core.Expr:
    return op("eq", expr, lit(of, value))


def set_phase(key: core.Expr, value: str) -> core.Assign:
    return core.Assign("phase", (core.IndexStep(key),), lit(PHASE, value))


def handler(message: ty.Record, param: str, *body: core.Stmt) -> core.Action:
    domain = core.Param(param, message, pool(message))
    return core.Action(f"on_{message.name}", (domain,), body, kind="handler", message=message.name)


def each(message: ty.Record, value: str) -> core.Action:
    """Every manager reads the verdict, whatever it did before."""
    some = core.Param("m", message, pool(message))
    return core.Action(
        f"receive_{message.name}", (some, core.Param("r", RM, everyone)), (set_phase(local("r"), value),)
    )


undecided = core.When(is_(decision, DECISION, "undecided"))
r = core.Param("r", RM, everyone)
ACTIONS = (
    core.Action(
        "prepare",
        (r,),
        (
            core.When(is_(at(local("r")), PHASE, "working")),
            set_phase(local("r"), "prepared"),
            send(PREPARED, local("r")),
        ),
    ),
    core.Action(
        "choose_abort", (r,), (core.When(is_(at(local("r")), PHASE, "working")), set_phase(local("r"), "aborted"))
    ),
    handler(
        PREPARED,
        "m",
        undecided,
        core.Assign(
            "ready",
            (),
            op(
                "set.union",
                ready,
                core.SetLit(ty.Set(RM), (core.Field(RM, local("m", PREPARED), "rm"),)),
                type=ty.Set(RM),
            ),
        ),
    ),
    core.Action(
        "decide_commit",
        (),
        (
            undecided,
            core.When(op("or", op("eq", ready, everyone), core.Const(B, "commits_early"))),
            core.Assign("decision", (), lit(DECISION, "commit")),
            send(COMMIT),
        ),
    ),
    core.Action("decide_abort", (), (undecided, core.Assign("decision", (), lit(DECISION, "abort")), send(ABORT))),
    each(COMMIT, "committed"),
    each(ABORT, "aborted"),
)


def both(a: str, b: str) -> core.Expr:
    return op("and", is_(at(local("a")), PHASE, a), is_(at(local("b")), PHASE, b))


CONSISTENT = core.Quant(
    B, "all", "a", everyone, core.Quant(B, "all", "b", everyone, op("not", both("committed", "aborted")))
)
EVERYONE = core.Quant(B, "all", "r", everyone, is_(at(local("r")), PHASE, "committed"))


def var(name: str, of: ty.Type, init: core.Expr, kind: str = "var") -> core.Var:
    return core.Var(name, of, init, kind=kind)


def empty(message: ty.Record) -> core.Var:
    return var(f"network.{message.name}", ty.Set(message), core.SetLit(ty.Set(message), ()), "pool")


def two_phase(managers: int = 3) -> core.Spec:
    """The protocol, with model `ci` of the given size and model `named` whose managers have names."""
    size = core.Setting("size", "RM", lit(ty.Int(), managers))
    named = core.Setting("size", "RM", elements=("ann", "bob"))
    return core.Spec(
        name="two_phase",
        doc=None,
        sorts=("RM",),
        types={t.name: t for t in (PHASE, DECISION, PREPARED, COMMIT, ABORT, RM)},
        consts=(),
        vars=(
            var("phase", PHASES, core.MapComp(PHASES, "r", lit(PHASE, "working"))),
            var("decision", DECISION, lit(DECISION, "undecided")),
            var("ready", ty.Set(RM), core.SetLit(ty.Set(RM), ())),
            *map(empty, (PREPARED, COMMIT, ABORT)),
        ),
        init_where=(),
        functions=(),
        actions=ACTIONS,
        properties=(
            core.Property("invariant", "consistent", CONSISTENT),
            core.Property("reachable", "everyone_commits", EVERYONE),
        ),
        flaws=(core.Flaw("commits_early", ("consistent",)),),
        models=(core.Model("ci", (size,), (core.Expect("states", 288),)), core.Model("named", (named,))),
    )
