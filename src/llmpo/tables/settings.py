"""The settings table: what each method was run with and what it used."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmpo.analysis.table import TidyTable
from llmpo.analysis.text import environment_name, short_number
from llmpo.budgets import published_budget
from llmpo.envs.registry import environment
from llmpo.errors import DataError
from llmpo.methods.base import method, parse_settings
from llmpo.plan import Plan
from llmpo.records import Cell
from llmpo.storage import canonical_json, read_json_lines
from llmpo.tables.layout import Table

_COLUMNS = (
    *("environment", "method", "algorithm", "role", "model", "runs"),
    *("published_steps", "planned_steps", "env_steps_fewest", "env_steps_most"),
    *("monitoring_steps_fewest", "monitoring_steps_most", "parameters"),
    *("hyperparameter_source", "hyperparameters", "settings"),
)
_HEADINGS = (
    *("Environment", "Method", "Algorithm", "Settings", "Hyper-parameters from"),
    *("Runs", "Published budget", "Planned steps", "Steps used", "Monitoring steps"),
)
_KEY = """\
Published budget: the most environment steps that PromptPO's published run of the
environment can have used. Planned steps: an upper bound of one run, repairs aside.
Steps used: true counts of single runs, from the fewest to the most, rejected
candidates and repairs included. Monitoring steps come on top: a method that trains
learns nothing from them, they only draw its learning curve. The CSV file holds all
settings and hyper-parameters with their defaults resolved; here are those that differ
from the defaults. Versions of methods, environments and packages are in the run
records.

