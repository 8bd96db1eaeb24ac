"""Verdicts on claims, computed from the tidy table.

In each environment the method is compared with the best of the methods that the claim
names: the one with the highest mean score, or the lowest median number of steps. That
choice is made on the same data and kept while resampling, which favours the others.
A claim that too few runs speak about, or none, is undecided, with the reason in words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from llmpo.analysis.comparison import score_matrix
from llmpo.analysis.efficiency import EfficiencyRow, efficiency_rows
from llmpo.analysis.table import TidyTable
from llmpo.analysis.text import environment_name
from llmpo.claims import Claim
from llmpo.seeds import generator
from llmpo.statistics import LEVEL, RESAMPLES, Estimate, FloatArray

Verdict = Literal["supported", "contradicted", "undecided", "not published"]

_NO_RESULTS = "no results"
_NOBODY = "fewer than half of the runs reach the threshold"


@dataclass(frozen=True)
class Judgement:
    """What the data say about a claim.

    Attributes:
        claim: The claim.
        verdict: The verdict.
        reason: Why, in words.
        estimate: Difference of mean normalised scores, or ratio of steps; None where
            nothing could be compared. No interval is claimed for too few runs.
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


@dataclass
class _Pairs:
    """What a claim compares: one array of runs for each environment and side."""

    own: list[FloatArray] = field(default_factory=list)
    other: list[FloatArray] = field(default_factory=list)
    best: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(
        self, environment: str, own: FloatArray, name: str, other: FloatArray
    ) -> None:
        self.best[environment] = name
        self.own.append(own)
        self.other.append(other)


# From arrays of (..., runs) for each environment, of both sides, to (...) estimates.
_Compare = Callable[[Sequence[FloatArray], Sequence[FloatArray]], FloatArray]


def judge(table: TidyTable, claims: Sequence[Claim]) -> list[Judgement]:
    """Judges claims, in their order."""
    needs_steps = any(claim.kind == "steps" for claim in claims)
    rows = efficiency_rows(table) if needs_steps else []
    return [_judge(table, rows, claim) for claim in claims]


def _judge(table: TidyTable, rows: Sequence[EfficiencyRow], claim: Claim) -> Judgement:
    if claim.kind == "unpublished":
        return Judgement(claim, "not published", "The numbers cannot be had.")
    names = (claim.method, *claim.against)
    unknown = [name for name in names if name not in table.series]
    if unknown:
        reason = f"The grid has no method {', '.join(unknown)}."
        return Judgement(claim, "undecided", reason)
    environments = claim.environments or [
        name for name in table.environments if table.family(name) in claim.families
    ]
    if not environments:
        reason = f"The grid has no environment of {', '.join(claim.families)}."
        return Judgement(claim, "undecided", reason)
    if claim.kind == "score":
        return _decide(claim, _score_pairs(table, claim, environments), _difference)
    return _decide(claim, _step_pairs(rows, claim, environments), _ratio)


def _decide(claim: Claim, pairs: _Pairs, compare: _Compare) -> Judgement:
    if not pairs.best:
        reason = f"Nothing can be compared: {_listed(pairs.left_out)}."
        return Judgement(claim, "undecided", reason, left_out=pairs.left_out)
    runs = min(len(values) for values in (*pairs.own, *pairs.other))
    value = float(compare(pairs.own, pairs.other))
    estimate = Estimate(value)
    verdict: Verdict = "undecided"
    if runs < claim.min_runs:
        reason = f"Too few runs: {_few(claim, pairs)}; {claim.min_runs} are needed."
    elif claim.environments and pairs.left_out:
        reason = f"It names environments without a result: {_listed(pairs.left_out)}."
    else:
        estimate = Estimate(value, *_interval(claim, pairs, compare))
        verdict = _verdict(claim, estimate)
        reason = _reason(claim, estimate)
    return Judgement(claim, verdict, reason, estimate, pairs.best, runs, pairs.left_out)


def _score_pairs(table: TidyTable, claim: Claim, environments: Sequence[str]) -> _Pairs:
    pairs = _Pairs()
    own = score_matrix(table, claim.method, environments)
    others = {name: score_matrix(table, name, environments) for name in claim.against}
    for environment in environments:
        scores = {
            name: matrix.column(environment)
            for name, matrix in others.items()
            if environment in matrix.environments
        }
        if environment not in own.environments:
            why = own.left_out[environment]
            pairs.left_out[environment] = f"{why} of {claim.method}"
        elif not scores:
            pairs.left_out[environment] = f"{_NO_RESULTS} of the others"
        else:
            best = max(scores, key=lambda name: scores[name].mean())
            pairs.add(environment, own.column(environment), best, scores[best])
    return pairs


def _step_pairs(
    rows: Sequence[EfficiencyRow], claim: Claim, environments: Sequence[str]
) -> _Pairs:
    pairs = _Pairs()
    made = {(row.environment, row.series): row for row in rows if row.crossings}
    for environment in environments:
        own = made.get((environment, claim.method))
        steps = {
            name: made[environment, name].steps()
            for name in claim.against
            if (environment, name) in made
        }
        if own is None:
            pairs.left_out[environment] = f"{_NO_RESULTS} of {claim.method}"
        elif not steps:
            pairs.left_out[environment] = f"{_NO_RESULTS} of the others"
        elif own.threshold.score is None:
            pairs.left_out[environment] = own.threshold.reason
        else:
            best = min(steps, key=lambda name: float(np.median(steps[name])))
            medians = [np.median(values) for values in (own.steps(), steps[best])]
            if np.isfinite(medians).any():
                pairs.add(environment, own.steps(), best, steps[best])
            else:
                pairs.left_out[environment] = _NOBODY
    return pairs


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


def _interval(claim: Claim, pairs: _Pairs, compare: _Compare) -> tuple[float, float]:
    """Returns the percentile interval; runs are resampled within environments."""
    rng = generator("bootstrap", "claim", claim.id)
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


def _verdict(claim: Claim, estimate: Estimate) -> Verdict:
    tolerance = claim.tolerance or 0.0
    if claim.kind == "score":
        holds, fails = estimate.low > -tolerance, estimate.high < -tolerance
        if claim.expects == "below":
            holds, fails = fails, holds
    else:
        holds, fails = estimate.high <= tolerance, estimate.low > tolerance
    return "supported" if holds else "contradicted" if fails else "undecided"


def _reason(claim: Claim, estimate: Estimate) -> str:
    ends = f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"
    if claim.kind == "score":
        return (
            f"The difference of mean normalised scores is {ends}; down to "
            f"{-(claim.tolerance or 0.0):g} it counts as a match."
        )
    return (
        f"The ratio of steps to the threshold is {ends}; the claim needs at most "
        f"{claim.tolerance:g}."
    )


def _few(claim: Claim, pairs: _Pairs) -> str:
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
