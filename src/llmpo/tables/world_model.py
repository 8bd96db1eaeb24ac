"""The world-model table: how often the predictions of simulated rollouts hold."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmpo.analysis.predictions import KINDS, PredictionQuality, prediction_quality
from llmpo.analysis.summary import select
from llmpo.analysis.table import OnlineRuns, TidyTable
from llmpo.analysis.text import environment_name
from llmpo.tables.layout import Table, estimate_columns

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
    *("environment", "method", "prediction", "runs", "predictions", "failed"),
    *("failed_share", "completions", "invalid", "invalid_share", "truncated"),
    *("correct", "wrong", "accuracy", "accuracy_low", "accuracy_high"),
    *("unclear", "unclear_share"),
)
_COUNTS = (
    *("predictions", "failed", "invalid", "truncated"),
    *("correct", "wrong", "unclear"),
)
_HEADINGS = (
    *("Environment", "Method", "Prediction", "Runs", "Predictions", "Failed"),
    *("Invalid", "Truncated", "Accuracy", "Unclear"),
)
_KEY = """\
Failed: predictions without any valid completion. Invalid: completions that could not
be read as an answer; truncated: how many of them were cut off before their end.
Accuracy: of the valid predictions about a state that exists, those that can come true
by the rules of the environment, with a 95% bootstrap interval over runs, none for
fewer than three runs. Unclear: of the valid predictions, those about a text that names
no state, as there may be after an earlier mistake. All shares are means over runs,
counts are totals. An action cannot be wrong.
"""


def world_model_table(table: TidyTable) -> Table:
    """Returns the world-model table."""
    online = table.online
    rows = [
        row
        for environment in online.environments
        for series in online.series
        for row in _rows(online, environment, series)
    ]
    return Table(
        name="world_model",
        title="Predictions of the world model",
        columns=_COLUMNS,
        rows=rows,
        headings=_HEADINGS,
        cells=[_cells(row) for row in rows],
        texts=3,
        key=_KEY,
    )


def _rows(online: OnlineRuns, environment: str, series: str) -> list[dict[str, Any]]:
    rows = select(online.predictions, environment, series)
    made = []
    for kind in KINDS:
        quality = prediction_quality(online, environment, series, kind)
        if quality is not None:
            names = {"environment": environment, "method": series, "prediction": kind}
            made.append(names | _values(rows[rows.prediction == kind], quality))
    return made


def _values(rows: "pd.DataFrame", quality: PredictionQuality) -> dict[str, Any]:
    begun = rows[rows.predictions > 0]
    return {
        "runs": quality.runs,
        "completions": int(rows.calls.sum()),
        **{name: int(rows[name].sum()) for name in _COUNTS},
        "failed_share": _known((begun.failed / begun.predictions).mean()),
        "invalid_share": _known(quality.invalid),
        **estimate_columns("accuracy", quality.correct),
        "unclear_share": _known(quality.unclear),
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        environment_name(row["environment"]),
        row["method"],
        row["prediction"],
        str(row["runs"]),
        str(row["predictions"]),
        _percent(row["failed_share"]),
        _percent(row["invalid_share"]),
        str(row["truncated"]),
        _percent_with_interval(
            *(row[f"accuracy{end}"] for end in ("", "_low", "_high"))
        ),
        _percent(row["unclear_share"]),
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _percent_with_interval(
    value: float | None, low: float | None, high: float | None
) -> str:
    if low is None or high is None:
        return _percent(value)
    return f"{_percent(value)} [{_percent(low)}, {_percent(high)}]"
