"""The table of claims, each with its tolerance and its verdict."""

from collections.abc import Sequence
from typing import Any

from llmpo.analysis.table import TidyTable
from llmpo.analysis.verdicts import Judgement, judge
from llmpo.claims import Claim
from llmpo.tables.layout import Table, estimate_columns, listed, with_interval

_COLUMNS = (
    *("id", "claim", "source", "kind", "expects", "method", "against", "tolerance"),
    *("min_runs", "verdict", "reason", "estimate", "estimate_low", "estimate_high"),
    *("runs_fewest", "environments", "left_out"),
)
_HEADINGS = ("Claim", "Source", "Verdict", "Why", "Estimate", "Tolerance", "Runs")
_KEY = """\
Tolerances are part of the configuration, declared before the results are seen. For
scores, the estimate is the difference of mean normalised held-out scores, the method
minus the best of the methods that it is compared with in each environment; for steps
it is the ratio of the median environment steps to the threshold, of which the median
over environments is taken. For regrets, of which less is better, it is the difference
of the means over the last fifth of the runs, averaged over environments. A claim is
supported or contradicted when the whole 95% interval lies on one side of the
tolerance; with too few runs it stays undecided, whatever the estimate. A claim that a
method has less regret in every environment (`better`) holds when that is so for the
intervals of all of them, and is contradicted by a single one that lies on the other
side; the estimate shown is the largest difference. Runs: the fewest of a method in
one environment.
"""


def claims_table(table: TidyTable, claims: Sequence[Claim]) -> Table:
    """Returns the table of claims."""
    rows = [_row(judgement) for judgement in judge(table, claims)]
    return Table(
        name="claims",
        title="Claims",
        columns=_COLUMNS,
        rows=rows,
        headings=_HEADINGS,
        cells=[_cells(row) for row in rows],
        texts=4,
        key=_KEY,
    )


def _row(judgement: Judgement) -> dict[str, Any]:
    claim = judgement.claim
    compares = claim.kind != "unpublished"
    return {
        "id": claim.id,
        "claim": claim.text,
        "source": claim.source,
        "kind": claim.kind,
        "expects": claim.expects if claim.kind in ("score", "regret") else None,
        "method": claim.method,
        "against": " ".join(claim.against),
        "tolerance": claim.tolerance,
        "min_runs": claim.min_runs if compares else None,
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        **estimate_columns("estimate", judgement.estimate),
        "runs_fewest": judgement.runs if compares else None,
        "environments": listed(judgement.best),
        "left_out": listed(judgement.left_out),
    }


def _cells(row: dict[str, Any]) -> list[str]:
    ends = (row[f"estimate{end}"] for end in ("", "_low", "_high"))
    left_out = f" Not judged: {row['left_out']}." if row["left_out"] else ""
    return [
        row["claim"],
        row["source"],
        row["verdict"],
        row["reason"] + left_out,
        with_interval(*ends),
        "" if row["tolerance"] is None else f"{row['tolerance']:g}",
        "" if row["runs_fewest"] is None else str(row["runs_fewest"]),
    ]
