"""What lies across or beside the curves of a panel: references and held-out scores."""

from typing import TYPE_CHECKING, Any

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


def draw_held_out(
    panel: "Axes", sheet: Sheet, environment: str, series: list[str]
) -> list[float]:
    """Draws the strip with held-out scores and returns the scores in it.

    Filled diamonds are the products: the best policies of searches, the last ones of
    training. Hollow ones are the other policies, where there is room.
    """
    effort.draw_strip(panel)
    where = effort.x_share(panel)
    pairs = len(series) <= MOST_PAIRS
    places = iter(effort.strip_positions(len(series) * (2 if pairs else 1) or 1))
    size = HELD_OUT if len(series) <= 2 * MOST_PAIRS else HELD_OUT | {"markersize": 3}
    drawn: list[float] = []
    for name in series:
        look = sheet.looks[name]
        product, other = _policies(look.role)
        for policy in (product, other) if pairs else (product,):
            place = next(places)
            score = sheet.held_out.get((environment, name, policy))
            if score is None:
                continue
            value = score.estimate.value
            ends = [score.estimate.low, score.estimate.high]
            if score.over == "runs" and score.runs < LEAST_RUNS:
                ends = []
            panel.plot(
                [place] * len(ends), ends, color=look.colour, lw=1.2, transform=where
            )
            panel.plot(
                [place],
                [value],
                transform=where,
                clip_on=False,
                color=look.colour,
                markerfacecolor=look.colour if policy == product else "white",
                **size,
            )
            drawn += [value, *ends]
    return drawn


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
