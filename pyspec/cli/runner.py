"""From a request to a report: the cache, the front end, the instance, the engine, the expectations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyspec.base.diagnostics import Diagnostic, error
from pyspec.cli import cache
from pyspec.cli.diagnostics import to_json
from pyspec.cli.progress import ProgressLine
from pyspec.cli.report import Report, expectations, is_complete, needs_symmetry, of_result

if TYPE_CHECKING:
    from pyspec.lang import core
    from pyspec.model.instance import Instance
    from pyspec.model.result import CheckResult
    from pyspec.native.engine import Compiled


@dataclass(frozen=True)
class Request:
    """One search: a specification, which instance of it, and how to search."""

    path: str
    model: str | None = None
    consts: tuple[tuple[str, str], ...] = ()
    flaws: tuple[str, ...] = ()
    symmetry: bool = True
    engine: str = "auto"
    threads: int | None = None  # None: one for each processor
    max_states: int | None = None
    max_seconds: float | None = None
    memory: int | None = None
    only: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()  # properties left out
    keep_going: bool = False
    use_cache: bool = True
    checkpoint: str | None = None
    resume: str | None = None
    draft: bool = False  # a short search: compile without optimizing
    bounds_of: str | None = None  # a flaw: the model changed as that flaw asks (it is not switched on by this)

    def decides(self) -> dict[str, object]:
        """What the answer depends on, besides the text of the specification."""
        engine = self.engine if self.engine != "auto" else None
        return {
            "model": self.model,
            "consts": sorted(self.consts),
            "flaws": sorted(self.flaws),
            "symmetry": self.symmetry,
            "engine": engine,
            "only": self.only,
            "without": self.without,
            "bounds_of": self.bounds_of,
            "keep_going": self.keep_going,
        }


def load(path: str) -> core.Spec:
    """The specification in a file, with all mistakes found in one run as a SpecError."""
    from pyspec.lang import load_spec

    return load_spec(path)


def run(request: Request, progress: ProgressLine | None = None, spec: core.Spec | None = None) -> Report:
    """The report of a request: from the cache if it is known, else by a search."""
    name = cache.key(request.path, request.decides()) if request.use_cache and not saved(request) else None
    if name and (known := cache.load(name)):
        return {**known, "cached": True}
    before = {request.path: cache.digest(request.path)}
    spec = spec or load(request.path)
    files = {**{file: cache.digest(file) for file in spec.files}, **before}
    report = search(request, spec, progress)
    if name and is_complete(report) and all(Path(file).exists() for file in files):
        cache.store(name, report, files)
    return report


def search(request: Request, spec: core.Spec, progress: ProgressLine | None) -> Report:
    """Searches, and compares with what the model expects. Pinned counts of the full search and of the reduced one may
    need a search each; the report is the one of the first."""
    from pyspec.lang.lints import lint
    from pyspec.model.instance import choose_model, describe_constants, instantiate

    model = bounds(spec, choose_model(spec, request.model), request.bounds_of)
    instance = instantiate(spec, model, dict(request.consts), request.flaws)
    pristine = not (request.consts or request.flaws or request.only or request.bounds_of)
    request, early = leaving_out(request, spec)
    expects = model.expects if pristine and not early else ()
    wanted = {needs_symmetry(e) for e in expects}
    full_only = request.symmetry and False in wanted and True not in wanted and bool(instance.symmetric)
    first = replace(request, symmetry=request.symmetry and not full_only)
    report = of_result(execute(first, instance, progress), request.path)
    if pristine:
        report["warnings"] = [*map(to_json, lint(spec)), *report["warnings"]]
    report["constants"] = describe_constants(instance)
    report["files"] = list(spec.files)
    reduced = bool(report["symmetry"])
    report["expectations"] = expectations(expects, report, symmetric=reduced if instance.symmetric else None)
    if request.symmetry and not full_only and instance.symmetric and not reduced:
        never = [e for e in expects if needs_symmetry(e)]
        report["expectations"] += [
            {"what": e.kind, "expected": e.number, "found": "no reduction by symmetry", "met": False} for e in never
        ]
    report["notes"] = ["no reduction by symmetry: the model pins the counts of the full search"] if full_only else []
    report["notes"] += instance.notes if request.symmetry else []
    if request.symmetry and not full_only and instance.symmetric and asks_liveness(spec, request):
        report["notes"] += ["no reduction by symmetry: liveness is decided on the graph of all states"]
    if report["stopped_by"] and (folder := saved(request)) and (Path(folder) / "checkpoint").exists():
        report["notes"] += [f"the search is saved: go on with --resume {folder}"]
    if reduced and False in wanted and saved(request):
        report["notes"] += ["the pinned counts of the full search are compared in runs that are not saved"]
    elif reduced and False in wanted:
        second = of_result(execute(replace(request, symmetry=False), instance, progress), request.path)
        pinned = [e for e in expects if needs_symmetry(e) is False]
        report["expectations"] += expectations(pinned, second, symmetric=False)
    return report


def leaving_out(request: Request, spec: core.Spec) -> tuple[Request, bool]:
    """The request with the properties that are not left out by name; whether its search may end early, when all that
    remains are goals: then no count is to be expected."""
    if not request.without:
        return request, False
    rest = [p for p in spec.properties if p.name not in request.without]
    goals = all(p.kind in ("reachable", "assume", "hint", "terminal") for p in rest)
    return replace(request, only=tuple(p.name for p in rest)), goals


def asks_liveness(spec: core.Spec, request: Request) -> bool:
    """Whether a liveness property is among those to check."""
    from pyspec.check.graph import LIVENESS

    return any(p.kind in LIVENESS and (request.only is None or p.name in request.only) for p in spec.properties)


def saved(request: Request) -> str | None:
    """The folder in which the search is to be saved; it holds one search."""
    return request.checkpoint or request.resume


def bounds(spec: core.Spec, model: core.Model, flaw_name: str | None) -> core.Model:
    """The model, changed as the flaw of that name asks."""
    flaw = next((f for f in spec.flaws if f.name == flaw_name), None)
    return replace(model, settings=(*model.settings, *flaw.overrides)) if flaw else model


def execute(request: Request, instance: Instance, progress: ProgressLine | None) -> CheckResult:
    """Runs the engine that was asked for; `auto` is the native one unless it cannot run this model on this machine."""
    if request.engine == "python":
        return execute_python(request, instance, progress)
    from pyspec.native.build import CannotBuild
    from pyspec.native.engine import CannotEmit

    try:
        return execute_native(request, instance, progress)
    except (CannotBuild, CannotEmit) as problem:
        no_compiler = isinstance(problem, CannotBuild)
        code = "E0901" if no_compiler else "E0902"
        why = f"the native engine cannot run: {problem}"
        hint = "install a C compiler (apt-get install gcc), or `pip install ziglang`" if no_compiler else None
        if request.engine == "native" or request.checkpoint or request.resume:
            asked = "--engine native" if request.engine == "native" else "--checkpoint and --resume"
            raise error(code, why, hint=hint or f"leave out {asked}") from None
        result = execute_python(request, instance, progress)
        slow = Diagnostic(
            "W0902", f"{why}; the Python search ran, some hundred times slower", hint=hint, severity="warning"
        )
        return replace(result, warnings=(*result.warnings, slow))


def execute_native(
    request: Request,
    instance: Instance,
    progress: ProgressLine | None,
    shared: tuple[Compiled, int] | None = None,
) -> CheckResult:
    """The search in generated C; see the engine for `shared`."""
    from pyspec.native.engine import check

    return check(
        instance,
        threads=request.threads,
        symmetry=request.symmetry,
        max_states=request.max_states,
        max_seconds=request.max_seconds,
        memory=request.memory,
        only=request.only,
        keep_going=request.keep_going,
        checkpoint=request.checkpoint,
        resume=request.resume,
        progress=progress,
        fallback=False,
        draft=request.draft,
        shared=shared,
    )


def execute_python(request: Request, instance: Instance, progress: ProgressLine | None) -> CheckResult:
    """The search in Python."""
    from pyspec.check.search import check

    return check(
        instance,
        symmetry=request.symmetry,
        max_states=request.max_states,
        max_seconds=request.max_seconds,
        only=request.only,
        keep_going=request.keep_going,
        progress=progress,
    )
