"""A failure told to somebody who has never seen the code: what happened, what should have, which lines ran."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from impl.runtime.effects import Effect, Note, Peers, Persist, Receive, Reply, Rewrite, Send
from impl.runtime.world import Choice, Deliver
from refinement.harness.campaign import Campaign, Found
from refinement.harness.coverage import Class
from refinement.harness.exhaustive import Explored
from refinement.harness.mapping import ProtocolMapping, Step
from refinement.harness.nearest import nearest
from refinement.harness.refiner import Rejection
from refinement.harness.source import BORING, Ran, ran, shown
from refinement.harness.traces import Traced

LAST = 40
"""Steps of a chart."""
EARLIER = 8
"""Steps before the wrong one whose functions are named."""


def headline(rejection: Rejection) -> list[str]:
    """What was wrong, in the first lines."""
    return [f"{KINDS[rejection.kind]}: {rejection.title}", *(f"    {line}" for line in rejection.lines)]


KINDS = {
    "step": "not a step of the specification",
    "message": "a message that the specification does not send",
    "hasty": "something leaves too early",
    "recovery": "a crash would lose something",
    "invariant": "an invariant of the specification is broken",
    "demand": "a property beside the specification is broken",
    "stopped": "the core stopped",
    "trace": "the process did something else than its core",
    "history": "the clients saw something that cannot be",
}


def failure_text(mapping: ProtocolMapping, found: Found) -> str:
    """The whole report."""
    mapping, rejection = mapping.of(found.nodes), found.rejection
    steps = steps_of(found)
    lines = [*headline(rejection), *step_lines(mapping, rejection, steps)]
    lines += earlier_lines(mapping, rejection, steps) if rejection.step is None else []
    way = f"found by a {found.way} with {found.nodes} nodes, seed {found.seed}"
    lines += ["", f"{way}; shrunk from {found.before} events to:", ""]
    lines += [f"    {line}" for line in schedule_lines(found)]
    lines += earlier_lines(mapping, rejection, steps) if rejection.step is not None else []
    return "\n".join([*lines, *chart_lines(mapping, steps)])


def traced_text(mapping: ProtocolMapping, found: Traced) -> str:
    """The report of a line in the traces of real processes."""
    assert found.rejection is not None
    lines = [*headline(found.rejection), "", f"{found.place}, {found.seconds:.3f} s after the first line:", ""]
    lines.append(
        f"    {clean(json.dumps({name: value for name, value in found.said.items() if name != 'exact'}), 1000)}"
    )
    steps = list(found.steps)
    lines += step_lines(mapping, found.rejection, steps)
    lines += earlier_lines(mapping, found.rejection, steps)
    return "\n".join([*lines, *chart_lines(mapping, steps)])


def chart_lines(mapping: ProtocolMapping, steps: list[tuple[float, Step]]) -> list[str]:
    """The last steps as a chart, with its title."""
    return ["", "the last steps as a message chart (Mermaid):", "", chart(mapping, steps)]


def schedule_lines(found: Found) -> list[str]:
    """The minimal schedule."""
    if found.walked is not None:
        return [f"{number:>3}  {choice_text(choice)}" for number, choice in enumerate(found.walked.choices, 1)]
    assert found.outcome is not None
    scenario = found.outcome.scenario
    events: list[tuple[float, str]] = [(at, repr(fault)) for at, fault in scenario.schedule]
    events += [(call.at, f"client {call.client} calls {call.command!r} at {call.node}") for call in scenario.calls]
    lines = [f"{at:>8.3f} s  {text}" for at, text in sorted(events)]
    return [f"simulator seed {scenario.seed}, {scenario.seconds} s", *lines]


def choice_text(choice: Choice) -> str:
    """A choice of the environment in words."""
    if isinstance(choice, Deliver):
        kept = " (and the network keeps a copy)" if choice.keep else ""
        return f"{choice.source} -> {choice.target}: {choice.message}{kept}"
    return repr(choice)


def step_lines(mapping: ProtocolMapping, rejection: Rejection, told: list[tuple[float, Step]]) -> list[str]:
    """What the implementation did in the step, what the specification would do, and the code that ran."""
    step = rejection.step
    if step is None:
        return []
    calls = ran(mapping, step)
    lines = ["", f"the step: {event_text(step)}"]
    lines += [f"    by {places(calls)}"] if calls else []
    if rejection.disk is not None:
        disk = ran(mapping, replace(step, event=None, before=None, records=rejection.disk))
        lines.append(f"    and back from the disk by {places(disk)}")
    lines += causes(mapping, step, told, calls)
    lines += [f"    {line}" for line in changes(mapping, step)]
    lines += [f"    {text}" for effect in step.effects if (text := effect_text(effect))]
    if rejection.moves:
        lines += ["", "as moves of the specification:", *(f"    {move.text}" for move in rejection.moves)]
    if rejection.position is not None:
        found = nearest(mapping, rejection.position, rejection)
        if found:
            lines += ["", f"the nearest action of {mapping.spec}: {found[0]}", *found[1:]]
    code = shown(calls)
    if code:
        lines += ["", "the code that ran in this step:", *(f"    {line}" for line in code)]
    return lines


def earlier_lines(mapping: ProtocolMapping, rejection: Rejection, told: list[tuple[float, Step]]) -> list[str]:
    """The functions that ran when the node took its last steps before: what was forgotten there may show only now.

    Where no single step is wrong, those of every node.
    """
    last = rejection.step
    nodes = mapping.nodes if last is None else (last.node,)
    return [line for node in nodes for line in _steps_lines(mapping, node, last, told)]


def causes(mapping: ProtocolMapping, step: Step, told: list[tuple[float, Step]], calls: list[Ran]) -> list[str]:
    """Where the message of a step was sent, and which other functions ran before at this node, the latest first."""
    lines: list[str] = []
    if isinstance(step.event, Receive) and step.event.sender != step.node:
        sent = next((one for _, one in reversed(told) if _sends(one, step.event, step.node)), None)
        if sent is not None:
            lines.append(f"    which {clean(event_text(sent), 120)} sent by {places(ran(mapping, sent))}")
    known = {call.place for call in calls}
    earlier = [call for one in reversed(before(mapping, step.node, step, told)) for call in ran(mapping, one)]
    rest = places([call for call in earlier if call.place not in known])
    return [*lines, f"    before by {rest}"] if rest else lines


def _sends(step: Step, event: Receive, to: str) -> bool:
    sent = [effect for effect in step.effects if isinstance(effect, Send)]
    return step.node == event.sender and any((one.to, one.message) == (to, event.message) for one in sent)


def before(mapping: ProtocolMapping, node: str, last: Step | None, told: list[tuple[float, Step]]) -> list[Step]:
    """The last steps of a node before one, its last start among them; without those that changed timers only."""
    same, own = mapping.protocol.canonical, [step for _, step in told if step.node == node and step is not last]
    found = [step for step in own if step.event is None or same(step.before) != same(step.after)]
    starts = [step for step in found[:-EARLIER] if step.event is None]
    return starts[-1:] + found[-EARLIER:]


def _steps_lines(
    mapping: ProtocolMapping, node: str, last: Step | None, told: list[tuple[float, Step]]
) -> Iterator[str]:
    steps = before(mapping, node, last, told)
    if steps:
        yield from ("", f"the functions that ran in the last steps of {node}{' before' if last else ''}:")
    for step in steps:
        yield from (f"    {clean(event_text(step))}", f"        {places(ran(mapping, step))}")


def places(calls: list[Ran]) -> str:
    """The functions that ran, with their places; those that nearly always run come last."""
    ordered = sorted(calls, key=lambda call: call.name in BORING)
    return ", ".join(dict.fromkeys(f"{call.name} {call.place}" for call in ordered))


def event_text(step: Step) -> str:
    """What happened to the node."""
    if step.event is None:
        return f"{step.node} starts with what its disk holds"
    if isinstance(step.event, Receive):
        return f"{step.node} receives {step.event.message} from {step.event.sender}"
    return f"{step.node} handles {step.event}"


def changes(mapping: ProtocolMapping, step: Step) -> list[str]:
    """The public fields that the step changed."""
    after = mapping.protocol.observe(step.after)
    if step.before is None:
        return []
    before = mapping.protocol.observe(step.before)
    return [f"{name}: {before[name]!r} -> {value!r}" for name, value in after.items() if before[name] != value]


def effect_text(effect: Effect) -> str:
    """An effect in words; notes and peers say nothing here."""
    if isinstance(effect, Send):
        return f"sends {effect.message} to {effect.to}{' once the disk has what was written' if effect.held else ''}"
    if isinstance(effect, Persist | Rewrite):
        return f"{'writes' if isinstance(effect, Persist) else 'writes, in place of everything,'} {effect.records}"
    if isinstance(effect, Reply):
        return f"answers ticket {effect.ticket} with {effect.results}"
    assert isinstance(effect, Note | Peers)
    return ""


def steps_of(found: Found) -> list[tuple[float, Step]]:
    """The steps of the minimal run, the wrong one last."""
    if found.walked is not None:
        steps = list(found.walked.steps)
        last = found.rejection.step
        return steps if last is None or (steps and steps[-1][1] is last) else [*steps, (0.0, last)]
    assert found.outcome is not None
    return list(found.outcome.steps)


def chart(mapping: ProtocolMapping, steps: Iterable[tuple[float, Step]]) -> str:
    """The last steps as a Mermaid sequence diagram: an arrow for each message that arrived, a note for other events."""
    lines = ["sequenceDiagram", *(f"    participant {node}" for node in mapping.nodes)]
    telling = [step for _, step in steps if _tells(mapping, step)]
    for step in telling[-LAST:]:
        if isinstance(step.event, Receive) and step.event.sender != step.node:
            lines.append(f"    {step.event.sender}->>{step.node}: {clean(repr(step.event.message))}")
        else:
            lines.append(f"    Note over {step.node}: {clean(event_text(step).removeprefix(step.node + ' '))}")
        news = "<br/>".join(clean(line, 120) for line in changes(mapping, step))
        if news:
            lines.append(f"    Note right of {step.node}: {news}")
    return "\n".join(lines) + "\n"


def _tells(mapping: ProtocolMapping, step: Step) -> bool:
    return step.event is None or bool(changes(mapping, step)) or isinstance(step.event, Receive)


def clean(text: str, most: int = 200) -> str:
    """Text that fits into a line of Mermaid."""
    short = text if len(text) <= most else text[: most - 1] + "…"
    return short.replace(";", ",").replace("#", "no. ").replace("\n", " ")


def campaign_data(report: Campaign) -> dict[str, Any]:
    """A campaign as JSON; it can find a failure, and never shows that there is none."""
    runs = ", ".join(f"{count} {name}" for name, count in sorted(report.runs.items()))
    return {
        "way": "campaign",
        "protocol": report.protocol,
        "seed": report.seed,
        "verdict": "violated" if report.found is not None else "unknown",
        "evidence": f"sampled ({report.steps} steps, seed {report.seed})",
        "seconds": round(report.seconds, 1),
        "runs": dict(report.runs),
        "steps": report.steps,
        "summary": f"{report.protocol}: every step was a step of the specification ({runs}; {report.steps} steps)",
    }


def explored_line(found: Explored) -> str:
    """One world on one line."""
    covered = "all of it" if found.complete else f"PARTIAL, up to {found.depth} choices"
    return (
        f"{found.world}: {found.states} states, {found.transitions} transitions, {found.steps} steps of the core, "
        f"{found.seconds:.1f} s, {covered}"
    )


def explored_data(protocol: str, rows: list[Explored]) -> dict[str, Any]:
    """Explorations as JSON."""
    failed = any(row.failure is not None for row in rows)
    complete = all(row.complete for row in rows)
    verdict = "violated" if failed else "holds" if complete else "incomplete"
    told = "within these worlds" if complete else "as far as they were explored"
    return {
        "way": "exhaustive",
        "protocol": protocol,
        "verdict": verdict,
        "evidence": "exhaustive" if complete and not failed else "partial",
        "worlds": [
            {
                "world": row.world,
                "states": row.states,
                "transitions": row.transitions,
                "steps": row.steps,
                "depth": row.depth,
                "complete": row.complete,
                "symmetry": row.symmetric,
                "seconds": round(row.seconds, 1),
            }
            for row in rows
        ],
        "summary": f"{protocol}: every step was a step of the specification, {told}",
    }


def guided_data(mapping: ProtocolMapping, wanted: set[Class], covered: set[Class], seed: int) -> dict[str, Any]:
    """What of the specification the code has shown."""
    missing = sorted(wanted - covered)
    lines = [
        f"{mapping.protocol.name}: {len(wanted & covered)} of {len(wanted)} behaviours of {mapping.spec} were shown"
    ]
    lines += [f"    never: {action} where {', '.join(how) or 'nothing is decided'}" for action, how in missing]
    lines += [f"    not asked for: {action} ({why})" for action, why in sorted(mapping.elsewhere.items())]
    return {
        "way": "guided",
        "protocol": mapping.protocol.name,
        "seed": seed,
        "verdict": "unknown" if not missing else "incomplete",
        "evidence": "sampled",
        "shown": [{"action": action, "decisions": list(how)} for action, how in sorted(wanted & covered)],
        "missing": [{"action": action, "decisions": list(how)} for action, how in missing],
        "elsewhere": dict(mapping.elsewhere),
        "summary": "\n".join(lines),
    }


def mutant_line(row: dict[str, Any]) -> str:
    """One line of the table of mistakes."""
    cells = [f"{c['way']} {c['seconds']:.1f} s" if c["said"] else f"{c['way']} -" for c in row["cells"]]
    return f"{row['name']:<28} {'  '.join(f'{cell:<20}' for cell in cells)}"


def failure_data(mapping: ProtocolMapping, found: Found) -> dict[str, Any]:
    """A failure as JSON."""
    mapping, rejection = mapping.of(found.nodes), found.rejection
    step = rejection.step
    near = nearest(mapping, rejection.position, rejection) if rejection.position is not None else []
    code = ran(mapping, step) if step is not None else []
    return {
        "kind": rejection.kind,
        "title": rejection.title,
        "because": list(rejection.lines),
        "found_by": found.way,
        "nodes": found.nodes,
        "seed": found.seed,
        "schedule": schedule_lines(found),
        "event": event_text(step) if step is not None else None,
        "moves": [move.text for move in rejection.moves],
        "nearest": near,
        "functions": [{"name": call.name, "place": call.place, "lines": list(call.lines)} for call in code],
        "earlier": earlier_lines(mapping, rejection, steps_of(found))[2:],
        "chart": chart(mapping, steps_of(found)),
    }


def dumped(data: dict[str, Any]) -> str:
    """JSON for programs."""
    return json.dumps(data, indent=2, ensure_ascii=False)
