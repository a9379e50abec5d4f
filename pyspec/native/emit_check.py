"""Properties to C: invariants, goals and step properties, each with what it reads of the state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyspec.lang import core
from pyspec.model.walk import nodes
from pyspec.native.emit import Em, truth
from pyspec.native.layout import Layout

MOST_WORDS = 6  # of a key of a memo (runtime/memo.h)

Numbered = tuple[int, core.Property]


@dataclass(frozen=True)
class Part:
    """The bits of a packed state that some expressions read: a mask for each word concerned."""

    masks: tuple[tuple[int, int], ...]

    @property
    def mark(self) -> int:
        """A bit of the first word that is in no key, so that a key differs from an empty entry."""
        return next(1 << i for i in range(64) if not self.masks[0][1] >> i & 1)

    def terms(self, words: str) -> list[str]:
        """C text: the bits, word by word."""
        return [f"({words}[{word}] & {mask}ULL)" for word, mask in self.masks]

    def key(self, words: str) -> str:
        """C text: the key of a packed state."""
        first, *rest = self.terms(words)
        return ", ".join([f"({first} | {self.mark}ULL)", *rest])

    def pair(self, before: str, after: str) -> list[str]:
        """C text: the words of the key of a step; one word, which halves the memo, where both states fit."""
        first, second = self.terms(before), self.terms(after)
        width = self.masks[0][1].bit_length()
        if len(self.masks) == 1 and 2 * width < 64:
            return [f"({first[0]} | {second[0]} << {width} | 1ULL << 63)"]
        return [f"({first[0]} | {self.mark}ULL)", *first[1:], *second]


def part_of(em: Em, layout: Layout, bodies: Iterable[core.Expr]) -> Part | None:
    """What expressions read, if it is a small part of the fixed words."""
    names: set[str] = set()
    for body in bodies:
        names |= reads(em, body, set())
    if not names <= set(layout.cells):
        return None
    masks: dict[int, int] = {}
    for name in names:
        for cell in layout.cells[name]:
            if cell.dom.bits:
                masks[cell.word] = masks.get(cell.word, 0) | ((1 << cell.dom.bits) - 1) << cell.shift
    found = tuple(sorted(masks.items()))
    if not found or len(found) > MOST_WORDS or found[0][1] == 2**64 - 1:
        return None
    return Part(found)


def reads(em: Em, expr: core.Expr, calls: set[str]) -> set[str]:
    """The state variables an expression reads, directly or through functions."""
    found: set[str] = set()
    for node in nodes(expr):
        if isinstance(node, core.StateVar):
            found.add(node.name)
        elif isinstance(node, core.Call) and node.name not in calls:
            calls.add(node.name)
            found |= reads(em, em.functions[node.name].body, calls)
    return found


class Checks:
    """Writes model_check and model_steps."""

    def __init__(self, em: Em, layout: Layout) -> None:
        self.em, self.layout = em, layout
        self.memos: list[int] = []  # words of each memo's keys

    def memo(self, words: int) -> int:
        """The number of a new memo."""
        self.memos.append(words)
        return len(self.memos) - 1

    # ---------------------------------------------------------------------------------------- states

    def states(self, numbered: list[Numbered]) -> list[str]:
        """The body of model_check: invariants and goals, from cx->item on."""
        em = self.em
        with em.body("s", "n") as lines:
            em.line("const U *packed UNUSED = s == &cx->cur ? cx->cw : NULL;")
            em.line("switch (cx->item) {")
            for position, (number, prop) in enumerate(numbered):
                em.line(f"case {position}: cx->item = {position};")
                self._state(number, prop)
            em.line("default: break; }")
        return lines

    def _state(self, number: int, prop: core.Property) -> None:
        em = self.em
        goal = prop.kind == "reachable"
        part = part_of(em, self.layout, [prop.body])
        em.line(f"if (wanted(cx, {number}) && !cx->g->found[{number}].set) {{ /* {prop.name} */")
        if part is not None:
            n = len(part.masks)
            memo = f"&cx->memo[{self.memo(n)}]"
            em.line(f"U key[{n}], *entry = NULL;")
            em.line("if (packed) {")
            em.line(f"U now[{n}] = {{{part.key('packed')}}}; memcpy(key, now, sizeof key);")
            em.line(f"entry = memo_entry({memo}, key, {n}); }}")
            em.line(f"if (!entry || !memo_has({memo}, entry, key, {n})) {{")
        em.line(f"if ({'' if goal else '!'}({truth(em, prop.body)})) found_here(cx, {number}, s);")
        if part is not None:
            em.line(f"else if (entry) memo_put(entry, key, {len(part.masks)}); }}")
        em.line("}")

    # ----------------------------------------------------------------------------------------- steps

    def steps(self, numbered: list[Numbered]) -> list[str]:
        """C functions: model_steps_read (properties that read a small part) and model_steps_all, and take_steps."""
        parts = [(n, p, part_of(self.em, self.layout, [p.body])) for n, p in numbered]
        small = [(n, p) for n, p, part in parts if part is not None]
        part = part_of(self.em, self.layout, [p.body for _, p in small]) if small else None
        if part is None:
            small = []
        rest = [one for one in numbered if one not in small]
        out = [*self._step_function("model_steps_read", small), *self._step_function("model_steps_all", rest)]
        return [*out, *self._take(part, bool(small), bool(rest))]

    def _step_function(self, name: str, numbered: list[Numbered]) -> list[str]:
        em = self.em
        with em.body("s", "n") as lines:
            em.line("switch (cx->item) {")
            for position, (number, prop) in enumerate(numbered):
                em.line(f"case {position}: cx->item = {position};")
                em.line(f"if (wanted(cx, {number}) && !cx->g->found[{number}].set) {{ /* {prop.name} */")
                em.line(f"if (!({truth(em, prop.body)})) found_step(cx, {number});")
                em.line("}")
            em.line("default: break; }")
        head = f"static void {name}(Cx *cx UNUSED, const S *s UNUSED, const S *n UNUSED) {{"
        return [head, *("    " + line for line in lines), "}"]

    def _take(self, part: Part | None, small: bool, rest: bool) -> list[str]:
        lines = ["static void take_steps(Cx *cx, const U *w UNUSED) {"]
        if small:
            assert part is not None
            key = part.pair("cx->cw", "w")
            n = len(key)
            memo = f"&cx->memo[{self.memo(n)}]"
            lines += [
                f"    U key[{n}] = {{{', '.join(key)}}};",
                f"    U *entry = memo_entry({memo}, key, {n});",
                f"    if (!entry || !memo_has({memo}, entry, key, {n}))",
                f"        if (check_steps(cx, model_steps_read) && entry) memo_put(entry, key, {n});",
            ]
        if rest:
            lines.append("    check_steps(cx, model_steps_all);")
        return [*lines, "}"]
