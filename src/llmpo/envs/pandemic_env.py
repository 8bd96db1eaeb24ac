"""The pandemic environment: a town of 500, regulated one stage up or down a day.

A re-implementation of the tiny-town configuration of PandemicSimulator, in the
version that the work on misspecified rewards uses.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import gymnasium
import numpy as np
import numpy.typing as npt

from llmpo.envs.pandemic_disease import SUMMARY_COLUMNS, Disease
from llmpo.envs.pandemic_hour import simulate_hours
from llmpo.envs.pandemic_options import PandemicOptions
from llmpo.envs.pandemic_places import (
    PLACE_COUNT,
    PLACE_TYPES,
    PLACES,
    opening_hours,
)
from llmpo.envs.pandemic_rewards import reward_function
from llmpo.envs.pandemic_stages import LAST_STAGE, STAGES, Stage, next_multiplier
from llmpo.envs.pandemic_tables import HOURS_OF_WEEK
from llmpo.envs.pandemic_town import build_town
from llmpo.sandbox.contract import FloatArray

Observation = dict[str, FloatArray]

ENTRIES: Final = 3
"""Entries of an observation: one of every eight hours, or of every day."""
SUMMARIES: Final = (
    "global_infection_summary",
    "global_infection_summary_alpha",
    "global_infection_summary_delta",
    "global_testing_summary",
    "global_testing_summary_alpha",
    "global_testing_summary_delta",
)
_HOURS: Final = 24
_HOURS_OF_YEAR: Final = 24 * 365
_FIRST_MULTIPLIERS: Final = (1.0, 1.5)
_FIRST_STAGE: Final = 0


class PandemicEnv(gymnasium.Env[Observation, np.int64]):
    """One town.

    Args:
        options: What is chosen about it.
    """

    def __init__(self, options: PandemicOptions) -> None:
        self.action_space = gymnasium.spaces.Discrete(3)
        shapes = {
            **dict.fromkeys(SUMMARIES, ((ENTRIES, 1, len(SUMMARY_COLUMNS)), 1.0)),
            "stage": ((ENTRIES, 1, 1), float(LAST_STAGE)),
            "infection_above_threshold": ((ENTRIES, 1, 1), 1.0),
            "time_day": ((ENTRIES, 1, 1), np.inf),
        }
        self._spaces: dict[str, gymnasium.Space[Any]] = {
            name: gymnasium.spaces.Box(0.0, high, shape, np.float64)
            for name, (shape, high) in shapes.items()
        }
        spaces: Any = gymnasium.spaces.Dict(self._spaces)
        self.observation_space = spaces
        self.options = options
        self._built_town = build_town(int(options.town_seed))
        self._reward = reward_function(
            options.reward, of_stage=options.stage_cost_on == "stage"
        )
        self._horizon = int(options.horizon)
        self._rules = tuple(_rules(stage) for stage in STAGES)
        self._day = 0
        self.stage = _FIRST_STAGE
        self.multipliers = np.array(_FIRST_MULTIPLIERS)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode on day 0, a Monday, with everybody at home."""
        super().reset(seed=seed)
        self.town = self._built_town.copy()
        self.town.town["stream"] = self.np_random.integers(2**64, dtype=np.uint64)
        self.disease = Disease(
            self.town, self.np_random, self.options.deaths_recorded == "on"
        )
        self._met = np.full((len(self.town.people),) * 2, -1)
        self._day = 0
        self.stage = _FIRST_STAGE
        self.multipliers = np.array(_FIRST_MULTIPLIERS)
        self._days: deque[Observation] = deque(maxlen=ENTRIES)
        # The published first observation is empty, not that of a healthy town.
        self._observation: Observation = {
            name: np.zeros(space.shape or ()) for name, space in self._spaces.items()
        }
        self._days.extend(_last_entry(self._observation) for _ in range(ENTRIES))
        return self._copy_of_observation(), {}

    def step(
        self, action: np.int64
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Lowers, keeps or raises the stage (0, 1, 2) and simulates a day.

        Raises:
            ValueError: The action is not an integer from 0 to 2.
        """
        if not self.action_space.contains(action):
            raise ValueError(
                f"Pandemic actions are the integers 0 (lower the stage), 1 (keep it) "
                f"and 2 (raise it); got {action!r}."
            )
        before = self._observation
        self.stage = min(max(self.stage + int(action) - 1, 0), LAST_STAGE)
        self._simulate_day()
        self._observation = self._observe()
        reward = self._reward(before, int(action), self._observation)
        truncated = self._day >= self._horizon
        return self._copy_of_observation(), reward, False, truncated, {}

    def _simulate_day(self) -> None:
        """Imposes the stage; people and, after the first hour, the disease go on."""
        self._impose()
        noise = self.np_random.standard_normal((_HOURS, PLACE_COUNT, 3))
        first = _HOURS * self._day
        town = self.town
        tables = town.town, town.places, town.people
        simulate_hours(*tables, noise[:1], self._met, first)
        self.disease.update(self._day)
        simulate_hours(*tables, noise[1:], self._met, first + 1)
        self._day += 1

    def _impose(self) -> None:
        stage, rules = STAGES[self.stage], self._rules[self.stage]
        compounds = self.options.compounding_multipliers == "on"
        self.multipliers = np.array(
            [
                next_multiplier(old, stage.factor) if compounds else base * stage.factor
                for old, base in zip(self.multipliers, _FIRST_MULTIPLIERS, strict=True)
            ]
        )
        self.town.town["multiplier"] = self.multipliers
        self.town.town["stay_home_if_sick"] = stage.stay_home_if_sick
        self.town.town["no_gatherings"] = stage.no_gatherings
        self.town.places["opening"] = rules.opening
        self.town.places["contact_share"] = rules.contact_share

    def _observe(self) -> Observation:
        """Returns the observation at the end of the day that is over."""
        ends = _HOURS * (self._day - 1) + np.array([8, 16, 24])
        shares = self.disease.shares()
        today = {
            **dict(zip(SUMMARIES, shares, strict=True)),
            "stage": np.array([float(self.stage)]),
            "infection_above_threshold": np.array(
                [float(self.disease.above_threshold)]
            ),
        }
        entries = [
            {**today, "time_day": np.array([end / _HOURS_OF_YEAR])} for end in ends
        ]
        self._days.append(entries[-1])
        if self.options.history == "days":
            entries = list(self._days)
        return {
            name: np.stack([entry[name] for entry in entries])[:, None, :]
            for name in self._spaces
        }

    def _copy_of_observation(self) -> Observation:
        return {name: value.copy() for name, value in self._observation.items()}


def _last_entry(observation: Observation) -> Observation:
    return {name: value[-1, 0] for name, value in observation.items()}


@dataclass(frozen=True)
class _Rules:
    """What a stage means for each place; see `pandemic_tables.PLACE`."""

    opening: npt.NDArray[np.bool_]
    contact_share: FloatArray


def _rules(stage: Stage) -> _Rules:
    opening = np.zeros((PLACE_COUNT, HOURS_OF_WEEK), dtype=np.bool_)
    contact_share = np.empty((PLACE_COUNT, 3))
    for name, numbers in PLACES.items():
        kind = PLACE_TYPES[name]
        keep = 1.0 if name == "home" else 1.0 - stage.distancing
        contact_share[numbers] = keep * np.array(kind.contact_share)
        if name not in stage.closed:
            opening[numbers] = opening_hours(kind)
    return _Rules(opening, contact_share)
