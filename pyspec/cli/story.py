"""A report as a story: what was searched, what holds on what evidence, what went wrong step by step, what looks odd."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from pyspec.cli import diagnostics, exits
from pyspec.cli.console import count, duration, plain, plural, size
from pyspec.cli.report import Report, exit_code, never_fired

STYLES = {"holds": "green", "violated": "red", "incomplete": "yellow", "unknown": "yellow", "error": "red"}
KIND_WORDS = {
    "deadlock_free": "deadlock",
    "always_eventually": "always eventually",
    "eventually_always": "eventually always",
    "leads_to": "leads to",
}
STOPS = {
    "time": "the time budget (--max-seconds) ran out",
    "states": "the state budget (--max-states) ran out",
    "memory": "the memory budget (--memory) ran out",
    "interrupt": "it was interrupted",
    "disk": "the disk is full",
}


def heading(report: Report) -> Text:
    """Protocol, model, flaws."""
    text = Text.assemble((plain(report["protocol"]), "bold"), f", model {plain(report['model'])}")
    if report.get("constants"):
        text.append(f" ({plain(report['constants'])})")
    if report["flaws"]:
        text.append(", with flaw " + ", ".join(report["flaws"]), "bold yellow")
    return text


def numbers(report: Report) -> str:
    """Counts, time, engine, reductions, in one or two sentences."""
    seconds, compiling = report["seconds"], report["compile_seconds"]
    text = f"{plural(report['distinct'], 'state')}, {count(report['generated'])} generated, depth {report['depth']}"
    text += f" in {duration(seconds)}"
    if compiling >= 0.005:
        text += f" ({duration(compiling)} of it compiling)"
    engine = {"native": "native engine", "python": "Python search"}[report["engine"]]
    text += f"; {engine}"
    if report["threads"] > 1:
        text += f", {report['threads']} threads"
    if seconds - compiling >= 1:
        text += f", {count(report['generated'] / (seconds - compiling))} generated/s"
    if report["peak_bytes"] >= 50_000_000:
        text += f", {size(report['peak_bytes'])}"
    return text


def reductions(report: Report) -> list[str]:
    """What makes the counts smaller than those of the plain search, and how sure the answer is."""
    from pyspec.check.graph import LIVENESS

    out = []
    if report["symmetry"]:
        out.append(
            f"states that differ by a permutation of {', '.join(report['symmetry'])} count once (--no-symmetry: each)"
        )
    if report["limited"]:
        out.append("states beyond the model's limit were checked but not expanded")
    if report.get("viewed"):
        out.append("states with the same view count as one: behaviours may be missed")
        if any(p["kind"] in LIVENESS for p in report["properties"]):
            out.append("liveness was decided on all states, without the view")
    if report["collision_probability"] > 1e-9:
        out.append(f"chance that two states were taken for one: {report['collision_probability']:.1e}")
    return out


def property_line(found: Report, width: int) -> Text:
    """One property: its name, verdict and evidence."""
    verdict, evidence = found["verdict"], found["evidence"]
    kind = KIND_WORDS.get(found["kind"], found["kind"])
    name = found["name"] if found["kind"] != "deadlock_free" else "deadlock free"
    label = name if kind == "deadlock" else f"{kind} {name}"
    if found["kind"] == "reachable":
        word = {"holds": "reached", "violated": "NEVER REACHED"}.get(verdict, str(verdict))
        steps = found["trace"]["length"] if found["trace"] and "length" in found["trace"] else None
        detail = f"in {plural(steps, 'step')}" if steps is not None and verdict == "holds" else evidence
    else:
        word = str(verdict).upper() if verdict == "violated" else str(verdict)
        detail = evidence if verdict != "violated" else ""
    text = Text.assemble("  ", f"{plain(label):<{width}}  ", (word, f"bold {STYLES.get(verdict, 'yellow')}"))
    if detail and detail != verdict:
        text.append(f" ({detail})")
    return text


def label_width(report: Report) -> int:
    """The width of the longest property label, within reason."""
    labels = [f"{KIND_WORDS.get(p['kind'], p['kind'])} {p['name']}" for p in report["properties"]]
    return min(60, max(map(len, labels), default=0))


def traces(console: Console, report: Report) -> None:
    """Counterexamples of violated properties, and the run to an evaluation error."""
    for found in report["properties"]:
        if found["verdict"] == "violated" and found["trace"]:
            console.print()
            console.print(Text(f"Counterexample to {plain(found['name'])}", "bold"))
            console.print(Text(found["trace"]["text"].rstrip("\n")))
    if report["errors"]:
        console.print()
        diagnostics.show(console, [diagnostics.from_json(e) for e in report["errors"]])
        if report["error_trace"]:
            console.print(Text("The run that leads to it", "bold"))
            console.print(Text(report["error_trace"]["text"].rstrip("\n")))


def oddities(console: Console, report: Report) -> None:
    """What is not wrong but looks odd: actions that never fire, warnings."""
    names = never_fired(report)
    if names:
        console.print(Text.assemble(("  never fired: ", "yellow"), ", ".join(map(plain, names))))
    if report["warnings"]:
        console.print()
        diagnostics.show(console, [diagnostics.from_json(w) for w in report["warnings"]])


def expectation_lines(report: Report) -> list[Text]:
    """What the model's `expect` lines say, met or not."""
    out = []
    for found in report["expectations"]:
        numeric = isinstance(found["expected"], int)
        expected = f"{count(found['expected'])} {found['what']}" if numeric else found["what"]
        if found["met"]:
            out.append(Text.assemble("  ", f"expect {expected}", ("  as expected", "green")))
        else:
            actual = count(found["found"]) if isinstance(found["found"], int) else str(found["found"])
            out.append(Text.assemble("  ", f"expect {expected}", (f"  NOT MET: found {actual}", "bold red")))
    return out


