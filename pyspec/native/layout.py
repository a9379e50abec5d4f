"""Where each variable lies in a packed state.

Variables of fixed size are cut into cells that never straddle a word. The others (pools, bags, long sequences) follow
as a stream of bits, only as long as what they hold, so that generous capacities cost nothing. Trailing zero words are
dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyspec.model.values import Bag, Map, Value
from pyspec.native import domains as d
from pyspec.native.ctypes_table import stream_bits
from pyspec.native.domains import Dom
from pyspec.native.emit import Em
from pyspec.native.values import decode, keys_of, make_prod

MOST_CELLS = 256
MOST_WORDS = 4096  # of a packed state
RAW = d.DInt(0, 2**64 - 1)  # one word of a wide mask


@dataclass(frozen=True)
class Cell:
    """A part of a variable at a fixed place: `path` is its C lvalue below `s->`."""

    path: str
    dom: Dom
    word: int
    shift: int


@dataclass(frozen=True)
class Layout:
    """The packed form of one model's states."""

    cells: dict[str, tuple[Cell, ...]]  # by variable, for those of fixed size
    streams: tuple[str, ...]  # the others, in order
    words: int  # fixed part
    most: int  # words of the longest state
    bits: int  # of the longest state


def leaves(dom: Dom, path: str) -> list[tuple[str, Dom]] | None:
    """The cells of a domain of fixed size, in order; None for other domains."""
    if isinstance(dom, d.DSet) and dom.kind == "wide":
        return [(f"{path}.w[{i}]", RAW) for i in range(dom.words)]
    if isinstance(dom, d.DMap):
        parts = [leaves(dom.item, f"{path}.e[{i}]") for i in range(dom.size)]
    elif dom.rep != "struct" or (isinstance(dom, d.DSeq) and dom.card is not None):
        return [(path, dom)]
    elif isinstance(dom, d.DProd):
        parts = [leaves(item, f"{path}.f{i}") for i, item in enumerate(dom.items)]
    else:
        return None
    out: list[tuple[str, Dom]] = []
    for part in parts:
        if part is None or len(out) > MOST_CELLS:
            return None
        out += part
    return out


