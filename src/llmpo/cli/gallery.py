"""`llmpo gallery`: the best policies, and what kind of controllers they are."""

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("plan_file", metavar="PLAN", type=_FILE)
@click.option("--runs", type=_FOLDER, required=True, help="Folder of run records.")
@click.option("--assessments", type=_FOLDER, required=True, help="Their assessments.")
@click.option("--out", type=_PATH, required=True, help="Folder to write.")
def gallery(plan_file: Path, runs: Path, assessments: Path, out: Path) -> None:
    """Write a page on the best program of each environment and method of PLAN."""
    from llmpo.gallery import write_gallery
    from llmpo.plan import read_plan
    from llmpo.records import Assessment, RunRecord, read_records

    plan, _ = read_plan(plan_file)
    names = [f"{job}.jsonl" for job in plan.jobs]
    records, reports = [], []
    for name in names:
        records += read_records(runs / name, RunRecord, "run records")
        reports += read_records(assessments / name, Assessment, "assessments")
    inputs = [folder / name for folder in (runs, assessments) for name in names]
    write_gallery(records, reports, out, inputs)
