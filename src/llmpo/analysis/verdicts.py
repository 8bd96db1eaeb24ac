"""Verdicts on claims, computed from the tidy table.

A claim is supported or contradicted where the whole interval of its estimate lies on
one side of the tolerance. One about every environment has an estimate for each: it
holds where all intervals do, and fails where one is on the other side. A claim that
too few runs speak about, or none, is undecided, with the reason in words.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from llmpo.analysis.claim_pairs import (
    Pairs,
    regret_pairs,
    score_pairs,
    step_pairs,
)
from llmpo.analysis.efficiency import EfficiencyRow, efficiency_rows
from llmpo.analysis.table import TidyTable
from llmpo.analysis.text import environment_name
from llmpo.claims import Claim
from llmpo.seeds import generator
from llmpo.statistics import LEVEL, RESAMPLES, Estimate, FloatArray

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["supported", "contradicted", "undecided", "not published"]


@dataclass(frozen=True)
class Judgement:
    """What the data say about a claim.

    Attributes:
        claim: The claim.
        verdict: The verdict.
        reason: Why, in words.
        estimate: Difference of mean normalised scores or of mean regrets, or ratio of
            steps; of a claim about every environment, the largest difference. None
            where nothing could be compared. No interval is claimed for too few runs.
        best: The method that was the best of the others, by environment.
        runs: The fewest runs that a method has in one of these environments.
        left_out: Environments of the claim that could not be judged, with the reason.
    """

    claim: Claim
    verdict: Verdict
    reason: str
    estimate: Estimate | None = None
    best: Mapping[str, str] = field(default_factory=dict)
    runs: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)


# From arrays of (..., runs) for each environment, of both sides, to (...) estimates.
_Compare = Callable[[Sequence[FloatArray], Sequence[FloatArray]], FloatArray]


def judge(table: TidyTable, claims: Sequence[Claim]) -> list[Judgement]:
    """Judges claims, in their order."""
    needs_steps = any(claim.kind == "steps" for claim in claims)
    rows = efficiency_rows(table) if needs_steps else []
    return [replace(_judge(table, rows, claim), claim=claim) for claim in claims]


def _judge(table: TidyTable, rows: Sequence[EfficiencyRow], claim: Claim) -> Judgement:
    if claim.kind == "unpublished":
        return Judgement(claim, "not published", "The numbers cannot be had.")
    grid = table.online if claim.kind == "regret" else table
    names = _names(grid.runs)
    unknown = [name for name in (claim.method, *claim.against) if name not in names]
    if unknown:
        reason = f"The grid has no method {', '.join(unknown)}."
        return Judgement(claim, "undecided", reason)
    claim = claim.model_copy(
        update={
            "method": names[claim.method],
            "against": [names[name] for name in claim.against],
        }
    )
    families = dict(zip(grid.runs.environment, grid.runs.family, strict=True))
    environments = claim.environments or [
        name for name in grid.environments if families[name] in claim.families
    ]
    if not environments:
        reason = f"The grid has no environment of {', '.join(claim.families)}."
        return Judgement(claim, "undecided", reason)
    if claim.kind == "score":
        return _decide(claim, score_pairs(table, claim, environments), _difference)
    if claim.kind == "steps":
        return _decide(claim, step_pairs(rows, claim, environments), _ratio)
    return _decide(claim, regret_pairs(table.online, claim, environments), _difference)


def _names(runs: "pd.DataFrame") -> dict[str, str]:
    """Returns the series that the names in claims stand for.

    A label stands for its series wherever it is the only one of these runs. In the
    table it may have the experiment's name before it, because of runs of another kind.
    """
    pairs = runs[["method", "series"]].drop_duplicates().astype(str)
    alone = pairs[~pairs.method.duplicated(keep=False)]
    labels = dict(zip(alone.method, alone.series, strict=True))
    return labels | {name: name for name in pairs.series}


def _decide(claim: Claim, pairs: Pairs, compare: _Compare) -> Judgement:
    if not pairs.best:
        reason = f"Nothing can be compared: {_listed(pairs.left_out)}."
        return Judgement(claim, "undecided", reason, left_out=pairs.left_out)
    runs = min(len(values) for values in (*pairs.own, *pairs.other))
    parts = pairs.by_environment() if _is_of_each(claim) else {"": pairs}
    values = {name: float(compare(p.own, p.other)) for name, p in parts.items()}
    shown = max(values, key=lambda name: values[name])
    estimates = {name: Estimate(value) for name, value in values.items()}
    verdict: Verdict = "undecided"
    if runs < claim.min_runs:
        reason = f"Too few runs: {_few(claim, pairs)}; {claim.min_runs} are needed."
    elif claim.environments and pairs.left_out:
        reason = f"It names environments without a result: {_listed(pairs.left_out)}."
    else:
        estimates = {
            name: Estimate(values[name], *_interval(claim, part, compare, name))
            for name, part in parts.items()
        }
        verdict = _verdict(claim, estimates.values())
        reason = _reason(claim, estimates, pairs)
    return Judgement(
        claim, verdict, reason, estimates[shown], pairs.best, runs, pairs.left_out
    )


def _is_of_each(claim: Claim) -> bool:
    """Tells whether a claim is about every environment, not about their average."""
    return claim.expects in ("better", "not_better")


def _difference(own: Sequence[FloatArray], other: Sequence[FloatArray]) -> FloatArray:
    """Difference of means over runs, averaged over environments."""
    pairs = zip(own, other, strict=True)
    differences = [x.mean(axis=-1) - y.mean(axis=-1) for x, y in pairs]
    return np.asarray(np.mean(differences, axis=0))


def _ratio(own: Sequence[FloatArray], other: Sequence[FloatArray]) -> FloatArray:
    """Ratio of median steps over runs; of the environments, the (upper) median one.

    A median is infinite where at least half of the runs never got there. Where that
    holds for both sides, an environment says nothing.
    """
    pairs = zip(own, other, strict=True)
    with np.errstate(invalid="ignore"):
        ratios = [np.median(x, axis=-1) / np.median(y, axis=-1) for x, y in pairs]
    ordered = np.sort(np.stack(ratios, axis=-1), axis=-1)  # NaN goes last
    known = (~np.isnan(ordered)).sum(axis=-1, keepdims=True)
    middle = np.minimum(known // 2, ordered.shape[-1] - 1)
    return np.asarray(np.take_along_axis(ordered, middle, axis=-1)[..., 0])


def _interval(
    claim: Claim, pairs: Pairs, compare: _Compare, environment: str
) -> tuple[float, float]:
    """Returns the percentile interval; runs are resampled within environments."""
    rng = generator("bootstrap", "claim", claim.id, *filter(None, [environment]))
    own, other = (
        [v[rng.integers(len(v), size=(RESAMPLES, len(v)))] for v in side]
        for side in (pairs.own, pairs.other)
    )
    repeated = np.sort(compare(own, other))
    repeated = repeated[~np.isnan(repeated)]
    if not len(repeated):
        return float("nan"), float("nan")
    # The scores at both ends themselves: between them there may be infinity.
    last = len(repeated) - 1
    low = repeated[int(np.floor(last * (1 - LEVEL) / 2))]
    high = repeated[int(np.ceil(last * (1 + LEVEL) / 2))]
    return float(low), float(high)


def _verdict(claim: Claim, estimates: Collection[Estimate]) -> Verdict:
    sides = [_sides(claim, estimate) for estimate in estimates]
    holds, fails = all(side[0] for side in sides), any(side[1] for side in sides)
    if claim.expects in ("below", "not_better"):
        holds, fails = fails, holds
    return "supported" if holds else "contradicted" if fails else "undecided"


def _sides(claim: Claim, estimate: Estimate) -> tuple[bool, bool]:
    """Tells whether an interval lies where the method does well, or where it does not.

    Of a claim that expects the opposite these are the same.
    """
    tolerance = claim.tolerance or 0.0
    if claim.kind == "score":
        return estimate.low > -tolerance, estimate.high < -tolerance
    if _is_of_each(claim):
        return estimate.high < -tolerance, estimate.low >= -tolerance
    return estimate.high <= tolerance, estimate.low > tolerance


def _reason(claim: Claim, estimates: Mapping[str, Estimate], pairs: Pairs) -> str:
    tolerance = claim.tolerance or 0.0
    if _is_of_each(claim):
        each = ", ".join(
            f"{environment_name(name)} {_ends(estimate, 'z.2f')}"
            f"{_whom(claim, pairs, name)}"
            for name, estimate in estimates.items()
        )
        return f"Differences of mean regrets below {-tolerance:g} are better: {each}."
    (estimate,) = estimates.values()
    if claim.kind == "steps":
        return (
            f"The ratio of steps to the threshold is {_ends(estimate)}; the claim "
            f"needs at most {tolerance:g}."
        )
    if claim.kind == "score":
        return (
            f"The difference of mean normalised scores is {_ends(estimate)}; down to "
            f"{-tolerance:g} it counts as a match."
        )
    parts = pairs.by_environment().items()
    each = ", ".join(
        f"{environment_name(name)} {float(_difference(part.own, part.other)):z.2f}"
        f"{_whom(claim, pairs, name)}"
        for name, part in parts
    )
    return (
        f"The difference of mean regrets is {_ends(estimate, 'z.2f')}; up to "
        f"{tolerance:g} it counts as a match. Single environments: {each}."
    )


def _ends(estimate: Estimate, form: str = ".3g") -> str:
    value, low, high = (
        format(number, form) for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"


def _whom(claim: Claim, pairs: Pairs, environment: str) -> str:
    """Names the best of the others where there are several."""
    return f" ({pairs.best[environment]})" if len(claim.against) > 1 else ""


def _few(claim: Claim, pairs: Pairs) -> str:
    few = {}
    for index, (environment, best) in enumerate(pairs.best.items()):
        for name, values in ((claim.method, pairs.own), (best, pairs.other)):
            if len(values[index]) < claim.min_runs:
                few[environment] = f"{len(values[index])} of {name}"
    return _listed(few)


def _listed(reasons: Mapping[str, str]) -> str:
    """Returns what is said of environments in words, those with the same together."""
    together: dict[str, list[str]] = {}
    for environment, reason in reasons.items():
        together.setdefault(reason, []).append(environment_name(environment))
    return "; ".join(f"{why} in {', '.join(names)}" for why, names in together.items())
