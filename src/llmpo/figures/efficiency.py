"""Environment steps to a threshold: other methods as multiples of a search."""

from typing import TYPE_CHECKING, Any

import numpy as np

from llmpo.analysis.efficiency import (
    SHARE,
    EfficiencyRow,
    Steps,
    efficiency_rows,
)
from llmpo.analysis.text import environment_name, short_number
from llmpo.figures.rows import draw_lines
from llmpo.figures.sheet import Sheet
from llmpo.figures.style import (
    GREY,
    add_legend,
    add_title,
    row_panels,
    wording,
    write,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STRIP = 0.88  # where the strip for unknown ratios begins, as share of the width
_MARKS: dict[str, dict[str, Any]] = {
    "": {"marker": "o"},
    "more": {"marker": ">", "markerfacecolor": "white"},
    "less": {"marker": "<", "markerfacecolor": "white"},
}
_MARK: dict[str, Any] = {"markersize": 5, "markeredgewidth": 1.1, "linestyle": "none"}
_NEITHER: dict[str, Any] = {"marker": "x", **_MARK}


def draw_sample_efficiency(sheet: Sheet) -> "Figure":
    """Draws steps to threshold relative to each search, a row per environment."""
    searches = list(sheet.series("search"))
    others = list(sheet.series("search", "training"))
    if not searches or len(others) < 2:
        return wording("There are no two methods in this configuration to compare.")
    rows = {search: _rows(sheet, search) for search in searches}
    if all(row.threshold.score is None for row in rows[searches[0]].values()):
        reasons = {row.threshold.reason for row in rows[searches[0]].values()}
        return wording(f"No environment has a threshold: {', '.join(sorted(reasons))}.")
    environments = sheet.environments(searches)
    labels = [environment_name(name) for name in environments]
    height = 0.12 + 0.08 * len(others)
    figure, grid = row_panels(len(searches), labels, width=4.0, row=height)
    for panel, search in zip(grid, searches, strict=True):
        _set_scale(panel, [row.ratio for row in rows[search].values()])
        for y, environment in enumerate(environments):
            _draw_row(panel, sheet, search, environment, y, rows[search])
        panel.set_xlabel(f"times the steps of {search}")
        add_title(panel, search)
    add_legend(figure, _legend(sheet, others, searches), _reading())
    return figure


def _rows(sheet: Sheet, search: str) -> dict[tuple[str, str], EfficiencyRow]:
    rows = efficiency_rows(sheet.table, search)
    return {
        (row.environment, row.series): row for row in rows if row.series in sheet.shown
    }


def _draw_row(
    panel: "Axes",
    sheet: Sheet,
    search: str,
    environment: str,
    y: int,
    rows: dict[tuple[str, str], EfficiencyRow],
) -> None:
    own = rows.get((environment, search))
    if own is None or own.threshold.score is None:
        reason = own.threshold.reason if own else "no finished runs"
        write(panel, 0.02, y, reason)
        return
    write(panel, 1.02, y, f"{_steps(own.median)} ({own.reached} of {_runs(own)})")
    others = [
        name
        for name in sheet.series("search", "training")
        if name != search and (environment, name) in rows
    ]
    for index, name in enumerate(others):
        height = y + 0.75 * ((index + 0.5) / len(others) - 0.5)
        colour, ratio = sheet.looks[name].colour, rows[environment, name].ratio
        if ratio.value is not None:
            marks = _MARK | _MARKS[ratio.bound]
            panel.plot(ratio.value, height, color=colour, **marks)
        else:
            place = (1 + _STRIP) / 2
            where = panel.get_yaxis_transform()
            panel.plot(place, height, color=colour, transform=where, **_NEITHER)


def _set_scale(panel: "Axes", ratios: list[Steps]) -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    values = [1.0, *(ratio.value for ratio in ratios if ratio.value)]
    low, high = np.log10(min(values)), np.log10(max(values))
    # At least from a third to three, so that small differences look small.
    low, high = min(low, -0.5) - 0.1, max(high, 0.5) + 0.1
    panel.set_xscale("log")
    panel.set_xlim(10**low, 10 ** (low + (high - low) / _STRIP))
    panel.xaxis.set_major_locator(LogLocator(numticks=6))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{short_number(x)}×"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    draw_lines(panel, (1.0,))
    panel.add_patch(
        Rectangle(
            *((_STRIP, 0), 1 - _STRIP, 1),
            transform=panel.transAxes,
            color="0.93",
            lw=0,
            zorder=0,
        )
    )


def _steps(steps: Steps) -> str:
    if steps.value is None:
        return "?"
    sign = {"": "", "more": ">", "less": "<"}[steps.bound]
    return sign + short_number(float(f"{steps.value:.3g}"))


def _runs(row: EfficiencyRow) -> str:
    count = len(row.crossings)
    pending = f", {row.pending} pending" if row.pending else ""
    return f"{count} run{'' if count == 1 else 's'}{pending}"


def _reading() -> str:
    return (
        f"A threshold lies {SHARE:.0%} of the way from zero to the best trained "
        "baseline's held-out score. Right of 1× a method needs more steps than the "
        "panel's own, whose median steps, and runs that got there, stand at the right. "
        "The grey strip is for ratios of which nothing is known."
    )


def _legend(sheet: Sheet, others: list[str], searches: list[str]) -> list[Any]:
    from matplotlib.lines import Line2D

    names = [name for name in others if searches != [name]]
    looks: dict[str, Any] = {"color": GREY} | _MARK
    return [
        *(
            Line2D([], [], label=name, **_MARK | {"marker": "o"}, color=colour)
            for name, colour in ((name, sheet.looks[name].colour) for name in names)
        ),
        Line2D([], [], label="at least: it never got there", **looks | _MARKS["more"]),
        Line2D(
            [], [], label="at most: the panel's never did", **looks | _MARKS["less"]
        ),
        Line2D([], [], label="unknown: neither got there", **looks | _NEITHER),
    ]
