"""What the paper says about methods that act while they learn: their regret.

Two series are compared in each environment by their mean regret over the last part of
the runs. As elsewhere in the paper, a comparison is decided when the intervals do not
overlap. Numbers over environments are over those that all series of a sentence share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf

from llmpo.analysis.late_regret import (
    LateRegrets,
    difference_over,
    late_regrets,
    mean_over,
    shared,
)
from llmpo.analysis.predictions import KINDS, prediction_quality
from llmpo.analysis.regret import BINS, FINAL, mean_regret
from llmpo.analysis.studies import Studies, Variant, studies
from llmpo.analysis.table import OnlineRuns
from llmpo.methods.base import method
from llmpo.paper.text import (
    NOTHING,
    count,
    listing,
    seeds,
    share,
    span,
    statuses,
    whole,
)
from llmpo.published_regrets import (
    PUBLISHED_BUDGETS,
    READING_ERROR,
    published_regrets,
)
from llmpo.statistics import Estimate
from llmpo.tables.regret import LOW_REGRET

NONE = "none"

_EXACT = "oracle_world_model"
# They learn nothing, or know the rules.
_REFERENCES = frozenset({"random", "optimal", _EXACT})


@dataclass(frozen=True)
class _Regrets:
    """The runs with what is asked of them again and again."""

    online: OnlineRuns

    @cached_property
    def studies(self) -> Studies:
        return studies(self.online)

    @cached_property
    def late(self) -> LateRegrets:
        return late_regrets(self.online)

    @cached_property
    def base(self) -> str | None:
        return self.studies.base.series if self.studies.base else None

    @cached_property
    def learners(self) -> tuple[str, ...]:
        """Other algorithms that learn."""
        return tuple(
            one.series
            for one in self.studies.algorithms
            if one.series != self.base
            and one.changes.get("algorithm") not in _REFERENCES
        )

    def algorithm(self, name: str) -> str | None:
        """Returns the series of an algorithm with nothing else changed."""
        return next(
            (
                one.series
                for one in self.studies.algorithms
                if one.changes == {"algorithm": name}
            ),
            None,
        )

    def shared(self, *series: str | None) -> tuple[str, ...]:
        """Returns the environments that all series have; none if one is missing."""
        names = [name for name in series if name is not None]
        if len(names) < len(series):
            return ()
        return shared(self.late, self.online.environments, names)

    def compared(self, series: str, other: str) -> list[int]:
        """Returns -1, 0 or 1 per environment: less regret, undecided, or more."""
        found = []
        for environment in self.shared(series, other):
            one, two = (
                mean_regret(self.online, environment, name) for name in (series, other)
            )
            if one and two:
                found.append((one.low > two.high) - (one.high < two.low))
        return found


def regret_values(online: OnlineRuns) -> dict[str, str]:
    """Returns all numbers and phrases about regret."""
    regrets = _Regrets(online)
    return {
        "regret_bins": whole(BINS),
        "regret_late_share": f"{1 - FINAL:.0%}",
        "regret_low": f"{LOW_REGRET:g}",
        "regret_reading_error": f"{READING_ERROR:g}",
        "regret_published_budgets": listing(
            [whole(budget) for budget in sorted(set(PUBLISHED_BUDGETS.values()))]
        ),
        **_counts(online),
        **_completions(regrets),
        **_learning(regrets),
        **_comparisons(regrets),
        **_world_model(regrets),
        **_ablations(regrets),
        **_models(regrets),
        **_contexts(regrets),
    }


def _counts(online: OnlineRuns) -> dict[str, str]:
    runs = online.runs
    return {
        "regret_runs": count(len(runs), "run"),
        "regret_statuses": statuses(runs),
        "regret_methods": count(len(online.series), "method"),
        "regret_environments": count(len(online.environments), "environment"),
        "regret_seeds": seeds(runs),
        "regret_steps": whole(runs.env_steps.sum()),
        "regret_planned_steps": span(runs.planned_steps),
        "regret_episodes": count(len(online.episodes), "training episode"),
    }


def _completions(regrets: _Regrets) -> dict[str, str]:
    rows = regrets.online.predictions
    own = rows[rows.series == regrets.base]
    runs = regrets.online.runs[regrets.online.runs.series == regrets.base]
    steps = runs.groupby("environment", observed=True).env_steps.sum()
    calls = own.groupby("environment", observed=True).calls.sum()
    per_step = (calls / steps).dropna()
    return {
        "regret_completions": count(rows.calls.sum(), "completion"),
        "regret_invalid": whole(rows.invalid.sum()),
        "regret_invalid_share": _fine_share(rows.invalid.sum(), rows.calls.sum()),
        "regret_completions_per_step": span(round(value) for value in per_step),
    }


def _fine_share(part: float, total: float) -> str:
    return f"{100 * part / total:.2g}%" if total and part else share(part, total)


def _learning(regrets: _Regrets) -> dict[str, str]:
    """Says where the base, and who else, ends with less regret than chance."""
    chance = regrets.algorithm("random")
    base = regrets.base
    environments = regrets.shared(base, chance)
    low = [
        regret
        for environment in regrets.shared(base)
        if (regret := mean_regret(regrets.online, environment, base or ""))
        and regret.value < LOW_REGRET
    ]
    others = [
        f"{name} in {whole(regrets.compared(name, chance).count(-1))}"
        for name in regrets.learners
        if chance and regrets.shared(name, chance)
    ]
    learned = regrets.compared(base, chance).count(-1) if base and chance else 0
    return {
        "regret_base": base or NONE,
        "regret_asks": _asks(regrets.studies.base),
        "regret_base_environments": count(len(regrets.shared(base)), "environment"),
        "regret_base_low": whole(len(low)),
        "regret_learning": count(len(environments), "environment"),
        "regret_learned": whole(learned),
        "regret_others_learned": listing(others) if others else NONE,
    }


def _asks(base: Variant | None) -> str:
    if base is None:
        return NONE
    if method(base.method).needs_llm:
        return "a language model"
    return "a predictor without any pretrained knowledge instead of a language model"


def _comparisons(regrets: _Regrets) -> dict[str, str]:
    base = regrets.base
    outcomes = [
        outcome
        for name in regrets.learners
        for outcome in (regrets.compared(base, name) if base else [])
    ]
    return {
        "regret_comparisons": count(len(outcomes), "comparison"),
        "regret_comparisons_less": whole(outcomes.count(-1)),
        "regret_comparisons_more": whole(outcomes.count(1)),
        "regret_comparisons_open": whole(outcomes.count(0)),
    }


def _world_model(regrets: _Regrets) -> dict[str, str]:
    exact, base = regrets.algorithm(_EXACT), regrets.base
    environments = regrets.shared(base, exact)
    accuracies = []
    for kind in KINDS:
        found = [
            quality.correct.value
            for environment in regrets.online.environments
            if (
                quality := prediction_quality(
                    regrets.online, environment, base or "", kind
                )
            )
            and quality.correct
        ]
        if found:
            accuracies.append(f"{sum(found) / len(found):.0%} of the {kind}s")
    return {
        "regret_exact": count(len(environments), "environment"),
        "regret_exact_model": _mean(regrets, environments, exact),
        "regret_predicted_model": _mean(regrets, environments, base),
        "prediction_accuracy": listing(accuracies) if accuracies else NONE,
    }


def _ablations(regrets: _Regrets) -> dict[str, str]:
    """Says what each change adds to the regret, the most harmful first."""
    changed = [one.series for one in regrets.studies.ablations if one.changes]
    environments = regrets.shared(regrets.base, *changed) if changed else ()
    effects: dict[str, Estimate] = {}
    if environments:
        effects = {
            name: difference_over(regrets.late, environments, name, regrets.base or "")
            for name in changed
        }
    ordered = sorted(effects, key=lambda name: -effects[name].value)
    texts = [f"{name} {_estimate(effects[name], signed=True)}" for name in ordered]
    return {
        "regret_ablations": count(len(texts), "change"),
        "regret_ablation_environments": count(len(environments), "environment"),
        "regret_ablation_effects": listing(texts) if texts else NONE,
    }


def _models(regrets: _Regrets) -> dict[str, str]:
    models = regrets.studies.models
    environments, texts = _means(regrets, models, [one.series for one in models])
    published = _published(environments)
    best = max(published, key=lambda name: PUBLISHED_BUDGETS[name], default=None)
    return {
        "regret_models": count(len(texts), "model"),
        "regret_model_means": listing(texts) if texts else NONE,
        "regret_published_model": best or NONE,
        "regret_published_mean": f"{published[best]:.2f}" if best else NOTHING,
    }


def _contexts(regrets: _Regrets) -> dict[str, str]:
    contexts = regrets.studies.contexts
    if len(contexts) < 2:
        contexts = ()
    environments, texts = _means(
        regrets,
        [one for _, one in contexts],
        [
            "no limit" if budget == inf else f"{whole(budget)} tokens"
            for budget, _ in contexts
        ],
    )
    published = [
        f"{value:.2f} for {name} with {whole(PUBLISHED_BUDGETS[name])}"
        for name, value in _published(environments).items()
    ]
    return {
        "regret_contexts": count(len(texts), "budget"),
        "regret_context_means": listing(texts) if texts else NONE,
        "regret_context_published": listing(published) if published else NONE,
    }


def _means(
    regrets: _Regrets, variants: Sequence[Variant], names: Sequence[str]
) -> tuple[tuple[str, ...], list[str]]:
    """Returns the shared environments and `mean with name` for each series."""
    series = [one.series for one in variants]
    environments = regrets.shared(*series) if series else ()
    if not environments:
        return (), []
    return environments, [
        f"{_mean(regrets, environments, one)} with {name}"
        for one, name in zip(series, names, strict=True)
    ]


def _published(environments: Sequence[str]) -> Mapping[str, float]:
    """Returns the mean of published ends by model, of those that have all."""
    numbers: dict[str, list[float]] = {}
    for one in published_regrets("models"):
        if one.environment in environments:
            numbers.setdefault(one.name, []).append(one.regret)
    return {
        name: sum(numbers[name]) / len(numbers[name])
        for name in PUBLISHED_BUDGETS
        if environments and len(numbers.get(name, ())) == len(environments)
    }


def _mean(regrets: _Regrets, environments: Sequence[str], series: str | None) -> str:
    if series is None or not environments:
        return NOTHING
    return _estimate(mean_over(regrets.late, environments, series))


def _estimate(estimate: Estimate, signed: bool = False) -> str:
    """Returns a regret with two digits, and its interval where there is one."""

    def text(value: float) -> str:
        number = f"{value:{'+' if signed else ''}z.2f}"
        return number.replace("-", "\N{MINUS SIGN}")

    if not estimate.has_interval:
        return text(estimate.value)
    return f"{text(estimate.value)} [{text(estimate.low)}, {text(estimate.high)}]"
