"""A history as a page: a lane for each client, a bar from each call to its return, faults behind them, and the return
that no order explains in red. One file without references to others."""

from __future__ import annotations

import bisect
import html
from collections.abc import Iterable

from pyspec.conform.linear.check import Verdict
from pyspec.conform.linear.history import FOREVER, Fault, History, Operation

STEP, LANE, LEFT, TOP = 60, 46, 130, 56
MOST = 1500

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #667; --line: #d4d9e0; --paper: #fff; --ok: #cfe4ff;
  --okline: #3b78c4; --info: #ffe9bd; --infoline: #b57a00; --fail: #eee; --failline: #888; --bad: #ffc9c4;
  --badline: #c01c10; --fault: #f3d9ef; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --dim: #9aa; --line: #3a4048; --paper: #16191d;
  --ok: #17375e; --okline: #6ea8f0; --info: #4d3a10; --infoline: #e0a83a; --fail: #2a2d31; --failline: #888;
  --bad: #5c1612; --badline: #ff7a6e; --fault: #4a2445; } }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 24px; }
h1 { font-size: 20px; margin: 0 0 4px; } .verdict { font-weight: 600; } .bad { color: var(--badline); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; margin: 14px 0; }
svg text { font: 12px ui-monospace, monospace; fill: var(--ink); } svg text.dim { fill: var(--dim); }
svg text.lane { font: 13px system-ui, sans-serif; }
.op rect { stroke-width: 1.2; } .ok rect { fill: var(--ok); stroke: var(--okline); }
.info rect { fill: var(--info); stroke: var(--infoline); stroke-dasharray: 5 3; }
.fail rect { fill: var(--fail); stroke: var(--failline); } .fail text { text-decoration: line-through; }
.wrong rect { fill: var(--bad); stroke: var(--badline); stroke-width: 2.4; }
.fault { fill: var(--fault); opacity: .55; } .grid { stroke: var(--line); }
.key span { display: inline-block; margin-right: 18px; } .key i { display: inline-block; width: 22px; height: 11px;
  margin-right: 6px; border: 1.2px solid; vertical-align: -1px; border-radius: 2px; }
pre { background: color-mix(in srgb, var(--ink) 6%, transparent); padding: 10px 12px; border-radius: 6px;
  white-space: pre-wrap; }
