"""The values of the language in Python, all immutable, hashable and readable.

`bool` and `int` are themselves; an enum member or sort element is an `Atom`; a record, message or union case a
`Rec`; a set a `frozenset`; a bag a `Bag`; a sequence or a tuple a `tuple`; a map a `Map`; `none` is `None`, and `T?`
otherwise the T itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping

from pyspec.lang import types as ty

Value = object
Key = tuple[object, ...]


class Atom:
    """An enum member or a sort element. There is one object for each, so identity is equality; ordered by position."""

    __slots__ = ("index", "name", "type")
    type: str
    index: int
    name: str

    def __new__(cls, type: str, index: int, name: str) -> Atom:
        """The one atom of this type, position and name."""
        return _atom(type, index, name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self.name} is immutable")

    def __lt__(self, other: Atom) -> bool:
        return self.index < other.index

    def __le__(self, other: Atom) -> bool:
        return self.index <= other.index

    def __gt__(self, other: Atom) -> bool:
        return self.index > other.index

    def __ge__(self, other: Atom) -> bool:
        return self.index >= other.index

    def __reduce__(self) -> tuple[object, ...]:
        return (Atom, (self.type, self.index, self.name))

    def __repr__(self) -> str:
        return self.name


@functools.cache
def _atom(type: str, index: int, name: str) -> Atom:
    made = object.__new__(Atom)
    for slot, value in (("type", type), ("index", index), ("name", name)):
        object.__setattr__(made, slot, value)
    return made


class Rec:
    """A record, a message or a union case: fields by attribute or by `[name]` (for names such as `from`).

    `_name` is the record type or the case, `_names` and `_values` its fields in declared order, `_index` the
    position of the case in its union (0 for a record). Equal iff name, names and values are: caches of this module
    serve all specifications of a process, and two of them may have records of one name with different fields.
    The hash is computed with the record, or when it is first asked for (`hashed_late`).
    """

    __slots__ = ("_hash", "_index", "_name", "_names", "_values")
    _name: str
    _names: tuple[str, ...]
    _values: tuple[Value, ...]
    _index: int
    _hash: int

    def __init__(self, name: str, names: tuple[str, ...], values: Iterable[Value], index: int = 0) -> None:
        kept = tuple(values)
        store = object.__setattr__
        store(self, "_name", name)
        store(self, "_names", names)
        store(self, "_values", kept)
        store(self, "_index", index)
        store(self, "_hash", hash((name, kept)))

    @staticmethod
    def hashed_late(name: str, names: tuple[str, ...], values: tuple[Value, ...], index: int = 0) -> Rec:
        """A record whose hash may never be needed, and takes long."""
        made = object.__new__(Rec)
        for slot, value in (("_name", name), ("_names", names), ("_values", values), ("_index", index)):
            object.__setattr__(made, slot, value)
        return made

    def __getitem__(self, name: str) -> Value:
        return self._values[self._names.index(name)]

    def __getattr__(self, name: str) -> Value:
        if name == "_hash":
            object.__setattr__(self, "_hash", hash((self._name, self._values)))
            return self._hash
        if name in self._names:
            return self[name]
        raise AttributeError(f"{self._name} has no field {name}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self._name} is immutable")

    def _with(self, name: str, value: Value) -> Rec:
        """This record but for one field."""
        at = self._names.index(name)
        return Rec(self._name, self._names, (*self._values[:at], value, *self._values[at + 1 :]), self._index)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rec):
            return NotImplemented
        return self._hash == other._hash and self._names == other._names and self._named(other)

    def _named(self, other: Rec) -> bool:
        return self._name == other._name and self._values == other._values

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        return (Rec, (self._name, self._names, self._values, self._index))

    def __repr__(self) -> str:
        return show(self)


class Bag:
    """A frozen multiset."""

    __slots__ = ("_counts", "_hash")
    _counts: dict[Value, int]
    _hash: int

    def __init__(self, items: Iterable[Value] | Mapping[Value, int] = ()) -> None:
        counts: dict[Value, int] = {}
        if isinstance(items, Mapping):
            counts.update((item, count) for item, count in items.items() if count > 0)
        else:
            for item in items:
                counts[item] = counts.get(item, 0) + 1
        object.__setattr__(self, "_counts", counts)
        object.__setattr__(self, "_hash", hash(frozenset(counts.items())))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a bag is immutable")

    def count(self, item: Value) -> int:
        """How many copies of an item there are."""
        return self._counts.get(item, 0)

    def support(self) -> frozenset[Value]:
        """The distinct elements."""
        return frozenset(self._counts)

    def counts(self) -> list[tuple[Value, int]]:
        """Each element with its number of copies, in canonical order."""
        return sorted(self._counts.items(), key=lambda pair: sort_key(pair[0]))

    def __add__(self, other: Bag) -> Bag:
        counts = dict(self._counts)
        for item, count in other._counts.items():
            counts[item] = counts.get(item, 0) + count
        return Bag(counts)

    def __sub__(self, other: Bag) -> Bag:
        return Bag({item: count - other.count(item) for item, count in self._counts.items()})

    def __contains__(self, item: Value) -> bool:
        return item in self._counts

    def __len__(self) -> int:
        return sum(self._counts.values())

    def __iter__(self) -> Iterator[Value]:
        """Every copy, in canonical order."""
        for item, count in self.counts():
            for _ in range(count):
                yield item

    def __eq__(self, other: object) -> bool:
        return self._counts == other._counts if isinstance(other, Bag) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        return (Bag, (dict(self._counts),))

    def __repr__(self) -> str:
        return show(self)


class Map(Mapping[Value, Value]):
    """A frozen total map; iterates over its keys in canonical order."""

    __slots__ = ("_hash", "_items")
    _items: dict[Value, Value]
    _hash: int

    def __init__(self, items: Mapping[Value, Value] | Iterable[tuple[Value, Value]] = ()) -> None:
        pairs = dict(items)
        self._fill({key: pairs[key] for key in sorted(pairs, key=sort_key)})

    def _fill(self, ordered: dict[Value, Value]) -> None:
        object.__setattr__(self, "_items", ordered)
        object.__setattr__(self, "_hash", hash(tuple(ordered.values())))

    def put(self, key: Value, value: Value) -> Map:
        """This map but for the value of one key, which must be there."""
        if key not in self._items:
            raise KeyError(key)
        made = object.__new__(Map)
        made._fill({**self._items, key: value})
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a map is immutable")

    def __getitem__(self, key: Value) -> Value:
        return self._items[key]

    def __iter__(self) -> Iterator[Value]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, Map) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        return (Map, (dict(self._items),))

    def __repr__(self) -> str:
        return show(self)


# ------------------------------------------------------------------------------------------ canonical order


def _key_of_rec(value: Rec) -> Key:
    return (value._index, *(sort_key(part) for part in value._values))


def _key_of_bag(value: Bag) -> Key:
    return (tuple(sorted(((sort_key(item), count) for item, count in value._counts.items()), reverse=True)),)


_KEYS: dict[type, Callable[..., Key]] = {
    type(None): lambda value: (),
    bool: lambda value: (value,),
    int: lambda value: (value,),
    Atom: lambda value: (value.index,),
    Rec: _key_of_rec,
    tuple: lambda value: (len(value), *(sort_key(item) for item in value)),
    frozenset: lambda value: (tuple(sorted((sort_key(item) for item in value), reverse=True)),),
    Bag: _key_of_bag,
    Map: lambda value: tuple(sort_key(item) for item in value.values()),
}


def sort_key(value: Value) -> Key:
    """A Python key that sorts the values of one type in the canonical order of `pyspec.lang.core`.

    A tuple for every value but `none`, whose key is empty and therefore the least; sets and bags compare by their
    elements from the greatest down, which is the order of their bit masks.
    """
    return _KEYS[type(value)](value)


def ordered(items: frozenset[Value]) -> tuple[Value, ...]:
    """The elements of a set in canonical order."""
    for first in items:
        return _ordered(items, _signature(first) if first is not None else frozenset(map(type, items)))
    return ()


@functools.lru_cache(maxsize=1 << 16)
def _ordered(items: frozenset[Value], signature: object) -> tuple[Value, ...]:
    """The signature keeps apart sets that are equal for Python and not for the language: {0, 1} and {false, true}."""
    return tuple(sorted(items, key=sort_key))


def _signature(value: Value) -> object:
    """What tells values with booleans from equal ones with integers, as deep as records and tuples go."""
    if isinstance(value, Rec):
        return tuple(map(type, value._values))
    if isinstance(value, tuple):
        return tuple(map(type, value))
    if isinstance(value, frozenset):
        return frozenset(map(type, value))
    return type(value)


# ---------------------------------------------------------------------------------------------- for readers


def show(value: Value, type: ty.Type | None = None) -> str:
    """A value as the language writes it. The type, where it is known, tells tuples from sequences."""
    if isinstance(type, ty.Option):
        type = type.item
    return _SHOW[value.__class__](value, type)


def _show_rec(value: Rec, type: ty.Type | None) -> str:
    record = type
    if isinstance(type, ty.Union):
        record = type.cases[value._index]
    types: dict[str, ty.Type] = dict(record.fields) if isinstance(record, ty.Record) else {}
    pairs = zip(value._names, value._values, strict=True)
    inner = ", ".join(f"{name}={show(part, types.get(name))}" for name, part in pairs)
    return f"{value._name}({inner})" if inner else value._name


def _item(type: ty.Type | None) -> ty.Type | None:
    return type.item if isinstance(type, ty.Set | ty.Bag | ty.Seq) else None


def _show_tuple(value: tuple[Value, ...], type: ty.Type | None) -> str:
    if isinstance(type, ty.Tuple):
        return "(" + ", ".join(show(part, of) for part, of in zip(value, type.items, strict=True)) + ")"
    return "[" + ", ".join(show(part, _item(type)) for part in value) + "]"


def _show_map(value: Map, type: ty.Type | None) -> str:
    key, item = (type.key, type.value) if isinstance(type, ty.Map) else (None, None)
    return "{" + ", ".join(f"{show(k, key)}: {show(v, item)}" for k, v in value.items()) + "}"


def _show_set(value: frozenset[Value], type: ty.Type | None) -> str:
    return "{" + ", ".join(show(item, _item(type)) for item in ordered(value)) + "}"


def _show_bag(value: Bag, type: ty.Type | None) -> str:
    parts = [show(item, _item(type)) + (f" x{count}" if count > 1 else "") for item, count in value.counts()]
    return "bag{" + ", ".join(parts) + "}"


_SHOW: dict[type, Callable[..., str]] = {
    type(None): lambda value, type: "none",
    bool: lambda value, type: "true" if value else "false",
    int: lambda value, type: str(value),
    Atom: lambda value, type: value.name,
    str: lambda value, type: value,  # the name of an atom, as a user may write it
    Rec: _show_rec,
    tuple: _show_tuple,
    frozenset: _show_set,
    Bag: _show_bag,
    Map: _show_map,
}


def to_json(value: Value) -> object:
    """A value as plain JSON: atoms by name, records as objects (a case or message also names itself as `_`), sets,
    bags and sequences as arrays, maps as objects where keys are plain and as arrays of pairs otherwise."""
    return _JSON[type(value)](value)


def _json_of_map(value: Map) -> object:
    if all(isinstance(key, Atom | int) for key in value):
        return {show(key): to_json(item) for key, item in value.items()}
    return [[to_json(key), to_json(item)] for key, item in value.items()]


_JSON: dict[type, Callable[..., object]] = {
    type(None): lambda value: None,
    bool: lambda value: value,
    int: lambda value: value,
    Atom: lambda value: value.name,
    Rec: lambda value: {"_": value._name, **dict(zip(value._names, map(to_json, value._values), strict=True))},
    tuple: lambda value: [to_json(item) for item in value],
    frozenset: lambda value: [to_json(item) for item in ordered(value)],
    Bag: lambda value: [to_json(item) for item in value],
    Map: _json_of_map,
}
