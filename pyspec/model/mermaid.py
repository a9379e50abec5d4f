"""Traces as Mermaid sequence diagrams: an arrow for each message received, a note for each other step."""

from __future__ import annotations

from pyspec.model.story import bare, changes, label, message_of
from pyspec.model.trace import Step, Trace
from pyspec.model.values import Atom, Rec, Value


def mermaid(trace: Trace) -> str:
    """The text of a sequence diagram; participants in the order of their first appearance."""
    lines: list[str] = []
    people: list[str] = []
    before = trace.states()[0] if trace.steps else None
    for step in trace.steps[1:]:
        who, line = _step(trace, step)
        people += [name for name in who if name not in people]
        lines.append(line)
        if before is not None and step.state is not None and who:
            local = [text for text in changes(before, step.state, trace.instance) if text.startswith(f"{who[-1]}.")]
            lines += [f"    Note over {who[-1]}: {_clean('; '.join(local))}"] if local else []
        before = step.state or before
    everyone = ",".join((people[0], people[-1]) if len(people) > 1 else people or ["system"])
    heads = [f"    participant {name}" for name in people or ["system"]]
    body = [line.replace("@all", everyone) for line in lines]
    return "\n".join(["sequenceDiagram", *heads, *body]) + "\n"


def _step(trace: Trace, step: Step) -> tuple[list[str], str]:
    """Who takes part, and the line of the diagram."""
    shown: list[tuple[str, Value]] = list(step.args)
    message = message_of(shown)
    action = trace.instance.action(step.action) if trace.instance is not None and step.action else None
    if message is not None and action is not None and action.kind == "handler":
        fields = dict(zip(message._names, message._values, strict=True))
        me = next((value for name, value in shown if name == "self"), fields.get("to"))
        sender = fields.get("from")
        if isinstance(me, Atom) and isinstance(sender, Atom):
            return [sender.name, me.name], f"    {sender.name}->>{me.name}: {_clean(bare(message))}"
        if isinstance(me, Atom):
            return [me.name], f"    Note over {me.name}: receives {_clean(bare(message))}"
    actor = next((value for name, value in shown if isinstance(value, Atom)), None)
    if actor is not None and not isinstance(message, Rec):
        return [actor.name], f"    Note over {actor.name}: {_clean(label(trace, step))}"
    return [], f"    Note over @all: {_clean(label(trace, step))}"


def _clean(text: str) -> str:
    """Text that does not end a Mermaid statement."""
    return text.replace(";", ",").replace("#", "no. ").replace("\n", " ")
