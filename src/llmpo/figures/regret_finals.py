"""Regret at the end of the runs: ablations and models, beside the published ones."""

from collections.abc import Iterable, Sequence
from math import inf
from typing import TYPE_CHECKING

from llmpo.analysis.studies import Variant
from llmpo.figures.published import RUNS, draw_across, entry, published, remark
from llmpo.figures.regret_sheet import RegretSheet
from llmpo.figures.rows import draw_estimate, draw_lines, legend_entries
from llmpo.figures.style import add_legend, number_axis, row_panels, wording, write
from llmpo.published_regrets import PUBLISHED_BUDGETS, READING_ERROR, PublishedRegret

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_READING = (
    "Mean regret of the episodes that begin in the last fifth of a run, mean over "
    "runs, whose number is right of each panel."
)
_BUDGETS = "In brackets, how many tokens a prompt may have."
_APART = 0.18  # between what was measured and what was published, of a row


def draw_regret_ablations(sheet: RegretSheet) -> "Figure":
    """Draws the final regret of the base and of each ablation."""
    base, shown = sheet.studies.base, sheet.studies.ablations
    if base is None or len(shown) < 2:
        return wording("There is no ablation of in-context policy iteration here.")
    names = [one.series for one in shown]
    environments = sheet.present(names)
    figure, grid = row_panels(len(environments), names, row=0.32)
    beside = {label: published("ablations", label) for label in environments}
    used: list[PublishedRegret] = []
    for panel, environment in zip(grid, environments, strict=True):
        pairs = [
            (y, beside[environment].get(one.published_ablation or ""))
            for y, one in enumerate(shown)
        ]
        found = [(y, one) for y, one in pairs if one is not None]
        used += [one for _, one in found]
        _set_scale(panel, sheet, names, environments, beside.values())
        final = sheet.final(environment, base.series)
        if final is not None:
            draw_lines(panel, (final.estimate.value,))
        for y, series in enumerate(names):
            shift = _APART if y in dict(found) else 0
            _draw_final(panel, sheet, environment, series, y, shift)
        for y, one in found:
            draw_across(panel, y + _APART, one)
        panel.set_xlabel("regret at the end")
        sheet.add_title(panel, environment, names)
    handles, text = legend_entries(), _READING
    if used:
        handles.append(entry("published"))
        text += f" {remark(used)}"
    text += f" The line is the regret of {base.series}."
    add_legend(figure, handles, text)
    return figure


def draw_regret_models(sheet: RegretSheet) -> "Figure":
    """Draws the final regret of predictors and language models, published ones last."""
    shown = sheet.studies.models
    if not shown:
        return wording("There is no run of in-context policy iteration here.")
    names = [one.series for one in shown]
    environments = sheet.present(names)
    beside = {label: published("models", label) for label in environments}
    others = list(dict.fromkeys(name for row in beside.values() for name in row))
    labels = [_described(one) for one in shown]
    labels += [f"{name} ({_tokens(PUBLISHED_BUDGETS[name])})" for name in others]
    figure, grid = row_panels(len(environments), labels)
    for panel, environment in zip(grid, environments, strict=True):
        _set_scale(panel, sheet, names, environments, beside.values())
        for y, series in enumerate(names):
            _draw_final(panel, sheet, environment, series, y)
        for y, name in enumerate(others, start=len(names)):
            if name in beside[environment]:
                draw_across(panel, y, beside[environment][name])
                write(panel, 1.02, y, str(RUNS))
        if others:
            panel.axhline(len(names) - 0.5, color="0.6", lw=0.8)
        panel.set_xlabel("regret at the end")
        sheet.add_title(panel, environment, names)
    handles, text = legend_entries(), f"{_READING} {_BUDGETS}"
    if others:
        handles.append(entry("published language model"))
        text += " " + remark(one for row in beside.values() for one in row.values())
    add_legend(figure, handles, text)
    return figure


def _draw_final(
    panel: "Axes",
    sheet: RegretSheet,
    environment: str,
    series: str,
    y: float,
    shift: float = 0,
) -> None:
    final = sheet.final(environment, series)
    if final is None:
        write(panel, 0.02, y - shift, "none came that far")
        return
    draw_estimate(panel, y - shift, final.estimate, sheet.looks[series])
    write(panel, 1.02, y - shift, str(final.runs))


def _set_scale(
    panel: "Axes",
    sheet: RegretSheet,
    names: Sequence[str],
    environments: Sequence[str],
    beside: Iterable[dict[str, PublishedRegret]],
) -> None:
    """Gives all panels of a figure one scale: regrets are shares everywhere."""
    values = [0.1]
    for environment in environments:
        for name in names:
            final = sheet.final(environment, name)
            if final is not None:
                estimate = final.estimate
                values += [estimate.high] if estimate.has_interval else []
                values.append(estimate.value)
    values += [one.regret + READING_ERROR for row in beside for one in row.values()]
    high = max(values)
    panel.set_xlim(-0.03 * high - READING_ERROR, 1.04 * high)
    number_axis(panel.xaxis, 5)


def _described(one: Variant) -> str:
    """Returns the name of a series, its predictor and its context budget."""
    model = one.setting("model")
    parts = [] if model in (None, one.series) else [model]
    return f"{one.series} ({', '.join([*parts, _tokens(one.context_budget)])})"


def _tokens(budget: float) -> str:
    return "open" if budget == inf else f"{budget:.0f} tokens"