"""


def timeline(history: History, verdict: Verdict) -> str:
    """The page."""
    shown = _shown(history, verdict)
    scale = _Scale(shown, history.faults)
    processes = sorted({operation.process for operation in shown}, key=_natural)
    body = [*_bands(history.faults, scale, len(processes)), *_lanes(processes, scale)]
    following = _following(shown)
    for operation in shown:
        body.append(_bar(operation, processes.index(operation.process), scale, verdict, following.get(operation.id)))
    height = TOP + LANE * len(processes) + 18
    svg = f'<svg width="{scale.width}" height="{height}" role="img">{"".join(body)}</svg>'
    left_out = len(history.operations) + len(history.failed) - len(shown)
    note = f"<p>{left_out:,} operations further away, or on other keys, are not drawn.</p>" if left_out else ""
    title = html.escape(history.file)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}: {verdict.verdict}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{_summary(verdict)}{note}"
        f'<div class="scroll">{svg}</div>{_legend()}</html>\n'
    )


def _following(operations: list[Operation]) -> dict[int, float]:
    """When the process of an operation without an end calls again: its bar is cut there."""
    found: dict[int, float] = {}
    last: dict[str, Operation] = {}
    for operation in operations:
        before = last.get(operation.process)
        if before is not None and before.end == FOREVER:
            found[before.id] = operation.start
        last[operation.process] = operation
    return found


def _natural(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdigit() else (1 << 60, name)


def _shown(history: History, verdict: Verdict) -> list[Operation]:
    """All operations, or those of the failing key around the failure."""
    every = sorted([*history.operations, *history.failed], key=lambda o: o.start)
    if len(every) <= MOST:
        return every
    if verdict.failure is None:
        return every[:MOST]
    bad = verdict.failure.operation
    near = sorted(every, key=lambda o: (o.key != bad.key, abs(o.start - bad.end)))[:MOST]
    return sorted(near, key=lambda o: o.start)


def _summary(verdict: Verdict) -> str:
    kind = "verdict" if verdict.linearizable else "verdict bad"
    keys = f", {verdict.keys} keys" if verdict.keys > 1 else ""
    lines = f'<p><span class="{kind}">{verdict.verdict}</span>: {verdict.operations:,} operations{keys}, '
    lines += f"by {'the commit order' if verdict.evidence == 'witness' else 'search'}, {verdict.seconds:.2f} s</p>"
    if verdict.failure is None:
        return lines
    return f'{lines}<pre>{html.escape(chr(10).join(explanation(verdict)))}</pre><p><a href="#wrong">show it</a></p>'


def explanation(verdict: Verdict) -> list[str]:
    """Why there is no order, for readers."""
    failure = verdict.failure
    if failure is None:
        return []
    bad = failure.operation
    out = [f"no order explains what process {bad.process} got: {bad} (line {bad.line})"]
    states = ", ".join(_state(state) for state in failure.states[:12])
    many = ", ..." if len(failure.states) > 12 else ""
    of = f" of key {failure.key}" if failure.key not in ("", None) else ""
    out.append(f"when it returned, the state{of} could only be {states}{many}")
    if failure.concurrent:
        out.append("open at that moment, and perhaps not yet happened:")
        out += [f"  process {o.process}: {o} (line {o.line})" for o in failure.concurrent[:10]]
        if len(failure.concurrent) > 10:
            out.append(f"  ... and {len(failure.concurrent) - 10} more")
    return out


def _state(state: object) -> str:
    if isinstance(state, frozenset):
        return "{" + ", ".join(sorted(map(str, state))) + "}"
    return "absent" if state is None else str(state)


class _Scale:
    """Where a moment is drawn: every call and return gets its own column, so that nothing is too narrow to read."""

    def __init__(self, operations: Iterable[Operation], faults: list[Fault]) -> None:
        moments = {moment for o in operations for moment in (o.start, o.end) if moment < FOREVER}
        self.moments = sorted(moments)
        self.last = self.moments[-1] if self.moments else 0.0
        self.width = LEFT + STEP * (len(self.moments) + 2)

    def x(self, moment: float) -> float:
        """The column of a moment; between two of them for a moment that is none of them."""
        if moment == FOREVER:
            return self.width - STEP / 2
        at = bisect.bisect_left(self.moments, moment)
        exact = at < len(self.moments) and self.moments[at] == moment
        return LEFT + STEP * (at if exact else at - 0.5)


def _bands(faults: list[Fault], scale: _Scale, lanes: int) -> Iterable[str]:
    for number, fault in enumerate(faults):
        left, right = scale.x(fault.start), scale.x(fault.end)
        if fault.start > scale.last:
            continue
        y = 14 + 14 * (number % 2)
        yield (
            f'<rect class="fault" x="{left:.0f}" y="{y - 10}" width="{max(right - left, 6):.0f}" '
            f'height="{TOP + LANE * lanes - y + 8}"><title>{html.escape(fault.name)}</title></rect>'
            f'<text x="{left + 3:.0f}" y="{y}">{html.escape(fault.name)}</text>'
        )


def _lanes(processes: list[str], scale: _Scale) -> Iterable[str]:
    for number, process in enumerate(processes):
        y = TOP + LANE * number + LANE / 2
        yield f'<line class="grid" x1="{LEFT - 14}" x2="{scale.width}" y1="{y}" y2="{y}"/>'
        yield f'<text class="lane" x="10" y="{y + 4}">process {html.escape(process)}</text>'
    for at in range(0, len(scale.moments), 8):
        x = LEFT + STEP * at
        yield f'<text class="dim" x="{x}" y="{TOP - 8}">{scale.moments[at]:g}</text>'


def _bar(operation: Operation, lane: int, scale: _Scale, verdict: Verdict, cut: float | None) -> str:
    left = scale.x(operation.start)
    right = scale.x(operation.end) if cut is None else max(scale.x(cut) - 6, left + 12)
    wrong = verdict.failure is not None and verdict.failure.operation.id == operation.id
    kind = f"op {operation.outcome}{' wrong' if wrong else ''}"
    y = TOP + LANE * lane + 8
    width = max(right - left, 12)
    place = verdict.order.get(operation.id)
    text = str(operation)
    room = int((width - 8) / 7.3)
    label = text if len(text) <= room else text[: max(room - 1, 1)] + "…"
    more = "" if place is None else f"\nplace {place + 1} in the order found"
    mark = ' id="wrong"' if wrong else ""
    until = "?" if operation.end == FOREVER else f"{operation.end:g}"
    hint = f"process {operation.process}, line {operation.line}\n{text}\n{operation.start:g} .. {until}{more}"
    return (
        f'<g class="{kind}"{mark}><title>{html.escape(hint)}</title>'
        f'<rect x="{left:.0f}" y="{y}" width="{width:.0f}" height="{LANE - 18}" rx="4"/>'
        f'<text x="{left + 5:.0f}" y="{y + 18}">{html.escape(label)}</text></g>'
    )


def _legend() -> str:
    kinds = (("ok", "returned"), ("info", "outcome unknown"), ("fail", "failed"), ("bad", "cannot be explained"))
    spans = "".join(
        f'<span><i style="background: var(--{name}); border-color: var(--{name}line)"></i>{text}</span>'
        for name, text in kinds
    )
    fault = '<span><i style="background: var(--fault); border-color: transparent"></i>fault</span>'
    return f'<p class="key">{spans}{fault} Every call and return has a column; the numbers above are times.</p>'
