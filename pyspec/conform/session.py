"""A validation: open it for a specification and a mapping, give it files or records, and take the result.

from pyspec.conform import load_mapping, open_session

mapping = load_mapping("specs/raft.pspec", "raft.toml")
result = mapping.validate(["n1.jsonl", "n2.jsonl", "n3.jsonl"])
assert result.accepted, result.text()

session = mapping.session(sizes={"Server": ["n1", "n2", "n3"]})       # events as they happen
for event in events:
    if (rejection := session.feed(event)) is not None: ...
result = session.finish()
"""

from __future__ import annotations

import difflib
import gc
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspec.base.diagnostics import Diagnostic, SpecError, error
from pyspec.base.source import Span
from pyspec.conform.coverage import Coverage
from pyspec.conform.decode import Naming
from pyspec.conform.explain import Rejection, explain
from pyspec.conform.feed import Feed, feed
from pyspec.conform.growing import Covering, growing
from pyspec.conform.lines import ABSENT, Line, Memory, Record, getter, lines_of, tester
from pyspec.conform.machine import FastModel
from pyspec.conform.mapping import MappingText, parse_mapping, read_mapping
from pyspec.conform.plan import Check, Problems, RulePlan
from pyspec.conform.search import Event, Limits, Search
from pyspec.conform.sizes import Scanner, Seen, Sizes, sized
from pyspec.conform.steps import SilentSteps
from pyspec.conform.typed import TypedMapping, TypedRule, type_mapping
from pyspec.lang import core
from pyspec.lang.phrases import Vocabulary, load_vocabulary
from pyspec.model.errors import EvaluationError


