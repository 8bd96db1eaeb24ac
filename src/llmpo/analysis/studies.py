"""Which runs of in-context policy iteration answer which question of its paper.

Runs are told apart by the settings that differ from the published defaults, not by
their labels: whoever changes one thing gets it into the right figure.
"""

import json
from dataclasses import dataclass
from typing import Any

from llmpo.analysis.table import OnlineRuns

# Settings that do not make another agent, only a longer run or another measure.
_NEUTRAL = frozenset({"steps", "aliased_start_regret", "log_discount"})


@dataclass(frozen=True)
class Variant:
    """A series and what is special about it.

    Attributes:
        series: Name of the series.
        method: Registered name of its method.
        changes: Settings that differ from the defaults, neutral ones aside.
    """

    series: str
    method: str
    changes: dict[str, Any]

    def changes_only(self, *names: str) -> bool:
        """Tells whether nothing but these settings differ."""
        return set(self.changes) <= set(names)


@dataclass(frozen=True)
class Studies:
    """The questions, each with the series that answer it, in the order of the grid.

    `base` is the method as published, with the default predictor; None without one.

    Attributes:
        base: The series that the others are compared with.
        algorithms: The base and the algorithms it is compared with.
        ablations: The base and the same with one or more settings changed.
        contexts: The same predictor with other context budgets, by tokens; infinite
            where there is no limit.
        models: The base, other predictors and language models.
    """

    base: Variant | None
    algorithms: tuple[Variant, ...]
    ablations: tuple[Variant, ...]
    contexts: tuple[tuple[float, Variant], ...]
    models: tuple[Variant, ...]


def variants(online: OnlineRuns) -> list[Variant]:
    """Returns the series with what is special about each."""
    rows = online.runs.drop_duplicates("series")
    found = []
    for series, method, changes in zip(
        rows.series, rows.algorithm, rows.changes, strict=True
    ):
        values = json.loads(changes or "{}")
        kept = {k: v for k, v in values.items() if k not in _NEUTRAL}
        found.append(Variant(str(series), str(method), kept))
    return found


def studies(online: OnlineRuns) -> Studies:
    """Sorts the series by the question that they answer."""
    every = variants(online)
    own = [one for one in every if one.method == "icpi"]
    plain = [one for one in own if "algorithm" not in one.changes]
    base = next((one for one in own if not one.changes), None)
    special = {"model", "context_budget"}
    contexts = [
        (float(one.changes.get("context_budget") or "inf"), one)
        for one in plain
        if one.changes_only("context_budget")
    ]
    return Studies(
        base=base,
        algorithms=tuple(
            one for one in own if one is base or "algorithm" in one.changes
        ),
        ablations=tuple(
            one for one in plain if one is base or not special & set(one.changes)
        ),
        contexts=tuple(sorted(contexts, key=lambda pair: pair[0])),
        models=tuple(
            one for one in every if one not in own or one.changes_only("model")
        ),
    )
