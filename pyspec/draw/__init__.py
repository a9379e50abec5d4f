"""Pictures of specifications: state machines, state graphs, message charts, maps, refinement chains.

    import pyspec
    from pyspec import draw

    model = pyspec.load("specs/raft.pspec")
    draw.state_machines(model)[0].save("raft.svg")
    draw.state_graph("specs/raft.pspec", by="s in Server: s.mode", TERMS=1).save("modes.svg")
    draw.message_chart(model.check(only=("split_vote",)).properties[0].trace).save("split.svg")

Every picture is an SVG that follows the reader's light or dark setting, and also PNG, DOT, Mermaid and PlantUML; in a
notebook it shows itself.
"""

from pyspec.draw.api import message_chart, protocol_map, refinement_chain, state_graph, state_machines
from pyspec.draw.chart import Chart
from pyspec.draw.graph import Graph
from pyspec.draw.layout import NoGraphviz
from pyspec.draw.picture import FORMS, Picture

__all__ = [
    "FORMS",
    "Chart",
    "Graph",
    "NoGraphviz",
    "Picture",
    "message_chart",
    "protocol_map",
    "refinement_chain",
    "state_graph",
    "state_machines",
]
