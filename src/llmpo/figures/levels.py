"""What lies across or beside the curves of a panel: references and held-out scores."""

from typing import TYPE_CHECKING, Any, NamedTuple

from llmpo.analysis.summary import Policy
from llmpo.analysis.text import short_number
from llmpo.figures import axes as effort
from llmpo.figures.sheet import Sheet
from llmpo.figures.style import GREY
from llmpo.statistics import LEAST_RUNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HELD_OUT: dict[str, Any] = {"marker": "D", "markersize": 4.5, "markeredgewidth": 1.1}
REFERENCE: dict[str, Any] = {"color": GREY, "linestyle": ":", "linewidth": 1.0}
MOST_PAIRS = 4  # with more series, a strip has room for their products only
_APART = 0.075  # labels closer than this share of the height share a line
_TEXT: dict[str, Any] = {"fontsize": 6.5, "color": GREY, "zorder": 5}


class HeldOutMark(NamedTuple):
    """A held-out score in the strip: where, how much, its interval, and its looks."""

    place: float
    score: float
    interval: list[float]
    colour: Any
    size: dict[str, Any]


def draw_held_out(
    panel: "Axes", sheet: Sheet, environment: str, series: list[str]
) -> tuple[list[float], list[HeldOutMark]]:
    """Draws the strip with the held-out scores of products.

    These are the best policies of searches and the last ones of training.

    Returns:
        The scores drawn, which must be on the scale, and the marks of the other
        policies, which need not be: see `draw_others`. Where there is no room for
        them, there are none.
    """
    effort.draw_strip(panel)
    pairs = len(series) <= MOST_PAIRS
    places = iter(effort.strip_positions(len(series) * (2 if pairs else 1) or 1))
    size = HELD_OUT if len(series) <= 2 * MOST_PAIRS else HELD_OUT | {"markersize": 3}
    drawn: list[float] = []
    others: list[HeldOutMark] = []
    for name in series:
        look = sheet.looks[name]
        product, other = _policies(look.role)
        for policy in (product, other) if pairs else (product,):
            place = next(places)
            score = sheet.held_out.get((environment, name, policy))
            if score is None:
                continue
            interval = [score.estimate.low, score.estimate.high]
            if score.over == "runs" and score.runs < LEAST_RUNS:
                interval = []
            value = score.estimate.value
            mark = HeldOutMark(place, value, interval, look.colour, size)
            if policy == product:
                _draw_mark(panel, mark, filled=True)
                drawn += [value, *interval]
            else:
                others.append(mark)
    return drawn, others


def draw_others(panel: "Axes", marks: list[HeldOutMark]) -> None:
    """Draws hollow marks of the other policies; y limits must be final.

    A triangle stands for a score below the scale.
    """
    low = panel.get_ylim()[0]
    for mark in marks:
        if mark.score >= low:
            _draw_mark(panel, mark, filled=False)
            continue
        panel.plot(
            [mark.place],
            [0.03],
            transform=panel.transAxes,
            color=mark.colour,
            markerfacecolor="white",
            **(mark.size | {"marker": "v"}),
        )


def _draw_mark(panel: "Axes", mark: HeldOutMark, *, filled: bool) -> None:
    where = effort.x_share(panel)
    looks: dict[str, Any] = {"color": mark.colour, "transform": where}
    panel.plot([mark.place] * len(mark.interval), mark.interval, lw=1.2, **looks)
    panel.plot(
        [mark.place],
        [mark.score],
        clip_on=False,
        markerfacecolor=mark.colour if filled else "white",
        **looks,
        **mark.size,
    )


def draw_references(
    panel: "Axes", levels: dict[str, float], rows_of_marks: int
) -> None:
    """Draws a line for each reference, labelled directly; y limits must be final.

    A reference below the scale is named, with its score, above the rows of marks.
    """
    low, high = panel.get_ylim()
    inside = {name: y for name, y in levels.items() if low <= y <= high}
    groups: list[tuple[float, list[str]]] = []
    for name, level in inside.items():
        panel.axhline(level, zorder=1, **REFERENCE)
        if groups and level - groups[-1][0] < _APART * (high - low):
            groups[-1][1].append(name)
        else:
            groups.append((level, [name]))
    for level, names in groups:
        is_high = level > high - _APART * (high - low)
        _write(panel, level, ", ".join(names), "top" if is_high else "baseline")
    below = [
        f"{name} {short_number(float(f'{level:.3g}'))} ↓"
        for name, level in levels.items()
        if name not in inside
    ]
    if below:
        panel.text(
            *(0.012, effort.height_of_row(rows_of_marks) - 0.02),
            ", ".join(below),
            transform=panel.transAxes,
            path_effects=_halo(),
            **_TEXT,
        )


def _write(panel: "Axes", level: float, text: str, va: str) -> None:
    panel.annotate(
        text,
        (0.012, level),
        xycoords=panel.get_yaxis_transform(),
        xytext=(0, -1.5 if va == "top" else 1.5),
        textcoords="offset points",
        va=va,
        path_effects=_halo(),
        **_TEXT,
    )


def _policies(role: str) -> tuple[Policy, Policy]:
    return ("best", "last") if role == "search" else ("last", "best")


def _halo() -> list[Any]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=1.8, foreground="white")]
