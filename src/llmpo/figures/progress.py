"""Score against what a run has used: environment steps, calls, tokens, dollars, time.

Selection scores (candidates, the best so far, evaluations in training) and held-out
scores are different numbers: a search picks the highest of the former, so they promise
too much. They are drawn apart, the latter in a strip at the right. Methods that act
while they learn have held-out scores only; their curves are in the figures of regrets.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from llmpo.analysis.curves import Axis, SeriesCurves
from llmpo.analysis.summary import Scale, score_scale
from llmpo.analysis.text import environment_name
from llmpo.figures import axes as effort
from llmpo.figures.levels import (
    HELD_OUT,
    MOST_PAIRS,
    REFERENCE,
    draw_held_out,
    draw_others,
    draw_references,
)
from llmpo.figures.sheet import Look, Sheet
from llmpo.figures.style import (
    GREY,
    SCORE_NAMES,
    add_legend,
    add_title,
    panels,
    say,
    wording,
)
from llmpo.statistics import LEAST_RUNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_READING = (
    "Rejected candidates, repairs and feedback count as used. "
    "Selection scores chose the policies; held-out ones are the result."
)
_MANY = 30  # more candidates than these are drawn small and pale
_UNKNOWN: dict[Axis, str] = {"dollars": "price unknown", "llm_seconds": "time unknown"}


def draw_learning_curves(sheet: Sheet) -> "Figure":
    """Draws score against environment interactions, one panel per environment."""
    names = list(sheet.series("search", "training", "online"))
    return _draw(sheet, "env_steps", "environment steps", names)


def draw_cost_in_calls(sheet: Sheet) -> "Figure":
    """Draws score against LLM calls, one panel per environment."""
    return _draw_cost(sheet, "calls", "LLM calls")


def draw_cost_in_tokens(sheet: Sheet) -> "Figure":
    """Draws score against tokens sent and received, one panel per environment."""
    estimated = (sheet.table.runs.tokens_estimated == 1).any()
    return _draw_cost(sheet, "tokens", "tokens (estimated)" if estimated else "tokens")


def draw_cost_in_dollars(sheet: Sheet) -> "Figure":
    """Draws score against the price of the calls, one panel per environment."""
    return _draw_cost(sheet, "dollars", "US dollars")


def draw_cost_in_seconds(sheet: Sheet) -> "Figure":
    """Draws score against the time the model took, one panel per environment."""
    return _draw_cost(sheet, "llm_seconds", "seconds the model took")


def _draw_cost(sheet: Sheet, axis: Axis, label: str) -> "Figure":
    callers = set(sheet.table.runs.series[sheet.table.runs.calls > 0])
    roles = ("search", "training", "online")
    names = [name for name in sheet.series(*roles) if name in callers]
    if not names:
        return wording("No run of this configuration called a language model.")
    runs = sheet.table.runs
    if runs[axis][runs.series.isin(names)].isna().all():
        unknown = _UNKNOWN[axis].capitalize()
        return wording(f"{unknown} for all runs that called a language model.")
    return _draw(sheet, axis, label, names)


def _draw(sheet: Sheet, axis: Axis, label: str, names: list[str]) -> "Figure":
    environments = sheet.environments(sheet.shown if axis == "env_steps" else names)
    figure, grid = panels(len(environments))
    for panel, environment in zip(grid, environments, strict=True):
        _draw_panel(panel, sheet, environment, axis, label, names)
    add_legend(figure, _legend(sheet, names), _READING)
    return figure


def _draw_panel(
    panel: "Axes",
    sheet: Sheet,
    environment: str,
    axis: Axis,
    label: str,
    names: list[str],
) -> None:
    runs = sheet.here[environment].runs
    runs = runs[runs.series.isin(names)]
    all_curves = sheet.curves(axis)
    curves = {
        name: all_curves[environment, name]
        for name in names
        if (environment, name) in all_curves and sheet.looks[name].role != "online"
    }
    add_title(
        panel, environment_name(environment), _note(sheet, environment, axis, runs)
    )
    if len(runs) and runs[axis].isna().all():
        say(panel, _UNKNOWN[axis])
        return
    used = [runs[axis][runs[axis] > 0].to_numpy()]
    for one in curves.values():
        used += [one.tried, one.failed, *(curve.x for curve in one.runs)]
    effort.set_effort_axis(panel, np.concatenate(used))
    for name, one in curves.items():
        _draw_curves(panel, one, sheet.looks[name])
        _draw_candidates(panel, one, sheet.looks[name])
    here = [name for name in names if (runs.series == name).any()]
    results, others = draw_held_out(panel, sheet, environment, here)
    levels = sheet.references(environment)
    scale = _scale(curves, results, levels)
    kind = sheet.table.score_kind(environment)
    searches = [name for name, one in curves.items() if len(one.failed)]
    low = {
        name: one.tried[one.scores < scale.floor]
        for name, one in curves.items()
        if scale is not None and one.is_search
    }
    rows = len(searches) + any(len(places) for places in low.values())
    effort.set_score_axis(
        panel, rows, scale, levels.values(), is_share=kind == "success"
    )
    if scale is not None:
        draw_references(panel, levels, rows)
        draw_others(panel, others)
    for row, name in enumerate(searches):
        colour = sheet.looks[name].colour
        effort.draw_marks(panel, curves[name].failed, row, color=colour, **_FAILED)
    for name, places in low.items():
        colour = sheet.looks[name].colour
        effort.draw_marks(panel, places, len(searches), color=colour, **_LOW)
    panel.set_xlabel(label)
    panel.set_ylabel(SCORE_NAMES[kind])


def _note(sheet: Sheet, environment: str, axis: Axis, runs: Any) -> str:
    parts = sheet.note(environment, sorted(set(runs.series)))
    unknown = int(runs[axis].isna().sum())
    if 0 < unknown < len(runs):
        parts.append(f"{unknown} {_UNKNOWN[axis]}")
    # Non-breaking spaces, so that a line never ends between a count and its word.
    parts = [part.replace(" ", "\xa0") for part in parts]
    noun = "run" if len(runs) == 1 else "runs"
    return f"{len(runs)}\xa0{noun}: {', '.join(parts)}" if parts else ""


def _draw_curves(panel: "Axes", curves: SeriesCurves, look: Look) -> None:
    style = "steps-post" if curves.is_search else "default"
    looks: dict[str, Any] = {"color": look.colour, "drawstyle": style}
    alone = len(curves.runs) < LEAST_RUNS
    # One line with gaps is drawn far quicker than many lines.
    gap = np.array([np.nan])
    panel.plot(
        np.concatenate([part for one in curves.runs for part in (one.x, gap)] or [gap]),
        np.concatenate([part for one in curves.runs for part in (one.y, gap)] or [gap]),
        linestyle=look.line,
        linewidth=1.0 if alone else 0.5,
        alpha=0.9 if alone else 0.35,
        **looks,
    )
    ends = [(one.x[-1], one.y[-1]) for one in curves.runs if one.truncated]
    if ends:
        x, y = zip(*ends, strict=True)
        panel.plot(x, y, linestyle="none", color=look.colour, **_TRUNCATED)
    band = curves.band
    if band is not None:
        area: dict[str, Any] = {"color": look.colour, "alpha": 0.18, "lw": 0}
        area["step"] = "post" if curves.is_search else None
        panel.fill_between(band.x, band.low, band.high, **area)
        panel.plot(band.x, band.mean, linestyle=look.line, linewidth=1.8, **looks)


def _draw_candidates(panel: "Axes", curves: SeriesCurves, look: Look) -> None:
    if not curves.is_search:
        return
    count = len(curves.tried)
    few = count <= _MANY
    panel.scatter(
        curves.tried,
        curves.scores,
        color=look.colour,
        s=22 if few else 7,
        # The more there are, the paler, so that a cloud does not hide the curves.
        alpha=0.9 if few else min(0.3, max(0.06, 90 / count)),
        linewidth=0.6 if few else 0,
        edgecolor="white",
        zorder=3 if few else 1.5,
        # An image within the vector file, which would be huge otherwise.
        rasterized=not few,
    )


def _scale(
    curves: dict[str, SeriesCurves], results: list[float], levels: dict[str, float]
) -> Scale | None:
    """Returns what the panel has to show; see `score_scale`.

    References above all scores are on the scale, and of several below them the
    highest: what a scale without them makes look large may be next to nothing. Others
    are on it as far as it reaches anyway, because chance may be very far below.
    """
    candidates = [one.scores for one in curves.values() if one.is_search]
    must = list(results)
    for one in curves.values():
        must += [curve.y[-1] for curve in one.runs]
        if not one.is_search:
            must += np.quantile(one.scores, [0.1, 1]).tolist()
    if must:
        high = [level for level in levels.values() if level > max(must)]
        low = [level for level in levels.values() if level <= min(must)]
        must += [*high, *sorted(low)[1:][-1:]]
    else:
        must = list(levels.values())
    return score_scale(np.concatenate([*candidates, must]), must)


_TRUNCATED: dict[str, Any] = {
    "marker": "8",  # a stop sign
    "markersize": 7,
    "markeredgewidth": 0.8,
    "markeredgecolor": "black",
}
_FAILED: dict[str, Any] = {
    "marker": "x",
    "markersize": 3.5,
    "markeredgewidth": 0.9,
}
_LOW: dict[str, Any] = {"marker": "v", "markersize": 4.0, "markeredgewidth": 0}


def _legend(sheet: Sheet, names: list[str]) -> list[Any]:
    from matplotlib.lines import Line2D

    def entry(label: str, **looks: Any) -> Line2D:
        return Line2D([], [], label=label, **({"color": GREY} | looks))

    none: dict[str, Any] = {"linestyle": "none"}
    looks = {name: sheet.looks[name] for name in names}
    roles = {look.role for look in looks.values()}
    entries = [
        entry(
            sheet.label(name),
            color=look.colour,
            linestyle=look.line,
            lw=2.2 if sheet.has_interval(name) else 1.0,
        )
        for name, look in looks.items()
        if look.role != "online"
    ]
    entries += [
        entry(sheet.label(name), color=look.colour, **HELD_OUT, **none)
        for name, look in looks.items()
        if look.role == "online"
    ]
    if "search" in roles:
        entries += [
            entry("search: best so far (pale: single runs)", lw=1.6),
            entry("search: working candidate", marker="o", markersize=4, **none),
            entry("search: worse than the scale shows", **_LOW, **none),
            entry("search: failed attempt", **_FAILED, **none),
        ]
    if "training" in roles:
        line = sheet.looks[next(n for n in names if looks[n].role == "training")].line
        entries.append(
            entry("training: evaluations (pale: single runs)", lw=1.6, linestyle=line)
        )
    if sheet.series("reference"):
        entries.append(entry("reference policy, held-out score", **REFERENCE))
    entries += [
        entry("stopped by a budget", **_TRUNCATED, **none),
        entry("held-out: product of the run, 95% interval", **HELD_OUT),
    ]
    present = [set(table.runs.series) & set(names) for table in sheet.here.values()]
    if any(0 < len(here) <= MOST_PAIRS for here in present):
        hollow = HELD_OUT | {"markerfacecolor": "white"}
        entries.append(entry("held-out: other policy (triangle: lower)", **hollow))
    return entries
