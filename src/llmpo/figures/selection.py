"""What choosing the best of many candidates did, and how many rounds it took."""

from typing import TYPE_CHECKING, Any

import numpy as np

from llmpo.analysis.selection import chosen_policies
from llmpo.analysis.text import environment_name, short_number
from llmpo.figures.sheet import Sheet
from llmpo.figures.style import (
    GREY,
    SCORE_NAMES,
    add_legend,
    add_title,
    number_axis,
    panels,
    row_panels,
    wording,
    write,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EMPTY = "No search of this configuration has a policy with a held-out score."
_MARKERS = "osD^vP*X"


def draw_selection_effect(sheet: Sheet) -> "Figure":
    """Draws held-out against selection score of the best policies, a dot per run."""
    from matplotlib.lines import Line2D

    chosen = chosen_policies(sheet.table)
    if chosen.empty:
        return wording(_EMPTY)
    parts = dict(list(chosen.groupby("environment")))
    environments = [name for name in sheet.table.environments if name in parts]
    names = [name for name in sheet.looks if name in set(chosen.series)]
    markers = {name: _MARKERS[i % len(_MARKERS)] for i, name in enumerate(names)}
    figure, grid = panels(len(environments), width=2.6, height=2.6)
    for panel, environment in zip(grid, environments, strict=True):
        rows = parts[environment]
        for name in names:
            one = rows[rows.series == name]
            panel.plot(
                one.selection,
                one.held_out,
                linestyle="none",
                color=sheet.looks[name].colour,
                alpha=0.75,
                **_DOT | {"marker": markers[name]},
            )
        _draw_diagonal(panel, rows.selection, rows.held_out)
        kind = SCORE_NAMES[sheet.table.score_kind(environment)]
        panel.set_xlabel(f"selection {kind}")
        panel.set_ylabel(f"held-out {kind}")
        panel.text(
            *(0.03, 0.97, f"on average {_change(rows.selection, rows.held_out)}"),
            transform=panel.transAxes,
            va="top",
            fontsize=7.5,
            color=GREY,
        )
        add_title(panel, environment_name(environment), width=25)
    handles = [
        Line2D(
            [],
            [],
            linestyle="none",
            color=sheet.looks[name].colour,
            label=name,
            **_DOT | {"marker": markers[name]},
        )
        for name in names
    ]
    handles.append(Line2D([], [], color=GREY, lw=0.8, label="held-out = selection"))
    add_legend(
        figure,
        handles,
        "A dot is the best policy of a run. Below the line, its selection score "
        "promised more than it kept on fresh seeds.",
    )
    return figure


def draw_rounds_to_best(sheet: Sheet) -> "Figure":
    """Draws in which round the best policy was found, a row per environment."""
    from matplotlib.lines import Line2D

    chosen = chosen_policies(sheet.table)
    names = [name for name in sheet.looks if name in set(chosen.series)]
    if not names:
        return wording(_EMPTY)
    environments = sheet.environments(names)
    labels = [environment_name(name) for name in environments]
    figure, grid = row_panels(len(names), labels)
    most = int(chosen.rounds.max())
    parts = {key: rows for key, rows in chosen.groupby(["series", "environment"])}
    for panel, name in zip(grid, names, strict=True):
        for row, environment in enumerate(environments):
            rows = parts.get((name, environment))
            if rows is None:
                write(panel, 0.02, row, "none")
                continue
            made = rows.rounds.max()
            panel.barh(row, made, left=0.5, height=0.72, color="0.93", lw=0)
            counts = rows["round"].value_counts().sort_index()
            panel.scatter(
                counts.index,
                np.full(len(counts), row),
                s=20 + 70 * counts / counts.sum(),
                color=sheet.looks[name].colour,
                lw=0,
            )
            write(panel, 1.02, row, str(counts.sum()))
        panel.set_xlim(0.3, most + 0.7)
        step = max(1, -(-most // 5))
        # None so close to the first that they would touch.
        ticks = [tick for tick in range(step, most + 1, step) if tick > 1 + step / 2]
        panel.set_xticks([1, *ticks])
        panel.set_xlabel("round")
        add_title(panel, name)
    dots: dict[str, Any] = {"linestyle": "none", "color": GREY} | _DOT
    large = dots | {"markersize": 9.5}
    add_legend(
        figure,
        [
            Line2D([], [], label="few runs", **dots),
            Line2D([], [], label="all runs", **large),
            Line2D([], [], label="rounds made", lw=8, color="0.9"),
        ],
        "Round in which the best policy was found; a larger dot is a larger share of "
        "the runs, whose number is at the right.",
    )
    return figure


_DOT: dict[str, Any] = {"marker": "o", "markersize": 5, "markeredgewidth": 0}


def _change(selection: Any, held_out: Any) -> str:
    change = (held_out - selection).mean()
    size = max(selection.abs().max(), held_out.abs().max())
    if abs(change) < 1e-9 * size:  # what is left of sums of equal parts
        return "0"
    text = short_number(float(f"{change:.3g}"))
    return text if change < 0 else f"+{text}"


def _draw_diagonal(panel: "Axes", x: Any, y: Any) -> None:
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    # A single policy without any loss still needs room around it.
    # A difference of less than a hundredth must not fill the panel.
    room = max(0.12 * (high - low), 0.03 * abs(high)) or 0.5
    ends = (low - room, high + room)
    panel.plot(ends, ends, color=GREY, lw=0.8, zorder=1)
    panel.fill_between(ends, ends, ends[0], color="0.95", lw=0, zorder=0)
    panel.set_xlim(*ends)
    panel.set_ylim(*ends)
    panel.set_box_aspect(1)
    number_axis(panel.xaxis)
    number_axis(panel.yaxis)
