"""Methods compared over families: normalised scores, profiles and improvement."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from llmpo.analysis.comparison import (
    ALL,
    FamilySummary,
    Improvement,
    ScoreMatrix,
    SeriesProfile,
    families,
    family_summary,
    improvement,
    profiles,
)
from llmpo.figures.rows import draw_estimate, draw_lines, legend_entries, set_scale
from llmpo.figures.sheet import Sheet
from llmpo.figures.style import (
    add_legend,
    add_title,
    panels,
    row_panels,
    wording,
    write,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_THRESHOLDS = np.linspace(0.0, 1.2, 61)
_NO_SCALE = "No environment of this configuration has reference scores to normalise by."
_FAILED = "†"


def draw_summary(sheet: Sheet) -> "Figure":
    """Draws the interquartile mean of normalised scores, a panel per family."""
    parts: dict[str, dict[str, FamilySummary]] = {}
    for one in family_summary(sheet.table):
        if one.series in sheet.shown:
            parts.setdefault(one.family, {})[one.series] = one
    shown = {
        family: summaries
        for family, summaries in parts.items()
        if any(one.estimates for one in summaries.values())
    }
    if not shown:
        return wording(_NO_SCALE)
    figure, grid = row_panels(len(shown), sheet.shown)
    for panel, (family, summaries) in zip(grid, shown.items(), strict=True):
        estimates = {
            name: one.estimates["iqm"]
            for name, one in summaries.items()
            if one.estimates is not None
        }
        set_scale(panel, estimates.values(), (0.0, 1.0))
        for y, name in enumerate(sheet.shown):
            if name in estimates:
                draw_estimate(panel, y, estimates[name], sheet.looks[name])
                write(panel, 1.02, y, _basis(summaries[name]))
            else:
                scores = summaries[name].scores if name in summaries else None
                write(panel, 0.02, y, _reason(scores))
        panel.set_xlabel("normalised score, interquartile mean")
        add_title(panel, _family_name(family))
    add_legend(
        figure,
        legend_entries(),
        "0 is the score of a poor policy, 1 that of the best known one. Right of each "
        "panel: environments with results, times the runs in each. "
        f"{_FAILED} Some runs left no policy; they count as 0.",
    )
    return figure


def draw_performance_profiles(sheet: Sheet) -> "Figure":
    """Draws the share of runs above every normalised score, a panel per family."""
    shown = {}
    for family, environments in families(sheet.table).items():
        found = profiles(sheet.table, sheet.shown, environments, _THRESHOLDS)
        if found:
            shown[family] = found
    if not shown:
        return wording(_NO_SCALE)
    figure, grid = panels(len(shown))
    for panel, (family, found) in zip(grid, shown.items(), strict=True):
        _draw_profiles(panel, sheet, found)
        every = {name for one in found.values() for name in one.scores.environments}
        partial = [
            name for name, one in found.items() if set(one.scores.environments) != every
        ]
        note = f"not in all environments: {', '.join(partial)}" if partial else ""
        add_title(panel, _family_name(family), note)
    names = [name for name in sheet.shown if any(name in one for one in shown.values())]
    add_legend(
        figure,
        _line_entries(sheet, names),
        "Higher is better. Bands are 95% intervals; a thin line has too few runs for "
        "one.",
    )
    return figure


def draw_improvement(sheet: Sheet) -> "Figure":
    """Draws how likely a search improves on each other method, by family."""
    searches = list(sheet.series("search"))
    others = [name for name in sheet.shown if searches != [name]]
    if not searches or not others:
        return wording("There are no two methods in this configuration to compare.")
    shown = {
        family: found
        for family, environments in families(sheet.table).items()
        if (found := _improvements(sheet, searches, others, environments))
    }
    if not shown:
        return wording("No two methods have results in the same environment.")
    figure, grid = row_panels(len(shown), others, row=0.1 + 0.16 * len(searches))
    for panel, (family, found) in zip(grid, shown.items(), strict=True):
        panel.set_xlim(-0.03, 1.03)
        panel.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        draw_lines(panel, (0.5,))
        for (y, search), one in found.items():
            if one.estimate is not None:
                draw_estimate(panel, y, one.estimate, sheet.looks[search])
                basis = f"{len(one.environments)} × {one.runs}"
                write(panel, 1.03, y, basis, fontsize=6.5)
        for y, other in enumerate(others):
            if other not in {one.baseline for one in found.values()}:
                write(panel, 0.02, y, "nothing to compare")
        panel.set_xlabel("probability of improvement")
        add_title(panel, _family_name(family))
    add_legend(
        figure,
        [*_line_entries(sheet, searches), *legend_entries()],
        "How likely a run of the coloured method scores more than a run of the one "
        "named at the left; at 0.5 neither is better. Right of each panel: "
        "environments that both have results in, times the fewest runs in one of them.",
    )
    return figure


def _improvements(
    sheet: Sheet,
    searches: Sequence[str],
    others: Sequence[str],
    environments: Sequence[str],
) -> dict[tuple[float, str], Improvement]:
    """Returns improvements by height in the panel and search."""
    found = {}
    for row, other in enumerate(others):
        for index, search in enumerate(searches):
            if search == other:
                continue
            one = improvement(sheet.table, search, other, environments)
            if one.estimate is not None:
                share = (index + 0.5) / len(searches) - 0.5
                found[row + 0.7 * share, search] = one
    return found


def _draw_profiles(
    panel: "Axes", sheet: Sheet, found: dict[str, SeriesProfile]
) -> None:
    for name, one in found.items():
        look, profile = sheet.looks[name], one.profile
        panel.fill_between(
            profile.thresholds,
            profile.low,
            profile.high,
            color=look.colour,
            alpha=0.12,
            lw=0,
        )
        panel.plot(
            profile.thresholds,
            profile.value,
            color=look.colour,
            linestyle=look.line,
            linewidth=1.6 if one.scores.has_interval else 0.9,
        )
    panel.set_ylim(-0.03, 1.03)
    panel.set_xlim(_THRESHOLDS[0], _THRESHOLDS[-1])
    panel.set_yticks([0, 0.5, 1], ["0", "50%", "100%"])
    panel.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    panel.set_xlabel("normalised score")
    panel.set_ylabel("runs that score more")


def _line_entries(sheet: Sheet, names: Sequence[str]) -> "list[Line2D]":
    from matplotlib.lines import Line2D

    looks = {name: sheet.looks[name] for name in names}
    return [
        Line2D([], [], color=look.colour, linestyle=look.line, label=name, lw=1.6)
        for name, look in looks.items()
    ]


def _family_name(family: str) -> str:
    return "All families" if family == ALL else family


def _basis(summary: FamilySummary) -> str:
    runs = summary.scores.runs
    counts = str(min(runs)) if min(runs) == max(runs) else f"{min(runs)}–{max(runs)}"
    text = f"{len(runs)}/{summary.all_environments} × {counts}"
    return f"{text} {_FAILED}" if summary.scores.without_policy else text


def _reason(scores: ScoreMatrix | None) -> str:
    return (
        "no runs" if scores is None else ", ".join(sorted({*scores.left_out.values()}))
    )
