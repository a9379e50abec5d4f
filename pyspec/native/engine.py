"""Native search: an instance in, a CheckResult out."""

from __future__ import annotations

import errno
import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pyspec.base.diagnostics import Diagnostic, error
from pyspec.check.unviewed import with_liveness
from pyspec.lang import core
from pyspec.model.instance import Instance
from pyspec.model.result import CheckResult
from pyspec.model.variants import combine
from pyspec.native import liveness
from pyspec.native.build import CannotBuild, Library, available, build
from pyspec.native.domains import CannotEmit
from pyspec.native.emit_model import Generated, generate
from pyspec.native.library import S_FAULT, S_INTERRUPT, S_ROOM, S_TIME, Options, Search, Unsaved
from pyspec.native.saved import FirstOften, discard, folder_for

__all__ = ["CannotEmit", "available", "check", "compile_model", "compile_variants"]

POLL = 0.1  # seconds between two looks at a running search
GRACE, HURRY = 60.0, 1.0  # seconds for a search to stop in: after a request, after Ctrl-C pressed again
PROCESS_BYTES = 24 << 20  # what a search needs besides its table
Listener = Callable[[int, int, int, int], object]


@dataclass(frozen=True)
class Request:
    """How to search."""

    threads: int
    symmetry: bool
    max_states: int | None
    max_seconds: float | None
    memory: int | None
    only: tuple[str, ...] | None
    keep_going: bool
    checkpoint: str | None
    resume: bool
    checkpoint_seconds: float
    progress: Listener | None
    lively: bool = False  # liveness was asked for: the whole graph is wanted
    draft: bool = False  # the search is short: compile without optimizing
    variant: int = 0


@dataclass(frozen=True)
class Compiled:
    """A model ready to run."""

    made: Generated
    library: Library
    seconds: float


def compile_model(instance: Instance, symmetry: bool = True, draft: bool = False) -> Compiled:
    """Generate, compile and load. Raises CannotEmit and CannotBuild."""
    began = time.perf_counter()
    try:
        made = generate(instance, symmetry)
    except RecursionError:
        raise CannotEmit("expressions or statements are nested too deeply") from None
    library = build(made.source, draft)
    return Compiled(made, library, time.perf_counter() - began)


def compile_variants(instances: Sequence[Instance], draft: bool = False) -> Compiled | None:
    """Several instances compiled as one, for searches of all their properties; None if they differ in more than what
    their actions do. Raises CannotEmit and CannotBuild."""
    whole = combine(instances)
    return compile_model(whole, not liveness.wanted(whole, None), draft) if whole else None


def check(
    instance: Instance,
    *,
    threads: int | None = None,
    symmetry: bool = True,
    max_states: int | None = None,
    max_seconds: float | None = None,
    memory: int | None = None,
    only: tuple[str, ...] | None = None,
    keep_going: bool = False,
    checkpoint: str | None = None,
    resume: bool | str | None = False,
    progress: Listener | None = None,
    checkpoint_seconds: float = 60.0,
    fallback: bool = True,
    draft: bool = False,
    shared: tuple[Compiled, int] | None = None,
) -> CheckResult:
    """Search all states of an instance.

    `memory` is in bytes, for the whole process. `only` names the properties to check. `checkpoint` is a folder to save
    the search in, from time to time and when it is stopped; with `resume` the search goes on from there. A `draft` is
    compiled without optimizing: for a short search. Ctrl-C ends the search with verdict `incomplete`. What cannot be
    generated or compiled is searched in Python instead, with a warning, or (without `fallback`, or with a `checkpoint`)
    raises CannotEmit or CannotBuild. `shared` is what `compile_variants` made of several instances, and
    the number of this one among them. Raises SpecError for a disk that cannot be written (E0907), nothing to resume
    (E0908), a folder in use (E0909).
    """
    lively = bool(liveness.wanted(instance, only))
    symmetry = symmetry and not lively
    folder = resume if isinstance(resume, str) else checkpoint
    request = Request(
        _threads(instance, threads), symmetry, max_states, max_seconds, memory, only, keep_going, folder,
        bool(resume), checkpoint_seconds, progress, lively, draft, shared[1] if shared else 0,
    )  # fmt: skip
    began = time.perf_counter()
    try:
        compiled = shared[0] if shared else compile_model(instance, symmetry, draft)
        result = _search(instance, request, compiled, began)
    except (CannotEmit, CannotBuild) as problem:
        if request.checkpoint or not fallback:
            raise
        return _in_python(instance, request, str(problem))
    except Unsaved as problem:
        raise error("E0908", f"nothing to resume in {folder}: {problem}") from None
    except OSError as problem:
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "free some disk space" if full else "TMPDIR and PYSPEC_CACHE name folders that can be written"
        raise error("E0907", f"the search could not write its files: {problem}", hint=hint) from None
    if not lively or instance.view is None:
        return result

    def again(whole: Instance, names: tuple[str, ...], spent: float) -> CheckResult:
        left = None if max_seconds is None else max(max_seconds - spent, 0.001)
        return check(
            whole, threads=threads, symmetry=False, max_states=max_states, max_seconds=left, memory=memory, only=names,
            progress=progress, draft=draft,
        )  # fmt: skip

    return with_liveness(instance, tuple(p.name for p in liveness.wanted(instance, only)), result, again)


