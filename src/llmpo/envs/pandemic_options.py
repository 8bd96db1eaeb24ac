"""What can be chosen about the pandemic environment."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from llmpo.envs.pandemic_env import PandemicEnv

CHOICES: Final = {
    "reward": ("A", "orpo_true", "orpo_proxy"),
    "stage_cost_on": ("action", "stage"),
    "compounding_multipliers": ("on", "off"),
    "deaths_recorded": ("off", "on"),
    "history": ("hours", "days"),
    "town_seed": ("0", "1", "2", "3", "4"),
    "horizon": ("192", "96"),
}
"""The values of each option; the first one is as published."""


@dataclass(frozen=True)
class PandemicOptions:
    """One choice of all options; called, it builds the environment.

    Attributes:
        reward: Name of the reward.
        stage_cost_on: Whether strictness is charged by the action or by the stage.
        compounding_multipliers: Whether the effect of a stage on the spread compounds
            from day to day, or is that of the present stage alone.
        deaths_recorded: Whether tests notice deaths.
        history: Whether the entries of an observation are three times of its day,
            which hardly differ, or the last three days.
        town_seed: Seed of the town.
        horizon: Days of an episode.
    """

    reward: str = "A"
    stage_cost_on: str = "action"
    compounding_multipliers: str = "on"
    deaths_recorded: str = "off"
    history: str = "hours"
    town_seed: str = "0"
    horizon: str = "192"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value not in CHOICES[field.name]:
                raise ValueError(f"{field.name} cannot be {value!r}")

    def __call__(self) -> "PandemicEnv":
        """Builds the environment."""
        from llmpo.envs.pandemic_env import PandemicEnv

        return PandemicEnv(self)
