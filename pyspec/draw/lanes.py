"""A message chart as a drawing. Lanes run down; a message is a line from the step that sent it to the step that
receives it, with its text beside the receiver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyspec.draw import scene as sc
from pyspec.draw.chart import Arrow, Chart, Row
from pyspec.draw.compose import MARGIN, foot, head
from pyspec.draw.metrics import GLUE, widest, width, wrap

TEXT: Final = 12.5  # font sizes
SMALL: Final = 11.0
LINE: Final = 16.0  # heights of lines
SMALL_LINE: Final = 14.0
PAD: Final = 8.0
GUTTER: Final = 34.0
GAP: Final = 16.0  # between rows
HEAD_HEIGHT: Final = 28.0
PAGE: Final = 880.0  # the width that boxes are made for
NARROW, WIDE = 138.0, 250.0  # the least and greatest width of a box
APART: Final = 24.0  # between lanes that no message arrives between


@dataclass(frozen=True)
class Cell:
    """What stands in one row on one lane: a heading, and small lines with their ink."""

    heading: tuple[str, ...]
    small: tuple[tuple[float, str, str], ...]  # indent, text, ink

    @property
    def height(self) -> float:
        """Its height in pixels."""
        return len(self.heading) * LINE + len(self.small) * SMALL_LINE + 2 * PAD - 3


class Drawing:
    """Lays out one chart."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.column = {lane.name: number for number, lane in enumerate(chart.lanes)}
        gaps = self._gaps()
        room = (PAGE - MARGIN - GUTTER - sum(gaps)) / len(chart.lanes)
        self.box = max(NARROW, min(WIDE, room)) if len(chart.lanes) > 1 else 320.0
        self.gaps = gaps
        self.hues = {lane.name: lane.hue for lane in chart.lanes}
        self.below: list[sc.Mark] = []  # lines, under the boxes
        self.above: list[sc.Mark] = []
        self.bottoms: dict[int, float] = {}  # number of a row -> where its box ends
        self.right = self._x_of(len(chart.lanes) - 1) + self.box / 2

    def scene(self) -> sc.Scene:
        """The drawing."""
        inner = max(self.right - MARGIN, 420.0)
        heading: list[sc.Mark] = []
        top = head(self.chart.title, (), inner, heading)
        self.top = top + HEAD_HEIGHT
        y = self.top + 12
        for row in self.chart.rows:
            y = self._row(row, y) + GAP
        y = max(y, self.top + 30)
        self._lifelines(top, y)
        self._loop(y)
        width_ = max(inner, self.right - MARGIN)
        end = foot(self.chart.notes, width_, self._verdict(width_, y + 6), self.above)
        marks = (*heading, *self.below, *self.above)
        return sc.Scene(width_ + 2 * MARGIN, end + MARGIN - 4, self.chart.title, self.chart.about, marks)

    def _x_of(self, column: int) -> float:
        return MARGIN + GUTTER + self.box / 2 + column * self.box + sum(self.gaps[:column])

    def _gaps(self) -> list[float]:
        """The room between each two lanes: for the labels of the messages that arrive there, side by side."""
        found = [APART] * (len(self.chart.lanes) - 1)
        for row in self.chart.rows:
            for arrow in row.arrows:
                source, target = self.column[arrow.source], self.column[arrow.target]
                if source != target:
                    at = target - 1 if source < target else target
                    found[at] = max(found[at], widest(self._label(arrow), SMALL) + 38)
        return found

    def _x(self, lane: str) -> float:
        return self._x_of(self.column[lane])

    # ------------------------------------------------------------------------------------------------- rows

    def _row(self, row: Row, y: float) -> float:
        """Draws one row from `y` on; returns where it ends."""
        labels = [self._label(arrow) for arrow in row.arrows]
        first = max(0.0, len(labels[0]) * SMALL_LINE - 12) if labels else 0.0
        top = y + first
        heights = [len(label) * SMALL_LINE + 6 for label in labels]
        cells = self._cells(row)
        bottom = top + max((cell.height for cell in cells.values()), default=20.0)
        at = top + 14
        for arrow, label, height in zip(row.arrows, labels, heights):
            at += height - SMALL_LINE if arrow is not row.arrows[0] else 0.0
            self._arrow(row, arrow, label, at)
            at += SMALL_LINE
        lowest = at - 4 + (8 if len(labels) > 1 else 0) if labels else 0.0
        bottom = max(bottom, lowest)
        self.bottoms[row.number] = bottom
        for lane, cell in cells.items():
            low = top + cell.height
            if lane == row.lane:
                low = self.bottoms[row.number] = max(low, lowest)
            self._cell(row, lane, cell, top, low)
        self.above.append(sc.Text(MARGIN + GUTTER - 14, top + 17, str(row.number), SMALL, "muted", anchor="end"))
        return bottom

    def _cells(self, row: Row) -> dict[str, Cell]:
        cells: dict[str, Cell] = {}
        room = self.box - 2 * PAD
        changed: dict[str, list[tuple[float, str, str]]] = {}
        for lane, text in row.changes:
            changed.setdefault(lane, []).extend((*line, "") for line in change_lines(text, room))
        own = changed.pop(row.lane, [])
        for text in row.unreceived:
            own += [(*line, "muted") for line in change_lines(f"sends {text}", room)]
        if row.kind == "failed":
            own += [(0.0, line, "bad") for line in wrap("and here its evaluation fails", SMALL, room)]
        if all(arrow.kind == "lost" for arrow in row.arrows) and row.arrows and not own:
            return {lane: Cell((), tuple(lines)) for lane, lines in changed.items()}
        cells[row.lane] = Cell(tuple(wrap(row.text, TEXT, room, bold=True)), tuple(own))
        cells.update({lane: Cell((), tuple(lines)) for lane, lines in changed.items()})
        return cells

    def _cell(self, row: Row, lane: str, cell: Cell, top: float, bottom: float) -> None:
        hue = self.hues[lane]
        bad = row.kind in ("crash", "failed", "fault") and lane == row.lane
        fill, line = ("bad.fill", "bad") if bad else (f"{hue}.fill", f"{hue}.line")
        x = self._x(lane)
        left = x - self.box / 2
        dash = "" if lane == row.lane else "3 3"
        self.above.append(sc.Box(left, top, self.box, bottom - top, fill, line, 6, 1.2, dash))
        y = top + PAD - 3
        for text in cell.heading:
            y += LINE
            self.above.append(sc.Text(left + PAD, y - 3.5, text, TEXT, "bad" if bad else f"{hue}.text", bold=True))
        for indent, text, given in cell.small:
            y += SMALL_LINE
            ink = given or ("text" if bad else f"{hue}.text")
            self.above.append(sc.Text(left + PAD + indent, y - 3, text, SMALL, ink, italic=given == "muted"))

    # ----------------------------------------------------------------------------------------------- arrows

    def _label(self, arrow: Arrow) -> list[str]:
        most = {2: 170.0, 3: 116.0}.get(len(self.chart.lanes), 94.0)
        return wrap(f"{arrow.text} is lost" if arrow.kind == "lost" else arrow.text, SMALL, most)

    def _arrow(self, row: Row, arrow: Arrow, label: list[str], y: float) -> None:
        if arrow.source == arrow.target:
            self._own(arrow, label, y)
            return
        way = 1.0 if self._x(arrow.source) < self._x(arrow.target) else -1.0
        start = self._start(arrow, way)
        edge = self._x(arrow.target) - way * self.box / 2
        room = widest(label, SMALL) + 16
        elbow = edge - way * room
        lost = arrow.kind == "lost"
        ink = "bad" if lost else f"{self.hues[arrow.source]}.line"
        dash = "6 4" if arrow.sent_in is None else "2 3" if arrow.kind == "read" else ""
        bend = start[0] + way * 7  # where a line goes down that has no room to slant
        points = (start, (elbow, y)) if (elbow - bend) * way > 0 else (start, (bend, start[1] + 7), (bend, y))
        end = (edge - way * (16 if lost else 9), y)
        self.below.append(sc.Stroke((*points, end), ink, arrow=None if lost else (edge, y), dash=dash))
        self.above += cross(*end) if lost else []
        self.below += [sc.Dot(*start, 2.6, ink)] if arrow.sent_in is not None else []
        self._beside(label, edge - way * (room / 2 + 2), y, arrow.kind)

    def _start(self, arrow: Arrow, way: float) -> sc.Point:
        """Where a message leaves its sender: at the foot of the box of the step that sent it."""
        low = self.bottoms.get(arrow.sent_in) if arrow.sent_in is not None else None
        if low is None:
            return self._x(arrow.source), self.top + 4
        return self._x(arrow.source) + way * self.box / 2, low - 9

    def _beside(self, label: list[str], x: float, y: float, kind: str) -> None:
        for number, text in enumerate(reversed(label)):
            ink = "bad" if kind == "lost" else "text"
            place = y - 5 - number * SMALL_LINE
            self.above.append(sc.Text(x, place, text, SMALL, ink, anchor="middle", halo=True))

    def _own(self, arrow: Arrow, label: list[str], y: float) -> None:
        """A message of a node to itself: out at the right, and back."""
        ink = f"{self.hues[arrow.source]}.line"
        x, start = self._start(arrow, 1.0)
        edge = self._x(arrow.target) + self.box / 2
        out = edge + 16
        self.below.append(sc.Stroke(((x, start), (out, start), (out, y), (edge + 9, y)), ink, arrow=(edge, y)))
        self.right = max(self.right, out + widest(label, SMALL) + 12)
        for number, text in enumerate(label):
            self.above.append(sc.Text(out + 6, y + number * SMALL_LINE, text, SMALL, "text", halo=True))

    # ---------------------------------------------------------------------------------------------- frame

    def _lifelines(self, top: float, end: float) -> None:
        lines: list[sc.Mark] = []
        for lane in self.chart.lanes:
            x = self._x(lane.name)
            breaks = self._down(lane.name, end)
            y = top + HEAD_HEIGHT
            for begin, stop in breaks:
                lines.append(sc.Stroke(((x, y), (x, begin)), "faint", thick=1.6))
                lines.append(sc.Stroke(((x, begin), (x, stop)), "bad", thick=1.2, dash="2 5"))
                y = stop
            lines.append(sc.Stroke(((x, y), (x, end)), "faint", thick=1.6))
            box = max(min(self.box, width(lane.name, TEXT, True) + 40), 90.0)
            look = (f"{lane.hue}.fill", f"{lane.hue}.line")
            self.above.append(sc.Box(x - box / 2, top, box, HEAD_HEIGHT, *look, 5, 1.6))
            self.above.append(sc.Text(x, top + 18.5, lane.name, TEXT, f"{lane.hue}.text", bold=True, anchor="middle"))
        self.below[:0] = lines

    def _down(self, lane: str, end: float) -> list[tuple[float, float]]:
        """From where to where a node is down: from a crash to its restart, if it restarts by a step of its own."""
        found: list[tuple[float, float]] = []
        if not any(row.kind == "restart" for row in self.chart.rows):
            return found
        for row in self.chart.rows:
            if row.lane == lane and row.kind == "crash":
                found.append((self.bottoms[row.number], end))
            elif row.lane == lane and row.kind == "restart" and found:
                found[-1] = (found[-1][0], self.bottoms[row.number] - 20)
        return found

    def _loop(self, end: float) -> None:
        first = self.chart.loop_start
        if first is None:
            return
        last = max((row.number for row in self.chart.rows), default=0)
        x, begin = MARGIN + 4, self.bottoms.get(first, self.top) + 4
        if first < last:
            bracket = ((x + 8, end - 6), (x, end - 6), (x, begin), (x + 1, begin))
            self.above.append(sc.Stroke(bracket, "bad", arrow=(x + 10, begin)))
        said = "and again, for ever" if first < last else "and nothing else, for ever"
        self.above.append(sc.Text(x + 14, end - 2, said, SMALL, "bad", halo=True))

    def _verdict(self, inner: float, y: float) -> float:
        if not self.chart.verdict:
            return y
        lines = [(*line, n == 0) for n, text in enumerate(self.chart.verdict) for line in hang(text, inner - 24)]
        height = len(lines) * LINE + 14
        self.above.append(sc.Box(MARGIN, y + 4, inner, height, "bad.fill", "bad", 6))
        for number, (x, line, bold) in enumerate(lines):
            place = y + 22 + number * LINE
            ink = "bad" if bold else "text"
            self.above.append(sc.Text(MARGIN + 12 + x, place, line, SMALL + 0.5, ink, bold=bold))
        return y + height + 8