def _threads(instance: Instance, asked: int | None) -> int:
    """Under a view it matters which of several states is found first: one thread always finds the same."""
    return 1 if instance.view is not None else asked or len(os.sched_getaffinity(0))


def _in_python(instance: Instance, request: Request, reason: str) -> CheckResult:
    """The slow search, with a warning that says why it ran."""
    from pyspec.check import search

    result = search.check(
        instance,
        symmetry=request.symmetry,
        max_states=request.max_states,
        max_seconds=request.max_seconds,
        only=request.only,
        keep_going=request.keep_going,
        progress=request.progress,
    )
    hint = "it gives the same answers, some hundred times more slowly"
    warning = Diagnostic("W0902", f"the Python search ran: {reason}", hint=hint, severity="warning")
    return replace(result, warnings=(*result.warnings, warning))


def _search(instance: Instance, request: Request, compiled: Compiled, began: float) -> CheckResult:
    from pyspec.native.outcome import outcome

    made = compiled.made
    with folder_for(request.checkpoint, request.resume) as folder:
        options = search_options(request, made, folder)
        with Search(compiled.library.handle, made, options) as search:
            search.start()
            stopped = _watch(search, request, began)
            state = search.progress()
            if state.stop == S_FAULT:
                raise OSError(state.fault, os.strerror(state.fault))
            if state.stop == S_ROOM:
                raise CannotEmit("a temporary collection grew larger than generated code plans for")
            result = outcome(instance, request, compiled, search, time.perf_counter() - began)
        if request.checkpoint and not stopped:
            discard(Path(request.checkpoint))
        return result


def search_options(request: Request, made: Generated, folder: str) -> Options:
    """The options of a search as C reads them; they refer to `folder`, which the caller keeps."""
    wanted = [request.only is None or p.name in request.only for p in made.properties]
    deadlock = made.deadlock is not None and (request.only is None or made.deadlock.name in request.only)
    return Options(
        threads=request.threads,
        symmetry=int(request.symmetry),
        keep_going=int(request.keep_going),
        stop_when_decided=int(request.only is not None and not request.lively),
        max_states=request.max_states or 0,
        max_slots_log2=_slots(request, len(made.memos)),
        folder=folder.encode(),
        checkpoint=request.checkpoint.encode() if request.checkpoint else None,
        wanted=bytes([*wanted, deadlock, True]),
        resume=int(request.resume),
        variant=request.variant,
    )


def _slots(request: Request, memos: int) -> int:
    """The greatest table, as a power of two: what fits the memory budget, or the machine."""
    if request.memory is None:
        room = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return max(14, (room // 8).bit_length() - 1)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    room = max(request.memory - used - (memos * request.threads + 2 << 20), 1 << 20)
    return max(14, (room * 63 // 64 // 8).bit_length() - 1)


def _watch(search: Search, request: Request, began: float) -> bool:
    """Wait for the end; whether the search was stopped before it.

    A thread that is deep in one state does not notice that it should stop; after GRACE seconds it is left behind.
    """
    clock, wait = FirstOften(request.checkpoint_seconds), 0.005
    left: float | None = None  # when to wait no longer
    while True:
        try:
            if search.wait(wait):
                break
            wait = min(wait * 2, POLL)
            now = time.perf_counter()
            if left is not None and now > left:
                search.abandoned = True
                break
            if request.progress:
                state = search.progress()
                request.progress(state.distinct, state.generated, state.depth, state.queue)
            if left is None and request.max_seconds is not None and now - began > request.max_seconds:
                search.stop(S_TIME)
                left = now + GRACE
            if left is None and request.checkpoint and clock.due():
                search.checkpoint()
        except KeyboardInterrupt:
            search.stop(S_INTERRUPT, at_once=left is not None)
            left = time.perf_counter() + (GRACE if left is None else HURRY)
    return search.abandoned or search.progress().stop != 0


def property_kinds(made: Generated) -> list[tuple[int, core.Property]]:
    """Each property with its number in the search."""
    numbered = list(enumerate(made.properties))
    return numbered + ([(len(made.properties), made.deadlock)] if made.deadlock else [])
