"""Regret against environment steps: of the algorithms, and without language models."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from llmpo.analysis.regret import BINS
from llmpo.analysis.studies import Variant
from llmpo.figures.published import (
    draw_upright,
    entry,
    published_curve,
    remark,
)
from llmpo.figures.regret_sheet import RegretSheet, is_bound
from llmpo.figures.style import add_legend, number_axis, panels, wording
from llmpo.published_regrets import PublishedRegret

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_READING = (
    "Regret: how much less an episode brought than the best policy would, as a share "
    "of the most to be lost. Mean over runs of the episodes that begin in each "
    f"1/{BINS} of a run, not smoothed further; bands are 95% intervals."
)
_STRONG, _USUAL, _THIN = 2.6, 1.5, 0.9


def draw_regret(sheet: RegretSheet) -> "Figure":
    """Draws the regret of all algorithms, one panel per environment."""
    shown = sheet.studies.algorithms
    if not shown:
        return wording("There is no algorithm of in-context policy iteration here.")
    figure, grid, handles = _draw(sheet, shown)
    _label(grid)
    add_legend(figure, handles, _READING)
    return figure


def draw_regret_without_llm(sheet: RegretSheet) -> "Figure":
    """Draws predictors without pretrained knowledge beside the published curve."""
    found = sheet.studies
    exact = [
        one
        for one in found.algorithms
        if one.changes.get("algorithm") in ("oracle_world_model", "random")
        and len(one.changes) == 1
    ]
    shown = dict.fromkeys(one.series for one in (*found.models, *exact))
    by_name = {one.series: one for one in (*found.models, *exact)}
    if not found.models:
        return wording("There is no run of in-context policy iteration here.")
    figure, grid, handles = _draw(sheet, [by_name[name] for name in shown])
    numbers: list[PublishedRegret] = []
    for panel, environment in zip(grid, sheet.present(shown), strict=True):
        for steps, one in published_curve(environment, "icpi"):
            draw_upright(panel, steps, one)
            numbers.append(one)
    _label(grid)
    text = _READING
    if numbers:
        handles.append(entry("published, with code-davinci-002"))
        text += f" {remark(numbers)}"
    add_legend(figure, handles, text)
    return figure


def _draw(
    sheet: RegretSheet, shown: Sequence[Variant]
) -> "tuple[Figure, list[Axes], list[Any]]":
    """Returns a figure with the curves, its panels, and its legend entries."""
    from matplotlib.lines import Line2D

    shown = sorted(shown, key=is_bound)
    names = [one.series for one in shown]
    environments = sheet.present(names)
    figure, grid = panels(len(environments))
    for panel, environment in zip(grid, environments, strict=True):
        for one in reversed(shown):
            _draw_curve(panel, sheet, environment, one)
        sheet.add_title(panel, environment, names)
    handles: list[Any] = [
        Line2D(
            [],
            [],
            label=sheet.label(one.series),
            color=sheet.looks[one.series].colour,
            linestyle=sheet.looks[one.series].line,
            linewidth=_width(sheet, one),
        )
        for one in shown
    ]
    return figure, grid, handles


def _draw_curve(
    panel: "Axes", sheet: RegretSheet, environment: str, one: Variant
) -> None:
    curve = sheet.curve(environment, one.series)
    if curve is None:
        return
    look = sheet.looks[one.series]
    mean, low, high = np.array(
        [(part.value, part.low, part.high) for part in curve.estimates]
    ).T
    # Where there are too few runs for an interval, both ends are NaN: no band.
    panel.fill_between(curve.steps, low, high, color=look.colour, alpha=0.13, lw=0)
    panel.plot(
        curve.steps,
        mean,
        color=look.colour,
        linestyle=look.line,
        linewidth=_width(sheet, one),
        solid_capstyle="round",
        zorder=2.6 if one is sheet.studies.base else 2,
    )


def _width(sheet: RegretSheet, one: Variant) -> float:
    if one is sheet.studies.base:
        return _STRONG
    return _THIN if is_bound(one) else _USUAL


def _label(grid: "Sequence[Axes]") -> None:
    for panel in grid:
        panel.set_xlim(0, panel.dataLim.x1 * 1.03 or 1)
        panel.set_ylim(-0.02, 1.02)
        number_axis(panel.xaxis, 5)
        number_axis(panel.yaxis, 5)
        panel.set_xlabel("environment steps")
        place = panel.get_subplotspec()
        if place is not None and place.is_first_col():
            panel.set_ylabel("regret")
