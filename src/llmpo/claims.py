"""Claims of papers as part of the configuration, declared before the data are seen.

How they are judged: `llmpo.analysis.verdicts` and `docs/statistics.md`.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ClaimKind = Literal["score", "steps", "regret", "unpublished"]
Expectation = Literal["at_least", "below", "better", "not_better"]


class Claim(BaseModel):
    """One claim with the tolerance that was declared before looking."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, description="Short name of the claim, unique.")
    text: str = Field(min_length=1, description="The claim in words.")
    source: str = Field(min_length=1, description="Where it is made.")
    kind: ClaimKind = Field(
        description="What is compared: `score`, the mean normalised held-out score; "
        "`steps`, the environment steps to the threshold; `regret`, the mean regret "
        "over the last fifth of the runs, of methods that act while they learn. "
        "`unpublished` stands for numbers that cannot be had.",
    )
    method: str = Field("", description="Label of the method that it is about.")
    against: list[str] = Field(
        [],
        description="Labels of the methods it is compared with, in each environment "
        "with the best of them.",
    )
    environments: list[str] = Field(
        [], description="Labels of the environments that it is about."
    )
    families: list[str] = Field(
        [],
        description="Families it is about: all of their environments in the grid.",
    )
    expects: Expectation = Field(
        "at_least",
        description="For `score` and `regret`: whether the method is said to match or "
        "beat the others, or to stay below them, on average over the environments. For "
        "`regret` also `better`: beats them by more than the tolerance in every "
        "environment; `not_better`: does not.",
    )
    tolerance: float | None = Field(
        None,
        ge=0,
        description="For `score` and `regret`: differences of normalised means, or of "
        "mean regrets, up to this count as a match. For `steps`: the claim holds if "
        "the method needs at most this share of the others' steps.",
    )
    min_runs: int = Field(
        3,
        ge=3,
        description="Fewest runs per environment, of each method, that can decide it.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == "unpublished":
            return self
        if not (self.method and self.against and self.tolerance is not None):
            raise ValueError(
                f"a claim of kind {self.kind} needs method, against and tolerance"
            )
        if bool(self.environments) == bool(self.families):
            raise ValueError("a claim needs either environments or families")
        if self.method in self.against:
            raise ValueError("a claim cannot compare a method with itself")
        if self.kind == "steps" and (self.tolerance == 0 or self.expects != "at_least"):
            raise ValueError(
                "a claim about steps needs a tolerance above 0, and no `expects`"
            )
        if self.kind == "score" and self.expects in ("better", "not_better"):
            raise ValueError(
                f"a claim about scores cannot expect {self.expects}; at_least and "
                "below are possible"
            )
        return self
