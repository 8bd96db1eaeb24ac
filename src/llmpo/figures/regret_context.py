"""Regret at the end of the runs against the context budget of one predictor."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from llmpo.analysis.studies import Variant
from llmpo.analysis.text import short_number
from llmpo.figures.published import draw_upright, entry, published, remark
from llmpo.figures.regret_sheet import RegretSheet
from llmpo.figures.rows import legend_entries
from llmpo.figures.style import add_legend, number_axis, panels, wording
from llmpo.published_regrets import PUBLISHED_BUDGETS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_READING = (
    "Regret of the last fifth of the runs. Along the line nothing changes but how many "
    "tokens a prompt may have. The published models differ in that as well: each is "
    "drawn left of the budget that it had in the released code."
)
_MARKERS = "v^sDPX*"
_BESIDE = 1.2  # factor between models of the same budget, and to their budget
_OPEN = 2.6  # factor between the largest budget and the place of none


def draw_regret_context(sheet: RegretSheet) -> "Figure":
    """Draws the final regret against the context budget, a panel per environment."""
    contexts = sheet.studies.contexts
    if len({budget for budget, _ in contexts}) < 2:
        return wording("There are no two context budgets of one predictor here.")
    names = [one.series for _, one in contexts]
    environments = sheet.present(names)
    numbers = {label: published("models", label) for label in environments}
    models = [
        name
        for name in PUBLISHED_BUDGETS
        if any(name in row for row in numbers.values())
    ]
    places = _places([budget for budget, _ in contexts], models)
    figure, grid = panels(len(environments))
    for panel, environment in zip(grid, environments, strict=True):
        _draw_line(panel, sheet, environment, places)
        for name, x in _beside_each_other(models).items():
            if name in numbers[environment]:
                draw_upright(panel, x, numbers[environment][name], _marker(name))
        _set_axes(panel, places)
        sheet.add_title(panel, environment, names)
    handles, text = _legend(sheet, contexts[-1][1], environments, names), _READING
    if models:
        handles += [entry(f"published, {name}", _marker(name)) for name in models]
        text += " " + remark(one for row in numbers.values() for one in row.values())
    add_legend(figure, handles, text)
    return figure


def _draw_line(
    panel: "Axes", sheet: RegretSheet, environment: str, places: Mapping[float, float]
) -> None:
    points = []
    for budget, one in sheet.studies.contexts:
        final = sheet.final(environment, one.series)
        if final is None:
            continue
        x, estimate = places[budget], final.estimate
        colour = sheet.looks[one.series].colour
        points.append((x, estimate.value))
        if estimate.has_interval:
            panel.plot([x, x], [estimate.low, estimate.high], color=colour, lw=1.6)
        face = colour if estimate.has_interval else "white"
        panel.plot(
            *points[-1],
            marker="o",
            markersize=5,
            markeredgewidth=1.1,
            color=colour,
            markerfacecolor=face,
            zorder=2.5,
        )
    if points:
        panel.plot(*zip(*points, strict=True), color=colour, lw=1.4, zorder=2)


def _places(budgets: Sequence[float], models: Sequence[str]) -> dict[float, float]:
    """Returns where budgets are on the x axis, no limit beyond all others."""
    finite = [budget for budget in budgets if budget < inf]
    most = max(*finite, *(PUBLISHED_BUDGETS[name] for name in models), 1)
    return {budget: min(budget, most * _OPEN) for budget in budgets}


def _beside_each_other(models: Sequence[str]) -> dict[str, float]:
    """Returns the places of published models, side by side left of their budget."""
    places = {}
    for name in models:
        budget = PUBLISHED_BUDGETS[name]
        same = [other for other in models if PUBLISHED_BUDGETS[other] == budget]
        places[name] = budget * _BESIDE ** (same.index(name) - len(same))
    return places


def _set_axes(panel: "Axes", places: Mapping[float, float]) -> None:
    panel.set_xscale("log")
    panel.minorticks_off()
    labels = ["open" if budget == inf else short_number(budget) for budget in places]
    panel.set_xticks(list(places.values()), labels)
    low, high = min(places.values()), max(places.values())
    panel.set_xlim(low / 2.2, high * 1.4)
    panel.set_ylim(-0.02, 1.02)
    number_axis(panel.yaxis, 5)
    panel.set_xlabel("context budget, tokens")
    place = panel.get_subplotspec()
    if place is not None and place.is_first_col():
        panel.set_ylabel("regret at the end")


def _marker(name: str) -> str:
    return _MARKERS[list(PUBLISHED_BUDGETS).index(name) % len(_MARKERS)]


def _legend(
    sheet: RegretSheet, one: Variant, environments: Sequence[str], names: Sequence[str]
) -> list[Any]:
    from matplotlib.lines import Line2D

    finals = [sheet.final(label, name) for label in environments for name in names]
    counts = sorted({final.runs for final in finals if final is not None}) or [0]
    runs = "–".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
    model = one.setting("model") or one.series
    line = Line2D(
        [],
        [],
        color=sheet.looks[one.series].colour,
        lw=1.6,
        marker="o",
        markersize=5,
        label=f"{model} ({runs} runs each), 95% interval",
    )
    return [line, legend_entries()[1]]
