"""The typed core: what every engine sees. Sugar (roles, handlers, messages, networks, crashes, Byzantine nodes,
budgets) is gone; what is left is typed state variables, initial values, guarded atomic actions, and properties.

Meaning
-------
*State*: one value for each variable. *Initial states*: every combination of the variables' initial values (`init`
gives one value, `choices` a set to pick from) that satisfies all of `Spec.init_where`.

*Action*: for every binding of its parameters (each ranges over a set evaluated in the current state, left to right; a
domain may read earlier parameters) the body runs in order on a private copy of the state. Reads see earlier writes of
the same run. `When` with a false condition abandons the run; `Any` and `Either` split it. Every run that reaches the
end of the body yields one successor, and is counted once in `generated`, even if it equals another one or the
state itself. Variables that are not assigned keep their value.

*Evaluation* is strict and left to right, except that `and`, `or`, `implies`, `IfExpr`, `Quant` (stops as soon as the
answer is known), and `Choose` (stops at the first match) skip what they do not need. Binders visit a set in canonical
order. Anything undefined is an evaluation error, never a default (kinds: `pyspec.model.errors`).

*Canonical order of values*: false < true; integers; enum members and sort elements by position; `none` before any
value; records, tuples, maps: lexicographic by field, component, key; unions by case, then as records; sequences:
shorter first, then lexicographic; sets by their greatest differing element (the order of their bit masks): A < B iff
the greatest element that is in just one of them is in B; bags likewise, by the element with the greatest differing
count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspec.base.source import NOWHERE, Span
from pyspec.lang.core.expressions import (
    BagLit,
    Call,
    CaseExpr,
    CaseField,
    Choose,
    Const,
    Domain,
    Expr,
    Field,
    Fold,
    Gen,
    IfExpr,
    IsCase,
    LetExpr,
    Lit,
    Local,
    MapComp,
    MapLit,
    Op,
    Prime,
    Proj,
    Quant,
    RecordExpr,
    SeqComp,
    SeqLit,
    SetComp,
    SetLit,
    StateVar,
    TupleExpr,
    Value,
    With,
)
from pyspec.lang.core.statements import (
    Any,
    Assert,
    Assign,
    Block,
    Either,
    FieldStep,
    For,
    If,
    IndexStep,
    Let,
    Stmt,
    When,
)
from pyspec.lang.types import Record, Type, Union


@dataclass(frozen=True, slots=True)
class Var:
    """A state variable. `kind`: "var", "field" (of a role: a map from the role's sort), "pool" (messages of one type: a
    set or a bag), "channel" (fifo: map[(A, B), seq[union]]), "up", "byzantine" or "budget" (what is left of it)."""

    name: str  # "phase", "Server.term", "network.Prepared", "Server.up", "budget.crashes"
    type: Type
    init: Expr | None
    choices: Expr | None = None
    kind: str = "var"
    role: str | None = None
    stable: bool = True
    ghost: bool = False
    doc: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of an action: ranges over `domain`, a set. `shown` is False for helpers a reader need not see."""

    name: str
    type: Type
    domain: Expr
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """A guarded atomic action. `kind`: "action", "handler" (`message` names what it receives), or "fault"
    (crash, restart, lose, duplicate, disconnect). `fair`: None, "weak" or "strong"."""

    name: str
    params: tuple[Param, ...]
    body: Block
    kind: str = "action"
    role: str | None = None
    message: str | None = None
    fair: str | None = None
    doc: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Function:
    """A pure function; its body may read state variables."""

    name: str
    params: tuple[tuple[str, Type], ...]
    result: Type
    body: Expr
    doc: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


#: Kinds of properties that speak of a step: their bodies may use Prime.
STEP_KINDS = frozenset({"step", "refines"})


