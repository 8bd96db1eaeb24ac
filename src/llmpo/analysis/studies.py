"""Which runs of in-context policy iteration answer which question of its paper.

Runs are told apart by the settings that differ from the published defaults, not by
their labels: whoever changes one thing gets it into the right figure.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Any

from llmpo.analysis.table import OnlineRuns
from llmpo.methods.base import method, method_names

_PREDICTOR = "icpi"
_LANGUAGE_MODEL = "icpi_llm"

# Settings that do not make another agent, only a longer run or another measure.
_NEUTRAL = frozenset({"steps", "aliased_start_regret", "log_discount"})
_OF_MODELS = frozenset({"model", "interface"})
_OF_LANGUAGE_MODELS = (
    *("interface", "context_budget", "temperature", "max_completion_tokens"),
)

PUBLISHED_ABLATIONS: Mapping[str, Any] = MappingProxyType(
    {"hints": False, "balancing": False, "constraints": False, "recency": 16}
)
"""The value to which each ablation of the paper changed its setting."""


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

    def setting(self, name: str) -> Any:
        """Returns a setting's value; None where the method has no such setting.

        Of a method that is not installed, only what differs is known.
        """
        if name in self.changes:
            return self.changes[name]
        if self.method not in method_names():
            return None
        fields = method(self.method).settings.model_fields
        return fields[name].default if name in fields else None

    @property
    def context_budget(self) -> float:
        """Most tokens of a prompt; infinite where there is no limit."""
        return float(self.setting("context_budget") or inf)

    @property
    def published_ablation(self) -> str | None:
        """The paper's name of what was changed; None where the paper has no such."""
        if not self.changes:
            return "icpi"
        if len(self.changes) > 1:
            return None
        ((name, value),) = self.changes.items()
        known = name in PUBLISHED_ABLATIONS and PUBLISHED_ABLATIONS[name] == value
        return name if known else None


@dataclass(frozen=True)
class Studies:
    """The questions, each with the series that answer it.

    `base` is the method as published, with the default predictor, or else with a
    language model; None without one. It comes first, the others in the order of the
    grid. A series that differs from it in several of these ways answers none.

    Attributes:
        base: The series that the others are compared with.
        algorithms: The base, however long or measured, and the algorithms that it is
            compared with.
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
    for series, name, changes in zip(
        rows.series, rows.algorithm, rows.changes, strict=True
    ):
        values = json.loads(changes or "{}")
        kept = {k: v for k, v in values.items() if k not in _NEUTRAL}
        found.append(Variant(str(series), str(name), kept))
    return found


def studies(online: OnlineRuns) -> Studies:
    """Sorts the series by the question that they answer."""
    every = variants(online)
    base = _base(every)
    if base is not None:
        every = [base, *(one for one in every if one is not base)]
    kind = base.method if base else _PREDICTOR
    own = [
        one
        for one in every
        if one.method == kind
        and "algorithm" not in one.changes
        and (one is base or one.changes)
    ]
    contexts = [
        (one.context_budget, one) for one in own if one.changes_only("context_budget")
    ]
    special = _OF_MODELS | {"context_budget"}
    return Studies(
        base=base,
        algorithms=tuple(one for one in every if _is_algorithm(one, kind)),
        ablations=tuple(one for one in own if not special & set(one.changes)),
        contexts=tuple(sorted(contexts, key=lambda pair: pair[0])),
        models=tuple(one for one in every if _is_model(one, base)),
    )


def _base(every: Iterable[Variant]) -> Variant | None:
    plain = [one for one in every if not one.changes]
    for name in (_PREDICTOR, _LANGUAGE_MODEL):
        for one in plain:
            if one.method == name:
                return one
    return None


def _is_algorithm(one: Variant, kind: str) -> bool:
    if one.method not in (_PREDICTOR, _LANGUAGE_MODEL):
        return True
    return "algorithm" in one.changes or (one.method == kind and not one.changes)


def _is_model(one: Variant, base: Variant | None) -> bool:
    if one.method == _PREDICTOR:
        return one is base or set(one.changes) == {"model"}
    return one.method == _LANGUAGE_MODEL and one.changes_only(*_OF_LANGUAGE_MODELS)
