"""From a specification, a model or a trace to pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pyspec.base.diagnostics import SpecError, error
from pyspec.draw import chain, chart, machine, quotient
from pyspec.draw import protocol_map as map_
from pyspec.draw.explored import Explored, explore
from pyspec.draw.graph import Graph
from pyspec.draw.observed import observe
from pyspec.draw.picture import Picture
from pyspec.lang import core, load_spec
from pyspec.lang.projection import MODEL, Projection, load_projected, parse_projection
from pyspec.model.instance import Instance, choose_model, instantiate
from pyspec.model.trace import Trace
from pyspec.model.values import Value

#: How far a state graph may be explored.
MOST_STATES, MOST_SECONDS = 200_000, 120.0


class HasInstance(Protocol):
    """What `pyspec.load` returns, as far as it matters here."""

    instance: Instance


class NotExact(Exception):
    """The exploration ended before all steps were seen, so that a quotient would leave some out."""

    def __init__(self, explored: Explored) -> None:
        self.explored = explored
        what = "time" if explored.stopped_by == "time" else "number of states"
        super().__init__(f"the {what} ran out after {len(explored.states):,} states")


def state_machines(model: HasInstance | Instance, *, look: bool = True) -> list[Picture]:
    """The state machine of each enum variable. `look`: explore the model to decide transitions that the text of the
    actions leaves open."""
    instance = model if isinstance(model, Instance) else model.instance
    return machines_of(instance.spec, instance, look=look, flaws=instance.flaws)


def machines_of(
    spec: core.Spec, instance: Instance | None, *, look: bool = True, flaws: tuple[str, ...] = ()
) -> list[Picture]:
    """The same for a specification that need not have a model."""
    found = machine.mode_vars(spec)
    open_ = {var.name: {m.seen for m in machine.moves(spec, var, flaws) if not m.sure} for var in found}
    observed = None
    if look and instance is not None and any(open_.values()):
        observed = observe(instance, [name for name, moves in open_.items() if moves], open_)
    return [
        _named(machine.machine(spec, var, observed, instance, flaws), f"machine-{var.name.replace('.', '-')}", spec)
        for var in found
    ]


def _named(content: Graph, what: str, spec: core.Spec) -> Picture:
    return Picture(f"{spec.name}-{what}", content)


def protocol_map(model: HasInstance | Instance | core.Spec) -> Picture:
    """The map of a protocol: who sends what to whom."""
    spec = model if isinstance(model, core.Spec) else (model if isinstance(model, Instance) else model.instance).spec
    return _named(map_.protocol_map(spec), "map", spec)


def message_chart(trace: Trace | None, title: str | None = None, name: str | None = None) -> Picture:
    """The message chart of a trace, which must know its instance (those of searches do). Raises SpecError."""
    if trace is None or trace.instance is None or not trace.steps:
        raise error("E0803", "there is no trace to draw")
    spec = trace.instance.spec
    said = title or (f"{spec.name}: {trace.failing.name} is violated" if trace.failing else f"{spec.name}: a run")
    return Picture(name or f"{spec.name}-trace", chart.chart(trace, name or f"{spec.name}-trace", said))


def refinement_chain(path: str | Path) -> Picture:
    """The refinement chain around a specification, or all chains of a folder. Raises SpecError."""
    content = chain.refinement_chain(path)
    return Picture(content.name, content)


def state_graph(
    path: str | Path,
    by: str | None = None,
    *,
    model: str | None = None,
    flaws: tuple[str, ...] = (),
    stutter: bool = False,
    max_nodes: int = quotient.MOST_NODES,
    max_states: int = MOST_STATES,
    max_seconds: float = MOST_SECONDS,
    **overrides: Value,
) -> Picture:
    """The state graph of a model, whole or by a projection (see `pyspec.lang.projection`), computed from every explored
    step. Raises SpecError, EvaluationError, and NotExact if a bound was reached."""
    spec, name, projection = prepare(str(path), by, model, overrides)
    instance = instantiate(spec, MODEL if projection else model, overrides, flaws)
    graph = Graphing(instance, name, projection, max_states, max_seconds)
    return graph.picture(stutter=stutter, most=max_nodes)


def prepare(
    path: str, by: str | None, model: str | None, given: Mapping[str, Value] | None = None
) -> tuple[core.Spec, str, Projection | None]:
    """The specification (with the projection as a model's view), the name of the model, and the projection. `given`:
    sizes, constants and budgets, of which the sizes tell which elements there are to be named."""
    plain = load_spec(path)
    chosen = choose_model(plain, model)
    if by is None:
        return plain, chosen.name, None
    projection = parse_projection(by)
    base = chosen.name if any(block.name == chosen.name for block in plain.models) else None
    sizes = {name: int(str(size)) for name, size in (given or {}).items() if str(size).isdecimal()}
    return load_projected(path, projection, base, sizes), chosen.name, projection


class Graphing:
    """An explored instance and its quotient. Raises what `state_graph` does."""

    def __init__(
        self, instance: Instance, model: str, projection: Projection | None, max_states: int, max_seconds: float
    ) -> None:
        self.model, self.projection = model, projection
        self.explored = explore(instance, max_states, max_seconds)
        if not self.explored.complete:
            raise NotExact(self.explored)
        spec = instance.spec
        if projection is None:
            labels = tuple(var.name for var in spec.vars)
            self.columns = tuple(quotient.Column(var.name, var.type) for var in spec.vars)
            self.quotient = quotient.whole(self.explored)
            assert labels
        else:
            self.columns = quotient.columns(spec, projection.labels, instance.view)
            values = quotient.projected(self.explored, projection.member is not None)
            self.quotient = quotient.quotient(self.explored, values)

    def request(self, stutter: bool, most: int, links: dict[quotient.Pair, str] | None = None) -> quotient.Request:
        """How it is to be drawn."""
        by = self.projection.text if self.projection else None
        return quotient.Request(self.model, by, self.columns, stutter, most, links or {})

    def picture(
        self, *, stutter: bool = False, most: int = quotient.MOST_NODES, links: dict[quotient.Pair, str] | None = None
    ) -> Picture:
        """The picture. Raises SpecError if it is too large."""
        content = quotient.picture(self.explored, self.quotient, self.request(stutter, most, links))
        return Picture(content.name, content)

    def witnesses(self, *, stutter: bool = False, most: int = quotient.MOST_NODES) -> dict[quotient.Pair, Trace]:
        """A shortest run for each edge that is drawn."""
        pairs = quotient.pairs_of(self.quotient, self.request(stutter, most))
        return {pair: quotient.witness(self.explored, self.quotient, pair) for pair in pairs}


__all__ = [
    "Graphing",
    "NotExact",
    "SpecError",
    "message_chart",
    "protocol_map",
    "refinement_chain",
    "state_graph",
    "state_machines",
]
