"""Score against what a run has used: environment steps, LLM calls or tokens.

Selection scores (candidates and the best so far) and held-out scores are different
numbers: the method picks the highest of the former, so they promise too much. They
are drawn apart, the latter in a strip at the right.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from llmpo.figures import axes as effort
from llmpo.figures.style import GREY, add_legend, add_title, palette, panels
from llmpo.figures.summary import (
    Curve,
    Policy,
    best_so_far,
    held_out,
    mean_curve,
    score_scale,
    select,
    without_policy,
)
from llmpo.figures.table import TidyTable
from llmpo.figures.text import environment_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_READING = (
    "Rejected candidates, repairs and feedback count as used. "
    "Selection scores chose the policies; held-out ones are the result."
)
_SCORE_NAMES = {"return": "return", "success": "success rate"}
_POLICIES: tuple[Policy, ...] = ("best", "last")
_MANY = 30  # more candidates than these are drawn small and pale


def draw_learning_curves(table: TidyTable) -> "Figure":
    """Draws score against environment interactions, one panel per environment."""
    return _draw(table, "env_steps", "environment steps")


def draw_cost_in_calls(table: TidyTable) -> "Figure":
    """Draws score against LLM calls, one panel per environment."""
    return _draw(table, "calls", "LLM calls")


def draw_cost_in_tokens(table: TidyTable) -> "Figure":
    """Draws score against tokens sent and received, one panel per environment."""
    estimated = (table.runs.tokens_estimated == 1).any()
    return _draw(table, "tokens", "tokens (estimated)" if estimated else "tokens")


def _draw(table: TidyTable, axis: str, label: str) -> "Figure":
    figure, grid = panels(len(table.environments))
    colours = dict(zip(table.series, palette(len(table.series)), strict=True))
    for panel, environment in zip(grid, table.environments, strict=True):
        _draw_panel(panel, table, environment, axis, colours)
        panel.set_xlabel(label)
    add_legend(figure, _legend(colours), _READING)
    return figure


def _draw_panel(
    panel: "Axes",
    table: TidyTable,
    environment: str,
    axis: str,
    colours: dict[str, Any],
) -> None:
    here = table.candidates[table.candidates.environment == environment]
    totals = table.runs[table.runs.environment == environment]
    used = [*here[axis].dropna(), *totals[axis][totals[axis] > 0]]
    effort.set_effort_axis(panel, used)
    results: list[float] = []
    for series, colour in colours.items():
        curves = best_so_far(table, environment, series, axis)
        _draw_curves(panel, curves, colour, (environment, series, axis))
        _draw_working(panel, select(here, environment, series), axis, colour)
        results += [curve.y[-1] for curve in curves]
    results += _draw_held_out(panel, table, environment, colours)
    scale = score_scale(here.score.dropna().to_numpy(), results)
    kind = table.score_kind(environment)
    effort.set_score_axis(panel, len(colours), scale, is_share=kind == "success")
    for row, (series, colour) in enumerate(colours.items()):
        rows = select(here, environment, series)
        failed = rows[rows.status != "ok"]
        effort.draw_marks(panel, failed[axis], row, color=colour, **_FAILED)
        if scale is not None:
            low = rows[rows.score < scale.floor]
            effort.draw_marks(panel, low[axis], len(colours), color=colour, **_LOW)
    panel.set_ylabel(_SCORE_NAMES[kind])
    add_title(panel, environment_name(environment), _note(table, environment))


def _draw_curves(
    panel: "Axes", curves: list[Curve], colour: Any, names: tuple[str, ...]
) -> None:
    import seaborn as sns

    if not curves:
        return
    band = mean_curve(curves, *names)
    sns.lineplot(
        x=np.concatenate([curve.x for curve in curves]),
        y=np.concatenate([curve.y for curve in curves]),
        units=np.repeat([c.seed for c in curves], [len(c.x) for c in curves]),
        estimator=None,
        sort=False,
        ax=panel,
        color=colour,
        drawstyle="steps-post",
        linewidth=1.6 if band is None else 0.6,
        alpha=1.0 if band is None else 0.45,
    )
    for curve in curves:
        if curve.truncated:
            panel.plot(curve.x[-1], curve.y[-1], color=colour, **_TRUNCATED)
    if band is not None:
        panel.fill_between(
            band.x, band.low, band.high, step="post", color=colour, alpha=0.18, lw=0
        )
        panel.step(band.x, band.mean, where="post", color=colour, linewidth=1.8)


def _draw_working(panel: "Axes", rows: Any, axis: str, colour: Any) -> None:
    import seaborn as sns

    working = rows[rows.status == "ok"]
    sns.scatterplot(
        x=working[axis],
        y=working.score,
        ax=panel,
        color=colour,
        s=22 if len(working) <= _MANY else 7,
        alpha=0.9 if len(working) <= _MANY else 0.3,
        linewidth=0.6 if len(working) <= _MANY else 0,
        legend=False,
        zorder=3,
    )


def _draw_held_out(
    panel: "Axes", table: TidyTable, environment: str, colours: dict[str, Any]
) -> list[float]:
    """Draws the strip and returns the scores in it."""
    effort.draw_strip(panel)
    drawn: list[float] = []
    places = iter(effort.strip_positions(len(colours) * len(_POLICIES)))
    where = effort.x_share(panel)
    for series, colour in colours.items():
        for policy in _POLICIES:
            place = next(places)
            score = held_out(table, environment, series, policy)
            if score is None:
                continue
            value, ends = (
                score.estimate.value,
                [score.estimate.low, score.estimate.high],
            )
            panel.plot([place] * 2, ends, color=colour, lw=1.2, transform=where)
            panel.plot(
                [place],
                [value],
                transform=where,
                color=colour,
                markerfacecolor=colour if policy == "best" else "white",
                **_HELD_OUT,
            )
            drawn += [value, *ends]
    return drawn


def _note(table: TidyTable, environment: str) -> str:
    runs = table.runs[table.runs.environment == environment]
    counts = {
        status: int((runs.run_status == status).sum())
        for status in ("truncated", "pending", "failed")
    }
    missing = sum(without_policy(table, environment, name) for name in table.series)
    # A failed run has no policy anyway.
    counts["without policy"] = max(0, missing - counts["failed"])
    # Non-breaking spaces, so that a line never ends between a count and its word.
    parts = [f"{n} {what}".replace(" ", "\xa0") for what, n in counts.items() if n]
    noun = "run" if len(runs) == 1 else "runs"
    return f"{len(runs)}\xa0{noun}: {', '.join(parts)}" if parts else ""


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
_HELD_OUT: dict[str, Any] = {"marker": "D", "markersize": 4.5, "markeredgewidth": 1.1}


def _legend(colours: dict[str, Any]) -> list[Any]:
    from matplotlib.lines import Line2D

    def entry(label: str, **looks: Any) -> Line2D:
        return Line2D([], [], label=label, **({"color": GREY} | looks))

    none: dict[str, Any] = {"linestyle": "none"}
    return [
        *(entry(name, color=colour, lw=3) for name, colour in colours.items()),
        entry("selection: best so far (thin: single runs)", lw=1.6),
        entry("selection: working candidate", marker="o", markersize=4, **none),
        entry("selection: worse than the scale shows", **_LOW, **none),
        entry("failed attempt", **_FAILED, **none),
        entry("stopped by a budget", **_TRUNCATED, **none),
        entry("held-out: best policy, 95% interval", **_HELD_OUT),
        entry("held-out: last policy", markerfacecolor="white", **_HELD_OUT),
    ]
