"""The summary table: one row per family of environments and method."""

from typing import Any

from llmpo.analysis.comparison import FamilySummary, family_summary
from llmpo.analysis.table import TidyTable
from llmpo.tables.layout import Table, estimate_columns, listed, with_interval

_ESTIMATES = ("iqm", "median", "mean", "optimality_gap")
_HEADINGS = (
    *("Family", "Method", "Role", "Environments", "Runs each"),
    *("IQM", "Median", "Mean", "Optimality gap", "Not in these numbers"),
)
_KEY = """\
Held-out scores of the methods' products, normalised: 0 is the zero of an
environment's scale (the random policy, if not said otherwise), 1 the best known
policy; nothing is clipped. IQM: mean of the middle half of all runs. Median and mean:
over environments, of their means over runs. Optimality gap: how far scores stay below
1 on average, less is better. In brackets: 95% intervals from a bootstrap over runs,
stratified by environment; there is none where an environment has fewer than three
runs. Compare only rows over the same environments.

† Some runs left no policy; they count as 0.
"""


def summary_table(table: TidyTable) -> Table:
    """Returns the summary table."""
    summaries = family_summary(table)
    rows = [_row(table, summary) for summary in summaries]
    return Table(
        name="summary",
        title="Summary by family",
        columns=[
            *("family", "method", "role", "environments", "environments_of_family"),
            *("runs_fewest", "runs_most", "without_policy", "pending"),
            *(f"{name}{end}" for name in _ESTIMATES for end in ("", "_low", "_high")),
            "left_out",
        ],
        rows=rows,
        headings=_HEADINGS,
        cells=[_cells(row) for row in rows],
        texts=3,
        key=_KEY,
    )


def _row(table: TidyTable, summary: FamilySummary) -> dict[str, Any]:
    scores = summary.scores
    estimates = summary.estimates or {}
    row: dict[str, Any] = {
        "family": summary.family,
        "method": summary.series,
        "role": table.role(summary.series),
        "environments": len(scores.environments),
        "environments_of_family": summary.all_environments,
        "runs_fewest": min(scores.runs, default=0),
        "runs_most": max(scores.runs, default=0),
        "without_policy": scores.without_policy,
        "pending": scores.pending,
        "left_out": listed(scores.left_out),
    }
    for name in _ESTIMATES:
        row |= estimate_columns(name, estimates.get(name))
    return row


def _cells(row: dict[str, Any]) -> list[str]:
    fewest, most = row["runs_fewest"], row["runs_most"]
    runs = str(fewest) if fewest == most else f"{fewest}–{most}"
    mark = " †" if row["without_policy"] else ""
    estimates = (
        with_interval(*(row[f"{name}{end}"] for end in ("", "_low", "_high")))
        for name in _ESTIMATES
    )
    pending = f"{row['pending']} pending runs" if row["pending"] else ""
    return [
        row["family"],
        row["method"],
        row["role"],
        f"{row['environments']} of {row['environments_of_family']}",
        f"{runs}{mark}",
        *(text or "none" for text in estimates),
        "; ".join(filter(None, (row["left_out"], pending))),
    ]
