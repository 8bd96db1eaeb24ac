"""How often the predictions of the world model can come true, per kind."""

from typing import TYPE_CHECKING, Any

from llmpo.analysis.predictions import KINDS, PredictionQuality, prediction_quality
from llmpo.analysis.studies import Variant
from llmpo.figures.regret_sheet import RegretSheet
from llmpo.figures.rows import draw_estimate
from llmpo.figures.style import GREY, add_legend, row_panels, wording, write
from llmpo.statistics import LEAST_RUNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_READING = (
    "Share of predictions that can come true, among those of which it can be told: "
    f"mean over runs with 95% interval, hollow with fewer than {LEAST_RUNS} runs. The "
    "number of runs is right of each panel. Unclear predictions are about something "
    "that does not exist. An action, lowest in each row, cannot be wrong, only invalid."
)
_NAMES = {"state": "next state"}
_MARKERS = dict(zip(KINDS, "s^oD", strict=True))
_ROW = 0.56
_UNCLEAR: dict[str, Any] = {"marker": "+", "markersize": 5.5, "markeredgewidth": 1.1}
_INVALID: dict[str, Any] = {"marker": "x", "markersize": 4.5, "markeredgewidth": 1.1}


def draw_world_model(sheet: RegretSheet) -> "Figure":
    """Draws shares of correct, unclear and invalid predictions, a panel each domain."""
    found = sheet.studies
    every = [*found.models, *(one for _, one in found.contexts)]
    asked = set(sheet.online.predictions.series)
    shown = {one.series: one for one in every if one.series in asked}
    if not shown:
        return wording("No run here has predictions of a world model.")
    environments = sheet.present(shown)
    labels = [_described(one) for one in shown.values()]
    figure, grid = row_panels(len(environments), labels, row=_ROW)
    for panel, environment in zip(grid, environments, strict=True):
        panel.set_xlim(-0.04, 1.04)
        panel.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
        for row, series in enumerate(shown):
            _draw_row(panel, sheet, environment, series, row)
        panel.set_xlabel("share")
        sheet.add_title(panel, environment, shown)
    add_legend(figure, _legend(), _READING)
    return figure


def _draw_row(
    panel: "Axes", sheet: RegretSheet, environment: str, series: str, row: int
) -> None:
    runs = 0
    for index, kind in enumerate(KINDS):
        quality = prediction_quality(sheet.online, environment, series, kind)
        if quality is None:
            continue
        runs = max(runs, quality.runs)
        y = row + 0.76 * ((index + 0.5) / len(KINDS) - 0.5)
        _draw_quality(panel, y, quality, sheet.looks[series], _MARKERS[kind])
    write(panel, *(1.02, row, str(runs)) if runs else (0.02, row, "none"))


def _draw_quality(
    panel: "Axes", y: float, quality: PredictionQuality, look: Any, marker: str
) -> None:
    for share, mark in ((quality.unclear, _UNCLEAR), (quality.invalid, _INVALID)):
        if share > 0:
            panel.plot(share, y, color=look.colour, linestyle="none", **mark)
    if quality.correct is not None:
        draw_estimate(panel, y, quality.correct, look, marker=marker)


def _described(one: Variant) -> str:
    """Returns the name of a series, and what of it is of interest here."""
    if "context_budget" in one.changes:
        return f"{one.series} ({one.context_budget:.0f} tokens)"
    model = one.setting("model")
    return one.series if model in (None, one.series) else f"{one.series} ({model})"


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D

    none: dict[str, Any] = {"linestyle": "none", "color": GREY}
    return [
        *(
            Line2D(
                [],
                [],
                label=_NAMES.get(kind, kind),
                marker=marker,
                markersize=4.5,
                **none,
            )
            for kind, marker in _MARKERS.items()
            if kind != "action"
        ),
        Line2D([], [], label="unclear, as share of all valid", **none, **_UNCLEAR),
        Line2D([], [], label="invalid, as share of completions", **none, **_INVALID),
    ]
