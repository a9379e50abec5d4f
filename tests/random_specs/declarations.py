"""Random specifications: declarations, actions, roles, properties, models."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.random_specs import companions
from tests.random_specs.expressions import (
    BOOL,
    ENUM,
    INT,
    ORDERED,
    REC,
    SORT,
    UNION,
    Expressions,
    Scope,
    Type,
    bag_of,
    map_of,
    option,
    pair_of,
    seq_of,
    set_of,
    text_of,
)

HEAD = """protocol random_{seed}

sort Node
ordered sort Rank
type Small = 0..3
enum Color: red, green, blue
record Pair(num: Small, col: Color)
union Shape: Dot | Circle(radius: 0..3) | Box(full: bool)
const Limit: 0..9 = {limit}
quorum Quorum of Node
"""

#: Types of state variables, small ones more often.
VAR_TYPES: tuple[Type, ...] = (
    INT, INT, BOOL, ENUM, SORT, ORDERED, REC, UNION, option(INT), option(SORT), pair_of(INT, BOOL), set_of(SORT),
    set_of(ENUM), seq_of(INT), bag_of(INT), map_of(SORT, INT), map_of(SORT, BOOL), map_of(ENUM, BOOL),
    map_of(SORT, set_of(SORT)), map_of(SORT, REC), map_of(SORT, option(INT)), map_of(BOOL, seq_of(INT)),
)  # fmt: skip
FIELD_TYPES: tuple[Type, ...] = (INT, BOOL, ENUM, set_of(SORT), option(SORT), REC)


class Spec:
    """One random specification in the making."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.e = Expressions(self.rng)
        self.lines: list[str] = []
        self.vars: list[tuple[str, Type]] = []
        self.scope = Scope()
        self.constants = Scope([("Limit", INT)], state=False)
        self.role = self.rng.random() < 0.45
        self.messages = self.rng.random() < 0.55
        self.volatile = False
        self.network = self.rng.choice(["set", "bag", "bag lossy", "bag duplicating", "bag lossy duplicating"])
        if self.role and self.rng.random() < 0.25:
            self.network = self.rng.choice(["fifo", "fifo lossy"])
        self.files: dict[str, str] = {}  # companions, by the name of their file
        self.ghosts: list[str] = []
        self.byzantine = self.role and self.network == "set" and self.rng.random() < 0.4

    def write(self) -> str:
        """The whole text."""
        self.lines += HEAD.format(seed=self.seed, limit=self.rng.randint(0, 5)).splitlines()
        if self.rng.random() < 0.2:
            self.modules()
        if self.messages:
            who = " from Node to Node" if self.role else ""
            self.lines.append(f"message Note(num: 0..3, ok: bool){who}")
            self.lines.append("message Fact via set")
            self.lines.append(f"network {self.network}")
        for number in range(self.rng.randint(1, 4)):
            self.variable(f"x{number}")
        if self.role:
            self.lines.append("")
            self.write_role()
        self.scope = Scope([*self.vars, ("Limit", INT)], functions=[*self.scope.functions])
        self.functions()
        for number in range(self.rng.randint(1, 4)):
            self.action(f"act{number}")
        if self.messages and not self.role:
            self.handler(self.scope, 0)
        self.properties()
        self.model()
        return "\n".join(self.lines) + "\n"

    def modules(self) -> None:
        """A module, imported once or twice under an alias."""
        name = f"part_{self.seed}"
        self.files[name] = companions.module(self.rng, name)
        for line, alias in companions.imports(self.rng, name):
            self.lines.append(line)
            self.vars.append((f"{alias}.value", INT))
            self.scope.functions.append((f"{alias}.holds", (INT,), BOOL))
            self.scope.functions.append((f"{alias}.shifted", (INT,), INT))

    def add(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    # --------------------------------------------------------------------------------- variables, functions

    def variable(self, name: str) -> None:
        of = self.rng.choice(VAR_TYPES)
        if of[0] in ("int", "bool", "enum", "sort") and self.rng.random() < 0.25:
            start = f"in {self.e.domain_text(of)}"
        else:
            start = f"= {self.e.stored(of, self.constants, 1)}"
        self.lines.append(f"var {name}: {text_of(of)} {start}")
        self.vars.append((name, of))
        if self.rng.random() < 0.08:
            self.lines.append(f"ghost var seen_{name}: 0..3 = {self.rng.randrange(4)}")
            self.ghosts.append(f"seen_{name}")
        if self.rng.random() < 0.08 and of == INT:
            self.lines.append(f"init where {name} < 3")

    def functions(self) -> None:
        for number in range(self.rng.randint(0, 2)):
            params = [
                (self.e.fresh("p"), self.rng.choice([INT, BOOL, ENUM, SORT])) for _ in range(self.rng.randint(0, 2))
            ]
            result = self.rng.choice([INT, BOOL, ENUM])
            inside = self.scope.with_names(*params) if self.rng.random() < 0.5 else Scope([*params, ("Limit", INT)])
            head = ", ".join(f"{name}: {text_of(of)}" for name, of in params)
            body = self.e.expr(result, inside, 2)
            self.lines.append("")
            self.lines.append(f"def fun{number}({head}) -> {text_of(result)}: {body}")
            self.scope.functions.append((f"fun{number}", tuple(of for _, of in params), result))

    # ------------------------------------------------------------------------------------------- actions

    def action(self, name: str) -> None:
        params = [
            (self.e.fresh("a"), self.rng.choice([SORT, SORT, INT, ENUM, ORDERED]))
            for _ in range(self.rng.randint(0, 2))
        ]
        heads = []
        for param, of in params:
            heads.append(f"{param}: {text_of(of)}" if self.rng.random() < 0.7 else f"{param} in {self._domain(of)}")
        fair = self.rng.choice(["", "", "", "fair ", "strongly fair "])
        self.lines += ["", f"{fair}action {name}({', '.join(heads)}):" if heads else f"{fair}action {name}:"]
        self.body(self.scope.with_names(*params), 1, self.rng.randint(1, 3), guard=True)
        for ghost in self.ghosts:
            seen = self.scope.with_names(*((g, INT) for g in self.ghosts))
            self.add(1, f"{ghost} = ({self.e.expr(INT, seen, 1)}) % 4")
        if self.files and self.rng.random() < 0.3:
            self.add(1, f"left.put(({self.e.expr(INT, self.scope, 1)}) % 4)")

    def _domain(self, of: Type) -> str:
        return self.e.domain_text(of) if self.rng.random() < 0.5 else self.e.expr(set_of(of), self.scope, 1)

    def body(self, scope: Scope, depth: int, count: int, guard: bool = False) -> None:
        """Statements; a guard first, so that state spaces stay small."""
        if guard and self.rng.random() < 0.35:
            self.add(depth, f"when {self.e.expr(BOOL, scope, 2)}")
        for _ in range(count):
            scope = self.statement(scope, depth)

    def statement(self, scope: Scope, depth: int) -> Scope:
        """One statement; returns what the following ones may name."""
        simple: list[Callable[[Scope, int], Scope]] = [self._assign, self._assign, self._assign, self._let]
        if self.messages and not self.role:
            simple.append(self._send)
        if self.messages and depth < 3:
            simple.append(self._fact)
        nested = [self._if, self._either, self._for, self._any, self._when, self._match, self._assert]
        chosen = self.rng.choice(simple if depth > 2 or self.rng.random() < 0.6 else nested)
        return chosen(scope, depth)

    def _assign(self, scope: Scope, depth: int) -> Scope:
        if not self.vars:
            self.add(depth, "pass")
            return scope
        name, of = self.rng.choice(self.vars)
        if of[0] == "map" and self.rng.random() < 0.75:
            key, value = [part for part in of[1:] if isinstance(part, tuple)]
            name, of = f"{name}[{self.e.expr(key, scope, 1)}]", value
        if of == REC and self.rng.random() < 0.5:
            name, of = f"{name}.num", INT
        value_text = self.e.stored(of, scope, 2) if of != INT else self.e.expr(of, scope, 2)
        if of[0] == "bool" and self.rng.random() < 0.3:
            self.add(depth, f"{name} = not {name}")
        elif of[0] in ("seq", "bag") and self.rng.random() < 0.8:
            one = self.e.expr(INT, scope, 1)
            empty, more = (
                ("[]", f"{name} + [({one}) % 4]") if of[0] == "seq" else ("bag()", f"{name} + {{({one}) % 4}}")
            )
            self.add(depth, f"{name} = ({more}) if len({name}) < {self.rng.randint(1, 2)} else {empty}")
        elif of[0] in ("set", "bag") and self.rng.random() < 0.5:
            self.add(depth, f"{name} {self.rng.choice(['+=', '-='])} {{{self.e.expr(_item(of), scope, 1)}}}")
        elif of == INT and self.rng.random() < 0.5:
            self.add(depth, f"{name} = ({name} + {self.e.expr(INT, scope, 1)}) % {self.rng.randint(2, 4)}")
        elif of[0] == "set" and self.rng.random() < 0.7:
            self.add(depth, f"{name} {self.rng.choice(['+=', '+=', '-='])} {{{self.e.expr(_item(of), scope, 0)}}}")
        elif of == INT:
            wrap = self.rng.random() < 0.85
            self.add(depth, f"{name} = ({value_text}) % 4" if wrap else f"{name} = {value_text}")
        else:
            self.add(depth, f"{name} = {value_text}")
        return scope

    def _let(self, scope: Scope, depth: int) -> Scope:
        name, of = self.e.fresh("l"), self.rng.choice([INT, BOOL, ENUM, SORT, set_of(SORT)])
        self.add(depth, f"let {name} = {self.e.expr(of, scope, 2)}")
        return scope.with_names((name, of))

    def _when(self, scope: Scope, depth: int) -> Scope:
        self.add(depth, f"when {self.e.expr(BOOL, scope, 2)}")
        return scope

    def _assert(self, scope: Scope, depth: int) -> Scope:
        self.add(depth, f'assert {self.e.expr(BOOL, scope, 1)} or Limit < 5, "as it should be"')
        return scope

    def _if(self, scope: Scope, depth: int) -> Scope:
        self.add(depth, f"if {self.e.expr(BOOL, scope, 2)}:")
        self.body(scope, depth + 1, 1)
        if self.rng.random() < 0.3:
            self.add(depth, f"elif {self.e.expr(BOOL, scope, 1)}:")
            self.body(scope, depth + 1, 1)
        if self.rng.random() < 0.5:
            self.add(depth, "else:")
            self.body(scope, depth + 1, 1)
        return scope

    def _either(self, scope: Scope, depth: int) -> Scope:
        self.add(depth, "either:")
        self.body(scope, depth + 1, 1)
        self.add(depth, "or:")
        self.body(scope, depth + 1, 1)
        return scope

    def _for(self, scope: Scope, depth: int) -> Scope:
        name, of = self.e.fresh("f"), self.rng.choice([SORT, ENUM])
        self.add(depth, f"for {name} in {self._domain(of)}:")
        self.body(scope.with_names((name, of)), depth + 1, 1)
        return scope

    def _any(self, scope: Scope, depth: int) -> Scope:
        name, of = self.e.fresh("n"), self.rng.choice([SORT, INT, set_of(SORT)])
        inner = scope.with_names((name, of))
        where = f" where {self.e.expr(BOOL, inner, 1)}" if self.rng.random() < 0.6 else ""
        domain = "Quorum" if of[0] == "set" else self._domain(of)
        self.add(depth, f"any {name} in {domain}{where}")
        return inner

    def _match(self, scope: Scope, depth: int) -> Scope:
        shapes = [text for text, of in scope.names if of == UNION]
        if not shapes:
            return self._assign(scope, depth)
        name = self.e.fresh("m")
        self.add(depth, f"match {self.rng.choice(shapes)}:")
        self.add(depth + 1, f"case Circle({name}):")
        self.body(scope.with_names((name, INT)), depth + 2, 1)
        self.add(depth + 1, "case Box(true):")
        self.body(scope, depth + 2, 1)
        self.add(depth + 1, "case _:")
        self.body(scope, depth + 2, 1)
        return scope

    def _fact(self, scope: Scope, depth: int) -> Scope:
        self.add(depth, self.rng.choice(["send Fact", "when Fact in network", "when Fact not in network"]))
        return scope

    def _send(self, scope: Scope, depth: int) -> Scope:
        self.add(depth, f"send Note(({self.e.expr(INT, scope, 1)}) % 4, {self.e.expr(BOOL, scope, 1)})")
        return scope

    # ----------------------------------------------------------------------------------- roles, messages

    def handler(self, scope: Scope, depth: int) -> None:
        num, ok = self.e.fresh("h"), self.e.fresh("h")
        sender = " from " + self.e.fresh("who") if self.role else ""
        self.lines.append("")
        self.add(depth, f"on Note({num}, {self.rng.choice([ok, 'true', '_'])}){sender}:")
        inner = scope.with_names((num, INT))
        self.body(inner, depth + 1, self.rng.randint(1, 2), guard=self.rng.random() < 0.5)
        if self.role and self.rng.random() < 0.3:
            self.add(depth + 1, f"reply Note(({self.e.expr(INT, inner, 1)}) % 4, {self.e.expr(BOOL, inner, 1)})")

    def write_role(self) -> None:
        self.lines.append(f"{'byzantine ' if self.byzantine else ''}role Peer of Node as self:")
        if self.rng.random() < 0.25 and not self.byzantine:
            self.add(1, "restart later")
        fields: list[tuple[str, Type]] = []
        for number in range(self.rng.randint(1, 2)):
            of = self.rng.choice(FIELD_TYPES)
            stable = self.rng.choice(["stable ", "", ""])
            start = f"= {self.e.stored(of, self.constants, 1)}"
            if of in (INT, BOOL, ENUM) and self.rng.random() < 0.2:
                start = f"in {self.e.domain_text(of)}"
            self.volatile = self.volatile or (not stable and start.startswith("="))
            self.add(1, f"{stable}y{number}: {text_of(of)} {start}")
            fields.append((f"y{number}", of))
        outer, self.vars = self.vars, [*self.vars, *fields]
        scope = Scope([*self.vars, ("Limit", INT), ("self", SORT)])
        self.lines.append("")
        self.add(1, f"def mine() -> Small: ({self.e.expr(INT, scope, 1)}) % 4")
        self.add(1, "procedure change(by: Small):")
        self.body(scope.with_names(("by", INT)), 2, 1)
        self.add(1, "action work:")
        self.body(scope.with_names(("mine()", INT)), 2, self.rng.randint(1, 2), guard=True)
        if self.rng.random() < 0.4:
            self.add(2, f"change({self.e.leaf(INT, scope)})")
        if self.rng.random() < 0.4:
            self.add(1, "action poke(target in others):")
            self.body(scope.with_names(("target", SORT)), 2, 1, guard=True)
            self.add(2, f"target.{fields[0][0]} = {fields[0][0]}")
        if self.messages:
            to = self.rng.choice(["others", "all", "self"])
            text = f"send Note(({self.e.expr(INT, scope, 1)}) % 4, {self.e.expr(BOOL, scope, 1)})"
            self.add(2, f"{text} to {'Node' if to == 'all' else to}")
            self.handler_in_role(scope)
        self.vars = outer

    def crash_lines(self) -> None:
        """Budgets of faults."""
        if self.volatile and self.rng.random() < 0.6:
            self.lines.append(f"    crashes <= {self.rng.randint(1, 2)}")
        if self.byzantine:
            self.lines.append("    byzantine = 1")
        if self.messages and self.network.startswith("fifo") and self.rng.random() < 0.4:
            self.lines.append("    disconnects <= 1")

    def handler_in_role(self, scope: Scope) -> None:
        self.handler(scope, 1)

    # --------------------------------------------------------------------------------- properties, model

    def properties(self) -> None:
        self.lines.append("")
        actions, self.scope = self.scope, self.scope.with_names(*((g, INT) for g in self.ghosts))
        for number in range(self.rng.randint(1, 3)):
            self.lines.append(f"{self.rng.choice(['invariant', 'invariant', 'lemma'])} inv{number}: {self.invariant()}")
        if self.rng.random() < 0.15:
            self.listed()
        if self.rng.random() < 0.15:
            self.liveness()
        if self.rng.random() < 0.2:
            self.refinement(actions)
        if self.rng.random() < 0.6:
            self.lines.append(f"reachable goal: {self.e.expr(BOOL, self.scope, 3)}")
        if self.rng.random() < 0.5 and self.vars:
            name, of = self.rng.choice(self.vars)
            primed = self.scope.with_names((f"{name}'", of))
            self.lines.append(f"step move: {self.e.expr(BOOL, primed, 2)} or {name} == {name}' or Limit < 4")
        if self.rng.random() < 0.15:
            self.lines.append("deadlock free")
            if self.rng.random() < 0.5:
                self.lines.append(f"terminal done: {self.e.expr(BOOL, self.scope, 2)}")

    def listed(self) -> None:
        """All values of a type of its own."""
        of, body = self.rng.choice(
            [
                ("map[Color, Color]", "z[red] != z[blue] or {} in values(z) or Limit < 9"),
                ("seq[Color, 2]", "len(z) < 2 or z[0] == {} or z[-1] != z[0] or Limit < 9"),
                ("set[Color, 2]", "len(z) <= 2 and ({} in z or Limit < 9)"),
                ("(0..1)?", "z == none or z! < 2 or {} == red"),
            ]
        )
        self.lines.append(f"invariant listed: all z in {of}: {body.format(self.e.expr(ENUM, self.scope, 1))}")

    def liveness(self) -> None:
        """One property of each random shape."""
        p, q = (f"({self.e.expr(BOOL, self.scope, 2)})" for _ in range(2))
        shapes = [f"eventually {p}", f"always eventually {p}", f"eventually always {p}", f"{p} leads to {q}"]
        self.lines.append(f"liveness live: {self.rng.choice(shapes)}")

    def refinement(self, scope: Scope) -> None:
        """A claim to implement a small protocol."""
        name = f"base_{self.seed}"
        self.files[name] = companions.abstract(self.rng, name)
        r, flag = self.e.expr(INT, scope, 1), self.e.expr(BOOL, scope, 1)
        self.lines.append(f"refines {name} with r = ({r}) % 4, flag = {flag}")

    def invariant(self) -> str:
        """Mostly true ones, so that searches go on."""
        body = self.e.expr(BOOL, self.scope, 3)
        if self.messages and "fifo" not in self.network and self.rng.random() < 0.3:
            body = f"({body} and exists m in network.Note: m.ok and m.num > 1)"
        if self.byzantine and self.rng.random() < 0.4:
            body = f"({body} or correct(Peer) == byzantine(Peer))"
        return body if self.rng.random() < 0.06 else f"{body} or Limit < 9"

    def model(self) -> None:
        self.lines += ["", "model ci:", f"    Node = {self.rng.randint(2, 3)}", "    Rank = 2"]
        self.lines.append(f"    capacity seq = {self.rng.randint(2, 4)}")
        self.lines.append(f"    capacity bag = {self.rng.randint(2, 4)}")
        if self.messages and not self.network.startswith("set"):
            self.lines.append(f"    capacity network = {self.rng.randint(2, 5)}")
        self.crash_lines()
        if self.messages and "lossy" in self.network and self.rng.random() < 0.6:
            self.lines.append(f"    losses <= {self.rng.randint(0, 2)}")
        if self.messages and "duplicating" in self.network and self.rng.random() < 0.6:
            self.lines.append("    duplications <= 1")
        if self.rng.random() < 0.15:
            self.lines.append(f"    limit {self.e.expr(BOOL, self.scope, 2)}")
        if self.rng.random() < 0.1 and self.vars:
            self.lines.append(f"    view {self.rng.choice(self.vars)[0]}")


def _item(of: Type) -> Type:
    return next(part for part in of[1:] if isinstance(part, tuple))


def random_spec(seed: int) -> str:
    """The text of a random specification."""
    return Spec(seed).write()


def write_spec(seed: int, folder: Path) -> Path:
    """Writes a random specification and its companions; returns its file."""
    spec = Spec(seed)
    path = folder / f"random_{seed}.pspec"
    path.write_text(spec.write())
    for name, text in spec.files.items():
        (folder / f"{name}.pspec").write_text(text)
    return path
