"""Statements to C. A body is written with a continuation: what follows a split (`any`, `either`) is written inside it.

A *scope* is what one run may undo: the body of an action for one choice of parameters, or one branch of a split. It
keeps the set of variables written since it began; a run that is abandoned before any write just goes on with the next
choice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyspec.lang import core
from pyspec.model.walk import nodes
from pyspec.native import domains as d
from pyspec.native.convert import convert, get_part
from pyspec.native.emit import Em, V, emit
from pyspec.native.emit_bind import copy_of, over
from pyspec.native.emit_seqs import as_key, seq_item
from pyspec.native.emit_struct import field_index, with_part

Next = Callable[[], None]
MOST_LINES = 60_000


@dataclass
class Run:
    """Where the emission of an action stands."""

    action: int
    done: Callable[[Run], None]
    dirty: set[str] = field(default_factory=set)  # variables that may differ from the state being expanded
    written: set[str] = field(default_factory=set)  # ... since the current scope began
    label: str = ""
    labels_used: set[str] = field(default_factory=set)


class Statements:
    """Writes the statements of one action."""

    def __init__(self, em: Em, run: Run, again: bool = False) -> None:
        self.em, self.run = em, run
        self.again = again  # splits are not loops: the body is executed again for each combination of choices

    def action(self, body: core.Block, done: Next) -> None:
        """The body of an action for one choice of its parameters."""
        if not self.again:
            self.scope(lambda: self.block(body, done))
            return
        em = self.em
        em.line("for (cx->known = 0;;) {")
        em.line("cx->depth = 0;")
        self.scope(lambda: self.block(body, done))
        em.line("if (!cx->known) break;")
        em.line("cx->pick[cx->known - 1]++;")
        em.line("}")

    def choice(self) -> tuple[str, str]:
        """Re-execution: the number of the next choice and the name of what was picked for it."""
        em = self.em
        turn, pick = em.fresh("turn"), em.fresh("pick")
        em.line(f"U {turn} = cx->depth++;")
        em.line(f"if ({turn} == MOST_PICKS) {em.out_of_room()}")
        em.line(f"if ({turn} == cx->known) cx->pick[cx->known++] = 0;")
        em.line(f"U {pick} = cx->pick[{turn}];")
        return turn, pick

    def exhausted(self, turn: str) -> str:
        """Statements: there is no such choice; give it up and end this run."""
        return f"{{ cx->known = {turn}; {self.abandon()} }}"

    def block(self, block: core.Block, then: Next) -> None:
        """The statements of a block, then what follows it."""
        if not block:
            then()
            return
        if len(self.em.out) > MOST_LINES:
            raise d.CannotEmit("an action with too many nested splits")
        STATEMENTS[block[0].__class__](self, block[0], lambda: self.block(block[1:], then))

    def expr(self, expr: core.Expr) -> V:
        """An expression in the state as this run has made it so far."""
        self.em.state = "n" if self.run.dirty else "c"
        return emit(self.em, expr)

    def abandon(self) -> str:
        """A statement that ends this run without a successor."""
        kind = "undo" if self.run.written else "skip"
        self.run.labels_used.add(f"{kind}_{self.run.label}")
        return f"goto {kind}_{self.run.label};"

    def write(self, names: set[str]) -> None:
        """Variables are about to be written."""
        self.run.dirty |= names
        self.run.written |= names

    def scope(self, inner: Next) -> list[str]:
        """A scope: its body, then what restores the state as it was before. Returns the copies to take first."""
        run, em = self.run, self.em
        before, outer, label = set(run.dirty), run.written, run.label
        run.written, run.label = set(), em.fresh("r")
        saves: list[str] = []
        inner()
        if f"undo_{run.label}" in run.labels_used:
            em.line(f"undo_{run.label}:;")
        for name in sorted(run.written, key=list(em.vars).index):
            cell = em.vars[name]
            kept = f"c->{cell.member}"
            if name in before:
                kept = em.fresh("kept")
                saves.append(f"{em.types.cell(cell.dom)} {kept} = n->{cell.member};")
            em.line(f"n->{cell.member} = {kept};")
        if f"skip_{run.label}" in run.labels_used:
            em.line(f"skip_{run.label}:;")
        run.dirty, run.written, run.label = before, outer, label
        return saves


def splits_in_loop(block: core.Block) -> bool:
    """Whether a `for` of a block holds an `any` or `either`."""
    return any(isinstance(node, core.For) and splits(node.body) for s in block for node in nodes(s))


def splits(block: core.Block) -> bool:
    """Whether a block holds an `any` or `either`."""
    return any(isinstance(node, core.Any | core.Either) for s in block for node in nodes(s))


def assigned(block: core.Block) -> set[str]:
    """The variables a block may write."""
    return {node.var for s in block for node in nodes(s) if isinstance(node, core.Assign)}


# --------------------------------------------------------------------------------------------------- statements


def _when(w: Statements, s: core.When, then: Next) -> None:
    w.em.line(f"if (!({w.expr(s.cond).text})) {w.abandon()}")
    then()


def _let(w: Statements, s: core.Let, then: Next) -> None:
    value = w.expr(s.value)
    with w.em.bound(s.name, copy_of(w.em, value) if value.dom.rep == "struct" else w.em.named(value)):
        then()


def _assert(w: Statements, s: core.Assert, then: Next) -> None:
    w.em.fail_if(f"!({w.expr(s.cond).text})", "assertion", s.span)
    then()


def _if(w: Statements, s: core.If, then: Next) -> None:
    em, run = w.em, w.run
    cond = w.expr(s.cond).text
    inside = then if not w.again and (splits(s.then) or splits(s.other)) else None
    after, written = set(run.dirty), set(run.written)
    em.line(f"if ({cond}) {{")
    for branch in (s.then, s.other):
        dirty, mine = set(run.dirty), set(run.written)
        w.block(branch, inside or (lambda: None))
        after |= run.dirty
        written |= run.written
        run.dirty, run.written = dirty, mine
        em.line("} else {" if branch is s.then else "}")
        if branch is s.then and not s.other and inside is None:
            em.out[-1] = "}"
            break
    if inside is None:
        run.dirty = after
        run.written = written
        then()
    else:
        run.written = written


def _any_again(w: Statements, s: core.Any, then: Next) -> None:
    em = w.em
    turn, pick = w.choice()
    got, name = em.fresh("got"), em.fresh()
    em.state = "n" if w.run.dirty else "c"
    with em.capture() as lines, over(em, s.domain) as item:
        dom = item.dom
        with em.bound(s.var, copy_of(em, item)):
            test = f"({w.expr(s.cond).text}) && " if s.cond is not None else ""
            em.line(f"if ({test}{pick}-- == 0) {{ {name} = {em.env[s.var].text}; goto {got}; }}")
    em.line(f"{em.types.of(dom)} {name};")
    em.out += lines
    em.line(w.exhausted(turn))
    em.line(f"{got}:;")
    with em.bound(s.var, V(name, dom)):
        then()


def _any(w: Statements, s: core.Any, then: Next) -> None:
    if w.again:
        _any_again(w, s, then)
        return
    em = w.em
    em.state = "n" if w.run.dirty else "c"
    with em.capture() as lines, over(em, s.domain) as item, em.bound(s.var, copy_of(em, item)):

        def inner() -> None:
            if s.cond is not None:
                em.line(f"if (!({w.expr(s.cond).text})) {w.abandon()}")
            then()

        saves = w.scope(inner)
    em.out += saves
    em.out += lines


def _either_again(w: Statements, s: core.Either, then: Next) -> None:
    turn, pick = w.choice()
    w.em.line(f"if ({pick} >= {len(s.branches)}) {w.exhausted(turn)}")
    _branches(w, s, f"(int){pick}", then)


def _either(w: Statements, s: core.Either, then: Next) -> None:
    if w.again:
        _either_again(w, s, then)
        return
    em = w.em
    turn = em.fresh("turn")
    with em.capture() as lines:
        em.line(f"for (int {turn} = 0; {turn} < {len(s.branches)}; {turn}++) {{")
        saves = w.scope(lambda: _branches(w, s, turn, then))
        em.line("}")
    em.out += saves
    em.out += lines


def _branches(w: Statements, s: core.Either, turn: str, then: Next) -> None:
    """What follows is written once after branches that do not split themselves."""
    em, run = w.em, w.run
    inside = then if not w.again and any(map(splits, s.branches)) else None
    dirty, written = set(run.dirty), set(run.written)
    all_dirty, all_written = set(dirty), set(written)
    em.line(f"switch ({turn}) {{")
    for i, branch in enumerate(s.branches):
        run.dirty, run.written = set(dirty), set(written)
        em.line(f"case {i}: {{")
        w.block(branch, inside or (lambda: None))
        em.line("break; }")
        all_dirty |= run.dirty
        all_written |= run.written
    em.line("}")
    run.dirty, run.written = all_dirty, all_written
    if inside is None:
        then()


def _for(w: Statements, s: core.For, then: Next) -> None:
    em = w.em
    em.state = "n" if w.run.dirty else "c"
    writes = assigned(s.body)
    loop = over(em, s.domain, copy=bool(writes))
    with loop as item:
        w.write(writes)
        with em.bound(s.var, copy_of(em, item) if item.dom.rep == "struct" else em.named(item)):
            w.block(s.body, lambda: None)
    then()


# ------------------------------------------------------------------------------------------------- assignments


@dataclass
class Place:
    """Where a value goes: an lvalue, or a component of a record code."""

    text: str  # lvalue of a cell
    dom: d.Dom


def _steps(w: Statements, s: core.Assign) -> list[V | str]:
    """The path with its keys evaluated, left to right."""
    out: list[V | str] = []
    for step in s.path:
        out.append(w.em.named(w.expr(step.key)) if isinstance(step, core.IndexStep) else step.name)
    return out


def _assign(w: Statements, s: core.Assign, then: Next) -> None:
    em = w.em
    cell = em.vars[s.var]
    steps = _steps(w, s)
    if not steps and _in_place(w, s, cell.dom):
        then()
        return
    value = w.expr(s.value)
    if value.dom.rep != "struct":
        value = em.named(value)
    w.write({s.var})
    _store(em, Place(f"n->{cell.member}", cell.dom), steps, value, s)
    then()


def _store(em: Em, place: Place, steps: list[V | str], value: V, s: core.Assign) -> None:
    if not steps:
        put(em, place, convert(em, value, place.dom, s.span))
        return
    dom: Any = place.dom
    step, rest = steps[0], steps[1:]
    if isinstance(step, V):
        if isinstance(dom, d.DMap):
            at = em.types.code(dom.key, as_key(em, step, dom.key, s.span).text)
            inner = f"{place.text}.e[{at}]"
        else:
            inner = seq_item(em, V(place.text, dom), step, s.span)
        _store(em, Place(inner, dom.item), rest, value, s)
        return
    index = field_index(dom, step)
    if dom.rep == "struct":
        _store(em, Place(f"{place.text}.f{index}", dom.items[index]), rest, value, s)
        return
    old = em.temp(dom, em.types.load(dom, place.text))
    part = _changed(em, get_part(em, old, index), rest, value, s)
    put(em, place, with_part(em, old, index, part))


def _changed(em: Em, old: V, steps: list[V | str], value: V, s: core.Assign) -> V:
    """A component of a record code after the store."""
    if not steps:
        return convert(em, value, old.dom, s.span)
    ctype = em.types.cell(old.dom)
    name = em.cell(V(old.text, old.dom)) if old.dom.rep != "struct" else em.fresh("c")
    if old.dom.rep == "struct":
        em.line(f"{ctype} {name} = {old.text};")
    _store(em, Place(name, old.dom), steps, value, s)
    return em.load(old.dom, name)


def put(em: Em, place: Place, value: V) -> None:
    """An operand into a cell of its domain."""
    if value.dom.rep == "struct":
        em.line(f"{place.text} = {value.text};")
    else:
        em.line(f"{place.text} = ({em.types.cell(value.dom)}){em.types.store(value.dom, value.text)};")


def _in_place(w: Statements, s: core.Assign, dom: d.Dom) -> bool:
    """`x = x + {item}` on a sorted array: insert instead of merging copies."""
    e = s.value
    if not (isinstance(e, core.Op) and e.op in ("set.union", "bag.add") and len(e.args) == 2):
        return False
    grown, one = e.args
    arrays = isinstance(dom, d.DBag) or (isinstance(dom, d.DSet) and dom.kind == "array")
    single = isinstance(one, core.SetLit | core.BagLit) and len(one.items) == 1
    if not (arrays and single and isinstance(grown, core.StateVar) and grown.name == s.var):
        return False
    assert isinstance(dom, d.DBag | d.DSet) and isinstance(one, core.SetLit | core.BagLit)
    em = w.em
    value = w.expr(one.items[0])
    if not _fits(dom.item, value.dom):
        return False
    item = em.cell(convert(em, value, dom.item, s.span))
    w.write({s.var})
    target = f"n->{em.vars[s.var].member}"
    full = f"{target}.n == {dom.cap}"
    if isinstance(dom, d.DSet):
        full += f" && !{em.types.function('has', dom)}(&{target}, &{item})"
    em.fail_if(full, "capacity", s.span)
    em.line(f"{em.types.function('add', dom)}(cx, &{target}, &{item});")
    return True


def _fits(to: d.Dom, have: d.Dom) -> bool:
    return d.join(to, have) == to


STATEMENTS: dict[type, Callable[[Statements, Any, Next], None]] = {
    core.When: _when, core.Let: _let, core.Assign: _assign, core.If: _if, core.Any: _any, core.Either: _either,
    core.For: _for, core.Assert: _assert,
}  # fmt: skip
