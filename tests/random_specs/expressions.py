"""Random well-typed expressions, as text."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

Type = tuple[object, ...]  # ("int", lo, hi), ("bool",), ("enum",), ("sort",), ("osort",), ("rec",), ("union",), ...
BOOL: Type = ("bool",)
INT: Type = ("int", 0, 3)
ENUM: Type = ("enum",)
SORT: Type = ("sort",)
ORDERED: Type = ("osort",)
REC: Type = ("rec",)
UNION: Type = ("union",)

#: How declared types are called in every random specification, and what they hold.
NAMES = {"enum": "Color", "sort": "Node", "osort": "Rank", "rec": "Pair", "union": "Shape"}
MEMBERS = ("red", "green", "blue")
REC_FIELDS: tuple[tuple[str, Type], ...] = (("num", INT), ("col", ENUM))


def option(of: Type) -> Type:
    return ("option", of)


def set_of(of: Type) -> Type:
    return ("set", of)


def seq_of(of: Type) -> Type:
    return ("seq", of)


def bag_of(of: Type) -> Type:
    return ("bag", of)


def map_of(key: Type, value: Type) -> Type:
    return ("map", key, value)


def pair_of(*items: Type) -> Type:
    return ("tuple", *items)


def text_of(of: Type) -> str:
    """A type as the language writes it."""
    kind = of[0]
    if kind == "int":
        return "Small" if of == INT else f"{of[1]}..{of[2]}"
    if kind in NAMES:
        return NAMES[str(kind)]
    inner = [text_of(part) for part in of[1:] if isinstance(part, tuple)]
    if kind == "option":
        return f"{inner[0]}?"
    if kind == "tuple":
        return f"({', '.join(inner)})"
    return "bool" if kind == "bool" else f"{kind}[{', '.join(inner)}]"


@dataclass
class Scope:
    """What may be named: (text, type) pairs; functions with their parameter types and result."""

    names: list[tuple[str, Type]] = field(default_factory=list)
    functions: list[tuple[str, tuple[Type, ...], Type]] = field(default_factory=list)
    state: bool = True  # may the state be read?

    def with_names(self, *more: tuple[str, Type]) -> Scope:
        return Scope([*self.names, *more], self.functions, self.state)


class Expressions:
    """A source of random expressions."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._fresh = 0

    def fresh(self, stem: str = "v") -> str:
        """A name that was not used before."""
        self._fresh += 1
        return f"{stem}{self._fresh}"

    def pick(self, *options: Callable[[], str]) -> str:
        return self.rng.choice(options)()

    # -------------------------------------------------------------------------------------- by type

    def expr(self, of: Type, scope: Scope, depth: int) -> str:
        """An expression of a type, in brackets where it may need them."""
        known = self.readable(of, scope)
        if known and self.rng.random() < (0.85 if depth <= 0 else 0.5):
            return self.rng.choice(known)
        if depth <= 0:
            return self.leaf(of, scope)
        if self.rng.random() < 0.12:
            return self.general(of, scope, depth)
        return self._by_kind[str(of[0])](self, of, scope, depth)

    def stored(self, of: Type, scope: Scope, depth: int) -> str:
        """An expression on its way into a place of the type; numbers are mostly brought into its range."""
        value = self.expr(of, scope, depth)
        return f"({value} % 4)" if of == INT and self.rng.random() < 0.95 else value

    def readable(self, of: Type, scope: Scope) -> list[str]:
        """What can be read off the names in scope: themselves, cells of maps, fields, components, sizes."""
        found: list[str] = []
        for name, kind in scope.names:
            if kind == of or kind[0] == of[0] == "int":
                found += [name, name]
            elif kind[0] == "map" and kind[2] == of:
                keys = [key for key, key_type in scope.names if key_type == kind[1]]
                keys += list(MEMBERS) if kind[1] == ENUM else ["true", "false"] if kind[1] == BOOL else []
                found += [f"{name}[{self.rng.choice(keys)}]"] * 2 if keys else []
            elif kind == REC and of in (INT, ENUM):
                found.append(f"{name}.{'num' if of == INT else 'col'}")
            elif kind[0] == "tuple" and of in kind[1:]:
                found.append(f"{name}[{kind[1:].index(of)}]")
            elif of == INT and kind[0] in ("set", "seq", "bag"):
                found.append(f"len({name})")
            elif of == INT and kind == option(INT):
                found.append(f"default({name}, 1)")
        return found

    def leaf(self, of: Type, scope: Scope) -> str:
        """A constant of a type (for a sort: some element, found by choosing)."""
        kind = of[0]
        if kind == "bool":
            return self.rng.choice(["true", "false"])
        if kind == "int":
            return str(self.rng.randint(int(str(of[1])), int(str(of[2]))))
        if kind == "enum":
            return self.rng.choice(MEMBERS)
        if kind in ("sort", "osort"):
            name = self.fresh()
            return f"(choose {name} in {NAMES[str(kind)]})"
        if kind == "rec":
            return f"Pair({self.leaf(INT, scope)}, {self.leaf(ENUM, scope)})"
        if kind == "union":
            return self.rng.choice(["Dot", f"Circle({self.leaf(INT, scope)})", f"Box({self.leaf(BOOL, scope)})"])
        if kind == "option":
            return "none"
        if kind == "tuple":
            return f"({', '.join(self.leaf(part, scope) for part in _inner(of))})"
        if kind == "set":
            return f"{{{self.leaf(_inner(of)[0], scope)}}}"
        if kind == "bag":
            return f"bag({self.leaf(_inner(of)[0], scope)})"
        if kind == "seq":
            return f"[{self.leaf(_inner(of)[0], scope)}]"
        key, value = _inner(of)
        name = self.fresh()
        return f"{{{name}: {self.leaf(value, scope)} for {name} in {text_of(key)}}}"

    def domain_text(self, of: Type) -> str:
        """All values of a small type, as a set."""
        if of[0] == "bool":
            return "{false, true}"
        return f"({of[1]}..{of[2]})" if of[0] == "int" else NAMES[str(of[0])]

    def general(self, of: Type, scope: Scope, depth: int) -> str:
        """Forms that every type has."""
        d = depth - 1
        name = self.fresh()
        other = self.rng.choice([INT, ENUM, BOOL])
        calls = [(f, params) for f, params, result in scope.functions if result == of]
        if calls and self.rng.random() < 0.6:
            function, params = self.rng.choice(calls)
            return f"{function}({', '.join(self.expr(p, scope, d) for p in params)})"
        return self.pick(
            lambda: f"({self.expr(of, scope, d)} if {self.expr(BOOL, scope, d)} else {self.expr(of, scope, d)})",
            lambda: f"(let {name} = {self.expr(other, scope, d)}: {self.expr(of, scope.with_names((name, other)), d)})",
        )

    # ------------------------------------------------------------------------------------- booleans

    def _bool(self, of: Type, scope: Scope, depth: int) -> str:
        d = depth - 1
        b, i = (lambda: self.expr(BOOL, scope, d)), (lambda: self.expr(INT, scope, d))
        relation = self.rng.choice(["==", "!=", "<", "<=", ">", ">="])
        equal = self.rng.choice(["==", "!="])
        return self.pick(
            lambda: f"({b()} and {b()})",
            lambda: f"({b()} or {b()} or {b()})",
            lambda: f"(not {b()})",
            lambda: f"({b()} implies {b()})",
            lambda: f"({i()} {relation} {i()})",
            lambda: f"({self.expr(ENUM, scope, d)} {relation} {self.expr(ENUM, scope, d)})",
            lambda: f"({self.expr(ORDERED, scope, d)} {relation} {self.expr(ORDERED, scope, d)})",
            lambda: self._same(scope, d, equal),
            lambda: self._same(scope, d, equal),
            lambda: self._quantified(scope, d),
            lambda: self._quantified(scope, d),
            lambda: self._member(scope, d),
            lambda: f"({self.expr(UNION, scope, d)} is {self.rng.choice(['Dot', 'Circle', 'Box'])})",
            lambda: f"({self.expr(set_of(SORT), scope, d)} <= {self.expr(set_of(SORT), scope, d)})",
            lambda: f"majority({self.expr(set_of(SORT), scope, d)})",
            lambda: f"prefix({self.expr(seq_of(INT), scope, d)}, {self.expr(seq_of(INT), scope, d)})",
        )

    def _same(self, scope: Scope, d: int, equal: str) -> str:
        candidates = [kind for _, kind in scope.names] or [INT]
        of = self.rng.choice(candidates)
        named = [text for text, kind in scope.names if kind == of] or [self.leaf(of, scope)]
        return f"({self.rng.choice(named)} {equal} {self.expr(of, scope, d)})"

    def _quantified(self, scope: Scope, d: int) -> str:
        word, name = self.rng.choice(["all", "exists"]), self.fresh()
        item = self.rng.choice([SORT, ENUM, INT, ORDERED, SORT])
        inner = scope.with_names((name, item))
        where = f" where {self.expr(BOOL, inner, d - 1)}" if self.rng.random() < 0.2 else ""
        return f"({word} {name} in {self._items(item, scope, d)}{where}: {self.expr(BOOL, inner, d)})"

    def _items(self, of: Type, scope: Scope, d: int) -> str:
        """A set of a type, to bind a variable in."""
        return self.domain_text(of) if self.rng.random() < 0.6 else self.expr(set_of(of), scope, d)

    def _member(self, scope: Scope, d: int) -> str:
        item = self.rng.choice([INT, ENUM, SORT])
        word = self.rng.choice(["in", "not in"])
        holder = self.rng.choice([set_of, seq_of, bag_of])(item) if item == INT else set_of(item)
        return f"({self.expr(item, scope, d)} {word} {self.expr(holder, scope, d)})"

    # ------------------------------------------------------------------------------- numbers, atoms

    def _int(self, of: Type, scope: Scope, depth: int) -> str:
        d = depth - 1
        i = lambda: self.expr(INT, scope, d)  # noqa: E731
        name, acc = self.fresh(), self.fresh("acc")
        inner = scope.with_names((name, INT))
        return self.pick(
            lambda: f"(({i()} {self.rng.choice('+-*')} {i()}) % 4)",
            lambda: f"(({i()} {self.rng.choice('+-*')} {i()}) % 4)",
            lambda: f"({i()} {self.rng.choice(['+', '-', '*'])} {i()})",
            lambda: f"({i()} {self.rng.choice(['//', '%'])} {i()})" if self.rng.random() < 0.2 else "(7 // 2)",
            lambda: f"(-{i()} + 3)",
            lambda: f"abs({i()} - {i()})",
            lambda: f"min({i()}, {i()})",
            lambda: f"max({i()}, {i()})",
            lambda: f"len({self.expr(set_of(SORT), scope, d)})",
            lambda: f"len({self.expr(seq_of(INT), scope, d)})",
            lambda: f"len({self.expr(bag_of(INT), scope, d)})",
            lambda: f"count({self.expr(bag_of(INT), scope, d)}, {i()})",
            lambda: f"index({self.expr(self.rng.choice([ENUM, ORDERED]), scope, d)})",
            lambda: f"{self.expr(REC, scope, d)}.num",
            lambda: f"count({name} in {self._items(INT, scope, d)} where {self.expr(BOOL, inner, d)})",
            lambda: f"sum({self.expr(INT, inner, d)} for {name} in {self._items(INT, scope, d)})",
            lambda: f"default({self._known(option(INT), scope)}, {i()})" if self._known(option(INT), scope) else i(),
            lambda: f"(fold {acc} = {i()}, {name} in {self._items(INT, scope, d)}: ({acc} * 2 + {name}) % 4)",
            lambda: f"{self.expr(pair_of(INT, BOOL), scope, d)}[0]",
            lambda: self._risky(scope, d),
        )

    def _known(self, of: Type, scope: Scope) -> str | None:
        """Something in scope of exactly this type."""
        return self.rng.choice([text for text, kind in scope.names if kind == of] or [None])  # type: ignore[list-item]

    def _risky(self, scope: Scope, d: int) -> str:
        """Forms that are undefined for some values."""
        if self.rng.random() < 0.5:
            return self.leaf(INT, scope)
        items, numbers = self.expr(seq_of(INT), scope, d), self.expr(set_of(INT), scope, d)
        shape = self.rng.choice([text for text, kind in scope.names if kind == UNION] or ["Circle(1)"])
        return self.rng.choice(
            [
                f"{items}[{self.expr(INT, scope, d)}]",
                f"first({items})",
                f"last({items})",
                f"min({numbers})",
                f"max({numbers})",
                f"only({numbers})",
                f"{self._known(option(INT), scope)}!" if self._known(option(INT), scope) else "1",
                f"({shape}.radius if {shape} is Circle else 0)",
                f"{shape}.radius",
            ]
        )

    def _enum(self, of: Type, scope: Scope, depth: int) -> str:
        d = depth - 1
        one = lambda: self.expr(ENUM, scope, d)  # noqa: E731
        word, end = self.rng.choice([("next", "blue"), ("prev", "red")])
        safe = self.rng.random() < 0.9
        x = self.expr(ENUM, scope, 0)
        return self.pick(
            lambda: self.rng.choice(MEMBERS),
            lambda: f"{self.rng.choice(['min', 'max'])}({one()}, {one()})",
            lambda: f"{self.expr(REC, scope, d)}.col",
            lambda: f"({word}({x}) if {x} != {end} else {one()})" if safe else f"{word}({x})",
        )

    def _sort(self, of: Type, scope: Scope, depth: int) -> str:
        name, d = self.fresh(), depth - 1
        inner = scope.with_names((name, of))
        domain = self._items(of, scope, d)
        return self.pick(
            lambda: f"(choose {name} in {domain} where {self.expr(BOOL, inner, d)} or true)",
            lambda: self.leaf(of, scope),
        )

    def _ordered(self, of: Type, scope: Scope, depth: int) -> str:
        d = depth - 1
        one = lambda: self.expr(ORDERED, scope, d)  # noqa: E731
        return self.pick(lambda: "first(Rank)", lambda: "last(Rank)", lambda: f"max({one()}, {one()})")

    # ------------------------------------------------------------------------------------ structures

    def _rec(self, of: Type, scope: Scope, depth: int) -> str:
        d = depth - 1
        num = f"{self.expr(INT, scope, d)} % 4"
        return self.pick(
            lambda: f"Pair({num}, {self.expr(ENUM, scope, d)})",
            lambda: f"Pair(col={self.expr(ENUM, scope, d)}, num={num})",
            lambda: f"{self.expr(REC, scope, d)}.with(num = {num})",
        )

    def _union(self, of: Type, scope: Scope, depth: int) -> str:
        d = depth - 1
        return self.pick(
            lambda: "Dot",
            lambda: f"Circle({self.expr(INT, scope, d)} % 4)",
            lambda: f"Box({self.expr(BOOL, scope, d)})",
        )

    def _option(self, of: Type, scope: Scope, depth: int) -> str:
        return "none" if self.rng.random() < 0.2 else self.stored(_inner(of)[0], scope, depth - 1)

    def _tuple(self, of: Type, scope: Scope, depth: int) -> str:
        return f"({', '.join(self.stored(part, scope, depth - 1) for part in _inner(of))})"

    def _set(self, of: Type, scope: Scope, depth: int) -> str:
        d, (item,) = depth - 1, _inner(of)
        one, many = (lambda: self.expr(item, scope, d)), (lambda: self.expr(of, scope, d))
        name = self.fresh()
        inner = scope.with_names((name, item))
        forms: list[Callable[[], str]] = [
            lambda: f"{{{one()}, {one()}}}",
            lambda: f"({many()} | {many()})",
            lambda: f"({many()} & {many()})",
            lambda: f"({many()} - {many()})",
            lambda: f"{{{name} in {self._items(item, scope, d)} where {self.expr(BOOL, inner, d)}}}",
            lambda: f"{{{self.expr(item, inner, d)} for {name} in {self._items(item, scope, d)}}}",
            lambda: f"flatten({{{many()}, {many()}}})",
        ]
        if item in (INT, SORT, ENUM, ORDERED):
            forms.append(lambda: self.domain_text(item))
        if item == INT:
            forms.append(lambda: f"set({self.expr(seq_of(INT), scope, d)})")
            forms.append(lambda: f"set({self.expr(bag_of(INT), scope, d)})")
            forms.append(lambda: f"({one()}..{one()})")
        return self.rng.choice(forms)()

    def _bag(self, of: Type, scope: Scope, depth: int) -> str:
        d, (item,) = depth - 1, _inner(of)
        many = lambda: self.expr(of, scope, d)  # noqa: E731
        return self.pick(
            lambda: f"bag({self.expr(item, scope, d)}, {self.expr(item, scope, d)})",
            lambda: f"({many()} + {many()})",
            lambda: f"({many()} - {many()})",
        )

    def _seq(self, of: Type, scope: Scope, depth: int) -> str:
        d, (item,) = depth - 1, _inner(of)
        many, one = (lambda: self.expr(of, scope, d)), (lambda: self.stored(item, scope, d))
        name = self.fresh()
        inner = scope.with_names((name, item))
        known = self.rng.choice([text for text, kind in scope.names if kind == of] or [f"[{self.leaf(item, scope)}]"])
        return self.pick(
            lambda: f"[{one()}]",
            lambda: f"({many()} + [{one()}])",
            lambda: f"[{self.stored(item, inner, d)} for {name} in {many()} if {self.expr(BOOL, inner, d)}]",
            lambda: f"{known}[:min(1, len({known}))]",
            lambda: f"{known}[min(1, len({known})):]",
            lambda: f"(tail({known}) if len({known}) > 0 else {known})",
            lambda: f"append({many()}, {one()})",
            lambda: f"(update({known}, 0, {one()}) if len({known}) > 0 else {known})",
        )

    def _map(self, of: Type, scope: Scope, depth: int) -> str:
        d, (key, value) = depth - 1, _inner(of)
        name = self.fresh()
        inner = scope.with_names((name, key))
        known = self.rng.choice([text for text, kind in scope.names if kind == of] or [self.leaf(of, scope)])
        return self.pick(
            lambda: f"{{{name}: {self.stored(value, inner, d)} for {name} in {text_of(key)}}}",
            lambda: f"update({known}, {self.expr(key, scope, d)}, {self.stored(value, scope, d)})",
        )

    _by_kind: dict[str, Callable[[Expressions, Type, Scope, int], str]] = {
        "bool": _bool,
        "int": _int,
        "enum": _enum,
        "sort": _sort,
        "osort": _ordered,
        "rec": _rec,
        "union": _union,
        "option": _option,
        "tuple": _tuple,
        "set": _set,
        "bag": _bag,
        "seq": _seq,
        "map": _map,
    }


def _inner(of: Type) -> tuple[Type, ...]:
    return tuple(part for part in of[1:] if isinstance(part, tuple))