@dataclass(frozen=True)
class TraceResult:
    """What became of one trace.

    `verdict`: "accepted"; "rejected"; or "unknown": `rejection` tells of an event without an explanation, but the
    search gave up before it had tried everything. `events` counts the lines that were explained.
    """

    verdict: str
    files: tuple[str, ...]
    events: int
    rejection: Rejection | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    seconds: float = 0.0
    widest: int = 1
    silent_steps: int = 0
    reordered: int = 0
    fired: Mapping[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the specification explains the whole trace."""
        return self.verdict == "accepted"

    def text(self) -> str:
        """The result for a reader."""
        if self.rejection is None:
            return f"accepted: {self.events} events"
        return "\n".join(self.rejection.lines())


@contextmanager
def few_collections() -> Iterator[None]:
    """Looks for garbage in cycles rarely: a state makes none, and looking through a million shared parts takes time."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class TraceMapping:
    """A specification and a mapping for its traces, typed and ready."""

    def __init__(self, known: Vocabulary, text: MappingText) -> None:
        self.known, self.text = known, text
        self.typed: TypedMapping = type_mapping(text, known)
        self._models: dict[str, FastModel] = {}

    def scan(self, files: Iterable[str], seen: Seen | None = None) -> Seen:
        """What logs mention: names and greatest numbers. Reads them through once."""
        scanner = Scanner(self.typed, seen or Seen())
        with few_collections():
            self._scan(scanner, files)
        return scanner.seen

    def _scan(self, scanner: Scanner, files: Iterable[str]) -> None:
        for file in files:
            for line in lines_of(file, self.text.log):
                scanner.note(line.record)

    def session(
        self,
        sizes: Mapping[str, Any] | None = None,
        seen: Seen | None = None,
        limits: Limits | None = None,
        model: str | None = None,
        flaws: tuple[str, ...] = (),
    ) -> Session:
        """A validation of one trace. `sizes` as in [model]; `seen` from `scan`."""
        made = {key: fast.instance for key, fast in self._models.items()}
        found = sized(self.typed, seen or Seen(), model, sizes, flaws, made)
        if found.key not in self._models:
            self._models[found.key] = FastModel(found.instance, self.text.log.keep)
        return Session(self, found, self._models[found.key], limits)

    def validate(
        self,
        files: Iterable[str | Path],
        sizes: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
        model: str | None = None,
        flaws: tuple[str, ...] = (),
        max_seconds: float | None = None,
        coverage: Coverage | None = None,
    ) -> TraceResult:
        """Validates the files of one trace.

        Raises SpecError when the mapping does not fit the log, or the log cannot be read.
        """
        names = [str(file) for file in files]
        seen = self.scan(names)
        if not seen.records:
            raise error("E0828", "the trace is empty: there is nothing to validate", Span(", ".join(names)))
        return self.session(sizes, seen, limits, model, flaws).run(names, max_seconds, coverage)


def load_mapping(spec: str | Path, mapping: str | Path) -> TraceMapping:
    """A specification and a mapping, from files. Raises SpecError with every mistake."""
    return TraceMapping(load_vocabulary(spec), read_mapping(mapping))


def make_mapping(spec: str | Path, text: str, file: str = "<mapping>") -> TraceMapping:
    """The same with the mapping as a text."""
    return TraceMapping(load_vocabulary(spec), parse_mapping(text, file))


class Session:
    """The validation of one trace."""

    def __init__(self, mapping: TraceMapping, sizes: Sizes, model: FastModel, limits: Limits | None = None) -> None:
        self.mapping, self.text, self.sizes, self.model = mapping, mapping.text, sizes, model
        self.problems = Problems(deque(maxlen=50))
        naming = Naming(sizes.renames)
        self.plans = [RulePlan(rule, self.model, naming, self.problems) for rule in mapping.typed.rules]
        self._by_name = self._rules()
        self._kind = getter(self.text.log.event)
        base = limits or Limits()
        silent = self.text.most_silent if mapping.typed.silent else 0
        self.limits = Limits(base.width, base.window, base.tries, silent)
        self._queue: list[Line] = []
        self._search: Search | None = None
        self._wanted = tester(self.text.log.only)
        self._memory = Memory(self.text.log)
        self._rejection: Rejection | None = None
        self._files: list[str] = []
        self._last: dict[str, Line] = {}
        self._fed = 0
        self._started = time.monotonic()
        self._unseen = {plan.typed.rule.number: set(range(len(plan.readings))) for plan in self.plans}

    def _rules(self) -> dict[str, tuple[RulePlan, ...]]:
        found: dict[str, list[RulePlan]] = {}
        names = [name for plan in self.plans for name in plan.typed.rule.names]
        for name in names:
            found[name] = [p for p in self.plans if name in p.typed.rule.names or "*" in p.typed.rule.names]
        return {name: tuple(plans) for name, plans in found.items()}

    # --------------------------------------------------------------------------------------------- events

    def event_of(self, line: Line) -> Event:
        """The rule for a line and its values. Raises SpecError when there is none."""
        record = line.record
        kind = self._kind(record)
        name = kind if type(kind) is str else "" if kind is ABSENT else str(kind)
        plans = self._by_name.get(name) or self._by_name.get("*", ())
        for plan in plans:
            if plan.applies(record):
                values = plan.values(line)
                if plan.where is None or plan.fits(values):
                    self._note(plan, values)
                    return Event(line, plan, values)
        if name in self.text.log.ignore or "*" in self.text.log.ignore:
            return Event(line, None, [])
        raise self._no_rule(name, bool(plans), line)

    def _note(self, plan: RulePlan, values: list[Any]) -> None:
        plan.matched += 1
        unseen = self._unseen[plan.typed.rule.number]
        if unseen:
            unseen.difference_update([at for at in unseen if values[at] is not ABSENT])

    def _no_rule(self, name: str, known: bool, line: Line) -> SpecError:
        log = self.text.log
        if not name:
            message = f"this line has no field `{log.event}` that says what happened"
            hint = '[log] event = "..." names the field; [log] only = { ... } picks the lines that count'
            return error("E0826", message, line.span, hint)
        if known:
            return error("E0826", f"no [[event]] for {name} applies to this line", line.span,
                         "its when, unless and where exclude it: add an [[event]] for the rest")  # fmt: skip
        near = difflib.get_close_matches(name, self._by_name, 1)
        hint = f"did you mean {near[0]}?" if near else f'add an [[event]], or [log] ignore = ["{name}"]'
        return error("E0826", f"the mapping says nothing about the event {name}", line.span, hint)

    def kind_of(self, line: Line) -> str:
        """What kind of event a line is."""
        return str(self._kind(line.record))

    # ------------------------------------------------------------------------------------------------ runs

    def run(self, files: list[str], max_seconds: float | None = None, coverage: Coverage | None = None) -> TraceResult:
        """Validates the files of a trace."""
        self._files = files
        with few_collections():
            return self._run(self._open(feed(files, self.text.log)), max_seconds, coverage)

    def _run(self, search: Search, max_seconds: float | None, coverage: Coverage | None) -> TraceResult:
        if coverage is not None:
            coverage.begin(self)
        end = None if max_seconds is None else time.monotonic() + max_seconds
        while True:
            went = search.step()
            if went is None:
                return self.finish()
            if not went:
                self._reject(search)
                return self.finish()
            if coverage is not None:
                coverage.note(self, search)
            if end is not None and not search.events & 255 and time.monotonic() > end:
                raise error("E0835", f"time ran out after {search.events} events: no verdict", Span(self._files[0]))

    def _open(self, source: Feed) -> Search:
        initial = self.model.initial()
        if not initial:
            raise error("E0832", f"{self.model.instance.spec.name} has no initial state in this model")
        sets = growing(self.model, self.mapping.typed)
        silent = SilentSteps(self.model, self.mapping.typed.silent, sets)
        self._search = Search(initial, source, self.event_of, silent, Covering(self.model, sets), self.limits)
        return self._search

    def feed(self, record: Record | Line) -> Rejection | None:
        """Takes one event as it happens. Returns the rejection when no state explains it, then and from then on."""
        if self._search is None:
            self._open(Feed([self._queued()]))
            self._files = ["<events>"]
        if self._rejection is not None:
            return self._rejection
        self._fed += 1
        line = record if isinstance(record, Line) else Line(dict(record), "<events>", self._fed)
        if self._wanted is None or self._wanted(line.record):
            self._memory.note(line.record)
            self._queue.append(line)
            assert self._search is not None
            if self._search.step() is False:
                self._reject(self._search)
        return self._rejection

    def _queued(self) -> Iterator[Line]:
        """What was fed; the end of it is not the end of the trace."""
        return _Queue(self._queue)

    def _reject(self, search: Search) -> None:
        self.problems.found.clear()
        for event in search.failed:
            search.advance(search.states, event)
        if (wrong := _too_small(self.problems.found)) is not None:
            raise self._beyond(search, wrong)
        self._rejection = explain(self, search)

    def _beyond(self, search: Search, wrong: EvaluationError) -> SpecError:
        line = search.failed[0].line
        sizes = "; ".join(self.sizes.notes) or "its sizes come from the specification"
        message = f"the model is too small for this event: {wrong.message}"
        return error("E0832", message, line.span, f"set the size in [model]; now: {sizes}")

    def finish(self) -> TraceResult:
        """The result: after the last event, or the rejection. Raises SpecError when the trace shows nothing."""
        search = self._search
        events = search.events if search is not None else 0
        warnings: list[Diagnostic] = []
        if self._rejection is None:
            if search is None or not events:
                raise error("E0828", "the trace is empty: there is nothing to validate", Span(", ".join(self._files)))
            self._constrained()
            warnings = self._unused()
            self._ended(search)
        return TraceResult(
            "accepted" if self._rejection is None else "rejected" if self._rejection.conclusive else "unknown",
            tuple(self._files),
            events,
            self._rejection,
            self.sizes.notes,
            tuple(warnings),
            time.monotonic() - self._started,
            search.widest if search is not None else 1,
            search.silent_steps if search is not None else 0,
            search.reordered if search is not None else 0,
        )

    # ----------------------------------------------------------------------------------- what the trace showed

    def _constrained(self) -> None:
        """An accepted trace must have been held against something."""
        matched = [plan for plan in self.plans if plan.matched]
        if not matched:
            message = "every event of the trace is ignored: nothing was validated"
            raise error("E0830", message, self.text.place("ignore"))
        if not any(self._constrains(plan) for plan in matched):
            message = "the mapping constrains nothing: no event is a step, and no field was compared with the state"
            raise error("E0830", message, self.text.place("event"), "give the events an `action`, or `after`")

    def _constrains(self, plan: RulePlan) -> bool:
        unseen = self._unseen[plan.typed.rule.number]
        steps = all(any(form.least for form in way.steps) for way in plan.typed.ways) and bool(plan.typed.ways)
        compared = any(
            c.slot is not None and c.slot not in unseen and not _trivial(c)
            for way in plan.typed.ways
            for c in (*way.before, *way.after)
        )
        return steps or compared

    def _unused(self) -> list[Diagnostic]:
        """Fields that never occurred are mistakes; events that never occurred are worth a warning."""
        found: list[Diagnostic] = []
        seen_paths = {
            plan.readings[at].path
            for plan in self.plans
            if plan.matched
            for at in range(len(plan.readings))
            if at not in self._unseen[plan.typed.rule.number] and isinstance(plan.readings[at].path, str)
        }
        problems: dict[str, Diagnostic] = {}
        for plan in self.plans:
            rule = plan.typed.rule
            if not plan.matched:
                what = f"no event of the trace is a {' or '.join(rule.names)}" + (
                    " under its conditions" if rule.when else ""
                )
                found.append(Diagnostic("W0821", what, self.text.place(rule.names[0]), severity="warning"))
                continue
            for at in self._unseen[rule.number]:
                path = plan.readings[at].path
                if path not in seen_paths and isinstance(path, str) and not path.endswith("?"):
                    message = f"no event has the field {path}"
                    hint = "is it misspelt? one that may be missing everywhere is written with a question mark: "
                    problems[path] = Diagnostic("E0831", message, self.text.place(path), f'{hint}"{path}?"')
        if problems:
            raise SpecError(list(problems.values()))
        return found

    def _ended(self, search: Search) -> None:
        """What [end] asks for."""
        if self.text.end_event:
            last = search.history[-1].event.line if search.history else None
            kind = str(self._kind(last.record)) if last is not None else "nothing"
            if last is None or kind not in self.text.end_event:
                wanted = " or ".join(self.text.end_event)
                place = last.span if last is not None else Span()
                raise error("E0829", f"the trace ends early: its last event is {kind}, not {wanted}", place)
        for condition in self.mapping.typed.end:
            check = Check(condition, TypedRule(self.plans[0].typed.rule, (), {}, None, ()), None, self.model)
            if not any(check.asked(state, [], ()) is True for state in search.states):
                message = f"the trace ends early: {condition.text} is false at its end"
                raise error("E0829", message, search.history[-1].event.line.span)


class _Queue(Iterator[Line]):
    """An iterator over a list that others add to."""

    def __init__(self, queue: list[Line]) -> None:
        self._queue = queue

    def __next__(self) -> Line:
        if not self._queue:
            raise StopIteration
        return self._queue.pop(0)


def _trivial(condition: Any) -> bool:
    """Whether a condition does not speak of the state or of a parameter."""
    body = condition.function.body
    from pyspec.model.walk import expressions

    return not any(isinstance(node, core.StateVar | core.Call) for node in expressions(body)) and not condition.locals


def _too_small(problems: Iterable[EvaluationError]) -> EvaluationError | None:
    return next((one for one in problems if one.kind in ("range", "capacity")), None)
