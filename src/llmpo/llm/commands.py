"""The commands `llmpo llm ...`: answers in and out, as files."""

from pathlib import Path

import click

from llmpo.errors import DataError

_STORE = click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the recorder's working store.",
)
_CORPUS = click.option(
    "--corpus",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of recorded exchanges as JSON lines.",
)


@click.group()
def llm() -> None:
    """Import, export and check answers of the LLM."""


@llm.command(name="import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES"
)
@_STORE
@click.option("--served-model", help="Model that answered, where files do not say.")
def import_command(
    files: tuple[Path, ...], store: Path, served_model: str | None
) -> None:
    """Take in answers to pending requests.

    FILES are outputs of a batch interface (.jsonl), single answers called <key>.txt
    or <key>.md, or folders of these. Importing a file twice is harmless. Ends with
    status 1 if something could not be taken; everything else is taken nevertheless.
    """
    from llmpo.llm.importer import import_answers

    report = import_answers(store, files, served_model=served_model)
    for problem in report.problems:
        click.echo(f"Not taken: {problem}", err=True)
    click.echo(
        f"{len(report.imported)} answers imported, {len(report.already)} were there "
        f"already, {len(report.problems)} problems; {report.pending} requests still "
        "open. Run the same command as before to go on."
    )
    if report.problems:
        raise SystemExit(1)


@llm.command(name="export")
@_STORE
@_CORPUS
@click.option("--include-mock", is_flag=True, help="Also export scripted answers.")
def export_command(store: Path, corpus: Path, include_mock: bool) -> None:
    """Add the answers of a store to a corpus that can be shipped and replayed."""
    from llmpo.llm.transfer import export_corpus

    _need_folder(store, "store")
    report = export_corpus(store, corpus, include_mock=include_mock)
    for path in report.files:
        click.echo(f"Wrote {path}")
    for key in report.conflicts:
        click.echo(f"Kept the corpus's own, different record of {key[:12]}", err=True)
    click.echo(f"{report.added} exchanges added, {report.present} were there already.")


@llm.command(name="load")
@_CORPUS
@_STORE
def load_command(corpus: Path, store: Path) -> None:
    """Copy a corpus into a store: the opposite of export."""
    from llmpo.llm.transfer import import_corpus

    _need_folder(corpus, "corpus")
    report = import_corpus(corpus, store)
    for key in report.conflicts:
        click.echo(f"Kept the store's own, different record of {key[:12]}", err=True)
    click.echo(f"{report.added} exchanges added, {report.present} were there already.")


@llm.command(name="verify")
@_CORPUS
def verify_command(corpus: Path) -> None:
    """Check every record of a corpus; ends with status 1 if something is wrong."""
    from llmpo.llm.corpus import Corpus, verify_corpus

    _need_folder(corpus, "corpus")
    problems = verify_corpus(corpus)
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        click.echo(f"{len(problems)} problems in {corpus}.")
        raise SystemExit(1)
    click.echo(f"{len(Corpus(corpus))} exchanges in {corpus}, nothing wrong.")


@llm.command(name="pending")
@_STORE
def pending_command(store: Path) -> None:
    """List the requests that wait for answers, and the files to have answered."""
    from llmpo.llm.pending import Pending
    from llmpo.llm.store import ExchangeStore

    _need_folder(store, "store")
    pending = Pending(store)
    exchanges = ExchangeStore(store)
    try:
        pending.prune(exchanges.__contains__)
    finally:
        exchanges.close()
    for entry in pending:
        request = entry.request
        click.echo(
            f"{entry.key}  {request.model}  {request.purpose}  "
            f"sample {request.sample}  run {entry.origin}"
        )
    for path in pending.batch_files():
        click.echo(f"Batch file: {path}")
    click.echo(f"{len(pending)} requests are open.")


def _need_folder(path: Path, what: str) -> None:
    if not path.is_dir():
        raise DataError(f"Opening the {what}: the folder {path} does not exist.")
