"""A proof as a report (the object of `--json`), and the report as a story for people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from pyspec.base.diagnostics import SpecError
from pyspec.cli import cache, diagnostics, exits, needed
from pyspec.cli.console import duration, make_console, plain, plural
from pyspec.cli.falsifying import break_line, mark_false, search_model, violated
from pyspec.cli.report import Report, of_trace
from pyspec.cli.runner import Request, execute, load

if TYPE_CHECKING:
    from pyspec.lang import core
    from pyspec.prove.cti import Cti
    from pyspec.prove.engine import Options, Progress
    from pyspec.prove.result import ObligationResult, ProofResult, PropertyProof

#: States and seconds of a search for the first state of a counterexample to induction.
REACH_STATES, REACH_SECONDS = 2_000_000, 10.0


@dataclass(frozen=True)
class Asked:
    """One proof: the model (None: any size), settings, flaws, limits."""

    model: str | None = None
    consts: tuple[tuple[str, str], ...] = ()
    flaws: tuple[str, ...] = ()
    seconds: float = 20.0
    max_seconds: float = 600.0
    threads: int | None = None
    no_search: bool = False
    no_refinement: bool = False
    laws: bool = False
    no_cache: bool = False
    needed: bool = False

    def decides(self) -> dict[str, object]:
        """What the report depends on besides the specification."""
        return {
            "proof": True,
            "model": self.model,
            "consts": sorted(self.consts),
            "flaws": sorted(self.flaws),
            "search": not self.no_search,
            "refinement": not self.no_refinement,
            "laws": self.laws,
            "needed": self.needed,
        }


def prove_file(path: str, asked: Asked, progress: Progress | None) -> Report:
    """The report of a proof, from the cache if it is known."""
    name = None if asked.no_cache else cache.key(path, asked.decides())
    if name and (known := cache.load(name)):
        return {**known, "cached": True}
    before = {path: cache.digest(path)}
    spec = _asked_for(load(path), asked)
    files = {**{file: cache.digest(file) for file in spec.files}, **before}
    report = _prove(spec, path, asked, progress)
    if name and report["verdict"] != "undecided" and not needed.is_open(report):
        cache.store(name, report, files)
    return report


def has_laws(path: str) -> bool:
    """Whether a specification states laws; one that cannot be read counts, so that its mistakes are reported."""
    try:
        return any(prop.kind == "law" for prop in load(path).properties)
    except (OSError, SpecError):
        return True


def _asked_for(spec: core.Spec, asked: Asked) -> core.Spec:
    """The specification without what is not to be proved."""
    if asked.laws:
        laws = tuple(prop for prop in spec.properties if prop.kind in ("law", "assume"))
        return replace(spec, properties=laws, actions=(), refines=())
    if asked.no_refinement:
        return replace(spec, properties=tuple(prop for prop in spec.properties if prop.kind != "refines"))
    return spec


def _prove(spec: core.Spec, path: str, asked: Asked, progress: Progress | None) -> Report:
    searched = None if asked.no_search else search_model(spec, asked)
    false = violated(searched)
    result = _untried(spec, asked) if false else _proof(asked, spec, _limits(asked), progress)
    report = _report(result, path)
    report["searched"] = searched and {
        "model": searched.model,
        "verdict": searched.verdict,
        "distinct": searched.distinct,
    }
    mark_false(report, false)
    _add_reached(result, report)
    if asked.needed and report["verdict"] in ("proved", "inductive"):
        small = None if asked.model or asked.consts or not spec.models else partial(_proof_in_model, asked)
        needed.add(report, spec, partial(_proof, asked), small, _limits(asked), progress)
    report["exit_code"] = exit_code(report)
    return report


def _proof(asked: Asked, spec: core.Spec, options: Options, progress: Progress | None = None) -> ProofResult:
    from pyspec.model.instance import instantiate
    from pyspec.prove.engine import prove, prove_instance

    if asked.model is None and not asked.consts:
        return prove(spec, asked.flaws, options, progress)
    return prove_instance(instantiate(spec, asked.model, dict(asked.consts), asked.flaws), options, progress)


def _proof_in_model(asked: Asked, spec: core.Spec, options: Options) -> ProofResult:
    """At the sizes of the model that comes first, without the crashes that a proof for any size is not about."""
    from pyspec.model.instance import instantiate
    from pyspec.prove.engine import prove_instance
    from pyspec.prove.faults import without_crashes

    return prove_instance(instantiate(without_crashes(spec), None, {}, asked.flaws), options)


def _limits(asked: Asked) -> Options:
    from pyspec.prove.engine import Options

    return Options(asked.seconds, max_seconds=asked.max_seconds, threads=asked.threads, use_cache=not asked.no_cache)


def _untried(spec: core.Spec, asked: Asked) -> ProofResult:
    """No proof: what rests on something false is worth nothing."""
    from pyspec.model.instance import describe_constants, instantiate
    from pyspec.prove.engine import untried

    setting = "any size"
    if asked.model is not None or asked.consts:
        setting = describe_constants(instantiate(spec, asked.model, dict(asked.consts), asked.flaws))
    return untried(spec, setting, asked.flaws)


def _add_reached(result: ProofResult, report: Report) -> None:
    """Says of each counterexample to induction whether its first state can be reached: one search for each instance."""
    shown = [
        (prop.cti, found)
        for prop, found in zip(result.properties, report["properties"], strict=True)
        if prop.cti is not None and found["verdict"] == "not inductive"
    ]
    instances: dict[object, list[tuple[Cti, Report]]] = {}
    for cti, found in shown:
        if cti.target.kind in ("initial", "law"):
            found["reachable"] = "yes"
        else:
            instances.setdefault(cti.sizes, []).append((cti, found))
    for several in instances.values():
        for (_, found), answer in zip(several, _reached([cti for cti, _ in several]), strict=True):
            found["reachable"] = answer


def _reached(ctis: list[Cti]) -> list[str]:
    """Whether the first states of counterexamples can be reached in their instance: "yes", "no", or "unknown" (the
    search did not finish)."""
    from pyspec.lang import core
    from pyspec.lang import types as ty
    from pyspec.prove.cti import is_state

    watched = []
    for number, cti in enumerate(ctis, 1):
        first = cti.trace.steps[0].state
        assert first is not None
        body = core.Op(ty.Bool(), "not", (is_state(cti.instance, first),))
        watched.append(core.Property("invariant", f"(state {number})", body))
    made = ctis[0].instance
    spec = replace(made.spec, properties=tuple(watched), refines=())
    instance = replace(made, spec=spec, symmetric=(), limits=(), view=None)
    limits = Request("", max_states=REACH_STATES, max_seconds=REACH_SECONDS, symmetry=False, keep_going=True)
    result = execute(limits, instance, None)
    complete = not result.stopped_by and not result.limited and result.verdict in ("holds", "violated")
    return ["yes" if p.verdict == "violated" else "no" if complete else "unknown" for p in result.properties]


# ---------------------------------------------------------------------------------------------------- report


def _report(result: ProofResult, path: str) -> Report:
    return {
        "file": path,
        "protocol": result.protocol,
        "setting": result.setting,
        "verdict": result.verdict,
        "solver": result.solver,
        "axioms": list(result.axioms),
        "properties": [_property(prop) for prop in result.properties],
        "obligations": [_obligation(one) for prop in result.properties for one in prop.obligations],
        "lemmas_used": list(result.used),
        "lemmas_not_used": list(result.unused),
        "needs": None,
        "not_covered": list(result.not_covered),
        "out_of_time": result.out_of_time,
        "flaws": list(result.flaws),
        "seconds": round(result.seconds, 3),
        "build_seconds": round(result.build_seconds, 3),
        "cached": False,
        "errors": [],
    }


VERDICTS = {"refuted": "not inductive", "untried": "not tried"}


def _property(prop: PropertyProof) -> Report:
    return {
        "name": prop.name,
        "kind": prop.kind,
        "verdict": VERDICTS.get(prop.fate, prop.fate),
        "proved": sum(one.status == "proved" for one in prop.obligations),
        "total": len(prop.obligations),
        "open": [one.name for one in prop.obligations if one.status != "proved"],
        "needs": list(prop.needs),
        "spurious": prop.spurious,
        "sizes": prop.cti.sizes.text() if prop.cti else "",
        "conjunct": prop.cti.target.label if prop.cti else "",
        "trace": of_trace(prop.cti.trace) if prop.cti else None,
        "breaks": None,
        "reachable": "",
        "problem": diagnostics.to_json(prop.problem) if prop.problem else None,
        "line": prop.span.line,
    }


def _obligation(one: ObligationResult) -> Report:
    return {
        "name": one.name,
        "action": one.action,
        "property": one.prop or "evaluation",
        "status": one.status,
        "seconds": round(one.seconds, 3),
        "by": one.by,
        "uses": list(one.uses),
        "cached": one.cached,
    }


def exit_code(report: Report) -> int:
    """0 everything is proved; 1 something is false or not inductive; 3 something is undecided."""
    verdicts = {prop["verdict"] for prop in report["properties"]}
    if verdicts & {"false", "not inductive"}:
        return exits.FAILED
    return exits.BUDGET if verdicts - {"proved"} else exits.OK


# ----------------------------------------------------------------------------------------------------- story

STYLES = {
    "proved": "green",
    "undecided": "yellow",
    "depends": "yellow",
    "unsupported": "yellow",
    "not tried": "yellow",
}


def tell(console: Console, report: Report) -> None:
    """Prints a report for people."""
    if report["verdict"] == "error":
        diagnostics.show(make_console(stderr=True), map(diagnostics.from_json, report["shown"]))
        return
    head = Text.assemble((plain(report["protocol"]), "bold"), f", {plain(report['setting'])}")
    if report["flaws"]:
        head.append(", with flaw " + ", ".join(report["flaws"]), "bold yellow")
    console.print(head)
    console.print(_numbers(report))
    width = max((len(f"{p['kind']} {p['name']}") for p in report["properties"]), default=0)
    for prop in report["properties"]:
        console.print(_line(prop, min(60, width)))
    for prop in report["properties"]:
        _tell_property(console, prop)
    _tell_rest(console, report)
    console.print(_conclusion(report))


def _numbers(report: Report) -> str:
    if any(prop["verdict"] == "not tried" for prop in report["properties"]):
        return f"no proof was tried: {_why_untried(report)}"
    total = plural(len(report["obligations"]), "obligation")
    kept = sum(one["cached"] for one in report["obligations"])
    known = f", {kept} of them known" if kept else ""
    building = f"{duration(report['build_seconds'])} of it building terms"
    return f"{total}{known} in {duration(report['seconds'])} ({building}); {report['solver']}"


def _why_untried(report: Report) -> str:
    searched = report["searched"]
    if not any(prop["verdict"] == "false" for prop in report["properties"]):
        return f"with this flaw there is a counterexample to induction, found in {duration(report['seconds'])}"
    return f"a search of model {searched['model']} ({plural(searched['distinct'], 'state')}) found what is false"


def _line(prop: Report, width: int) -> Text:
    verdict = prop["verdict"]
    word = {"proved": "proved", "false": "FALSE", "not inductive": "NOT INDUCTIVE"}.get(verdict, verdict.upper())
    word = "FALSE" if prop["kind"] == "law" and verdict == "not inductive" else word
    text = Text.assemble("  ", f"{plain(prop['kind'] + ' ' + prop['name']):<{width}}  ")
    text.append(word, f"bold {STYLES.get(verdict, 'red')}")
    if verdict == "depends":
        text.append(f" (its proof rests on {', '.join(prop['needs'])})")
    elif verdict == "undecided":
        text.append(f" ({prop['proved']} of {prop['total']} obligations proved)")
    return text


def _tell_property(console: Console, prop: Report) -> None:
    if prop["verdict"] == "false" and prop["trace"]:
        console.print()
        console.print(Text(f"{plain(prop['name'])} is false in a reachable state", "bold red"))
        console.print(Text(prop["trace"]["text"].rstrip("\n")))
        if prop["breaks"]:
            console.print(Text("  " + plain(break_line(prop["breaks"]))))
    elif prop["verdict"] == "not inductive":
        console.print()
        where = f" ({prop['sizes']})" if prop["sizes"] else ""
        what = "Counterexample to" if prop["kind"] == "law" else "Counterexample to induction for"
        console.print(Text(f"{what} {plain(prop['conjunct'] or prop['name'])}{where}", "bold"))
        console.print(Text(prop["trace"]["text"].strip("\n")))
        if prop["kind"] != "law":
            console.print(Text("  " + REACHED[prop["reachable"]]))
    elif prop["verdict"] == "undecided":
        for name in prop["open"]:
            console.print(Text(f"  undecided: {plain(name)}", "yellow"))
        if prop["spurious"]:
            console.print("  the solver has a counterexample, but no small instance has one: it may be spurious")
    elif prop["problem"]:
        console.print()
        diagnostics.show(console, [diagnostics.from_json(prop["problem"])])


REACHED = {
    "yes": "The first state can be reached: this is a bug of the protocol (or of the property).",
    "no": "The first state cannot be reached in this instance: a lemma that excludes it would help.",
    "unknown": "Whether the first state can be reached is not known: the search did not finish.",
    "": "",
}


def _tell_rest(console: Console, report: Report) -> None:
    needed.tell(console, report)
    for axiom in report["axioms"]:
        console.print(Text(f"  assumed: {plain(axiom)}"))
    if report["exit_code"] == exits.OK:
        for what in report["not_covered"]:
            console.print(Text(f"  not covered: {plain(what)}"))
    if report["out_of_time"]:
        console.print(Text("  all the time allowed was spent (--max-seconds)", "yellow"))


def _conclusion(report: Report) -> Text:
    cached = " (cached)" if report["cached"] else ""
    names = {v: [p["name"] for p in report["properties"] if p["verdict"] == v] for v in ("false", "not inductive")}
    if names["false"]:
        return Text(f"refuted: {', '.join(map(plain, names['false']))}{cached}", "bold red")
    if names["not inductive"]:
        return Text(f"not inductive: {', '.join(map(plain, names['not inductive']))}{cached}", "bold red")
    if report["exit_code"] != exits.OK:
        open_ = [p["name"] for p in report["properties"] if p["verdict"] != "proved"]
        return Text(f"undecided: {', '.join(map(plain, open_))}{cached}", "bold yellow")
    if not report["properties"]:
        return Text("nothing to prove: there is no invariant, lemma or step property", "bold yellow")
    if report["setting"] == "any size":
        laws = all(prop["kind"] == "law" for prop in report["properties"])
        what = "every law" if laws else "every invariant, lemma and step property"
        return Text(f"PROVED for any size: {what}{cached}", "bold green")
    return Text(f"INDUCTIVE at {plain(report['setting'])}: every invariant and lemma{cached}", "bold green")
