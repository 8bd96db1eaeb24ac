"""Settings of the deep RL baselines."""

from typing import Any, Literal

from pydantic import Field

from llmpo.methods.base import MethodSettings

Algorithm = Literal["ppo", "sac", "td3", "dqn", "sac_her"]
Engine = Literal["sb3", "sbx"]


class DeepRLSettings(MethodSettings):
    """Settings of a deep RL baseline."""

    algorithm: Algorithm = Field(
        "ppo",
        description="`ppo` for every environment; `sac` and `td3` for continuous "
        "actions; `dqn` for discrete ones; `sac_her`, SAC with hindsight replay, for "
        "environments with goals.",
    )
    steps: int | Literal["matched"] = Field(
        "matched",
        description="Training steps in the environment. `matched`: as many as "
        "PromptPO's published settings allow it there. Rounded down to whole updates.",
    )
    engine: Engine = Field(
        "sb3",
        description="`sb3`: stable-baselines3 (PyTorch). `sbx`: the same algorithms "
        "in JAX, faster for off-policy training; needs the extra `sbx`.",
    )
    evaluations: int = Field(
        20,
        ge=1,
        description="Evaluation points, evenly spaced over the steps. Three more, at "
        "1/2, 1/4 and 1/8 of the first, show the beginning.",
    )
    evaluation_episodes: int = Field(
        5, ge=1, description="Episodes of each evaluation, on the same seeds each time."
    )
    hyperparameters: dict[str, Any] = Field(
        default_factory=dict,
        description="Hyper-parameters that replace tuned ones of "
        "`hyperparameters.yaml`, by the names stable-baselines3 gives them; null "
        "leaves the library's default.",
    )

    def model_post_init(self, context: Any) -> None:
        """Checks what a type cannot express."""
        if isinstance(self.steps, int) and self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {self.steps}")
