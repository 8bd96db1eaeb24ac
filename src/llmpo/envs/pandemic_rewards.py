"""The rewards of the pandemic environment, and how prompts show them.

Each is a pure function of the observation before the step, the action and the
observation after it: critical cases, raising the stage while hardly anybody is ill,
strict regulation, and changing it. Summaries and stages are the same in all entries
of a day, so the published means over them are the last entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from llmpo.envs.pandemic_stages import LAST_STAGE
from llmpo.sandbox.contract import FloatArray

Observation = Mapping[str, FloatArray]
"""The observation's arrays by field name."""

# Columns of a summary, see `pandemic_disease.SUMMARY_COLUMNS`.
_CRITICAL, _DEAD, _INFECTED = 0, 1, 2
_CRITICAL_WEIGHT, _POLITICAL_WEIGHT, _STRICT_WEIGHT = 10.0, 10.0, 0.1
_OUTBREAK: Final = 0.005


@dataclass(frozen=True)
class Reward:
    """One way to value a day.

    Attributes:
        name: Its name among the options.
        political: Whether raising the stage too early costs something.
        smoothness: Weight of a change of the stage.
        scale: The level whose strictness counts as 1.
        of_stage: Whether strictness is that of the new stage; the published rewards
            look up the action instead, as if 0, 1 and 2 were stages.
    """

    name: str
    political: bool
    smoothness: float
    scale: int
    of_stage: bool = False

    def __call__(self, before: Observation, action: int, after: Observation) -> float:
        """Returns the reward of a day."""
        old, new = _stage(before), _stage(after)
        reward = -_CRITICAL_WEIGHT * float(
            after["global_infection_summary"][-1, 0, _CRITICAL]
        )
        if self.political and new == old + 1:
            summary = before["global_infection_summary"][-1, 0]
            ill = float(summary[_INFECTED] + summary[_CRITICAL] + summary[_DEAD])
            missing = min(ill - _OUTBREAK, 0.0) / _OUTBREAK
            reward -= _POLITICAL_WEIGHT * missing**2
        level = new if self.of_stage else float(action)
        reward -= _STRICT_WEIGHT * float((level / self.scale) ** 1.5)
        return reward - self.smoothness * abs(new - old)

    @property
    def low(self) -> float:
        """No day is worth less."""
        political = _POLITICAL_WEIGHT if self.political else 0.0
        return -(_CRITICAL_WEIGHT + political + _STRICT_WEIGHT + self.smoothness)

    def text(self, class_name: str) -> str:
        """Returns the reward as source code for prompts."""
        political = _POLITICAL_TEXT if self.political else ""
        level = "new" if self.of_stage else "action"
        return _TEXT.format(
            name=class_name,
            political=political,
            level=level,
            scale=self.scale,
            smoothness=self.smoothness,
        )


# With the stage as level, stage 4 must have a cost as well: it counts as 1.
REWARDS: Final = {
    reward.name: reward
    for reward in (
        Reward("A", political=True, smoothness=0.02, scale=3),
        Reward("orpo_true", political=True, smoothness=0.01, scale=4),
        Reward("orpo_proxy", political=False, smoothness=0.01, scale=4),
    )
}


def reward_function(name: str, *, of_stage: bool) -> Reward:
    """Returns a reward by its name, with strictness by action or by stage."""
    reward = REWARDS[name]
    return replace(reward, of_stage=True, scale=LAST_STAGE) if of_stage else reward


def _stage(observation: Observation) -> float:
    return float(observation["stage"][-1, 0, 0])


_POLITICAL_TEXT: Final = """\
        if new == old + 1:  # raising the stage while few are ill is unpopular
            ill = summary[INFECTED] + summary[CRITICAL] + summary[DEAD]
            reward -= 10.0 * (min(ill - 0.005, 0.0) / 0.005) ** 2
"""
_TEXT: Final = """\
CRITICAL, DEAD, INFECTED, NONE, RECOVERED = range(5)


class {name}:
    def reward(self, previous, action, current):
        # previous, current: observations before and after the day
        summary = previous.global_infection_summary[-1, 0]
        old, new = previous.stage[-1, 0, 0], current.stage[-1, 0, 0]
        reward = -10.0 * current.global_infection_summary[-1, 0, CRITICAL]
{political}\
        reward -= 0.1 * ({level} / {scale}) ** 1.5
        return reward - {smoothness} * abs(new - old)"""
