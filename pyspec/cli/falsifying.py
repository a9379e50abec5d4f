"""What a search of a model finds false needs no proof: `prove` reports the run, and the step in it that no induction
survives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspec.cli.report import Report, of_trace
from pyspec.cli.runner import Request, bounds, execute

if TYPE_CHECKING:
    from pyspec.cli.proving import Asked
    from pyspec.lang import core
    from pyspec.model.instance import Instance
    from pyspec.model.result import CheckResult
    from pyspec.model.trace import Trace

#: Seconds of the search of the explored model before a proof.
SEARCH_SECONDS = 30.0


def provable(spec: core.Spec) -> list[core.Property]:
    """The properties that a proof is about."""
    from pyspec.prove.obligations import INDUCTIVE, STEPS

    return [prop for prop in spec.properties if prop.kind in (*INDUCTIVE, *STEPS, "law")]


def search_model(spec: core.Spec, asked: Asked) -> CheckResult | None:
    """A search of the model (of the one that a flaw names) for violations of what is to be proved; None if the
    specification has no model."""
    names = tuple(prop.name for prop in provable(spec))
    if not spec.models or not names:
        return None
    limits = Request("", only=names, max_seconds=SEARCH_SECONDS, threads=asked.threads, use_cache=False)
    return execute(limits, _searched(spec, asked), None)


def _searched(spec: core.Spec, asked: Asked) -> Instance:
    from pyspec.model.instance import choose_model, instantiate

    own = [flaw for flaw in spec.flaws if flaw.name in asked.flaws and (flaw.model or flaw.overrides)]
    if not own or asked.model is not None:
        return instantiate(spec, asked.model, dict(asked.consts), asked.flaws)
    model = bounds(spec, choose_model(spec, own[0].model), own[0].name)
    return instantiate(spec, model, dict(asked.consts), asked.flaws)


def violated(searched: CheckResult | None) -> dict[str, Trace | None]:
    """The properties that are false, each with a run that shows it."""
    if searched is None:
        return {}
    return {prop.name: prop.trace for prop in searched.properties if prop.verdict == "violated"}


def mark_false(report: Report, found: dict[str, Trace | None]) -> None:
    """Marks the properties of a report that are false, each with its run and the step that breaks the induction."""
    from pyspec.prove.along import first_break

    for prop in report["properties"]:
        if prop["name"] in found:
            trace = found[prop["name"]]
            prop["verdict"], prop["trace"] = "false", of_trace(trace)
            broken = first_break(trace) if trace is not None and trace.instance is not None and trace.steps else None
            prop["breaks"] = broken and {
                "step": broken.step,
                "action": broken.action,
                "conjuncts": list(broken.conjuncts),
            }


def break_line(breaks: Report) -> str:
    """That a step of a run is a counterexample to induction, in words."""
    names = ", ".join(breaks["conjuncts"])
    verb = "is" if len(breaks["conjuncts"]) == 1 else "are"
    return (
        f"Step {breaks['step']}, {breaks['action']}, is a counterexample to induction: "
        f"before it every invariant and lemma holds, after it {names} {verb} false."
    )