Methods that act while they learn have one row each over all of their environments.
Their planned steps are those after which they begin no further episode.
"""


@dataclass(frozen=True)
class RunHead:
    """What the table needs of a run record, which may be large.

    Attributes:
        cell: The cell.
        settings: Settings of the method, defaults resolved.
        notes: The method's own plain data.
        env_steps: Environment steps that count.
    """

    cell: Cell
    settings: Mapping[str, Any]
    notes: Mapping[str, Any]
    env_steps: int


def read_heads(folder: Path, jobs: Iterable[str]) -> Iterator[RunHead]:
    """Yields the heads of all run records, one file of a job at a time.

    Raises:
        DataError: A file is missing or holds no run records.
    """
    for job in jobs:
        path = folder / f"{job}.jsonl"
        for number, value in read_json_lines(path, "run records"):
            try:
                yield RunHead(
                    cell=Cell.model_validate(value["cell"]),
                    settings=value["settings"],
                    notes=value["notes"],
                    env_steps=value["totals"]["env_steps"],
                )
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(
                    f"Reading run records: line {number} of {path} does not fit this "
                    f"version of llmpo ({error!r}). Delete the file and run again."
                ) from None


def settings_table(table: TidyTable, plan: Plan, heads: Iterable[RunHead]) -> Table:
    """Returns the settings table.

    Args:
        table: The tidy table, which decides on names and order.
        plan: The plan of the configuration.
        heads: Heads of the run records.
    """
    groups: dict[tuple[str, str], list[RunHead]] = {}
    names = _series(table)
    for head in heads:
        cell = head.cell
        label = environment(cell.environment, cell.options).label
        groups.setdefault((label, names[cell.experiment, cell.method]), []).append(head)
    llm = plan.config.get("llm") or {}
    made = {
        (label, series): _row(label, series, groups[label, series], llm.get("model"))
        for labels, names in (
            (table.environments, table.series),
            (table.online.environments, table.online.series),
        )
        for label in labels
        for series in names
        if (label, series) in groups
    }
    rows = list(made.values())
    cells = [
        _cells(row, groups[key]) for key, row in made.items() if row["role"] != "online"
    ]
    for series in table.online.series:
        own = [row for row in rows if row["method"] == series]
        cells.append(_online_cells(own, groups[own[0]["environment"], series]))
    return Table(
        name="settings",
        title="Settings and budgets",
        columns=_COLUMNS,
        rows=rows,
        headings=_HEADINGS,
        cells=cells,
        texts=5,
        key=_KEY,
    )


def _series(table: TidyTable) -> dict[tuple[str, str], str]:
    """Returns the names of series by experiment and method label."""
    return {
        (str(experiment), str(label)): str(series)
        for runs in (table.runs, table.online.runs)
        for experiment, label, series in runs[["experiment", "method", "series"]]
        .drop_duplicates()
        .itertuples(index=False)
    }


def _row(
    label: str,
    series: str,
    heads: Sequence[RunHead],
    model: str | None,
) -> dict[str, Any]:
    cell, notes = heads[0].cell, heads[0].notes
    spec = environment(cell.environment, cell.options)
    chosen = method(cell.algorithm)
    settings = parse_settings(cell.algorithm, dict(cell.settings), cell.id)
    online = chosen.role == "online"
    used = [head.env_steps for head in heads]
    monitored = [
        head.notes["monitoring_steps"]
        for head in heads
        if "monitoring_steps" in head.notes
    ]
    hyperparameters = notes.get("hyperparameters")
    return {
        "environment": label,
        "method": series,
        "algorithm": cell.algorithm,
        "role": chosen.role,
        "model": model if chosen.needs_llm else None,
        "runs": len(heads),
        # That of PromptPO's run, which says nothing about learning in other ways.
        "published_steps": None if online else published_budget(spec),
        "planned_steps": (
            chosen.resolve(settings, spec)["steps"]
            if online
            else chosen.max_env_steps(settings, spec)
        ),
        "env_steps_fewest": min(used),
        "env_steps_most": max(used),
        "monitoring_steps_fewest": min(monitored, default=None),
        "monitoring_steps_most": max(monitored, default=None),
        "parameters": notes.get("parameters"),
        "hyperparameter_source": notes.get("hyperparameter_source"),
        "hyperparameters": canonical_json(hyperparameters) if hyperparameters else None,
        "settings": canonical_json(heads[0].settings),
    }


def _cells(row: dict[str, Any], heads: Sequence[RunHead]) -> list[str]:
    used = _range(row["env_steps_fewest"], row["env_steps_most"])
    return [
        environment_name(row["environment"]),
        row["method"],
        _algorithm(row),
        _chosen(heads[0]),
        row["hyperparameter_source"] or "",
        str(row["runs"]),
        short_number(row["published_steps"]),
        short_number(row["planned_steps"]),
        used,
        _range(row["monitoring_steps_fewest"], row["monitoring_steps_most"]),
    ]


def _online_cells(
    rows: Sequence[dict[str, Any]], heads: Sequence[RunHead]
) -> list[str]:
    """Returns one row over all environments of a series."""
    names = [environment_name(row["environment"]) for row in rows]
    runs = [row["runs"] for row in rows]
    planned = [row["planned_steps"] for row in rows]
    used = [row[f"env_steps_{end}"] for row in rows for end in ("fewest", "most")]
    return [
        names[0] if len(names) == 1 else f"{len(names)} environments",
        rows[0]["method"],
        _algorithm(rows[0]),
        _chosen(heads[0]),
        "",
        _range(min(runs), max(runs)),
        "",
        _range(min(planned), max(planned)),
        _range(min(used), max(used)),
        "",
    ]


def _algorithm(row: dict[str, Any]) -> str:
    return " ".join(filter(None, (row["algorithm"], row["model"])))


def _chosen(head: RunHead) -> str:
    """Returns the settings that were chosen in the configuration."""
    return ", ".join(
        f"{name}: {value}" for name, value in sorted(head.cell.settings.items())
    )


def _range(fewest: int | None, most: int | None) -> str:
    if fewest is None or most is None:
        return ""
    low, high = short_number(fewest), short_number(most)
    return low if low == high else f"{low}–{high}"
