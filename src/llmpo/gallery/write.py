"""Writing the gallery: pages for people, one tidy table and JSON for programs."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmpo.gallery.entries import Entry, make_entries, shown
from llmpo.gallery.label import UNCLASSIFIED
from llmpo.gallery.pages import index_page, program_page
from llmpo.provenance import describe, file_digest
from llmpo.records import Assessment, RunRecord
from llmpo.storage import write_json, write_text_atomic

# One row for each (environment, method, seed, label); docs/gallery.md explains them.
COLUMNS = (
    *("environment", "family", "score_kind", "method", "algorithm", "seed"),
    *("run_status", "mode", "policy", "kind", "program", "is_shown"),
    *("label", "rule", "evidence_lines"),
    *("lines", "logical_lines", "functions", "cyclomatic", "constants"),
    *("keeps_state", "observed", "numpy"),
    *("selection_score", "held_out", "held_out_low", "held_out_high"),
    *("episodes", "failed_episodes", "problem"),
)


def write_gallery(
    records: Sequence[RunRecord],
    assessments: Sequence[Assessment],
    out: Path,
    inputs: Sequence[Path] = (),
) -> list[Path]:
    """Writes the gallery of the runs' products.

    Args:
        records: Records of the runs.
        assessments: Their assessments.
        out: Folder to write; created if needed.
        inputs: Files that the records were read from, for the provenance.

    Returns:
        The paths written: `index.md`, a page for each environment and method that
        makes programs, `gallery.csv`, `gallery.json` and `gallery.provenance.json`.
    """
    entries = make_entries(records, assessments)
    chosen = shown(entries)
    texts = {"index.md": index_page(entries, chosen)}
    for entry in chosen:
        others = [e for e in entries if e.page == entry.page and e is not entry]
        texts[entry.page] = program_page(entry, others)
    texts["gallery.csv"] = _as_csv(entries, chosen)
    paths = [out / name for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_text_atomic(path, text)
    data = out / "gallery.json"
    write_json(data, [_as_json(entry, entry in chosen) for entry in entries])
    provenance = out / "gallery.provenance.json"
    write_json(provenance, _provenance(records, inputs))
    return [*paths, data, provenance]


def gallery_rows(entries: list[Entry], chosen: list[Entry]) -> Iterator[dict[str, Any]]:
    """Yields the rows of `gallery.csv`; None where a column does not apply."""
    for entry in entries:
        shared = _shared_values(entry, entry in chosen)
        if entry.analysis is None:
            yield shared
            continue
        for label in entry.analysis.labels:
            lines = " ".join(str(evidence.line) for evidence in label.evidence)
            named = {"label": label.name, "rule": label.rule, "evidence_lines": lines}
            yield shared | named
        if not entry.analysis.labels:
            yield shared | {"label": UNCLASSIFIED}


def _shared_values(entry: Entry, is_shown: bool) -> dict[str, Any]:
    record, artifact, estimate = entry.record, entry.artifact, entry.held_out
    values: dict[str, Any] = {
        "environment": entry.environment,
        "family": entry.family,
        "score_kind": entry.score_kind,
        "method": entry.series,
        "algorithm": record.cell.algorithm,
        "seed": entry.seed,
        "run_status": record.status,
        "mode": record.provenance.get("mode", "none"),
        "policy": entry.policy,
        "kind": artifact.kind if artifact else None,
        "program": artifact.program if artifact else None,
        "is_shown": is_shown,
        "selection_score": artifact.selection_score if artifact else None,
        "held_out": estimate.value if estimate else None,
        "episodes": entry.episodes,
        "failed_episodes": entry.failed_episodes,
    }
    if estimate is not None and estimate.has_interval:
        values |= {"held_out_low": estimate.low, "held_out_high": estimate.high}
    if entry.analysis is not None:
        metrics = asdict(entry.analysis.metrics)
        values |= metrics | {"problem": entry.analysis.problem}
        values |= {name: " ".join(metrics[name]) for name in ("observed", "numpy")}
    return values


def _as_json(entry: Entry, is_shown: bool) -> dict[str, Any]:
    values = _shared_values(entry, is_shown)
    values["page"] = entry.page if is_shown else None
    values["labels"] = []
    if entry.analysis is not None:
        values |= asdict(entry.analysis.metrics)
        values["labels"] = [asdict(label) for label in entry.analysis.labels]
    return values


def _as_csv(entries: list[Entry], chosen: list[Entry]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in gallery_rows(entries, chosen):
        writer.writerow({name: _csv_value(value) for name, value in row.items()})
    return text.getvalue()


def _csv_value(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else value


def _provenance(records: Sequence[RunRecord], inputs: Sequence[Path]) -> dict[str, Any]:
    digests = {f"{path.parent.name}/{path.name}": file_digest(path) for path in inputs}
    modes = [str(record.provenance.get("mode", "none")) for record in records]
    statuses = [record.status for record in records]
    return describe(()) | {
        "inputs": digests,
        "runs": {
            "total": len(records),
            "by_mode": {mode: modes.count(mode) for mode in sorted(set(modes))},
            "by_status": {s: statuses.count(s) for s in sorted(set(statuses))},
        },
    }
