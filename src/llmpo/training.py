"""Recorded training runs: shipped, replayed, and refused when they are out of date.

Training takes hours, so its runs are recorded by this very code, compressed, and taken
from there by default. A recorded run is found by everything that decides its results;
where that has changed since, it is stale and must be trained again.
"""

import json
import lzma
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llmpo.envs.registry import environment
from llmpo.errors import ConfigError, DataError
from llmpo.methods.base import method, parse_settings
from llmpo.records import Cell, Record, RunRecord
from llmpo.storage import (
    canonical_json,
    digest,
    read_json,
    write_bytes_atomic,
    write_json,
)

FORMAT_VERSION = 1


class Recording(Record):
    """A recorded run of a method that trains.

    Attributes:
        identity: All that decides the results, see `identity`.
        record: The run as it was trained.
        made: Host, seconds and date of the training.
    """

    format_version: int = FORMAT_VERSION
    identity: Mapping[str, Any]
    record: RunRecord
    made: Mapping[str, Any]


def identity(cell: Cell) -> dict[str, Any]:
    """Returns all that decides the results of a cell, as plain data."""
    chosen = method(cell.algorithm)
    settings = parse_settings(cell.algorithm, dict(cell.settings), cell.id)
    spec = environment(cell.environment, cell.options)
    return {
        "algorithm": chosen.name,
        "method_version": chosen.version,
        "environment": spec.label,
        "env_version": spec.version,
        "seed": cell.seed,
        "settings": json.loads(canonical_json(chosen.resolve(settings, spec))),
    }


def recording_path(folder: Path, cell: Cell) -> Path:
    """Returns where the recorded run of a cell belongs."""
    values = identity(cell)
    name = f"{values['seed']}-{digest(values)[:12]}.json.xz"
    return _subfolder(folder, values) / name


def load_recording(folder: Path, cell: Cell) -> RunRecord:
    """Returns the recorded run of a cell, under the cell's own name.

    Raises:
        DataError: It is missing, stale or damaged.
    """
    path = recording_path(folder, cell)
    if not path.exists():
        raise DataError(_absent(folder, cell))
    recording = read_recording(path)
    provenance = {**recording.record.provenance, "mode": "recorded"}
    return recording.record.model_copy(update={"cell": cell, "provenance": provenance})


def read_recording(path: Path) -> Recording:
    """Reads one recorded run.

    Raises:
        DataError: The file is damaged or of another format version.
    """
    reading = f"Reading a recorded training run: {path}"
    try:
        value = json.loads(lzma.decompress(path.read_bytes()))
        recording = Recording.model_validate(value)
    except (OSError, lzma.LZMAError, ValueError) as error:
        what = (
            f"{error.errors()[0]['loc']}: {error.errors()[0]['msg']}"
            if isinstance(error, ValidationError)
            else error
        )
        raise DataError(
            f"{reading} cannot be read ({what}). Restore the file (git checkout) or "
            "train the run again with `training: {mode: train}`."
        ) from None
    if recording.format_version != FORMAT_VERSION:
        raise DataError(
            f"{reading} has format version {recording.format_version}, but this llmpo "
            f"reads version {FORMAT_VERSION}. Train the run again."
        )
    return recording


def export_recordings(
    records: Sequence[RunRecord], folder: Path, state: Path
) -> list[Path]:
    """Writes the finished runs that were trained here as recordings.

    Args:
        records: Records of runs; those that were not trained here are passed over.
        folder: Where recordings are kept.
        state: Working folder of the runs, which says how long they took.

    Raises:
        DataError: What decides a run's results has changed since it was trained.
    """
    written = []
    for record in records:
        if record.provenance.get("mode") != "train" or record.status != "finished":
            continue
        values = identity(record.cell)
        if record.provenance.get("identity") != digest(values):
            raise DataError(
                f"Exporting {record.cell.id}: since the run was trained, its method "
                "or environment has got another version, or its settings or tuned "
                "values have changed. Train it again."
            )
        made = read_json(
            state_folder(state, record.cell) / "made.json", "a training's duration"
        )
        recording = Recording(identity=values, record=record, made=made)
        text = canonical_json(recording.model_dump(mode="json"))
        path = recording_path(folder, record.cell)
        write_bytes_atomic(path, lzma.compress(text.encode(), preset=9))
        written.append(path)
    return written


def state_folder(state: Path, cell: Cell) -> Path:
    """Returns the folder for checkpoints of a cell's training."""
    return state / "training" / digest(identity(cell))[:16]


def note_sitting(folder: Path, seconds: float) -> None:
    """Adds a sitting's duration to what is known about how a run was trained.

    A sitting that was killed adds nothing; its number shows in none of the results.
    """
    path = folder / "made.json"
    before = read_json(path, "a training's duration") if path.exists() else {}
    made = {
        "seconds": round(before.get("seconds", 0.0) + seconds, 3),
        "sittings": before.get("sittings", 0) + 1,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": platform.machine(),
        "processor": _processor(),
    }
    write_json(path, made)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor()


def _subfolder(folder: Path, values: Mapping[str, Any]) -> Path:
    return folder / str(values["algorithm"]) / str(values["environment"])


def _absent(folder: Path, cell: Cell) -> str:
    """Says what there is instead of the recording of a cell."""
    wanted = identity(cell)
    there = _subfolder(folder, wanted)
    reading = f"Run {cell.id}: training.mode is `recorded`, but"
    remedy = (
        "Train it: set `training: {mode: train}`, run, and keep the result with "
        "`llmpo training export`."
    )
    found = [read_recording(path).identity for path in sorted(there.glob("*.json.xz"))]
    if not found:
        return (
            f"{reading} no run of {wanted['algorithm']} on {wanted['environment']} has "
            f"been recorded in {folder}. {remedy}"
        )
    differences = [_difference(wanted, other) for other in found]
    nearest = min(differences, key=len)
    return (
        f"{reading} the recorded runs of {wanted['algorithm']} on "
        f"{wanted['environment']} are of something else; the nearest differs in "
        f"{', '.join(nearest)}. {remedy}"
    )


def _difference(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    flat = _flat(wanted), _flat(found)
    return [
        f"{name} ({flat[1].get(name)!r} instead of {flat[0].get(name)!r})"
        for name in sorted(flat[0] | flat[1])
        if flat[0].get(name) != flat[1].get(name)
    ]


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, Mapping):
            flat |= _flat(item, f"{prefix}{name}.")
        else:
            flat[prefix + name] = item
    return flat


def check_budget(record: RunRecord, limit: int | None) -> None:
    """Checks that a recorded run fits a budget of environment steps.

    Raises:
        ConfigError: It does not.
    """
    if limit is not None and record.totals.env_steps > limit:
        raise ConfigError(
            f"Run {record.cell.id}: the recorded training used "
            f"{record.totals.env_steps} environment steps and budget.env_steps is "
            f"{limit}. Raise the budget, set `steps` of the method, or train with "
            "`training: {mode: train}`."
        )