def conclusion(report: Report, *, strict: bool) -> Text:
    """The last line: the verdict in a sentence."""
    code = exit_code(report, strict=strict)
    cached = " (cached)" if report["cached"] else ""
    violated = [p["name"] for p in report["properties"] if p["verdict"] == "violated"]
    if report["errors"]:
        return Text(f"error: the specification fails while it runs{cached}", "bold red")
    if code == exits.BUDGET and "runs" in report and not report["stopped_by"]:
        return Text(f"no violation in {plural(report['runs'], 'random run')} (seed {report['seed']}); no proof", "bold")
    if code == exits.BUDGET:
        why = STOPS.get(str(report["stopped_by"]), "the search did not finish")
        return Text(f"incomplete: {why}; what is said above is about the states seen so far{cached}", "bold yellow")
    if code == exits.FAILED and violated:
        return Text(f"violated: {', '.join(map(plain, violated))}{cached}", "bold red")
    if code == exits.FAILED:
        why = (
            "strict: " + _strict_reason(report)
            if report["verdict"] == "holds" and strict
            else "an expectation is not met"
        )
        return Text(f"failed: {why}{cached}", "bold red")
    if violated:
        return Text(f"as expected, violated: {', '.join(map(plain, violated))}{cached}", "bold green")
    bounds = [name for name, given in (("limit", report["limited"]), ("view", report.get("viewed"))) if given]
    scope = f" within the {' and the '.join(bounds)}" if bounds else ""
    what = f"all {plural(report['distinct'], 'state')}" if report["distinct"] != 1 else "the only state"
    if not report["properties"]:
        return Text(f"holds: there is no property to violate, in {what} of the model{scope}{cached}", "bold green")
    return Text(f"holds: every property, in {what} of the model{scope}{cached}", "bold green")


def _strict_reason(report: Report) -> str:
    if not all(e["met"] for e in report["expectations"]):
        return "an expectation is not met"
    return "an action never fires" if never_fired(report) else "there are warnings"


def tell(console: Console, report: Report, *, strict: bool = False) -> None:
    """Prints the whole report."""
    console.print(heading(report))
    console.print(f"  {numbers(report)}")
    for note in [*reductions(report), *report.get("notes", [])]:
        console.print(Text(f"  {note}", "dim"))
    width = label_width(report)
    for found in report["properties"]:
        console.print(property_line(found, width))
    for line in expectation_lines(report):
        console.print(line)
    oddities(console, report)
    traces(console, report)
    console.print(conclusion(report, strict=strict))
