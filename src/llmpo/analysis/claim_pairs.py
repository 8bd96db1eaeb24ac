"""What a claim compares: in each environment the runs of two methods.

The method is compared with the best of the methods that the claim names: the one with
the highest mean score, the lowest median number of steps, or the lowest mean regret.
That choice is made on the same data that then judge the claim, which favours the
others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from llmpo.analysis.comparison import score_matrix
from llmpo.analysis.efficiency import EfficiencyRow
from llmpo.analysis.late_regret import late_regrets
from llmpo.analysis.table import OnlineRuns, TidyTable
from llmpo.claims import Claim
from llmpo.statistics import FloatArray

_NO_RESULTS = "no results"
_NOBODY = "fewer than half of the runs reach the threshold"


@dataclass
class Pairs:
    """One array of runs for each environment and side.

    Attributes:
        own: Of the method that the claim is about.
        other: Of the best of the others.
        best: The name of that one, by environment.
        left_out: Environments that cannot be compared, with the reason.
    """

    own: list[FloatArray] = field(default_factory=list)
    other: list[FloatArray] = field(default_factory=list)
    best: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(
        self, environment: str, own: FloatArray, name: str, other: FloatArray
    ) -> None:
        """Adds an environment."""
        self.best[environment] = name
        self.own.append(own)
        self.other.append(other)

    def by_environment(self) -> dict[str, "Pairs"]:
        """Returns the pair of each environment."""
        sides = zip(self.best.items(), self.own, self.other, strict=True)
        return {
            environment: Pairs([own], [other], {environment: best})
            for (environment, best), own, other in sides
        }


def score_pairs(table: TidyTable, claim: Claim, environments: Sequence[str]) -> Pairs:
    """Returns normalised held-out scores."""
    pairs = Pairs()
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


def step_pairs(
    rows: Sequence[EfficiencyRow], claim: Claim, environments: Sequence[str]
) -> Pairs:
    """Returns environment steps to the threshold, infinite where it is not reached."""
    pairs = Pairs()
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


def regret_pairs(
    online: OnlineRuns, claim: Claim, environments: Sequence[str]
) -> Pairs:
    """Returns mean regrets of the last part of the runs."""
    pairs = Pairs()
    regrets = late_regrets(online)
    for environment in environments:
        others = {
            name: regrets[environment, name]
            for name in claim.against
            if (environment, name) in regrets
        }
        if (environment, claim.method) not in regrets:
            pairs.left_out[environment] = f"{_NO_RESULTS} of {claim.method}"
        elif not others:
            pairs.left_out[environment] = f"{_NO_RESULTS} of the others"
        else:
            best = min(others, key=lambda name: others[name].mean())
            own = regrets[environment, claim.method]
            pairs.add(environment, own, best, others[best])
    return pairs
