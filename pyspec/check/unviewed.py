"""Liveness of a model with a view.

A view merges states that liveness has to tell apart. It is decided by a search of its own, without the view, once the
search with it has found nothing wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pyspec.model.instance import Instance
from pyspec.model.result import CheckResult, overall

#: A search of an instance for some properties, in what is left of so many seconds.
Again = Callable[[Instance, tuple[str, ...], float], CheckResult]


def with_liveness(instance: Instance, names: tuple[str, ...], result: CheckResult, again: Again) -> CheckResult:
    """The result of a search with a view, and what a search without it says about the properties of these names."""
    failed = any(p.verdict == "violated" and p.kind != "reachable" for p in result.properties)
    if failed or result.error is not None or result.stopped_by is not None:
        return result
    second = again(replace(instance, view=None), names, result.seconds)
    found = {p.name: p for p in second.properties}
    properties = tuple(found.get(p.name, p) for p in result.properties)
    verdicts = [p.verdict for p in properties]
    return replace(
        result,
        verdict=overall(verdicts, second.error is not None, second.stopped_by is not None),
        properties=properties,
        seconds=result.seconds + second.seconds,
        compile_seconds=result.compile_seconds + second.compile_seconds,
        error=second.error,
        error_trace=second.error_trace,
        stopped_by=second.stopped_by,
        peak_bytes=max(result.peak_bytes, second.peak_bytes),
    )
