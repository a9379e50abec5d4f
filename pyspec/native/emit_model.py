"""A whole model in C: the state struct, packing, initial states, actions, properties."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pyspec.base.source import Span
from pyspec.lang import core
from pyspec.model.instance import Instance
from pyspec.model.vacuity import Antecedent
from pyspec.model.variants import VARIANT
from pyspec.native import domains as d
from pyspec.native.convert import convert
from pyspec.native.ctypes_table import stream_bits
from pyspec.native.emit import Em, V, emit, truth
from pyspec.native.emit_bind import copy_of, over
from pyspec.native.emit_check import Checks
from pyspec.native.emit_expr import EXPRESSIONS, emit_as
from pyspec.native.emit_live import Lively, formulas, label, lively
from pyspec.native.emit_ops import OPERATORS
from pyspec.native.emit_stmt import Place, Run, Statements, put, splits_in_loop
from pyspec.native.emit_symmetry import Symmetry
from pyspec.native.layout import Layout, make_layout, pack_cells, unpack_cells

GROUPS: dict[str, frozenset[str]] = {
    "invariant": frozenset({"invariant", "lemma"}),
    "step": core.STEP_KINDS,
    "reachable": frozenset({"reachable"}),
    "terminal": frozenset({"terminal"}),
    "deadlock_free": frozenset({"deadlock_free"}),
}
CHECKED = ("invariant", "step", "reachable")
MOST_VARIANTS = 1 << 20


@dataclass(frozen=True)
class Generated:
    """The C source of a model, and what its numbers mean."""

    source: str
    em: Em
    layout: Layout
    spans: tuple[Span, ...]
    cover: tuple[Antecedent, ...]
    actions: tuple[str, ...]
    properties: tuple[core.Property, ...]  # invariants, steps, goals, in the order of their numbers
    deadlock: core.Property | None
    symmetry: tuple[str, ...]
    memos: tuple[int, ...]  # words of the keys of each memo (runtime/memo.h)
    lively: tuple[Lively, ...]  # liveness properties; empty when generated code does not decide them


class Model:
    """Writes the C of one instance."""

    def __init__(self, instance: Instance, symmetry: bool) -> None:
        self.instance, self.spec = instance, instance.spec
        self.em = Em(self.spec, EXPRESSIONS, OPERATORS)
        self.em.always[VARIANT] = V("(int64_t)cx->g->o.variant", d.DInt(0, MOST_VARIANTS))
        self.layout = make_layout(self.em)
        for prop in self.spec.properties:
            self.em.cover_all(prop)
        self.by_kind = {k: [p for p in self.spec.properties if p.kind in kinds] for k, kinds in GROUPS.items()}
        self.functions: list[str] = []  # C functions of the model, in order
        self._successors: dict[frozenset[str], str] = {}
        self.view_words = 0
        self.memos: list[int] = []
        sorts = instance.symmetric if symmetry else ()
        # a view does not make a graph: what is found of a state depends on which state was seen first
        self.lively = lively(self.spec) if instance.view is None else ()
        self.symmetry = Symmetry(self.em, self.layout, [instance.sort(name) for name in sorts])

    # ------------------------------------------------------------------------------------------ text

    def function(self, head: str, lines: list[str]) -> None:
        """One C function."""
        self.functions += [f"{head} {{", *("    " + line for line in lines), "}"]

    def write(self) -> Generated:
        """Everything, in the order C needs."""
        em = self.em
        members = " ".join(f"{em.types.cell(v.dom)} {v.member};" for v in em.vars.values()) or "int nothing;"
        self.packing()
        self.functions += self.symmetry.write()
        self.initial()
        for number, action in enumerate(self.spec.actions):
            self.action(number, action)
        self.expand()
        self.properties()
        self.fingerprints()
        sizes = ", ".join(map(str, self.memos)) or "0"
        self.functions.append(f"static const int MEMO_WORDS[AT_LEAST_1(N_MEMOS)] = {{{sizes}}};")
        body = [*em.types.lines, f"struct S {{ {members} }};", '#include "cx.h"', *em.globals, *self.functions]
        text = "\n".join([*self.defines(), '#include "base.h"', *body, '#include "api.h"', ""])
        key = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        props = tuple(p for kind in CHECKED for p in self.by_kind[kind])
        deadlock = next(iter(self.by_kind["deadlock_free"]), None)
        return Generated(f"#define MODEL_KEY 0x{key}ULL\n{text}", em, self.layout, tuple(em.spans), tuple(em.cover),
                         tuple(a.name for a in self.spec.actions), props, deadlock, self.symmetry.names,
                         tuple(self.memos), self.lively)  # fmt: skip

    def defines(self) -> list[str]:
        """What base.h wants to know."""
        layout, kinds, instance = self.layout, self.by_kind, self.instance
        counts = {
            "W_MAX": max(layout.most, 1),
            "KEY_WORDS": max(layout.most, self.view_words, 1),
            "STATE_BITS": layout.bits,
            "N_ACTIONS": len(self.spec.actions),
            "N_INVARIANTS": len(kinds["invariant"]),
            "N_STEPS": len(kinds["step"]),
            "N_GOALS": len(kinds["reachable"]),
            "N_COVER": len(self.em.cover),
            "HAS_LIMIT": int(bool(instance.limits)),
            "HAS_VIEW": int(instance.view is not None),
            "HAS_SYMMETRY": int(bool(self.symmetry.names)),
            "N_MEMOS": len(self.memos),
            "N_LIVE": len(self.lively),
            "N_FORMULAS": sum(one.count for one in self.lively),
            "CHECK_DEADLOCK": int(bool(kinds["deadlock_free"])),
        }
        return [f"#define {name} {value}" for name, value in counts.items()]

    # --------------------------------------------------------------------------------------- packing

    def packing(self) -> None:
        """model_unpack and model_pack."""
        em, layout = self.em, self.layout
        lines = list(unpack_cells(em, layout, "s", "w"))
        if layout.streams:
            lines.append(f"Get stream = {{w, {64 * layout.words}}}, *g = &stream;")
            lines += [em.types.get(em.vars[v].dom, f"s->{em.vars[v].member}") for v in layout.streams]
        self.function("static void model_unpack(const U *w UNUSED, S *s UNUSED)", lines)
        self.function("static unsigned model_pack(const S *s UNUSED, U *w)", self.pack_lines(set(em.vars), "s", False))

    def pack_lines(self, dirty: set[str], state: str, partial: bool) -> list[str]:
        """Statements that pack a state; `partial`: only these variables differ from the packed state cx->cw."""
        em, layout = self.em, self.layout
        lines = []
        touched = {word: (mask, text) for word, mask, text in pack_cells(em, layout, dirty, state)}
        for word in range(layout.words):
            mask, text = touched.get(word, (0, ""))
            old = f"cx->cw[{word}]" + (f" & ~{mask}ULL" if mask else "") if partial else ""
            lines.append(f"w[{word}] = {' | '.join(filter(None, [f'({old})' if old else '', text])) or '0'};")
        if not layout.streams:
            return [*lines, *self.trim(layout.words)]
        if partial and not dirty & set(layout.streams):
            lines.append(f"memcpy(w + {layout.words}, cx->cw + {layout.words}, (cx->cn - {layout.words}) * sizeof(U));")
            return [*lines, "return cx->cn;"]
        lines.append(f"memset(w + {layout.words}, 0, (W_MAX - {layout.words}) * sizeof(U));")
        lines.append(f"Put stream = {{w, {64 * layout.words}}}, *p = &stream;")
        lines += [em.types.put(em.vars[v].dom, f"{state}->{em.vars[v].member}") for v in layout.streams]
        return [*lines, "unsigned words = (stream.at + 63) / 64;", *self.trim_from("words")]

    def trim(self, words: int) -> list[str]:
        """All words are kept when the size is fixed."""
        return [f"return {max(words, 1)};"]

    def trim_from(self, name: str) -> list[str]:
        """Trailing zero words say nothing."""
        least = max(self.layout.words, 1)
        return [f"while ({name} > {least} && !w[{name} - 1]) {name}--;", f"return {name} < {least} ? {least} : {name};"]

    def successor(self, dirty: frozenset[str]) -> str:
        """The name of the function that hands over a successor in which only these variables changed."""
        if dirty not in self._successors:
            name = f"successor_{len(self._successors)}"
            self._successors[dirty] = name
            lines = self.pack_lines(set(dirty), "n", True)
            self.function(f"FN unsigned pack_{name}(Cx *cx UNUSED, const S *n UNUSED, U *w)", lines)
            self.function(f"FN void {name}(Cx *cx, int action)", self.hand_over(f"pack_{name}(cx, &cx->nxt, w)"))
        return self._successors[dirty]

    def hand_over(self, pack: str, initial: bool = False) -> list[str]:
        """Count, check the step, apply limits, pack, push."""
        lines = ["if (UNLIKELY(cx->tap != NULL)) { tapped(cx); return; }"]
        lines.append("cx->generated++;" if initial else "completed(cx, action);")
        lines.append("U *w = slot(cx);")
        steps = bool(self.by_kind["step"]) and not initial
        if steps or not self.symmetry.names:
            lines.append(f"unsigned words = {pack};")
        if steps:
            lines.append("take_steps(cx, w);")
        if self.by_kind["step"] and initial:
            lines.append("model_start(cx, &cx->nxt);")
        if self.instance.limits:
            lines.append("if (!within(cx)) { outside(cx); return; }")
        if self.symmetry.names:
            lines.append(f"{'' if steps else 'unsigned '}words = canonical(&cx->nxt, w);")
        view = self.instance.view is not None
        return [*lines, f"push(cx, words, {'model_view(cx, &cx->nxt)' if view else 'fingerprint(w, words)'});"]

    # --------------------------------------------------------------------------------- initial, actions

    def initial(self) -> None:
        """model_initial: every combination of initial values."""
        em = self.em
        self.function("static void start(Cx *cx)", self.hand_over("model_pack(&cx->nxt, w)", initial=True))
        order = list(self.spec.vars)

        def visit(position: int) -> None:
            if position == len(order):
                self._accept()
                return
            var = order[position]
            place = Place(f"n->{em.vars[var.name].member}", em.vars[var.name].dom)
            if var.choices is None:
                assert var.init is not None
                put(em, place, emit_as(em, var.init, place.dom))
                visit(position + 1)
                return
            with over(em, var.choices) as item:
                put(em, place, convert(em, item, place.dom, var.choices.span))
                visit(position + 1)

        with em.body("n") as lines:
            em.line("S *n = &cx->nxt; memset(n, 0, sizeof *n);")
            visit(0)
        self.function("static void model_initial(Cx *cx)", lines)

    def _accept(self) -> None:
        em = self.em
        em.line("if (UNLIKELY(cx->g->stop && !cx->tap)) return;")
        for cond in self.spec.init_where:
            em.line(f"if ({truth(em, cond)}) {{")
        em.line("start(cx);")
        em.line("}" * len(self.spec.init_where))

    def action(self, number: int, action: core.Action) -> None:
        """One action as a C function that hands over all successors."""
        em = self.em

        def done(run: Run) -> None:
            em.line(f"{self.successor(frozenset(run.dirty))}(cx, {number});")

        run = Run(number, done)
        w = Statements(em, run, again=splits_in_loop(action.body))

        def params(position: int) -> None:
            if position == len(action.params):
                if action.fair and self.lively:
                    label(em, [em.env[p.name] for p in action.params])
                w.action(action.body, lambda: done(run))
                return
            em.state = "c"
            p = action.params[position]
            with over(em, p.domain) as item, em.bound(p.name, copy_of(em, item)):
                params(position + 1)

        with em.body("c") as lines:
            em.line("const S *c UNUSED = &cx->cur; S *n UNUSED = &cx->nxt;")
            params(0)
        self.function(f"static void action_{number}(Cx *cx) /* {action.name} */", lines)

    def expand(self) -> None:
        """model_expand: the actions from cx->item on (an evaluation error resumes after the action it was in)."""
        lines = ["switch (cx->item) {"]
        for i in range(len(self.spec.actions)):
            lines.append(f"case {i}: cx->item = {i}; action_{i}(cx); /* fall through */")
        self.function("static void model_expand(Cx *cx)", [*lines, "default: break;", "}"])

    # ------------------------------------------------------------------------------------- properties

    def properties(self) -> None:
        """model_check, model_steps, model_terminal, model_limit."""
        invariants, goals, steps = self.by_kind["invariant"], self.by_kind["reachable"], self.by_kind["step"]
        first_goal = len(invariants) + len(steps)
        numbered = [*enumerate(invariants), *((first_goal + i, g) for i, g in enumerate(goals))]
        checks = Checks(self.em, self.layout)
        self.function("static void model_check(Cx *cx, const S *s UNUSED)", checks.states(numbered))
        numbered = [(len(invariants) + i, s) for i, s in enumerate(steps)]
        self.functions += checks.steps(numbered)
        self.memos = checks.memos
        self._starts([(n, p) for n, p in numbered if p.second is not None])
        self._live()
        self._predicate("static int model_terminal", [p.body for p in self.by_kind["terminal"]], "1", "0")
        self._predicate("static int model_limit", list(self.instance.limits), "0", "1")

    def _live(self) -> None:
        """model_live, and which actions are fair."""
        kinds = [{None: 0, "weak": 1, "strong": 2}[a.fair] for a in self.spec.actions]
        self.functions.append(f"static const uint8_t FAIR[] UNUSED = {{{', '.join(map(str, kinds)) or '0'}}};")
        head = "static void model_live(Cx *cx UNUSED, const S *s UNUSED, uint8_t *first UNUSED, uint8_t *second UNUSED)"
        self.function(head, formulas(self.em, self.lively))

    def _starts(self, numbered: list[tuple[int, core.Property]]) -> None:
        """model_start: what a refinement asks of initial states."""
        em = self.em
        with em.body("s") as lines:
            for number, prop in numbered:
                assert prop.second is not None
                em.line(f"if (wanted(cx, {number}) && !({truth(em, prop.second)})) found_here(cx, {number}, s);")
        self.function("static void model_start(Cx *cx UNUSED, const S *s UNUSED)", lines)

    def _predicate(self, head: str, bodies: list[core.Expr], decides: str, otherwise: str) -> None:
        em = self.em
        with em.body("s") as lines:
            for body in bodies:
                em.line(f"if ({'!' if decides == '0' else ''}({truth(em, body)})) return {decides};")
            em.line(f"return {otherwise};")
        self.function(f"{head}(Cx *cx UNUSED, const S *s UNUSED)", lines)

    def fingerprints(self) -> None:
        """What tells states apart: the state, or the model's view of it."""
        em, view = self.em, self.instance.view
        lines = ["return 0;"]
        if view is not None:
            with em.body("s") as lines:
                value = emit(em, view)
                self.view_words = (stream_bits(value.dom) + 63) // 64 + 1
                em.line(f"U w[{self.view_words}] = {{0}}; Put stream = {{w, 0}}, *p = &stream;")
                em.line(em.types.put(value.dom, em.cell(value)))
                em.line("return fingerprint_words(w, (stream.at + 63) / 64);")
        self.function("static U model_view(Cx *cx UNUSED, const S *s UNUSED)", lines)


def generate(instance: Instance, symmetry: bool = True) -> Generated:
    """The C source of an instance. Raises CannotEmit where only the Python search can run it."""
    return Model(instance, symmetry).write()
