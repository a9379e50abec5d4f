"""From what was asked of `pyspec diagram` to files: which pictures, where their traces come from, in which forms."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyspec.base.diagnostics import SpecError, error
from pyspec.base.source import Span
from pyspec.draw import api, saved
from pyspec.draw.layout import INSTALL, NoGraphviz
from pyspec.draw.picture import FORMS, Picture, form_of, write_whole

if TYPE_CHECKING:
    from pyspec.cli.runner import Request
    from pyspec.draw.theme import Theme
    from pyspec.lang import core
    from pyspec.model.instance import Instance

SMALL = 30  # a state graph of so many states is among "all pictures"


class BudgetSpent(Exception):
    """Time or states ran out before there was a picture."""


@dataclass(frozen=True)
class Wanted:
    """The options of the command."""

    spec: str
    machine: bool = False
    as_map: bool = False
    chain: bool = False
    graph: bool = False
    by: str | None = None
    goals: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    all_to: str | None = None
    model: str | None = None
    consts: tuple[tuple[str, str], ...] = ()
    flaws: tuple[str, ...] = ()
    output: str | None = None
    forms: tuple[str, ...] = ()
    theme: Theme = "auto"
    witness: str | None = None
    stutter: bool = False
    max_nodes: int = 30
    max_states: int | None = None
    max_seconds: float | None = None

    @classmethod
    def of(cls, spec: str, asked: dict[str, Any]) -> Wanted:
        """The options as given, checked against each other."""
        made = cls(spec, **asked)
        if made.all_to is not None and (made.picked or made.output):
            raise click.UsageError("--all draws every picture into its folder; leave the other choices and -o out")
        if made.witness is not None and not (made.graph or made.by is not None):
            raise click.UsageError("--witness goes with --by or --graph")
        if made.stutter and made.by is None:
            raise click.UsageError("--stutter goes with --by")
        if made.single_file and len(made.forms) > 0:
            raise click.UsageError("the suffix of -o names the form; leave -f out, or name a folder")
        return made

    @property
    def static(self) -> bool:
        """Whether a picture of the specification itself was asked for."""
        return self.machine or self.as_map or self.chain or self.graph or self.by is not None

    @property
    def picked(self) -> bool:
        """Whether any picture was asked for by an option of its own."""
        return self.static or bool(self.goals or self.properties or self.traces)

    @property
    def single_file(self) -> bool:
        """Whether -o names one file."""
        return self.output is not None and self.output != "-" and form_of(Path(self.output)) is not None

    @property
    def flaw_charts(self) -> bool:
        """Whether --flaw stands alone, and means its counterexample."""
        return bool(self.flaws) and not self.picked


@dataclass
class Drawn:
    """What was written, with titles; notes about what is not as asked; the text for standard output, if that is where
    it goes."""

    protocol: str
    files: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    printed: str | None = None

    def report(self) -> dict[str, object]:
        """The object of `--json`."""
        files = [{"file": path, "title": title} for path, title in self.files]
        return {"protocol": self.protocol, "files": files, "notes": self.notes, "exit_code": 0}


def draw(wanted: Wanted) -> Drawn:
    """Makes every picture, and only then writes files. Raises SpecError and BudgetSpent."""
    maker = Maker(wanted)
    pictures = list(maker.pictures())
    drawn = Drawn(maker.name, notes=maker.notes)
    if not pictures:
        raise error("E0808", f"there is nothing to draw of {maker.name}", hint="try --map, or --by with an expression")
    if wanted.output == "-":
        drawn.printed = _printed(pictures, wanted)
        return drawn
    if wanted.single_file and len(pictures) > 1:
        names = ", ".join(picture.name for picture in pictures)
        raise error(
            "E0806", f"{len(pictures)} pictures do not fit into one file: {names}", hint="name a folder with -o"
        )
    ready = [(path, picture, content) for picture in pictures for path, content in _contents(picture, wanted, drawn)]
    for path, picture, content in ready:
        write_whole(path, content)
        drawn.files.append((str(path), picture.title))
    return drawn


def _printed(pictures: list[Picture], wanted: Wanted) -> str:
    form = wanted.forms[0] if wanted.forms else "svg"
    if len(pictures) > 1 or len(wanted.forms) > 1 or form == "png":
        raise error("E0806", "standard output takes one picture in one text form", hint="name a folder with -o")
    try:
        return pictures[0].bytes(form, wanted.theme).decode()
    except NoGraphviz as missing:
        raise no_graphviz(missing, form) from None


def _contents(picture: Picture, wanted: Wanted, drawn: Drawn) -> Iterator[tuple[Path, bytes]]:
    if wanted.single_file:
        target = Path(str(wanted.output))
        form = form_of(target)
        assert form is not None
        try:
            yield target, picture.bytes(form, wanted.theme)
        except NoGraphviz as missing:
            raise no_graphviz(missing, form) from None
        return
    folder = Path(wanted.all_to or wanted.output or ".")
    for form in dict.fromkeys(wanted.forms or ("svg",)):
        try:
            yield folder / f"{picture.name}{FORMS[form]}", picture.bytes(form, wanted.theme)
        except NoGraphviz as missing:
            if wanted.forms:
                raise no_graphviz(missing, form) from None
            note = f"{missing}: {picture.name} is written as Mermaid text; for SVG {INSTALL}"
            drawn.notes.append(note)
            yield folder / f"{picture.name}{FORMS['mermaid']}", picture.bytes("mermaid")


def no_graphviz(missing: NoGraphviz, form: str) -> SpecError:
    """The error for a form that needs Graphviz."""
    return error("E0805", f"{missing}, and {form} of this picture needs it", hint=f"{INSTALL}; or ask for -f mermaid")


class Maker:
    """Makes the pictures that are wanted."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.notes: list[str] = []
        self.folder = Path(wanted.spec).is_dir()
        self.name = Path(wanted.spec).resolve().name if self.folder else ""
        if not self.folder:
            from pyspec.cli.runner import load

            self.spec: core.Spec = load(wanted.spec)
            self.name = self.spec.name
            self._check_names()

    def _check_names(self) -> None:
        from pyspec.model.instance import choose_model

        choose_model(self.spec, self.wanted.model)
        goals = [p.name for p in self.spec.properties if p.kind == "reachable"]
        others = [p.name for p in self.spec.properties if p.kind not in ("reachable", "assume", "terminal", "hint")]
        for name in self.wanted.goals:
            _known(name, goals, "reachable goal", self.spec)
        for name in self.wanted.properties:
            _known(name, others, "property", self.spec)
        for name in self.wanted.flaws:
            _known(name, [flaw.name for flaw in self.spec.flaws], "flaw", self.spec, "E0710")

    def pictures(self) -> Iterator[Picture]:
        """Every picture, in order."""
        wanted = self.wanted
        if self.folder:
            if wanted.picked and not wanted.chain:
                raise error("E0002", f"{wanted.spec} is a folder", Span(wanted.spec), "name one specification in it")
            yield api.refinement_chain(wanted.spec)
            return
        if wanted.flaw_charts:
            yield from map(self.flaw_chart, wanted.flaws)
            if wanted.all_to is None:
                return
        everything = wanted.all_to is not None
        usual = everything or not wanted.picked
        if wanted.machine or usual:
            yield from self.machines(required=wanted.machine)
        if wanted.as_map or usual:
            yield api.protocol_map(self.spec)
        if wanted.chain or usual:
            yield from self.chain(required=wanted.chain)
        if wanted.graph or wanted.by is not None:
            yield from self.graph()
        yield from (self.goal_chart(name) for name in wanted.goals)
        yield from (self.property_chart(name) for name in wanted.properties)
        yield from (self.trace_chart(file) for file in wanted.traces)
        if everything:
            yield from self.everything()

    def everything(self) -> Iterator[Picture]:
        """What `--all` adds: the state graph if it is small, a chart of each flaw and of each goal."""
        try:
            yield api.Graphing(self.instance(), self._model_name(), None, SMALL, 10.0).picture()
        except (api.NotExact, SpecError):
            self.notes.append(f"The state graph of {self.name} is left out: it is too large; draw it with --by.")
        for flaw in self.spec.flaws:
            yield from self._or_note(lambda name=flaw.name: self.flaw_chart(name))
        for prop in self.spec.properties:
            if prop.kind == "reachable":
                yield from self._or_note(lambda name=prop.name: self.goal_chart(name))

    def _or_note(self, work: Any) -> Iterator[Picture]:
        try:
            yield work()
        except (SpecError, BudgetSpent) as problem:
            said = problem.diagnostics[0].message if isinstance(problem, SpecError) else str(problem)
            self.notes.append(f"Left out: {said}")

    # --------------------------------------------------------------------------------------------- static

    def instance(self) -> Instance:
        """The instance that was asked for."""
        from pyspec.model.instance import instantiate

        return instantiate(self.spec, self.wanted.model, dict(self.wanted.consts), self.wanted.flaws)

    def _model_name(self) -> str:
        from pyspec.model.instance import choose_model

        return choose_model(self.spec, self.wanted.model).name

    def machines(self, required: bool) -> Iterator[Picture]:
        """The state machines. The model is explored if the text of the actions leaves something open and if it has
        sizes."""
        try:
            instance: Instance | None = self.instance()
        except SpecError:
            if self.wanted.model or self.wanted.consts:
                raise
            instance = None
        found = api.machines_of(self.spec, instance, flaws=self.wanted.flaws)
        if not found and required:
            hint = 'a state machine is drawn of a variable or field of an enum type; for others use --by "EXPR"'
            raise error("E0808", f"{self.name} has no variable of an enum type", hint=hint)
        yield from found

    def chain(self, required: bool) -> Iterator[Picture]:
        """The refinement chain, if the specification is part of one."""
        try:
            yield api.refinement_chain(self.wanted.spec)
        except SpecError:
            if required:
                raise

    def graph(self) -> Iterator[Picture]:
        """The state graph or its quotient, and the charts of its edges."""
        from pyspec.lang.projection import MODEL
        from pyspec.model.instance import instantiate

        wanted = self.wanted
        spec, name, projection = api.prepare(wanted.spec, wanted.by, wanted.model, dict(wanted.consts))
        instance = instantiate(spec, MODEL if projection else wanted.model, dict(wanted.consts), wanted.flaws)
        states, seconds = wanted.max_states or api.MOST_STATES, wanted.max_seconds or api.MOST_SECONDS
        graphing = _evaluated(lambda: api.Graphing(instance, name, projection, states, seconds))
        links: dict[tuple[int, int], str] = {}
        if wanted.witness is not None:
            runs = graphing.witnesses(stutter=wanted.stutter, most=wanted.max_nodes)
            for number, (pair, trace) in enumerate(runs.items(), 1):
                edge = f"{self.name}-edge-{number:03}"
                chart = api.message_chart(trace, f"{self.name}: a shortest run to an edge of the graph", edge)
                yield dataclasses.replace(chart, name=f"{wanted.witness}/{edge}" if wanted.witness != "." else edge)
                links[pair] = f"{wanted.witness}/{edge}.svg"
        yield graphing.picture(stutter=wanted.stutter, most=wanted.max_nodes, links=links)

    # --------------------------------------------------------------------------------------------- charts

    def flaw_chart(self, name: str) -> Picture:
        """The counterexample that a flaw gives."""
        flaw = next(one for one in self.spec.flaws if one.name == name)
        prop = flaw.violates[0]
        model = self.wanted.model or flaw.model
        trace = self._search(prop, (name,), model, name if flaw.overrides else None, "violated")
        title = f"{self.name} with the flaw {name}: {prop} is violated"
        return api.message_chart(trace, title, f"{self.name}-flaw-{name}")

    def goal_chart(self, name: str) -> Picture:
        """A run to a goal."""
        trace = self._search(name, self.wanted.flaws, self.wanted.model, None, "holds")
        return api.message_chart(trace, f"{self.name}: {name}", f"{self.name}-reach-{name}")

    def property_chart(self, name: str) -> Picture:
        """A counterexample."""
        trace = self._search(name, self.wanted.flaws, self.wanted.model, None, "violated")
        return api.message_chart(trace, f"{self.name}: {name} is violated", f"{self.name}-violates-{name}")

    def _search(self, prop: str, flaws: tuple[str, ...], model: str | None, bounds_of: str | None, verdict: str) -> Any:
        from pyspec.cli.runner import Request, bounds
        from pyspec.model.instance import choose_model, instantiate

        wanted = self.wanted
        limits = {"max_states": wanted.max_states, "max_seconds": wanted.max_seconds}
        request = Request(wanted.spec, model, wanted.consts, flaws, only=(prop,), bounds_of=bounds_of, **limits)  # type: ignore[arg-type]
        report = self._run(request)
        found = next((p for p in report["properties"] if p["name"] == prop), None)
        if found is None or found["verdict"] != verdict or not found["trace"]:
            raise self._no_trace(prop, flaws, report, verdict)
        block = bounds(self.spec, choose_model(self.spec, model), bounds_of)
        instance = instantiate(self.spec, block, dict(wanted.consts), flaws)
        return saved.trace_of(found["trace"], instance)

    def _run(self, request: Request) -> dict[str, Any]:
        """The report of a search by one thread, so that the same trace is found every time; kept in the cache apart
        from other searches, whose traces may differ."""
        from pyspec.cli import cache
        from pyspec.cli.report import is_complete
        from pyspec.cli.runner import run

        name = cache.key(request.path, {**request.decides(), "for": "chart"})
        if name and (known := cache.load(name)):
            return known
        files = {file: cache.digest(file) for file in (*self.spec.files, request.path)}
        report = run(dataclasses.replace(request, threads=1, use_cache=False), None, self.spec)
        if name and is_complete(report) and all(Path(file).exists() for file in files):
            cache.store(name, report, files)
        return report

    def _no_trace(self, prop: str, flaws: tuple[str, ...], report: dict[str, Any], verdict: str) -> Exception:
        where = f"in model {report['model']}" + (f" with {', '.join(flaws)}" if flaws else "")
        if report["errors"]:
            first = report["errors"][0]
            return error(first["code"], f"{first['message']} (searching for a trace of {prop} {where})")
        if report["stopped_by"]:
            return BudgetSpent(f"a budget ran out before {prop} was decided {where}")
        found = next((p["verdict"] for p in report["properties"] if p["name"] == prop), None)
        if found == verdict:
            return error("E0803", f"there is no trace to draw: {prop} is not about runs")
        what = f"{prop} is never reached {where}" if verdict == "holds" else f"{prop} is not violated {where}"
        hint = "try another model (-m), larger sizes (-c), or a flaw (--flaw)"
        return error("E0803", f"there is no trace to draw: {what}", hint=hint)

    def trace_chart(self, path: str) -> Picture:
        """A saved trace."""
        from pyspec.model.instance import instantiate

        wanted = self.wanted
        found = saved.traces_in(saved.read_json(path), path)[0]
        model = wanted.model or (found.model if found.model in {block.name for block in self.spec.models} else None)
        flaws = wanted.flaws or tuple(flaw.name for flaw in self.spec.flaws if flaw.name in found.flaws)
        given = dict(wanted.consts)
        try:
            trace = saved.trace_of(found.trace, instantiate(self.spec, model, given, flaws), path)
        except SpecError:
            if not found.sizes or given:
                raise
            sized = instantiate(self.spec, model, dict(found.sizes), flaws)
            trace = saved.trace_of(found.trace, sized, path)
        return api.message_chart(trace, f"{self.name}: {found.name}", f"{self.name}-trace-{Path(path).stem}")


def _known(name: str, known: list[str], what: str, spec: core.Spec, code: str = "E0803") -> None:
    import difflib

    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known) or 'none'}"
        raise error(code, f"{spec.name} has no {what} {name}", hint=hint)


def _evaluated(work: Any) -> api.Graphing:
    """The result of an exploration; what ends it early is told."""
    from pyspec.model.errors import EVALUATION_ERRORS, EvaluationError

    try:
        found = work()
    except api.NotExact as short:
        raise BudgetSpent(
            f"{short}, so the graph would not be exact; take a smaller model, or more --max-states or --max-seconds"
        ) from None
    except EvaluationError as problem:
        code = EVALUATION_ERRORS[problem.kind][0]
        raise error(code, f"while the states were explored: {problem.message}", problem.span) from None
    assert isinstance(found, api.Graphing)
    return found