def hang(text: str, room: float) -> list[tuple[float, str]]:
    """A text in lines with their indents; those after the first are indented further, what indents the text is kept."""
    inner = text.strip()
    left = (len(text) - len(text.lstrip())) * 4.0
    first, *rest = wrap(inner, SMALL + 0.5, room - left - 10, bold=True)
    return [(left, first), *((left + 10, line) for line in rest)]


def change_lines(text: str, room: float) -> list[tuple[float, str]]:
    """A small text in lines with their indents; a change is broken before its arrow if it is too wide."""
    head_, arrow, tail = text.partition(" → ")
    if not arrow or width(text, SMALL) <= room:
        return _indented(text, room)
    rest = wrap(f"→{GLUE}{tail}", SMALL, room - 10)
    return _indented(head_, room) + [(10.0, line.replace(GLUE, " ")) for line in rest]


def _indented(text: str, room: float) -> list[tuple[float, str]]:
    first, *others = wrap(text, SMALL, room)
    rest = text[len(first) :].strip() if others else ""
    return [(0.0, first), *((10.0, line) for line in wrap(rest, SMALL, room - 10) if line)]


def cross(x: float, y: float) -> list[sc.Mark]:
    """The mark of what ends here."""
    rising, falling = ((x - 5, y + 5), (x + 5, y - 5)), ((x - 5, y - 5), (x + 5, y + 5))
    return [sc.Stroke(rising, "bad", thick=2), sc.Stroke(falling, "bad", thick=2)]


def draw(chart: Chart) -> sc.Scene:
    """The drawing of a chart."""
    return Drawing(chart).scene()
