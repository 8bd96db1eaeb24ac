"""Settings of PromptPO, with the presets `default` and `paper`.

Each correction of the released system is a setting of its own, so that each can be
ablated. The numbered list is in `docs/methods/promptpo.md`.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from llmpo.methods.base import MethodSettings, Preset

# How the release behaves where the default preset corrects it.
_PAPER: dict[str, Any] = {
    "policy_lifetime": "run",
    "selection_seeds": "published",
    "tie_break": "first",
    "state_ranking": False,
    "best_hint_from": 10,
    "feedback_records": "observations",
    "feedback_trial": False,
    "repair": "rollout_failures",
    "max_repairs": 10,
    "feedback_failure": "restart",
    "show_other_candidates": False,
    "history_limit": None,
}


class PromptPOSettings(MethodSettings):
    """Settings of PromptPO (arXiv 2605.30719).

    A preset fills in the settings that are not given; given ones always win.
    """

    preset: Preset = Field(
        "default",
        description="`paper` behaves as released, quirks included; `default` has the "
        "documented corrections.",
    )
    rounds: int = Field(10, ge=1, description="Refinement rounds R.")
    candidates: int = Field(10, ge=1, description="Policies N sampled in a round.")
    episodes: int = Field(
        5, ge=1, description="Selection episodes E for each candidate."
    )
    reflection: bool = Field(
        True, description="Whether the model judges the latest winner each round."
    )
    policy_lifetime: Literal["episode", "run"] = Field(
        "episode",
        description="Whether a policy object plays one episode or all of them. "
        "paper: run.",
    )
    selection_seeds: Literal["per_round", "published"] = Field(
        "per_round",
        description="`per_round`: common new episode seeds for all candidates of a "
        "round. `published`: the fixed tasks that the release plays where it has "
        "such, else different episodes for every candidate. paper: published.",
    )
    tie_break: Literal["return", "first"] = Field(
        "return",
        description="What decides between equal scores: the mean return, then the "
        "order; or the order alone. paper: first.",
    )
    state_ranking: bool = Field(
        True,
        description="Whether the prompts say what ranks candidates; otherwise they "
        "always speak of returns. paper: false.",
    )
    best_hint_from: int | None = Field(
        1,
        ge=1,
        description="Number of earlier attempts from which the best one is marked in "
        "the prompt; null never marks it. paper: 10.",
    )
    feedback_records: Literal["observations", "steps"] = Field(
        "steps",
        description="What the feedback program sees of an episode: observations "
        "before each step, or full step records with action, reward and next "
        "observation. paper: observations.",
    )
    feedback_trial: bool = Field(
        True,
        description="Whether the feedback program is tried on a few steps of the "
        "neutral action as soon as it is written. paper: false.",
    )
    feedback_failure: Literal["builtin", "restart"] = Field(
        "builtin",
        description="After the last feedback repair failed: use a built-in summary, "
        "or start the run over (at most `max_run_attempts` runs, then the built-in "
        "summary). paper: restart.",
    )
    max_feedback_repairs: int = Field(
        3, ge=0, description="Repairs of the feedback program."
    )
    max_run_attempts: int = Field(
        3, ge=1, description="Runs in all when a feedback failure restarts the run."
    )
    repair: Literal["all_failures", "rollout_failures"] = Field(
        "all_failures",
        description="Which failures are sent back for repair: all, or only those of "
        "running code. paper: rollout_failures.",
    )
    max_repairs: int = Field(
        3, ge=0, description="Repairs of one candidate. paper: 10."
    )
    show_other_candidates: bool = Field(
        True,
        description="Whether the prompt lists scores and failures of the candidates "
        "that did not win their round. paper: false.",
    )
    history_limit: int | None = Field(
        10,
        ge=1,
        description="Number of latest attempts shown in the prompt, besides the best "
        "one; null shows all. paper: null.",
    )
    act_seconds: float = Field(
        1.0,
        gt=0,
        description="Time for one call of a program, as the prompts state it. The "
        "sandbox allows more, so that a slow machine does not change results.",
    )
    episode_seconds: float = Field(
        10.0,
        gt=0,
        description="Time for all calls of an episode, as the prompts state it.",
    )
    digits: int = Field(
        4, ge=2, le=12, description="Significant digits of numbers in prompts."
    )

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") == "paper":
            return {**_PAPER, **values}
        return values