def make_layout(em: Em) -> Layout:
    """First fit, in the order of the variables."""
    free: list[int] = []
    cells: dict[str, tuple[Cell, ...]] = {}
    streams = []
    for var in em.vars.values():
        found = leaves(var.dom, var.member)
        if found is None:
            streams.append(var.name)
            continue
        cells[var.name] = tuple(_place(free, path, dom) for path, dom in found)
    words = max(len(free), 0 if streams else 1)
    extra = sum(stream_bits(em.vars[name].dom) for name in streams)
    if words + extra // 64 > MOST_WORDS:
        raise d.CannotEmit(f"a state may take {8 * (words + extra // 64):,} bytes; smaller capacities would help")
    bits = free[0] if len(free) == 1 and not streams else 0 if not free and not streams else 64 * words + extra
    return Layout(cells, tuple(streams), words, words + (extra + 63) // 64, bits)


def _place(free: list[int], path: str, dom: Dom) -> Cell:
    bits = dom.bits or 0
    for word, used in enumerate(free):
        if used + bits <= 64:
            free[word] += bits
            return Cell(path, dom, word, used if bits else 0)
    if not bits:
        return Cell(path, dom, 0, 0)
    free.append(bits)
    return Cell(path, dom, len(free) - 1, 0)


# ------------------------------------------------------------------------------------------------------ to C


def pack_cells(em: Em, layout: Layout, names: set[str], state: str) -> Iterator[tuple[int, int, str]]:
    """For each word that some of the variables touch: its number, the mask of their bits, the C text of those bits."""
    words: dict[int, tuple[int, list[str]]] = {}
    for name in em.vars:
        for cell in layout.cells.get(name, ()) if name in names else ():
            if not cell.dom.bits:
                continue
            mask, terms = words.setdefault(cell.word, (0, []))
            text = _code(em, cell, state)
            terms.append(f"{text} << {cell.shift}" if cell.shift else text)
            words[cell.word] = mask | ((1 << cell.dom.bits) - 1) << cell.shift, terms
    for word, (mask, terms) in sorted(words.items()):
        yield word, mask, " | ".join(terms)


def _code(em: Em, cell: Cell, state: str) -> str:
    path = f"{state}->{cell.path}"
    return em.types.code(cell.dom, path) if cell.dom.rep == "struct" else f"(U){path}"


def unpack_cells(em: Em, layout: Layout, state: str, words: str) -> Iterator[str]:
    """Statements that read all cells."""
    for cells in layout.cells.values():
        for cell in cells:
            bits = cell.dom.bits or 0
            code = f"({words}[{cell.word}]{f' >> {cell.shift}' if cell.shift else ''} & MASK({bits}))" if bits else "0"
            if cell.dom.rep == "struct":
                yield f"{state}->{cell.path} = {em.types.uncode(cell.dom, code)};"
            else:
                yield f"{state}->{cell.path} = ({em.types.cell(cell.dom)}){code};"


# -------------------------------------------------------------------------------------------------- to Python


class _Bits:
    """Reads a stream of bits."""

    def __init__(self, data: int) -> None:
        self.data = data

    def take(self, bits: int) -> int:
        value = self.data & ((1 << bits) - 1)
        self.data >>= bits
        return value


#: A variable and the codes of its cells -> its value.
Known = dict[tuple[str, tuple[int, ...]], Value]


def decode_state(em: Em, layout: Layout, words: list[int], known: Known | None = None) -> dict[str, Value]:
    """The values of all variables of a packed state. `known`: values met before, for whoever decodes many states."""
    known = {} if known is None else known
    stream = _Bits(sum(w << 64 * i for i, w in enumerate(words[layout.words :])))
    found: dict[str, Value] = {}
    for name in layout.cells:
        found[name] = decode_var(em, layout, name, words, known)
    for name in layout.streams:
        found[name] = _read(em.vars[name].dom, stream)
    return {name: found[name] for name in em.vars}


def decode_var(em: Em, layout: Layout, name: str, words: Sequence[int], known: Known) -> Value:
    """The value of one variable that has cells of its own."""
    codes = tuple(
        words[c.word] >> c.shift & ((1 << (c.dom.bits or 0)) - 1) if c.word < len(words) else 0
        for c in layout.cells[name]
    )
    key = (name, codes)
    if key not in known:
        known[key] = _assemble(em.vars[name].dom, iter(codes))
    return known[key]


def _assemble(dom: Any, codes: Iterator[int]) -> Value:
    if isinstance(dom, d.DSet) and dom.kind == "wide":
        mask = sum(next(codes) << 64 * i for i in range(dom.words))
        return frozenset(decode(dom.item, i) for i in range(dom.item.card or 0) if mask >> i & 1)
    if isinstance(dom, d.DMap):
        return Map((key, _assemble(dom.item, codes)) for key in keys_of(dom))
    if dom.rep == "struct" and isinstance(dom, d.DProd):
        return make_prod(dom, [_assemble(item, codes) for item in dom.items])
    return decode(dom, next(codes))


def _read(dom: Any, bits: _Bits) -> Value:
    """The inverse of the generated `put` functions."""
    if dom.rep != "struct":
        return decode(dom, bits.take(dom.bits or 0))
    if isinstance(dom, d.DSet) and dom.kind == "wide":
        mask = bits.take(64 * dom.words)
        return frozenset(decode(dom.item, i) for i in range(dom.item.card or 0) if mask >> i & 1)
    if isinstance(dom, d.DMap):
        return Map([(key, _read(dom.item, bits)) for key in keys_of(dom)])
    if isinstance(dom, d.DOpt):
        return _read(dom.item, bits) if bits.take(1) else None
    if isinstance(dom, d.DProd):
        return make_prod(dom, [_read(item, bits) for item in dom.items])
    if isinstance(dom, d.DSum):
        index = bits.take(d.bits_for(len(dom.cases)))
        case = dom.cases[index]
        if case.rep != "struct":
            return decode(dom.cases[index], bits.take(case.bits or 0)) if index == 0 else _recase(dom, index, bits)
        return make_prod(case, [_read(item, bits) for item in case.items], index)
    items = [_read(dom.item, bits) for _ in range(bits.take(d.bits_for(dom.cap + 1)))]
    if isinstance(dom, d.DSeq):
        return tuple(items)
    return frozenset(items) if isinstance(dom, d.DSet) else Bag(items)


def _recase(dom: d.DSum, index: int, bits: _Bits) -> Value:
    case = dom.cases[index]
    code = bits.take(case.bits or 0)
    parts = []
    for stride, item in zip(case.strides, case.items, strict=True):
        parts.append(decode(item, code // stride))
        code %= stride
    return make_prod(case, parts, index)
