"""Small pictures as SVG, drawn without any other package."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kerasnas.report.markup import Markup, joined, tag

# Okabe and Ito (2008): colours that people with any kind of colour vision tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
GREY, INK = "#8a8f98", "#333a44"

_WIDTH, _HEIGHT = 440, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 14, 44
_TICKS = 4
_ROW = 24  # height of a bar and the gap after it


@dataclass(frozen=True)
class Line:
    """One line of a picture.

    Attributes:
        name: What the legend says; empty for no entry.
        points: Pairs of x and y.
        style: `line`, `points` or `dashed`.
        colour: Its colour.
    """

    name: str
    points: Sequence[Sequence[float]]
    style: str = "line"
    colour: str = COLOURS[0]


@dataclass(frozen=True)
class _Scale:
    """From values to places along one axis."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + min(1.0, max(0.0, share)) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        step = _round_step((self.high - self.low) / _TICKS)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def chart(
    lines: Sequence[Line],
    x_label: str,
    y_label: str,
    *,
    title: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Lines and points over two axes; nothing where there are no points.

    Args:
        lines: What is drawn, in this order.
        x_label: What stands under the x axis, with its unit.
        y_label: What stands beside the y axis.
        title: What the picture shows, for those who cannot see it.
        x_range: Ends of the x axis; by the points without it.
        y_range: Ends of the y axis.
    """
    points = [point for line in lines for point in line.points]
    if not points:
        return Markup("")
    x = _Scale(*_range([p[0] for p in points], x_range), _LEFT, _WIDTH - _RIGHT)
    y = _Scale(*_range([p[1] for p in points], y_range), _HEIGHT - _BOTTOM, _TOP)
    drawn = [_drawn(line, x, y) for line in lines]
    picture = _frame(joined([*_axes(x, y, x_label, y_label), *drawn]), _HEIGHT, title)
    return tag("figure", picture, _legend(lines), tag("figcaption", title))


def bars(
    rows: Sequence[tuple[str, float, float]], x_label: str, *, title: str, colour: str = COLOURS[0]
) -> Markup:
    """Horizontal bars with their names and their errors; nothing without rows.

    Args:
        rows: Name, value and error of each bar.
        x_label: What the values are.
        title: What the picture shows.
        colour: Colour of the bars.
    """
    if not rows:
        return Markup("")
    left, height = 150, _ROW * len(rows) + _BOTTOM + 6
    ends = [0.0, *(v + e for _, v, e in rows), *(v - e for _, v, e in rows)]
    x = _Scale(*_range(ends), left, _WIDTH - _RIGHT)
    parts: list[Any] = []
    for place, (name, value, error) in enumerate(rows):
        top = place * _ROW + 6
        start, end = sorted((x(0.0), x(value)))
        middle = top + _ROW / 2 - 3
        width = round(max(end - start, 1.0), 1)
        parts += [
            tag("rect", x=start, y=top, width=width, height=_ROW - 7, fill=colour),
            _segment(x(value - error), middle, x(value + error), middle, INK, 1.5),
            _text(left - 8, middle + 4, _shortened(name, 22), "end"),
        ]
    bottom = height - _BOTTOM + 4
    parts += [_text(x(tick), bottom + 16, _label(tick), "middle") for tick in x.ticks()]
    parts += [_segment(x(0.0), 0, x(0.0), bottom, INK, 1), _centred(x_label, height - 8)]
    return tag("figure", _frame(joined(parts), height, title), tag("figcaption", title))


def histogram(rows: Sequence[Sequence[float]], x_label: str, *, title: str) -> Markup:
    """Counts between edges; nothing without rows.

    Args:
        rows: Left edge, right edge and count.
        x_label: What is counted.
        title: What the picture shows.
    """
    if not rows:
        return Markup("")
    x = _Scale(*_range([rows[0][0], rows[-1][1]], None, 0.0), _LEFT, _WIDTH - _RIGHT)
    y = _Scale(0.0, max(max(row[2] for row in rows), 1.0), _HEIGHT - _BOTTOM, _TOP)
    parts = list(_axes(x, y, x_label, "rows"))
    for low, high, count in rows:
        width = round(max(x(high) - x(low) - 1, 1.0), 1)
        height = round(y(0.0) - y(count), 1)
        parts.append(tag("rect", x=x(low), y=y(count), width=width, height=height, fill=COLOURS[0]))
    parts.append(_segment(x(0.0), _TOP, x(0.0), y(0.0), INK, 1))
    return tag("figure", _frame(joined(parts), _HEIGHT, title), tag("figcaption", title))


def _axes(x: _Scale, y: _Scale, x_label: str, y_label: str) -> list[Markup]:
    parts = []
    for tick in y.ticks():
        parts.append(_segment(_LEFT, y(tick), _WIDTH - _RIGHT, y(tick), "#e4e7eb", 1))
        parts.append(_text(_LEFT - 6, y(tick) + 4, _label(tick), "end"))
    for tick in x.ticks():
        parts.append(_text(x(tick), _HEIGHT - _BOTTOM + 16, _label(tick), "middle"))
    parts.append(_segment(_LEFT, y.start, _WIDTH - _RIGHT, y.start, GREY, 1))
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    turned = f"rotate(-90 12 {middle})"
    parts.append(_text(12, middle, _shortened(y_label, 36), "middle", transform=turned))
    return [*parts, _centred(x_label, _HEIGHT - 8)]


def _drawn(line: Line, x: _Scale, y: _Scale) -> Markup:
    places = [(x(point[0]), y(point[1])) for point in line.points]
    if line.style == "points":
        return joined(
            tag("circle", cx=a, cy=b, r=3, fill=line.colour, fill_opacity=0.75) for a, b in places
        )
    course = " ".join(f"{a},{b}" for a, b in places)
    dashes = "5 4" if line.style == "dashed" else None
    return tag(
        "polyline",
        points=Markup(course),
        fill="none",
        stroke=line.colour,
        stroke_width=2,
        stroke_dasharray=dashes,
    )


def _legend(lines: Sequence[Line]) -> Markup:
    named = [line for line in lines if line.name]
    if not named:
        return Markup("")
    entries = []
    for line in named:
        dot = tag("span", "", class_="dot", style=f"background:{line.colour}")
        entries.append(tag("span", dot, line.name))
    return tag("div", *entries, class_="legend")


def _frame(content: Markup, height: float, title: str) -> Markup:
    box = f"0 0 {_WIDTH} {height}"
    return tag("svg", content, viewBox=box, role="img", aria_label=title)


def _text(x: float, y: float, text: str, anchor: str, **more: Any) -> Markup:
    return tag("text", text, x=x, y=y, text_anchor=anchor, **more)


def _centred(text: str, y: float) -> Markup:
    return _text((_LEFT + _WIDTH - _RIGHT) / 2, y, text, "middle")


def _segment(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, stroke_width=width)


def _range(
    values: Sequence[float], given: tuple[float, float] | None = None, margin: float = 0.04
) -> tuple[float, float]:
    """Ends of an axis: given, or a little beyond the values."""
    low, high = given or (min(values), max(values))
    if not high > low:
        spread = abs(low) * 0.1 or 1.0
        return low - spread, high + spread
    if given is not None:
        return low, high
    return low - margin * (high - low), high + margin * (high - low)


def _round_step(step: float) -> float:
    """The next larger step that people count in: 1, 2, 5, 10, ..."""
    power = 10.0 ** math.floor(math.log10(step))
    return next((n * power for n in (1.0, 2.0, 5.0) if n * power >= step * 0.999), 10.0 * power)


def _label(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.1e}".replace("e+0", "e")


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
