"""The results table: one row per environment and method, as CSV and as Markdown."""

import csv
import io
import math
from pathlib import Path
from typing import Any

from llmpo.figures.summary import (
    OUTCOMES,
    HeldOut,
    held_out,
    outcomes,
    select,
    without_policy,
)
from llmpo.figures.table import TidyTable, read_tidy
from llmpo.figures.text import environment_name, short_number
from llmpo.storage import write_json, write_text_atomic

_STATUSES = ("finished", "truncated", "pending", "failed")
_HEADINGS = (
    "Environment",
    "Method",
    "Score",
    "Runs",
    "Held-out, best policy",
    "Held-out, last policy",
    "Success rate, best policy",
    "Interval over",
    "Selection score",
    "Env. steps",
    "LLM calls",
    "Tokens",
    "Dollars",
    "Candidates ok / repaired / failed",
)
_KEY = """\
Held-out scores are means over episodes on seeds that the method never saw, with a 95%
bootstrap interval: over runs where there are several, over the episodes of the only
run otherwise. With fewer than five runs it is too narrow to support a claim about the
method. The selection score is the one by which a method chose its best policy;
it is too high by construction and is no result. Steps, calls, tokens and dollars are
totals over the runs, rejected candidates and repairs included.

† Some runs left no policy to evaluate; they have no held-out score and are not in the
mean. ‡ In some reporting episodes the policy's program failed; they are in the mean.
~ Some token counts are estimates. ? Some prices are unknown.
"""


def write_all(tidy: Path, out: Path) -> list[Path]:
    """Writes `results.csv`, `results.md` and `results.provenance.json`.

    Args:
        tidy: The tidy table, as written by `llmpo aggregate`.
        out: Folder for the tables; created if needed.

    Returns:
        The paths written.

    Raises:
        DataError: The tidy table is missing or no tidy table.
        PrerequisiteError: pandas is not installed.
    """
    table = read_tidy(tidy)
    rows = result_rows(table)
    paths = [out / f"results.{end}" for end in ("csv", "md", "provenance.json")]
    write_text_atomic(paths[0], _as_csv(rows))
    write_text_atomic(paths[1], _as_markdown(rows))
    write_json(paths[2], table.provenance())
    return paths


def result_rows(table: TidyTable) -> list[dict[str, Any]]:
    """Returns the table's rows as plain data; None where there is no number."""
    return [
        _row(table, environment, series)
        for environment in table.environments
        for series in table.series
        if not select(table.runs, environment, series).empty
    ]


def _row(table: TidyTable, environment: str, series: str) -> dict[str, Any]:
    runs = select(table.runs, environment, series)
    candidates = select(table.candidates, environment, series)
    best_scores = candidates.groupby("seed").best_score.max().dropna()
    best = held_out(table, environment, series, "best")
    last = held_out(table, environment, series, "last")
    counts = outcomes(candidates)
    return {
        "environment": environment,
        "method": series,
        "score_kind": table.score_kind(environment),
        "runs": len(runs),
        **{status: int((runs.run_status == status).sum()) for status in _STATUSES},
        "without_policy": without_policy(table, environment, series),
        "modes": " ".join(sorted(set(runs["mode"]))),
        **_held_out_columns("best", best),
        **_held_out_columns("last", last),
        "interval_over": best.over if best else None,
        "best_success_rate": _success_rate(table, environment, series, "best"),
        "last_success_rate": _success_rate(table, environment, series, "last"),
        "selection_score": float(best_scores.mean()) if len(best_scores) else None,
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


def _success_rate(
    table: TidyTable, environment: str, series: str, policy: str
) -> float | None:
    rows = select(table.episodes, environment, series)
    successes = rows[rows.policy == policy].groupby("seed").success.mean().dropna()
    return float(successes.mean()) if len(successes) else None


def _total(column: Any) -> int:
    return int(column.sum())


def _as_csv(rows: list[dict[str, Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _csv_value(value) for name, value in row.items()})
    return buffer.getvalue()


def _csv_value(value: Any) -> Any:
    # Six digits: more than any interval supports, and free of the last bits by which
    # two versions of a numerical library may differ.
    return f"{value:.6g}" if isinstance(value, float) else value


def _as_markdown(rows: list[dict[str, Any]]) -> str:
    lines = [_line(_HEADINGS), _line(["---"] * 3 + ["---:"] * (len(_HEADINGS) - 3))]
    lines += [_line(_cells(row)) for row in rows]
    return "# Results\n\n" + "\n".join(lines) + "\n\n" + _KEY


def _line(cells: Any) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _cells(row: dict[str, Any]) -> list[str]:
    failed = sum(row[f"candidates_{name}"] for name in OUTCOMES[2:])
    tokens = row["prompt_tokens"] + row["completion_tokens"]
    return [
        environment_name(row["environment"]),
        row["method"],
        row["score_kind"],
        _runs(row),
        _score(row, "best"),
        _score(row, "last"),
        _number(row["best_success_rate"]),
        row["interval_over"] or "",
        _number(row["selection_score"]),
        short_number(row["env_steps"]),
        str(row["calls"]),
        short_number(tokens) + (" ~" if row["tokens_estimated"] else ""),
        _dollars(row),
        f"{row['candidates_ok']} / {row['candidates_repaired']} / {failed}",
    ]


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
    mean, low, high = (row[f"{policy}_{name}"] for name in ("mean", "low", "high"))
    return f"{_number(mean)} [{_number(low)}, {_number(high)}] {marks}".strip()


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}".replace("-", "\N{MINUS SIGN}")
