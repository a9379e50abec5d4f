"""`pyspec prove --explain`: the sort graph of the obligations, as a report and as a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from pyspec.cli import exits
from pyspec.cli.console import plain, plural
from pyspec.cli.report import Report
from pyspec.cli.runner import load

if TYPE_CHECKING:
    from pyspec.lang import core
    from pyspec.prove.fragment import Arc, Arithmetic, Explanation, Place

#: Cycles, and places of one arc, that are told one by one.
MOST_TOLD = 4
RELATION = "a set of pairs (a relation) in the place of {} has no such arc"
WITNESS = (
    "keep in a ghost variable which one exists (a set of pairs), and state the lemma over that; or find a lemma with "
    "`all` alone that says enough"
)
ORDER = (
    "where only the order matters, compare elements of an `ordered sort` (without `next`, `prev`, `index`); sums and "
    "counts are outside the fragment"
)


def explain_file(path: str, flaws: tuple[str, ...]) -> Report:
    """The report of one file."""
    from pyspec.prove.fragment import explain

    spec = load(path)
    found = explain(spec, flaws)
    report = {
        "file": path,
        "protocol": spec.name,
        "setting": "any size",
        "flaws": list(flaws),
        "fragment": "EPR" if found.decidable else "outside EPR",
        "obligations": [
            {"name": one.name, "fragment": "EPR" if one.decidable else "outside EPR", "cycles": list(one.cycles)}
            | {"arithmetic": bool(one.arithmetic)}
            for one in found.obligations
        ],
        "arcs": [_arc(spec, arc, place) for arc, place in found.arcs],
        "cycles": [_cycle(spec, found, cycle, number) for cycle, number in found.cycles().items()],
        "arithmetic": [_arithmetic(what, place, n) for (what, place), n in found.arithmetic().items()],
        "unsupported": sorted(found.unsupported),
        "errors": [],
        "exit_code": exits.OK,
    }
    return report | {"hints": _hints(report)}


def _arc(spec: core.Spec, arc: Arc, place: Place) -> Report:
    from pyspec.prove.fragment import EXISTS, declaration, spelled

    exists = arc.by == EXISTS
    declared = None if exists else declaration(spec, arc.by)
    return {
        "from": arc.source,
        "to": arc.target,
        "by": "exists" if exists else "function",
        "function": "" if exists else spelled(arc.by),
        "declared": declared.span.line if declared else 0,
        "variable": declared.name if declared else "",
        "where": place.text,
        "line": place.line,
    }


def _cycle(spec: core.Spec, found: Explanation, cycle: tuple[str, ...], number: int) -> Report:
    arcs = [_arc(spec, arc, place) for arc, place in found.along(cycle)]
    return {"sorts": list(cycle), "obligations": number, "arcs": arcs}


def _hints(report: Report) -> list[str]:
    """What would take arcs from the cycles, or the arithmetic away."""
    arcs = [arc for cycle in report["cycles"] for arc in cycle["arcs"]]
    variables = sorted({f"`{arc['variable']}`" for arc in arcs if arc["variable"]})
    hints = [RELATION.format(" or ".join(variables))] if variables else []
    hints += [WITNESS] if any(arc["by"] == "exists" for arc in arcs) else []
    return [*hints, ORDER] if report["arithmetic"] else hints


def _arithmetic(what: Arithmetic, place: Place, number: int) -> Report:
    from pyspec.prove.fragment import spelled

    symbols = sorted(set(map(spelled, what.symbols)))
    return {
        "operation": what.operation,
        "on": symbols,
        "where": place.text,
        "line": place.line,
        "obligations": number,
    }


# ------------------------------------------------------------------------------------------------------- story


def tell(console: Console, report: Report) -> None:
    """The report for people."""
    total = len(report["obligations"])
    inside = sum(one["fragment"] == "EPR" for one in report["obligations"])
    say(
        console,
        f"{report['protocol']}, any size: {inside} of {plural(total, 'obligation')} in the decidable fragment (EPR)",
    )
    for name in report["unsupported"]:
        say(console, f"  left out, since it has no encoding: {name}")
    _tell_arcs(console, report["arcs"])
    for cycle in report["cycles"][:MOST_TOLD]:
        way = " -> ".join((*cycle["sorts"], cycle["sorts"][0]))
        say(console, f"cycle {way}: in {plural(cycle['obligations'], 'obligation')}", "yellow")
        for what, places in _grouped(cycle["arcs"], _why).items():
            say(console, f"  {what}, in {_listed(places)}")
    if (more := len(report["cycles"]) - MOST_TOLD) > 0:
        say(console, f"... and {plural(more, 'more cycle')} (--json has them all)")
    if report["arithmetic"]:
        number = sum(one["arithmetic"] for one in report["obligations"])
        say(console, f"integers are used for more than their order: in {plural(number, 'obligation')}", "yellow")
        for what, places in _grouped(report["arithmetic"], _operation).items():
            say(console, f"  {what}, in {_listed(places)}")
    for hint in report["hints"]:
        say(console, f"hint: {hint}")
    say(console, _conclusion(report), "green" if report["fragment"] == "EPR" else "bold yellow")


def say(console: Console, text: str, style: str = "") -> None:
    """One line, however long, without markup."""
    console.print(Text(plain(text), style), soft_wrap=True)


def _conclusion(report: Report) -> str:
    if report["fragment"] == "EPR":
        return "in the decidable fragment: finitely many instances decide every obligation"
    return "outside the decidable fragment: proofs may still succeed, but a solver may also search for ever"


def _tell_arcs(console: Console, arcs: Iterable[Report]) -> None:
    """The sort graph: for each pair of sorts what leads from one to the other."""
    ways: dict[tuple[str, str], dict[str, None]] = {}
    for arc in arcs:
        ways.setdefault((arc["from"], arc["to"]), {})[arc["function"] or "exists"] = None
    say(console, "sort graph:" if ways else "sort graph: no arcs")
    for (source, target), by in ways.items():
        say(console, f"  {source} -> {target}  {', '.join(by)}")


def _grouped(items: Iterable[Report], name: Callable[[Report], str]) -> dict[str, list[str]]:
    """Where each of some things is."""
    groups: dict[str, dict[str, None]] = {}
    for item in items:
        line = f" (line {item['line']})" if item["line"] else ""
        groups.setdefault(name(item), {})[item["where"] + line] = None
    return {what: list(places) for what, places in groups.items()}


def _why(arc: Report) -> str:
    line = f" (line {arc['declared']})" if arc["declared"] else ""
    why = arc["function"] + line if arc["function"] else f"all {arc['from']} ... exists {arc['to']}"
    return f"{arc['from']} -> {arc['to']}  {why}"


def _operation(used: Report) -> str:
    return f"`{used['operation']}` on {', '.join(used['on']) or 'a bound variable'}"


def _listed(places: list[str]) -> str:
    more = len(places) - MOST_TOLD
    return "; ".join(places[:MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")
