"""The sample-efficiency table: environment steps to a threshold, by method."""

from typing import Any

from llmpo.analysis.efficiency import (
    SHARE,
    EfficiencyRow,
    Steps,
    efficiency_rows,
    main_series,
)
from llmpo.analysis.table import TidyTable
from llmpo.analysis.text import environment_name, short_number
from llmpo.tables.layout import Table, number

_COLUMNS = (
    *("environment", "method", "role", "threshold", "threshold_share"),
    *("threshold_baseline", "threshold_baseline_runs", "no_threshold"),
    *("runs", "reached", "pending", "steps", "median", "median_bound"),
    *("compared_with", "ratio", "ratio_bound"),
)
_HEADINGS = (
    *("Environment", "Method", "Role", "Threshold", "Reached", "Steps of each run"),
    *("Median", "Ratio"),
)
_SIGNS = {"": "", "more": "> ", "less": "< "}


def efficiency_table(
    table: TidyTable, method: str | None = None, share: float = SHARE
) -> Table:
    """Returns the sample-efficiency table.

    Args:
        table: The tidy table.
        method: The series that the others are compared with.
        share: Where the threshold lies between zero and the best trained baseline.
    """
    method = main_series(table) if method is None else method
    made = efficiency_rows(table, method, share)
    rows = [_row(table, row, method, share) for row in made]
    return Table(
        name="efficiency",
        title="Environment steps to the threshold",
        columns=_COLUMNS,
        rows=rows,
        headings=_HEADINGS,
        cells=[_cells(row, made) for row, made in zip(rows, made, strict=True)],
        texts=3,
        key=_key(method, share),
    )


def _row(
    table: TidyTable, row: EfficiencyRow, method: str | None, share: float
) -> dict[str, Any]:
    return {
        "environment": row.environment,
        "method": row.series,
        "role": table.role(row.series),
        "threshold": row.threshold.score,
        "threshold_share": share,
        "threshold_baseline": row.threshold.baseline,
        "threshold_baseline_runs": row.threshold.baseline_runs,
        "no_threshold": row.threshold.reason,
        "runs": len(row.crossings),
        "reached": row.reached,
        "pending": row.pending,
        "steps": " ".join(
            f"{c.seed}:>{c.total:.0f}" if c.steps is None else f"{c.seed}:{c.steps:.0f}"
            for c in row.crossings
        ),
        "median": row.median.value,
        "median_bound": row.median.bound,
        "compared_with": method,
        "ratio": row.ratio.value,
        "ratio_bound": row.ratio.bound,
    }


def _cells(row: dict[str, Any], made: EfficiencyRow) -> list[str]:
    steps = (
        f"> {short_number(c.total)}" if c.steps is None else short_number(c.steps)
        for c in made.crossings
    )
    pending = f", {row['pending']} pending" if row["pending"] else ""
    has_threshold = row["threshold"] is not None
    return [
        environment_name(row["environment"]),
        row["method"],
        row["role"],
        number(row["threshold"]) if has_threshold else row["no_threshold"],
        f"{row['reached']} of {row['runs']}{pending}" if has_threshold else "",
        ", ".join(steps) if has_threshold else "",
        _bounded(made.median, short_number) if has_threshold else "",
        _bounded(made.ratio, number),
    ]


def _bounded(steps: Steps, text: Any) -> str:
    if steps.value is None:
        return "unknown"
    return f"{_SIGNS[steps.bound]}{text(steps.value)}"


def _key(method: str | None, share: float) -> str:
    ratio = (
        f"Ratio: median over that of {method}, so how many times the steps it needs."
        if method
        else "There is no ratio, because no method of the grid searches."
    )
    return f"""\
The threshold of an environment lies at {share:.0%} of the way from the zero of its
scale (the random policy, if not said otherwise) to the mean held-out score of its
best trained method. A method that searches reaches it when its best selection score
first does, a method that trains at its first evaluation that does. Both are
optimistic, as they take the maximum of noisy scores. `> n`: the run never got there
in its n steps; such runs count as longer than any other in the median, which is a
bound where half of the runs are such. {ratio} Steps of training methods are training
steps; their evaluations are not counted.
"""
