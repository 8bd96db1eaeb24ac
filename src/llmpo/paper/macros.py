"""The macro file: every number, phrase and table of the paper, as one JSON file.

`values` are texts ready to be printed, by name. The set of names is fixed, so that a
manuscript fits every configuration. `tables` are header and rows, ready to be printed
too; a table that a configuration does not have is null.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llmpo.analysis.table import read_tidy
from llmpo.errors import DataError
from llmpo.paper.comparison import comparison_values
from llmpo.paper.counts import count_values
from llmpo.paper.environments import environment_table, environment_values
from llmpo.paper.facts import code_values, recording_values, version_table
from llmpo.paper.manuscript import check_inputs
from llmpo.paper.regret import regret_values
from llmpo.paper.settings import setting_values
from llmpo.paper.tables import TABLES, PaperTable, claim_values, paper_table
from llmpo.plan import read_plan
from llmpo.provenance import file_digest
from llmpo.storage import read_json, write_json

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Macros:
    """The content of a macro file.

    Attributes:
        inputs: Digests of the files it was made from, by file name.
        values: Numbers and phrases by name, as text.
        tables: Tables by name; None for one that this configuration does not have.
    """

    inputs: Mapping[str, str]
    values: Mapping[str, str]
    tables: Mapping[str, PaperTable | None]
    format: int = field(default=FORMAT_VERSION)


def make_macros(
    tidy: Path, plan: Path, tables: Path, corpus: Path, training: Path
) -> Macros:
    """Computes all macros.

    Args:
        tidy: The tidy table.
        plan: The plan of the configuration.
        tables: Folder with the tables as CSV; a missing one is optional.
        corpus: Folder of recorded exchanges.
        training: Folder of recorded training runs; may be missing.

    Raises:
        DataError: An input is missing, damaged or stale.
        PrerequisiteError: pandas is not installed.
    """
    data = read_tidy(tidy)
    plan_, config = read_plan(plan)
    inputs = {path.name: file_digest(path) for path in (tidy, plan)}
    for name in TABLES:
        path = tables / f"{name}.csv"
        if path.exists():
            _check_table(path, inputs)
            inputs[path.name] = file_digest(path)
    made = {name: paper_table(name, tables / f"{name}.csv") for name in TABLES}
    return Macros(
        inputs=inputs,
        values={
            **count_values(data),
            **setting_values(plan_, config),
            **environment_values(),
            **comparison_values(data),
            **regret_values(data.online),
            **claim_values(tables / "claims.csv"),
            **recording_values(config, corpus, training),
            **code_values(tidy),
        },
        tables={
            **made,
            "environments": environment_table(plan_),
            "versions": version_table(),
        },
    )


def write_macros(
    tidy: Path, plan: Path, tables: Path, corpus: Path, training: Path, out: Path
) -> Macros:
    """Computes all macros and writes them as JSON; see `make_macros`."""
    macros = make_macros(tidy, plan, tables, corpus, training)
    write_json(out, asdict(macros))
    return macros


def read_macros(path: Path) -> Macros:
    """Reads a macro file.

    Raises:
        DataError: It is missing, damaged or of another format.
    """
    what = "the paper's macros"
    value = read_json(path, what)
    found = value.get("format") if isinstance(value, dict) else None
    if found != FORMAT_VERSION:
        raise DataError(
            f"Reading {what}: {path} has format {found}, but this llmpo reads format "
            f"{FORMAT_VERSION}. Make it again with `llmpo paper macros`."
        )
    try:
        return Macros(
            inputs=dict(value["inputs"]),
            values=dict(value["values"]),
            tables={name: _table(table) for name, table in value["tables"].items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"Reading {what}: {path} is damaged ({error!r}). Make it again with "
            "`llmpo paper macros`."
        ) from None


def _table(value: dict[str, Any] | None) -> PaperTable | None:
    if value is None:
        return None
    return PaperTable(
        header=tuple(value["header"]),
        rows=tuple(tuple(row) for row in value["rows"]),
        numeric=tuple(value["numeric"]),
    )


def _check_table(path: Path, inputs: dict[str, str]) -> None:
    """Checks that a table was made from the same tidy table, where it says so."""
    provenance = path.with_suffix(".provenance.json")
    if not provenance.exists():
        raise DataError(
            f"Making the paper's macros: {path} has no {provenance.name} beside it, "
            "so nothing says what it was made from. Make it with `llmpo tables`."
        )
    check_inputs(f"the table {path.stem}", provenance, inputs, path.parent.parent)
