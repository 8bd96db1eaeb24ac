"""What a change of one thing did: differences of normalised held-out scores.

Two kinds of change are looked for. Methods of one experiment that are the same
algorithm differ in their settings; all are compared with the base method, which has
the algorithm's own name as label or else comes first. Environments that differ in
options only, such as a layout that is shown, are compared with the environment as it
is by default, method by method.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llmpo.analysis.comparison import score_matrix
from llmpo.analysis.table import TidyTable
from llmpo.seeds import generator
from llmpo.statistics import (
    LEAST_RUNS,
    Estimate,
    FloatArray,
    bootstrap_pair,
    mean,
)


@dataclass(frozen=True)
class Change:
    """One changed thing.

    Attributes:
        name: What was changed: a series, or an option with its value.
        series: The series that it was changed for.
        estimate: Mean difference over the environments; None where there are none
            with normalised scores of both.
        environments: The environments compared.
        differences: Difference in each of them.
        runs: The fewest runs that either has in one of them.
    """

    name: str
    series: str
    estimate: Estimate | None
    environments: tuple[str, ...] = ()
    differences: tuple[float, ...] = ()
    runs: int = 0


@dataclass(frozen=True)
class Ablation:
    """Changes that are compared with the same thing.

    Attributes:
        title: What was changed.
        base: What the changes are compared with.
        changes: The changes.
    """

    title: str
    base: str
    changes: tuple[Change, ...]


def ablations(table: TidyTable) -> list[Ablation]:
    """Returns the ablations found in the table: settings first, then options."""
    return [*_settings(table), *_options(table)]


def _settings(table: TidyTable) -> list[Ablation]:
    runs = table.runs[table.runs.role == "search"].astype(
        {"experiment": str, "algorithm": str, "method": str, "series": str}
    )
    found = []
    for _, rows in runs.groupby(["experiment", "algorithm"], sort=False):
        experiment, algorithm = rows.experiment.iloc[0], rows.algorithm.iloc[0]
        labels = dict(zip(rows.method, rows.series, strict=True))
        if len(labels) < 2:
            continue
        base = algorithm if algorithm in labels else next(iter(labels))
        here = set(rows.environment)
        environments = [name for name in table.environments if name in here]
        changes = tuple(
            _change(
                table,
                label,
                (series, environments),
                (labels[base], environments),
            )
            for label, series in labels.items()
            if label != base
        )
        found.append(Ablation(f"Settings, {experiment}", base, changes))
    return found


def _options(table: TidyTable) -> list[Ablation]:
    """Returns an ablation for every set of options that some environments have."""
    bases: dict[str, list[str]] = {}
    for label in table.environments:
        name, _, options = label.partition("[")
        if options and name in table.environments:
            bases.setdefault(options.rstrip("]"), []).append(name)
    found = []
    for options, names in bases.items():
        changed = [f"{name}[{options}]" for name in names]
        changes = []
        for series in table.with_role("search"):
            runs = table.runs[table.runs.series == series]
            present = set(runs.environment)
            if present.isdisjoint(changed) or present.isdisjoint(names):
                continue
            changes.append(_change(table, series, (series, changed), (series, names)))
        if changes:
            title = options.replace(",", ", ").replace("=", ": ").replace("_", " ")
            found.append(Ablation(title, "the default", tuple(changes)))
    return found


def _change(
    table: TidyTable,
    name: str,
    changed: tuple[str, Sequence[str]],
    base: tuple[str, Sequence[str]],
) -> Change:
    """Compares two series on environments that correspond by position."""
    first = score_matrix(table, *changed)
    second = score_matrix(table, *base)
    pairs = [
        (first.environments.index(one), second.environments.index(other), one)
        for one, other in zip(changed[1], base[1], strict=True)
        if one in first.environments and other in second.environments
    ]
    if not pairs:
        return Change(name, changed[0], None)
    x = first.values[:, [pair[0] for pair in pairs]]
    y = second.values[:, [pair[1] for pair in pairs]]
    runs = int(min(np.isfinite(array).sum(axis=0).min() for array in (x, y)))
    differences = np.nanmean(x, axis=0) - np.nanmean(y, axis=0)
    labels = [pair[2] for pair in pairs]
    if runs >= LEAST_RUNS:
        rng = generator("bootstrap", "ablation", name, changed[0], base[0], *labels)
        estimate = bootstrap_pair(x, y, _difference, rng)
    else:
        estimate = Estimate(float(_difference(x, y)))
    return Change(
        name, changed[0], estimate, tuple(labels), tuple(differences.tolist()), runs
    )


def _difference(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray(mean(x) - mean(y))
