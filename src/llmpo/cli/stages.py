"""The stages of the workflow, one command each, with explicit paths."""

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("config", type=_FILE, nargs=-1, required=True)
@click.option("--out", type=_PATH, required=True, help="Plan to write (JSON).")
def plan(config: tuple[Path, ...], out: Path) -> None:
    """Lay the grid of CONFIG out over jobs; later files override earlier ones."""
    from llmpo.config import read_config
    from llmpo.plan import make_plan, write_plan

    write_plan(out, make_plan(read_config(list(config))))


@click.command()
@click.argument("plan_file", metavar="PLAN", type=_FILE)
@click.option("--job", help="Job of the plan.")
@click.option("--cell", help="A single cell of the plan, e.g. to look into it.")
@click.option("--out", type=_PATH, required=True, help="Records to write (JSON lines).")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
def run(
    plan_file: Path, job: str | None, cell: str | None, out: Path, threads: int
) -> None:
    """Run one job, or one cell, of PLAN."""
    from llmpo.errors import ConfigError
    from llmpo.plan import read_plan
    from llmpo.records import write_records
    from llmpo.runner import run_cells

    plan_, config = read_plan(plan_file)
    if (job is None) == (cell is None):
        raise ConfigError("llmpo run: give either --job or --cell.")
    cells = plan_.job_cells(job) if job else [plan_.cell(cell or "")]
    write_records(out, run_cells(cells, config, root=Path(), threads=threads))


@click.command()
@click.argument("plan_file", metavar="PLAN", type=_FILE)
@click.option("--runs", type=_FILE, required=True, help="Records of the runs.")
@click.option("--job", help="Only for the workflow's log; the records say it all.")
@click.option("--out", type=_PATH, required=True, help="Assessments (JSON lines).")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
def assess(
    plan_file: Path, runs: Path, job: str | None, out: Path, threads: int
) -> None:
    """Evaluate the policies of runs on reporting seeds that no method has seen."""
    from llmpo.plan import read_plan
    from llmpo.records import RunRecord, read_records, write_records
    from llmpo.runner import assess_records

    _, config = read_plan(plan_file)
    records = read_records(runs, RunRecord, "run records")
    write_records(out, assess_records(records, config, root=Path(), threads=threads))


@click.command()
@click.argument("plan_file", metavar="PLAN", type=_FILE)
@click.option("--runs", type=_FOLDER, required=True, help="Folder of run records.")
@click.option("--assessments", type=_FOLDER, required=True, help="Their assessments.")
@click.option("--out", type=_PATH, required=True, help="Tidy table to write (CSV).")
def aggregate(plan_file: Path, runs: Path, assessments: Path, out: Path) -> None:
    """Write the tidy table of all runs of PLAN, one file a job in each folder."""
    from llmpo.aggregate import tidy_rows, write_tidy
    from llmpo.plan import read_plan
    from llmpo.records import Assessment, RunRecord, read_records

    plan_, _ = read_plan(plan_file)
    names = [f"{job}.jsonl" for job in plan_.jobs]
    made = [r for n in names for r in read_records(runs / n, RunRecord, "run records")]
    assessed = [
        assessment
        for name in names
        for assessment in read_records(assessments / name, Assessment, "assessments")
    ]
    write_tidy(out, tidy_rows(plan_, made, assessed))


@click.command()
@click.argument("tidy", type=_FILE)
@click.option("--gallery", type=_FILE, help="Table of the gallery (gallery.csv).")
@click.option("--out", type=_PATH, required=True, help="Folder to write.")
def figures(tidy: Path, gallery: Path | None, out: Path) -> None:
    """Draw all figures from the TIDY table."""
    from llmpo.figures import draw_all

    draw_all(tidy, out, gallery)


@click.command()
@click.argument("tidy", type=_FILE)
@click.option("--plan", type=_FILE, help="The plan, for claims and settings.")
@click.option("--runs", type=_FOLDER, help="Folder of run records, for settings.")
@click.option("--out", type=_PATH, required=True, help="Folder to write.")
def tables(tidy: Path, plan: Path | None, runs: Path | None, out: Path) -> None:
    """Write all tables from the TIDY table."""
    from llmpo.tables import write_all

    write_all(tidy, out, runs=runs, plan=plan)
