"""ICPI as methods of the harness: with a predictor, and with a language model."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any, ClassVar

from llmpo.envs.icpi_text import TextCodec
from llmpo.envs.spec import EnvSpec
from llmpo.errors import ConfigError
from llmpo.llm.estimate import CallEstimate
from llmpo.methods.base import MethodSettings, Role, RunContext
from llmpo.methods.icpi.models import LanguageModel, check_context, predictor_model
from llmpo.methods.icpi.run import Run
from llmpo.methods.icpi.settings import (
    ASKING,
    AnySettings,
    ICPILLMSettings,
    ICPISettings,
    codec_of,
    resolved,
    training_steps,
)

# Of the completions that rollouts of full length would need, so many are asked for,
# about; the rest is saved by rollouts that end early. Measured on the six domains, with
# 0.35 to 0.85 in single ones: what has to be paid is estimated with caution.
_TYPICAL_SHARE = 0.5
_CAUTIOUS_SHARE = 0.75
_TYPICAL_COMPLETION_TOKENS = 15
_SECONDS_PER_COMPLETION = 3e-4


class _Shared:
    """What both methods have in common."""

    version: ClassVar[int] = 1
    role: ClassVar[Role] = "online"
    name: ClassVar[str]

    def check(self, settings: AnySettings, spec: EnvSpec) -> None:
        """Checks that the environment is written as text and has few actions.

        Raises:
            ConfigError: It does not.
        """
        if spec.text is None:
            raise ConfigError(
                f"Method {self.name} cannot learn {spec.label}: it needs an "
                "environment whose spec says how it is written (`text`), such as "
                "icpi_chain. Restrict the method with `environments`."
            )
        if settings.steps == "published" and not spec.text.published_steps:
            raise ConfigError(
                f"Method {self.name} on {spec.label}: there is no published number of "
                "steps; set `steps`."
            )

    def resolve(self, settings: AnySettings, spec: EnvSpec) -> Mapping[str, Any]:
        """Returns the settings with the values of the domain filled in."""
        assert spec.text is not None  # see `check`
        return resolved(settings, spec.text)

    def max_env_steps(self, settings: AnySettings, spec: EnvSpec) -> int:
        """Returns the training steps, the rest of the last episode included."""
        assert spec.text is not None  # see `check`
        return training_steps(settings, spec.text) + spec.horizon - 1


class ICPI(_Shared):
    """ICPI with a predictor in this process, and its baselines."""

    name: ClassVar[str] = "icpi"
    settings: ClassVar[type[MethodSettings]] = ICPISettings
    needs_llm: ClassVar[bool] = False

    def run(self, settings: ICPISettings, context: RunContext) -> None:
        """Trains one agent; see `llmpo.methods.base.Method.run`."""
        self.check(settings, context.spec)
        cell = context.cell
        model = predictor_model(settings, run=cell.id, seed=cell.seed)
        with closing(Run(settings, context, model)) as run:
            run.play()

    def compute_seconds(self, settings: ICPISettings, spec: EnvSpec) -> float:
        """Returns the time of the predictor; the baselines need next to none."""
        assert spec.text is not None  # see `check`
        codec = codec_of(settings, spec.text)
        if settings.algorithm not in ASKING:
            return 0.0
        calls = _calls_per_step(settings, codec, _TYPICAL_SHARE)
        return training_steps(settings, codec) * calls * _SECONDS_PER_COMPLETION

    def estimate_calls(
        self, settings: ICPISettings, spec: EnvSpec
    ) -> list[CallEstimate]:
        """Returns no calls: predictors cost nothing."""
        return []


class ICPILLM(_Shared):
    """ICPI with the configured language model."""

    name: ClassVar[str] = "icpi_llm"
    settings: ClassVar[type[MethodSettings]] = ICPILLMSettings
    needs_llm: ClassVar[bool] = True

    def run(self, settings: ICPILLMSettings, context: RunContext) -> None:
        """Trains one agent; see `llmpo.methods.base.Method.run`.

        Raises:
            ConfigError: The model's context is smaller than the context budget.
        """
        self.check(settings, context.spec)
        session = context.require_llm()
        model = LanguageModel(session, settings)
        with closing(Run(settings, context, model)) as run:
            check_context(model, settings, run.codec, run.first_line())
            # Tokenizers differ, so a prompt of another kind can still be too long:
            # that is an invalid prediction and does not end a run that has been paid.
            session.accept_refusals()
            run.play()

    def compute_seconds(self, settings: ICPILLMSettings, spec: EnvSpec) -> float:
        """Returns nothing: answers of the model take no time here."""
        return 0.0

    def estimate_calls(
        self, settings: ICPILLMSettings, spec: EnvSpec
    ) -> list[CallEstimate]:
        """Returns about the most calls to be expected of one run."""
        assert spec.text is not None  # see `check`
        codec = codec_of(settings, spec.text)
        # In the first episodes the agent acts at random.
        steps = training_steps(settings, codec) - settings.min_successes * spec.horizon
        per_step = _calls_per_step(settings, codec, _CAUTIOUS_SHARE)
        calls = max(1, int(max(0, steps) * per_step))
        return [
            CallEstimate(
                "prediction", calls, settings.context_budget, _TYPICAL_COMPLETION_TOKENS
            )
        ]


def _calls_per_step(settings: AnySettings, codec: TextCodec, share: float) -> float:
    rollouts = settings.rollouts * len(codec.actions)
    match settings.algorithm:
        case "no_argmax":
            return 1.0
        case "oracle_world_model":
            return share * rollouts * (codec.max_q_steps - 1)
        case _:
            # After the last step nothing is asked about what follows it.
            return share * rollouts * (4 * codec.max_q_steps - 2)
