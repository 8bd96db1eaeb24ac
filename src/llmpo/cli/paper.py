"""`llmpo paper`: the macros of the paper, and its PDF."""

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def paper() -> None:
    """Compute the paper's numbers and build its PDF."""


@paper.command()
@click.argument("tidy", type=_FILE)
@click.option("--plan", type=_FILE, required=True, help="Plan of the configuration.")
@click.option("--tables", type=_FOLDER, required=True, help="Folder of the tables.")
@click.option(
    "--corpus",
    type=_PATH,
    default=Path("workflow/resources/exchanges"),
    show_default=True,
    help="Folder of recorded exchanges.",
)
@click.option(
    "--training",
    type=_PATH,
    default=Path("workflow/resources/training"),
    show_default=True,
    help="Folder of recorded training runs.",
)
@click.option("--out", type=_PATH, required=True, help="Macro file to write (JSON).")
def macros(
    tidy: Path, plan: Path, tables: Path, corpus: Path, training: Path, out: Path
) -> None:
    """Write every number, phrase and table of the paper, from the TIDY table."""
    from llmpo.paper.macros import write_macros

    write_macros(tidy, plan, tables, corpus, training, out)


@paper.command()
@click.argument("manuscript", type=_FILE)
@click.option(
    "--data", type=_FOLDER, required=True, help="Folder of results, macros included."
)
@click.option("--out", type=_PATH, required=True, help="PDF to write.")
def build(manuscript: Path, data: Path, out: Path) -> None:
    """Build the PDF of MANUSCRIPT; refuses stale figures and undefined numbers."""
    from llmpo.paper.compile import build as build_paper

    build_paper(manuscript, data, out)
