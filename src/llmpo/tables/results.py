"""The results table: one row per environment and method."""

from typing import Any

from llmpo.analysis.comparison import NO_REFERENCE, score_matrix, summarize
from llmpo.analysis.summary import (
    OUTCOMES,
    HeldOut,
    held_out,
    outcomes,
    select,
    without_policy,
)
from llmpo.analysis.table import TidyTable
from llmpo.analysis.text import environment_name, short_number
from llmpo.statistics import LEAST_RUNS, Estimate
from llmpo.tables.layout import Table, estimate_columns, number, with_interval
from llmpo.tidy import product

_HELD_OUT = ("mean", "low", "high", "failed_episodes")
_STATUSES = ("finished", "truncated", "pending", "failed")
_COLUMNS = (
    *("environment", "method", "role", "score_kind", "runs", *_STATUSES),
    *("without_policy", "modes", "product"),
    *(f"product_{name}" for name in _HELD_OUT),
    *("normalized", "normalized_low", "normalized_high"),
    *(f"best_{name}" for name in _HELD_OUT),
    *(f"last_{name}" for name in _HELD_OUT),
    *("interval_over", "best_success_rate", "last_success_rate", "selection_score"),
    *("env_steps", "calls", "prompt_tokens", "completion_tokens"),
    *("tokens_estimated", "dollars", "dollars_unknown_runs", "candidates"),
    *(f"candidates_{name}" for name in OUTCOMES),
)
_HEADINGS = (
    *("Environment", "Method", "Role", "Score", "Runs", "Held-out"),
    *("Normalised", "Best policy", "Last policy", "Success rate", "Interval over"),
    *("Selection score", "Env. steps", "LLM calls", "Tokens", "Dollars"),
    "Candidates ok / repaired / failed",
)
_KEY = """\
The held-out score is that of a method's product: the best policy of a method that
searches, the last one of a method that trains. Held-out scores are means over
episodes on seeds that the method never saw, with a 95% bootstrap interval: over runs
where there are several, over the episodes of the only run otherwise. With fewer than
five runs it is too narrow to support a claim about the method. Normalised scores are
0 for the zero of the environment's scale (the random policy, if not said otherwise)
and 1 for the best known policy; a run without a policy counts as 0 there. The
selection score is the one by which a method chose its best policy; it is too high by
construction and is no result. Steps, calls, tokens and dollars are totals over the
runs, rejected candidates and repairs included.

† Some runs left no policy to evaluate; they have no held-out score and are not in the
mean. ‡ In some reporting episodes the policy's program failed; they are in the mean.
* Fewer than three runs, so that the interval says next to nothing. ~ Some token
counts are estimates. ? Some prices are unknown.
"""


def results_table(table: TidyTable) -> Table:
    """Returns the results table."""
    rows = result_rows(table)
    return Table(
        name="results",
        title="Results",
        columns=_COLUMNS,
        rows=rows,
        headings=_HEADINGS,
        cells=[_cells(row) for row in rows],
        texts=4,
        key=_KEY,
    )


def result_rows(table: TidyTable) -> list[dict[str, Any]]:
    """Returns the table's rows as plain data; None where there is no number."""
    present = table.runs.groupby(["environment", "series"], observed=True).groups
    return [
        _row(table, environment, series)
        for environment in table.environments
        for series in table.series
        if (environment, series) in present
    ]


