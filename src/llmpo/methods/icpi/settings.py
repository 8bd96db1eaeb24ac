"""Settings of in-context policy iteration (ICPI), with the published defaults."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from llmpo.envs.icpi_text import TextCodec
from llmpo.methods.base import MethodSettings

Algorithm = Literal[
    "icpi",
    "no_argmax",
    "oracle_world_model",
    "matching_model",
    "tabular_q",
    "random",
    "optimal",
]

# Algorithms that ask the model.
ASKING: frozenset[Algorithm] = frozenset({"icpi", "no_argmax", "oracle_world_model"})


class SharedSettings(MethodSettings):
    """What ICPI with a predictor and with a language model have in common."""

    steps: PositiveInt | Literal["published"] = Field(
        "published",
        description="Training steps in the environment; the episode that reaches them "
        "is finished. `published`: as many as the published learning curve has.",
    )
    temperature: float = Field(0.1, ge=0, description="Temperature of completions.")
    max_completion_tokens: PositiveInt = Field(
        100, description="Tokens after which a completion is cut off."
    )
    max_resamples: PositiveInt = Field(
        3, description="Completions asked for, at most, until a prediction is valid."
    )
    max_prompts: PositiveInt = Field(
        5,
        description="Times a prompt is shuffled, at most, to find one that the "
        "prediction has not used yet.",
    )
    min_successes: NonNegativeInt = Field(
        3,
        description="Recent episodes with which every second action is the agent's; "
        "with fewer, actions are mostly random.",
    )
    recency: PositiveInt = Field(
        8, description="Episodes that the policy prompt shows, the latest ones."
    )
    rollouts: PositiveInt = Field(
        1, description="Simulated rollouts per action, whose returns are averaged."
    )
    max_q_steps: PositiveInt | None = Field(
        None, description="Most steps of a rollout; null: as published for the domain."
    )
    plan_discount: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Discount of rollouts and of the test for success; null: as "
        "published for the domain.",
    )
    log_discount: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Discount of the reported returns and regrets; null: as published "
        "for the domain.",
    )
    success_threshold: float | None = Field(
        None,
        description="An episode with a discounted return above this is a success; "
        "null: as published for the domain.",
    )
    hints: bool = Field(True, description="Whether states are written with hints.")
    balancing: bool = Field(
        True,
        description="Whether termination and reward prompts show every outcome equally "
        "often.",
    )
    constraints: bool = Field(
        True,
        description="Whether world-model prompts show only the action (and "
        "termination) that is asked about.",
    )
    deduplicate: bool = Field(
        False,
        description="Whether a prompt shows a record only once, the frequent ones "
        "rather near its end, instead of as often as it occurred.",
    )
    clipping: Literal["records", "tokens"] = Field(
        "records",
        description="What a prompt beyond the context budget loses at its beginning: "
        "whole records, or, as published, tokens.",
    )
    policy_records: Literal["subsequences", "suffixes", "trajectories"] = Field(
        "subsequences",
        description="What the policy prompt shows of an episode: all its parts, as "
        "published; one part from each of its steps to the end; or itself.",
    )
    check_hints: bool = Field(
        False,
        description="Whether a predicted state is refused whose hint contradicts it.",
    )
    aliased_start_regret: bool = Field(
        False,
        description="Whether regrets are computed with the published code's slip in "
        "the chains; only for comparisons with published figures.",
    )


class ICPISettings(SharedSettings):
    """Settings of ICPI with a predictor, and of its baselines."""

    algorithm: Algorithm = Field(
        "icpi",
        description="`icpi`; `no_argmax`: acts by the rollout policy, from successes; "
        "`oracle_world_model`: rollouts in the true dynamics; `matching_model`: "
        "look-up instead of a model; `tabular_q`; `random`; `optimal`.",
    )
    model: Literal["relevance", "suffix"] = Field(
        "relevance", description="The predictor that completes prompts."
    )
    context_budget: PositiveInt | None = Field(
        None, description="Most tokens of a prompt; null: no limit."
    )
    bootstrap_through_termination: bool = Field(
        False,
        description="Whether tabular_q values what lies behind the end of an episode, "
        "as the published code does.",
    )
    learning_rate: float = Field(1.0, gt=0, le=1, description="Step size of tabular_q.")
    initial_value: float = Field(
        1.0, description="Initial value of all states and actions in tabular_q."
    )


class ICPILLMSettings(SharedSettings):
    """Settings of ICPI with a language model."""

    algorithm: Literal["icpi", "no_argmax", "oracle_world_model"] = Field(
        "icpi",
        description="`icpi`; `no_argmax`: acts by the rollout policy, from successes; "
        "`oracle_world_model`: rollouts in the true dynamics.",
    )
    interface: Literal["text", "chat"] = Field(
        "text",
        description="How the configured model is asked: to complete a text, or in a "
        "chat, to continue one.",
    )
    context_budget: PositiveInt = Field(
        3800,
        description="Most tokens of a prompt. It must fit the model's context with "
        "max_completion_tokens to spare; the first question of a run tries that.",
    )


AnySettings = ICPISettings | ICPILLMSettings


def codec_of(settings: AnySettings, codec: TextCodec) -> TextCodec:
    """Returns a domain's codec with the values that the settings override."""
    return replace(codec, **_overrides(settings))


def training_steps(settings: AnySettings, codec: TextCodec) -> int:
    """Returns the environment steps of a run, without the rest of its last episode."""
    return codec.published_steps if settings.steps == "published" else settings.steps


def resolved(settings: AnySettings, codec: TextCodec) -> Mapping[str, Any]:
    """Returns the settings with the values of the domain filled in."""
    chosen = codec_of(settings, codec)
    return {
        **settings.model_dump(mode="json"),
        **{name: getattr(chosen, name) for name in _DOMAIN},
        "steps": training_steps(settings, codec),
    }


_DOMAIN = ("max_q_steps", "plan_discount", "log_discount", "success_threshold")


def _overrides(settings: AnySettings) -> dict[str, Any]:
    given = {name: getattr(settings, name) for name in _DOMAIN}
    return {name: value for name, value in given.items() if value is not None}
