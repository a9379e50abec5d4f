"""Values of a log as values of a specification, led by the type of the place they are compared with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyspec.conform.lines import ABSENT
from pyspec.conform.values import Cells
from pyspec.lang import types as ty
from pyspec.model.domains import describe, values_of
from pyspec.model.values import Atom, Bag, Rec, Value

Decode = Callable[[Any], Value]
NONE = "none"


class Undecodable(Exception):
    """A value of a log that is no value of the type it stands for."""

    def __init__(self, value: Any, of: ty.Type, hint: str = "") -> None:
        self.value, self.of, self.hint = value, of, hint
        super().__init__(f"{value!r} is no value of {describe(of)}")


@dataclass(frozen=True)
class Naming:
    """How names in the log read: for each sort or enum, what a word stands for (`none` for no element)."""

    renames: Mapping[str, Mapping[str, str]]

    def words(self, of: ty.Sort | ty.Enum) -> dict[str, Value]:
        """The value of each word."""
        atoms = {atom.name: atom for atom in values_of(of) if isinstance(atom, Atom)}
        found: dict[str, Value] = dict(atoms)
        for word, name in self.renames.get(of.name, {}).items():
            found[word] = None if name == NONE else atoms[name]
        return found


def decoder(of: ty.Type, naming: Naming) -> Decode:
    """A function from what JSON has (or from text) to a value of a concrete type; ABSENT stays ABSENT.

    The function raises Undecodable.
    """
    inner = _DECODERS[type(of)](of, naming)

    def decode(value: Any) -> Value:
        return ABSENT if value is ABSENT or value is None else inner(value)

    return _option(of, naming) if isinstance(of, ty.Option) else decode


def _option(of: ty.Option, naming: Naming) -> Decode:
    inner = _DECODERS[type(of.item)](of.item, naming)
    words = isinstance(of.item, ty.Sort | ty.Enum)

    def decode(value: Any) -> Value:
        if value is ABSENT:
            return ABSENT
        return None if value is None or (words and value == "") else inner(value)

    return decode


def _bool(of: ty.Type, naming: Naming) -> Decode:
    words = {"true": True, "false": False}

    def decode(value: Any) -> Value:
        if value is True or value is False:
            return value
        found = words.get(value.lower()) if isinstance(value, str) else None
        if found is None:
            raise Undecodable(value, of)
        return found

    return decode


def _int(of: ty.Type, naming: Naming) -> Decode:
    def decode(value: Any) -> Value:
        if type(value) is int:
            return value
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", value):
            return int(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise Undecodable(value, of)

    return decode


def _names(of: ty.Sort | ty.Enum, naming: Naming) -> Decode:
    words = naming.words(of)
    lower = {word.lower(): value for word, value in words.items()} if isinstance(of, ty.Enum) else {}

    def decode(value: Any) -> Value:
        try:
            return words[value]
        except (KeyError, TypeError):
            pass
        text = str(value)
        if text in words:
            return words[text]
        if text.lower() in lower:
            return lower[text.lower()]
        known = ", ".join(list(words)[:12])
        raise Undecodable(value, of, f'it stands for one of {known}: write [names.{of.name}] "{text}" = ...')

    return decode


def _record(of: ty.Record, naming: Naming, index: int = 0) -> Decode:
    names = tuple(name for name, _ in of.fields)
    inner = [(name, decoder(kind, naming)) for name, kind in of.fields]

    def decode(value: Any) -> Value:
        if not isinstance(value, dict):
            raise Undecodable(value, of)
        values = [read(value.get(name, ABSENT)) for name, read in inner]
        if ABSENT in values:
            raise Undecodable(value, of, f"it has no {names[values.index(ABSENT)]}: compare the fields one by one")
        return Rec(of.name, names, values, index)

    return decode


def _union(of: ty.Union, naming: Naming) -> Decode:
    cases = {case.name: _record(case, naming, at) for at, case in enumerate(of.cases)}

    def decode(value: Any) -> Value:
        name = value.get("_") if isinstance(value, dict) else value
        if name not in cases:
            raise Undecodable(value, of, 'a case is written with its name: {"_": CASE, ...}')
        return cases[name](value if isinstance(value, dict) else {})

    return decode


def _many(make: Callable[..., Value]) -> Callable[..., Decode]:
    def build(of: ty.Set | ty.Bag | ty.Seq, naming: Naming) -> Decode:
        inner = decoder(of.item, naming)

        def decode(value: Any) -> Value:
            if not isinstance(value, list):
                raise Undecodable(value, of)
            return make([inner(item) for item in value])

        return decode

    return build


def _map(of: ty.Map, naming: Naming) -> Decode:
    key, item = decoder(of.key, naming), decoder(of.value, naming)
    keys = values_of(of.key)

    def decode(value: Any) -> Value:
        pairs = value.items() if isinstance(value, dict) else value
        try:
            given = {key(one): item(two) for one, two in pairs}
        except (TypeError, ValueError):
            raise Undecodable(value, of) from None
        if set(given) != set(keys):
            raise Undecodable(value, of, "a map has a value for every key: compare the entries one by one")
        return Cells((one, given[one]) for one in keys)

    return decode


def _tuple(of: ty.Tuple, naming: Naming) -> Decode:
    inner = [decoder(part, naming) for part in of.items]

    def decode(value: Any) -> Value:
        if not isinstance(value, list) or len(value) != len(inner):
            raise Undecodable(value, of)
        return tuple(read(item) for read, item in zip(inner, value, strict=True))

    return decode


_DECODERS: dict[type, Callable[..., Decode]] = {
    ty.Bool: _bool,
    ty.Int: _int,
    ty.Range: _int,
    ty.Enum: _names,
    ty.Sort: _names,
    ty.Record: _record,
    ty.Union: _union,
    ty.Option: lambda of, naming: _option(of, naming),
    ty.Tuple: _tuple,
    ty.Set: _many(frozenset),
    ty.Bag: _many(Bag),
    ty.Seq: _many(tuple),
    ty.Map: _map,
}


# --------------------------------------------------------------------------- what a log says about sizes


def mentioned(value: Any, of: ty.Type) -> Iterator[tuple[str, str]]:
    """The (sort, word) pairs in a value of a log that stands for a value of a type, which need not be concrete."""
    if value is ABSENT or value is None:
        return
    if isinstance(of, ty.Sort):
        if isinstance(value, str | int):
            yield of.name, value if type(value) is str else str(value)
    elif isinstance(of, ty.Option):
        if value != "":
            yield from mentioned(value, of.item)
    elif isinstance(of, ty.Set | ty.Bag | ty.Seq):
        for item in value if isinstance(value, list) else ():
            yield from mentioned(item, of.item)
    elif isinstance(of, ty.Record):
        for name, kind in of.fields if isinstance(value, dict) else ():
            yield from mentioned(value.get(name), kind)
    elif isinstance(of, ty.Map):
        for key, item in value.items() if isinstance(value, dict) else ():
            yield from mentioned(key, of.key)
            yield from mentioned(item, of.value)
    elif isinstance(of, ty.Tuple):
        for part, item in zip(of.items, value if isinstance(value, list) else [], strict=False):
            yield from mentioned(item, part)
    elif isinstance(of, ty.Union) and isinstance(value, dict):
        for case in of.cases:
            yield from mentioned(value, case) if value.get("_") == case.name else ()