def _row(whole: TidyTable, environment: str, series: str) -> dict[str, Any]:
    table = whole.by_environment[environment]
    runs = select(table.runs, environment, series)
    candidates = select(table.candidates, environment, series)
    role = whole.role(series)
    scores = {
        policy: held_out(table, environment, series, policy)
        for policy in ("best", "last")
    }
    result = scores[product(role)]
    selected = candidates.groupby("seed").score.max().dropna()
    counts = outcomes(candidates)
    return {
        "environment": environment,
        "method": series,
        "role": role,
        "score_kind": table.score_kind(environment),
        "runs": len(runs),
        **{status: int((runs.run_status == status).sum()) for status in _STATUSES},
        "without_policy": without_policy(table, environment, series),
        "modes": " ".join(sorted(set(runs["mode"]))),
        "product": product(role),
        **_held_out_columns("product", result),
        **estimate_columns("normalized", _normalized(whole, environment, series)),
        **_held_out_columns("best", scores["best"]),
        **_held_out_columns("last", scores["last"]),
        "interval_over": result.over if result else None,
        **_success_rates(table, environment, series),
        "selection_score": float(selected.mean()) if len(selected) else None,
        "env_steps": _total(runs.env_steps),
        "calls": _total(runs.calls),
        "prompt_tokens": _total(runs.prompt_tokens),
        "completion_tokens": _total(runs.completion_tokens),
        "tokens_estimated": bool((runs.tokens_estimated == 1).any()),
        "dollars": float(runs.dollars.sum()),
        "dollars_unknown_runs": int(runs.dollars.isna().sum()),
        "candidates": sum(counts.values()),
        **{f"candidates_{name}": counts[name] for name in OUTCOMES},
    }


def _held_out_columns(policy: str, score: HeldOut | None) -> dict[str, Any]:
    return {
        f"{policy}_mean": score.estimate.value if score else None,
        f"{policy}_low": score.estimate.low if score else None,
        f"{policy}_high": score.estimate.high if score else None,
        f"{policy}_failed_episodes": score.failed_episodes if score else None,
    }


def _normalized(table: TidyTable, environment: str, series: str) -> Estimate | None:
    scores = score_matrix(table, series, [environment])
    estimates = summarize(scores, "normalized", environment, series)
    return estimates["mean"] if estimates else None


def _success_rates(table: TidyTable, environment: str, series: str) -> dict[str, Any]:
    rows = select(table.episodes, environment, series)
    rates = {}
    for policy in ("best", "last"):
        of_runs = rows[rows.policy == policy].groupby("seed").success.mean().dropna()
        rates[f"{policy}_success_rate"] = (
            float(of_runs.mean()) if len(of_runs) else None
        )
    return rates


def _total(column: Any) -> int:
    return int(column.sum())


def _cells(row: dict[str, Any]) -> list[str]:
    failed = sum(row[f"candidates_{name}"] for name in OUTCOMES[2:])
    tokens = row["prompt_tokens"] + row["completion_tokens"]
    normalized = (row[f"normalized{end}"] for end in ("", "_low", "_high"))
    return [
        environment_name(row["environment"]),
        row["method"],
        row["role"],
        row["score_kind"],
        _runs(row),
        _score(row, "product"),
        with_interval(*normalized) or NO_REFERENCE,
        _score(row, "best"),
        _score(row, "last"),
        number(row[f"{row['product']}_success_rate"]),
        _interval_over(row),
        number(row["selection_score"]),
        short_number(row["env_steps"]),
        str(row["calls"]),
        short_number(tokens) + (" ~" if row["tokens_estimated"] else ""),
        _dollars(row),
        f"{row['candidates_ok']} / {row['candidates_repaired']} / {failed}",
    ]


def _interval_over(row: dict[str, Any]) -> str:
    over = row["interval_over"] or ""
    with_policy = row["runs"] - row["pending"] - row["without_policy"]
    return f"{over} *" if over == "runs" and with_policy < LEAST_RUNS else over


def _dollars(row: dict[str, Any]) -> str:
    if row["dollars_unknown_runs"] == row["runs"]:
        return "unknown"
    return f"{row['dollars']:.2f}" + (" ?" if row["dollars_unknown_runs"] else "")


def _runs(row: dict[str, Any]) -> str:
    counts = {status: row[status] for status in _STATUSES[1:]}
    # A failed run has no policy anyway.
    counts["without policy"] = max(0, row["without_policy"] - row["failed"])
    parts = [f"{count} {what}" for what, count in counts.items() if count]
    return f"{row['runs']} ({', '.join(parts)})" if parts else str(row["runs"])


def _score(row: dict[str, Any], policy: str) -> str:
    marks = "†" if row["without_policy"] else ""
    if row[f"{policy}_mean"] is None:
        return f"none {marks}".strip()
    marks += "‡" if row[f"{policy}_failed_episodes"] else ""
    ends = (row[f"{policy}_{name}"] for name in ("mean", "low", "high"))
    return f"{with_interval(*ends)} {marks}".strip()
