"""Budgets of PromptPO's published runs, in environment steps.

Baselines get what the published run of an environment could use at most, so that
methods are compared at equal numbers of interactions.
"""

from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from llmpo.envs.spec import EnvSpec


class PublishedSettings(BaseModel):
    """Settings of the published runs of some environments.

    Attributes:
        environments: Ids of the environments.
        families: Suites all of whose environments have these settings.
        rounds: Refinement rounds R.
        candidates: Policies N sampled in a round.
        episodes: Selection episodes E of each candidate.
        source: Where these numbers are from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    environments: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    rounds: int
    candidates: int
    episodes: int
    source: str

    def covers(self, spec: EnvSpec) -> bool:
        """Whether these hold for an environment; without names they always do."""
        if not (self.environments or self.families):
            return True
        return spec.id in self.environments or spec.family in self.families


def published_settings(spec: EnvSpec) -> PublishedSettings:
    """Returns the settings of the published run of an environment.

    Where nothing was published these are the settings that the release documents.
    """
    return next(settings for settings in _table() if settings.covers(spec))


def published_budget(spec: EnvSpec) -> int:
    """Returns R * N * E * H, the most environment steps the published run can use."""
    run = published_settings(spec)
    return run.rounds * run.candidates * run.episodes * spec.horizon


@cache
def _table() -> tuple[PublishedSettings, ...]:
    text = files("llmpo").joinpath("data", "published_budgets.yaml").read_text("utf-8")
    return TypeAdapter(tuple[PublishedSettings, ...]).validate_python(
        yaml.safe_load(text)
    )
