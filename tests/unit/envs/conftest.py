"""A tiny environment for tests: a number on a line that should reach 3."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from llmpo.envs.spec import EnvSpec, Field, ScoreBounds


class Line(gymnasium.Env):
    def __init__(self, **quirks):
        self.action_space = quirks.get("space", gymnasium.spaces.Discrete(2))
        self.observation_space = gymnasium.spaces.Box(-99, 99, (2,), np.float64)
        self.limit = quirks.get("limit", 12)
        self.info = quirks.get("info", {})
        self.remembers = quirks.get("remembers", False)
        self.reward = quirks.get("reward", -1.0)
        self.offset = 0.0
        self.place = np.zeros(2)
        self.steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.offset = self.offset + 1.0 if self.remembers else 0.0
        self.place = np.array([0.0, self.np_random.random() + self.offset])
        self.steps = 0
        return self.place.copy(), {}

    def step(self, action):
        self.steps += 1
        self.place[0] += 1.0 if np.sum(action) > 0 else -0.25
        over = bool(self.place[0] >= 3.0)
        return (
            self.place.copy(),
            self.reward,
            over,
            self.steps >= self.limit,
            dict(self.info),
        )


LINE = EnvSpec(
    id="line",
    version=1,
    family="Test",
    build=Line,
    horizon=12,
    task="Reach 3.",
    action_text="0 left, 1 right.",
    fields=(
        Field("x", lambda obs, env: obs[0], "place", "m"),
        Field("vector", lambda obs, env: env.place, "place and a number", "", (2,)),
    ),
    dynamics_text="Ends at 3.",
    reward_text="-1 a step.",
    score="return",
    bounds=ScoreBounds(-12.0, 0.0),
    class_base="Line",
    reward_name="LineReward",
    observation_class="LineObservation",
    constants={"length": 3, "scale": 1 / 3},
    concatenations={"all": ("x", "vector")},
)


@pytest.fixture
def line():
    """Returns the spec, with some values replaced and the environment's quirks."""

    def _line(quirks=None, **changes):
        if quirks:
            changes.setdefault("build", lambda: Line(**quirks))
        return replace(LINE, **changes)

    return _line
