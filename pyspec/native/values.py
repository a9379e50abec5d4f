"""Python values to codes and back; the tightest domain of a constant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pyspec.lang import types as t
from pyspec.model.values import Atom, Bag, Map, Rec, Value, ordered, sort_key
from pyspec.native import domains as d
from pyspec.native.domains import Dom

# ------------------------------------------------------------------------------------------ constants to domains


def tight(type: t.Type, values: Iterable[Any]) -> Dom:
    """The smallest domain of the given values of one type."""
    found = list(values)
    rule = _TIGHT.get(type.__class__)
    return rule(type, found) if rule else d.of_type(type)


def _tight_int(_: t.Type, values: list[Any]) -> Dom:
    return d.DInt(min(values), max(values)) if values else d.NO_INT


def _tight_set(type: Any, values: list[Any]) -> Dom:
    item = tight(type.item, (x for v in values for x in v))
    most = max(map(len, values), default=0)
    if most > d.MOST_ELEMENTS and not (item.dense and (item.card or 0) <= d.WIDE_BITS):
        raise d.CannotEmit("a constant set with very many elements")
    return d.DSet(item, min(most, item.card) if item.dense and item.card is not None else most)


def _tight_many(kind: Any) -> Callable[[Any, list[Any]], Dom]:
    return lambda type, values: kind(tight(type.item, (x for v in values for x in v)), max(map(len, values), default=0))


_TIGHT: dict[type, Callable[[Any, list[Any]], Dom]] = {
    t.Int: _tight_int,
    t.Range: _tight_int,
    t.Option: lambda type, vs: d.DOpt(tight(type.item, (v for v in vs if v is not None))),
    t.Tuple: lambda type, vs: d.DProd(None, tuple(tight(i, (v[k] for v in vs)) for k, i in enumerate(type.items))),
    t.Set: _tight_set,
    t.Bag: _tight_many(d.DBag),
    t.Seq: _tight_many(d.DSeq),
    t.Map: lambda type, vs: d.DMap(d.of_type(type.key), tight(type.value, (x for v in vs for x in v.values()))),
}


# ------------------------------------------------------------------------------------------------ value to code


def encode(dom: Dom, value: Any) -> int:
    """The code of a value; the domain must have codes and hold the value."""
    return _ENCODE[dom.__class__](dom, value)


def _encode_prod(dom: d.DProd, value: Any) -> int:
    parts = value._values if isinstance(value, Rec) else value
    return sum(s * encode(i, p) for s, i, p in zip(dom.strides, dom.items, parts, strict=True))


def _encode_seq(dom: d.DSeq, value: Any) -> int:
    width, code = dom.item.bits or 0, len(value)
    for i in range(dom.cap):
        code = code << width | (encode(dom.item, value[i]) if i < len(value) else 0)
    return code


def _encode_map(dom: d.DMap, value: Map) -> int:
    code = 0
    for item in value.values():
        code = code << (dom.item.bits or 0) | encode(dom.item, item)
    return code


_ENCODE: dict[type, Callable[[Any, Any], int]] = {
    d.DInt: lambda dom, v: int(v) - dom.lo,
    d.DAtom: lambda dom, v: v.index if isinstance(v, Atom) else int(v),
    d.DProd: _encode_prod,
    d.DSum: lambda dom, v: dom.bases[v._index] + encode(dom.cases[v._index], v),
    d.DOpt: lambda dom, v: 0 if v is None else 1 + encode(dom.item, v),
    d.DSet: lambda dom, v: sum(1 << encode(dom.item, x) for x in v),
    d.DSeq: _encode_seq,
    d.DMap: _encode_map,
}


# ------------------------------------------------------------------------------------------------ code to value


def decode(dom: Dom, code: int) -> Value:
    """The value with this code."""
    return _DECODE[dom.__class__](dom, code)


def _decode_atom(dom: d.DAtom, code: int) -> Value:
    if isinstance(dom.type, t.Enum):
        return Atom(dom.type.name, code, dom.type.members[code])
    if isinstance(dom.type, t.Sort):
        return Atom(dom.type.name, code, (dom.type.elements or ())[code])
    return bool(code)


def make_prod(dom: d.DProd, parts: list[Value], index: int = 0) -> Value:
    """A record, union case or tuple from its components."""
    if dom.type is None:
        return tuple(parts)
    return Rec(dom.type.name, tuple(n for n, _ in dom.type.fields), parts, index)


def _decode_prod(dom: d.DProd, code: int, index: int = 0) -> Value:
    parts = []
    for stride, item in zip(dom.strides, dom.items, strict=True):
        parts.append(decode(item, code // stride))
        code %= stride
    return make_prod(dom, parts, index)


def _decode_sum(dom: d.DSum, code: int) -> Value:
    index = max(i for i, base in enumerate(dom.bases) if base <= code and dom.cases[i].card != 0)
    return _decode_prod(dom.cases[index], code - dom.bases[index], index)


def _decode_seq(dom: d.DSeq, code: int) -> Value:
    width = dom.item.bits or 0
    n = code >> dom.cap * width
    cells = [code >> (dom.cap - 1 - i) * width & ((1 << width) - 1) for i in range(n)]
    return tuple(decode(dom.item, c) for c in cells)


def keys_of(dom: d.DMap) -> list[Value]:
    """All keys in order."""
    return [decode(dom.key, k) for k in range(dom.size)]


def _decode_map(dom: d.DMap, code: int) -> Value:
    width = dom.item.bits or 0
    cells = [code >> (dom.size - 1 - i) * width & ((1 << width) - 1) for i in range(dom.size)]
    return Map(zip(keys_of(dom), (decode(dom.item, c) for c in cells), strict=True))


_DECODE: dict[type, Callable[[Any, int], Value]] = {
    d.DInt: lambda dom, c: dom.lo + c,
    d.DAtom: _decode_atom,
    d.DProd: _decode_prod,
    d.DSum: _decode_sum,
    d.DOpt: lambda dom, c: None if c == 0 else decode(dom.item, c - 1),
    d.DSet: lambda dom, c: frozenset(decode(dom.item, i) for i in range(dom.item.card) if c >> i & 1),
    d.DSeq: _decode_seq,
    d.DMap: _decode_map,
}


# ------------------------------------------------------------------------------------------------ value to C


def number(code: int) -> str:
    """A code as a C constant."""
    return f"{code}ULL" if code > 9 else str(code)


def signed(value: int) -> str:
    """An integer as a C constant."""
    return "INT64_MIN" if value == d.INT_MIN else f"{value}LL" if abs(value) > 9 else str(value)


def initializer(dom: Dom, value: Any) -> str:
    """The C initializer of a cell of a container: a code, or braces."""
    if dom.rep != "struct":
        return number(encode(dom, value))
    return _INIT[dom.__class__](dom, value)


def _cells(dom: Dom, items: Iterable[Any]) -> str:
    return "{" + ", ".join(initializer(dom, x) for x in items) + "}"


def _init_set(dom: d.DSet, value: Any) -> str:
    if dom.kind == "wide":
        mask = sum(1 << encode(dom.item, x) for x in value)
        return "{{" + ", ".join(number(mask >> 64 * i & (2**64 - 1)) for i in range(dom.words)) + "}}"
    return f"{{{len(value)}, {_cells(dom.item, ordered(value))}}}" if value else "{0}"


def _init_bag(dom: d.DBag, value: Bag) -> str:
    return f"{{{len(value)}, {_cells(dom.item, sorted(value, key=sort_key))}}}" if len(value) else "{0}"


def _init_prod(dom: d.DProd, value: Any) -> str:
    parts = value._values if isinstance(value, Rec) else value
    return "{" + ", ".join(initializer(i, p) for i, p in zip(dom.items, parts, strict=True)) + "}"


_INIT: dict[type, Callable[[Any, Any], str]] = {
    d.DSet: _init_set,
    d.DBag: _init_bag,
    d.DSeq: lambda dom, v: f"{{{len(v)}, {_cells(dom.item, v)}}}" if v else "{0}",
    d.DMap: lambda dom, v: "{" + _cells(dom.item, v.values()) + "}",
    d.DOpt: lambda dom, v: "{0}" if v is None else f"{{1, {initializer(dom.item, v)}}}",
    d.DProd: _init_prod,
    d.DSum: lambda dom, v: f"{{.tag = {v._index}, .c{v._index} = {initializer(dom.cases[v._index], v)}}}",
}
