"""`llmpo training`: keep trained runs as recordings, and list what is recorded."""

from pathlib import Path

import click

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def training() -> None:
    """Export and list recorded training runs."""


@training.command()
@click.argument("records", type=_FILE, nargs=-1, required=True)
@click.option("--to", "folder", type=_FOLDER, help="Where recordings are kept.")
def export(records: tuple[Path, ...], folder: Path | None) -> None:
    """Keep the finished runs in RECORDS, files of run records, that were trained here.

    Run it in the folder where they were trained. A recording takes the place of an
    earlier one of the same run; others stay.
    """
    from llmpo.plan import STATE, TRAINING
    from llmpo.records import RunRecord, read_records
    from llmpo.training import export_recordings

    made = [r for path in records for r in read_records(path, RunRecord, str(path))]
    written = export_recordings(made, folder or TRAINING, STATE)
    for path in written:
        click.echo(path)
    click.echo(f"{len(written)} of {len(made)} runs kept.", err=True)


@training.command("list")
@click.option("--from", "folder", type=_FOLDER, help="Where recordings are kept.")
def list_(folder: Path | None) -> None:
    """List the recorded training runs: what, how long, on which machine."""
    from llmpo.plan import TRAINING
    from llmpo.training import read_recording

    for path in sorted((folder or TRAINING).rglob("*.json.xz")):
        recording = read_recording(path)
        cell, made = recording.record.cell, recording.made
        click.echo(
            f"{cell.environment}  {cell.method}  seed {cell.seed}  "
            f"{recording.record.totals.env_steps:,} steps  "
            f"{made['seconds']:,.0f} s  {made['processor']}"
        )