@dataclass(frozen=True, slots=True)
class Property:
    """`kind`: "invariant", "step" (may use Prime), "reachable", "terminal" (a state that may have no successor),
    "deadlock_free" (body is true), "eventually", "always_eventually", "eventually_always", "leads_to" (`second`),
    "lemma", "assume" (constants only), "law" and liveness (`params`: for all values), "hint" (a predicate for lemmas),
    "refines" (`body` is a step predicate, `second` must hold in initial states)."""

    kind: str
    name: str
    body: Expr
    second: Expr | None = None
    params: tuple[tuple[str, Type], ...] = ()
    doc: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Flaw:
    """A known way to get the protocol wrong: a boolean constant, false unless switched on. `violates` names the
    properties that must then fail. It is shown in `model` (None: the default model) changed by `overrides`."""

    name: str
    violates: tuple[str, ...]
    doc: str | None = None
    model: str | None = None
    overrides: tuple[Setting, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a model block: `kind` is "size" (name: a sort or role; value an Int expression, or `elements` the
    names), "const", "budget" (name: crashes, losses, duplications, disconnects, byzantine, or "Role.crashes"),
    "capacity" (name: a variable, "network", "network.Msg", or the defaults "seq", "bag", "set"), "int" (value, upper:
    the range of `int`), "limit" (value: a state predicate), "view" (value), "symmetry" (on: bool)."""

    kind: str
    name: str = ""
    value: Expr | None = None
    upper: Expr | None = None
    elements: tuple[str, ...] | None = None
    on: bool = True
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Expect:
    """`expect 288 states`, `expect 1146 generated`, `expect violated NAME`, with `symmetric` for counts under
    symmetry."""

    kind: str  # "states" | "symmetric states" | "generated" | "violated" | "depth"
    number: int = 0
    name: str = ""
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """A `model` block: what makes the specification finite, and what is expected of it."""

    name: str
    settings: tuple[Setting, ...]
    expects: tuple[Expect, ...] = ()
    doc: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ConstDecl:
    """`const NAME: T = default`, or a `quorum` system (`quorum_of` names its sort and `quorum` its kind: "majority",
    "byzantine" or "custom")."""

    name: str
    type: Type
    default: Expr | None = None
    quorum_of: str | None = None
    quorum: str | None = None
    doc: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RoleInfo:
    """What is left of a role for display and diagrams: its sort and its fields (names of variables)."""

    name: str
    sort: str
    fields: tuple[str, ...]
    doc: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """A message type, the network that carries it ("set", "bag", "fifo") and the variable that holds it."""

    type: Record
    network: str
    var: str
    lossy: bool = False
    duplicating: bool = False
    doc: str | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Refines:
    """`refines OTHER with abstract = expr, ...`: the value of each abstract variable (by its prefixed name) in terms of
    this protocol, and for each abstract action the condition under which a step is one of it (over the locals
    `X_before` and `X_after`, to name the nearest action when a step is not allowed). The check itself is the property
    `refines_OTHER`."""

    other: str
    mapping: tuple[tuple[str, Expr], ...]
    steps: tuple[tuple[str, Expr], ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Spec:
    """A whole protocol in the core."""

    name: str
    doc: str | None
    sorts: tuple[str, ...]
    types: dict[str, Type]  # every named type: enums, sorts, records, unions, messages, aliases
    consts: tuple[ConstDecl, ...]
    vars: tuple[Var, ...]
    init_where: tuple[Expr, ...]
    functions: tuple[Function, ...]
    actions: tuple[Action, ...]
    properties: tuple[Property, ...]
    flaws: tuple[Flaw, ...]
    models: tuple[Model, ...]
    roles: tuple[RoleInfo, ...] = ()
    messages: tuple[MessageInfo, ...] = ()
    refines: tuple[Refines, ...] = ()
    files: tuple[str, ...] = ()


__all__ = [
    "Action", "Any", "Assert", "Assign", "BagLit", "Block", "Call", "CaseExpr", "CaseField", "Choose", "Const",
    "ConstDecl", "Domain", "Either", "Expect", "Expr", "Field", "FieldStep", "Flaw", "Fold", "For", "Function",
    "Gen", "If", "IfExpr", "IndexStep", "IsCase", "Let", "LetExpr", "Lit", "Local", "MapComp", "MapLit",
    "MessageInfo", "Model", "Op", "Param", "Prime", "Proj", "Property", "Quant", "RecordExpr", "Refines",
    "RoleInfo", "STEP_KINDS", "SeqComp", "SeqLit", "SetComp", "SetLit", "Setting", "Spec", "StateVar", "Stmt",
    "TupleExpr", "Union", "Value", "Var", "When", "With",
]  # fmt: skip
