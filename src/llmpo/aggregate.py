"""From run records and assessments to the tidy table."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from llmpo.config import Config, load_config
from llmpo.envs.registry import environment
from llmpo.errors import DataError
from llmpo.methods.base import method, parse_settings
from llmpo.plan import Plan
from llmpo.records import Assessment, Cell, RunRecord, Totals
from llmpo.storage import canonical_json, write_text_atomic
from llmpo.tidy import COLUMNS


def tidy_rows(
    plan: Plan, records: Sequence[RunRecord], assessments: Sequence[Assessment]
) -> Iterator[dict[str, Any]]:
    """Yields the rows of the tidy table, in the order of the grid.

    Raises:
        DataError: A cell of the plan has no record, or a record no cell.
    """
    runs = {record.cell.id: record for record in records}
    planned = {cell.id for cell in plan.cells}
    if missing := [cell.id for cell in plan.cells if cell.id not in runs]:
        raise DataError(
            f"Aggregating: {len(missing)} of {len(planned)} runs have no record, "
            f"among them {', '.join(missing[:3])}. Run their jobs first."
        )
    if strange := sorted(set(runs) - planned):
        raise DataError(
            f"Aggregating: the plan has no cell {', '.join(strange[:3])}; the records "
            "belong to another plan. Make them again."
        )
    config = load_config(plan.config, "the plan")
    assessed: dict[str, list[Assessment]] = {}
    for assessment in assessments:
        assessed.setdefault(assessment.cell.id, []).append(assessment)
    for cell in plan.cells:
        record = runs[cell.id]
        shared = _cell_values(cell, record)
        yield from _candidate_rows(shared, record)
        for assessment in assessed.get(cell.id, ()):
            yield from _episode_rows(shared, record, assessment)
        yield from _prediction_rows(shared, record)
        yield {
            "kind": "run",
            **shared,
            **_total_values(record.totals),
            **_run_values(cell, config),
        }


def write_tidy(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes the tidy table as CSV; empty cells mean "does not apply"."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _text(value) for name, value in row.items()})
    write_text_atomic(path, text.getvalue())


def _cell_values(cell: Cell, record: RunRecord) -> dict[str, Any]:
    spec = environment(cell.environment, cell.options)
    return {
        "experiment": cell.experiment,
        "environment": spec.label,
        "family": spec.family,
        "score_kind": spec.score,
        "method": cell.method,
        "algorithm": cell.algorithm,
        "role": method(cell.algorithm).role,
        "seed": cell.seed,
        "run_status": record.status,
        "mode": record.provenance.get("mode", "none"),
    }


def _total_values(totals: Totals) -> dict[str, Any]:
    return totals.model_dump()


def _candidate_rows(
    shared: dict[str, Any], record: RunRecord
) -> Iterator[dict[str, Any]]:
    best: float | None = None
    for attempt in record.attempts:
        if attempt.score is not None:
            best = attempt.score if best is None else max(best, attempt.score)
        yield {
            "kind": "candidate",
            **shared,
            **_total_values(attempt.totals),
            "round": attempt.round,
            "candidate": attempt.candidate,
            "attempt": attempt.attempt,
            "status": attempt.status,
            "is_final": attempt.is_final,
            "is_selected": attempt.is_selected,
            "score": attempt.score,
            "mean_return": _mean(attempt.returns),
            "success_rate": _mean(attempt.successes or ()),
            "best_score": best,
            "regret": attempt.regret,
        }


def _episode_rows(
    shared: dict[str, Any], record: RunRecord, assessment: Assessment
) -> Iterator[dict[str, Any]]:
    for episode in assessment.episodes:
        yield {
            "kind": "episode",
            **shared,
            **_total_values(record.totals),
            "round": record.policies[assessment.policy].round,
            "status": episode.status,
            "policy": assessment.policy,
            "episode_seed": episode.seed,
            "episode_return": episode.value,
            "success": episode.success,
            "final_success": episode.final_success,
            "length": episode.length,
        }


def _prediction_rows(
    shared: dict[str, Any], record: RunRecord
) -> Iterator[dict[str, Any]]:
    for one in record.predictions:
        yield {
            "kind": "prediction",
            **shared,
            "prediction": one.kind,
            **one.model_dump(exclude={"kind"}),
        }


def _run_values(cell: Cell, config: Config) -> dict[str, Any]:
    chosen = method(cell.algorithm)
    settings = parse_settings(cell.algorithm, dict(cell.settings), cell.id)
    planned = None
    if chosen.role == "online":
        spec = environment(cell.environment, cell.options)
        planned = chosen.resolve(settings, spec)["steps"]
    return {
        "reporting_episodes": config.reporting_episodes(cell),
        "planned_steps": planned,
        "changes": canonical_json(
            settings.model_dump(mode="json", exclude_defaults=True)
        ),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _text(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else value
