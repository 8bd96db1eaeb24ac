"""PromptPO's six prompts, rendered for one environment (paper's system, section 2)."""

from collections.abc import Sequence

from llmpo.envs.instances import shared_environment
from llmpo.envs.observation import action_layout
from llmpo.envs.prompt_text import implementation_text, observation_text, reward_text
from llmpo.envs.spec import EnvSpec
from llmpo.llm.client import Prompt
from llmpo.llm.exchange import Message
from llmpo.methods.promptpo.history import Entry, visible_history
from llmpo.methods.promptpo.settings import PromptPOSettings
from llmpo.prompts import render
from llmpo.sandbox.status import Failure, Limits

POLICY = "promptpo/policy@1"
POLICY_REPAIR = "promptpo/policy_repair@1"
FEEDBACK = "promptpo/feedback@1"
FEEDBACK_REPAIR = "promptpo/feedback_repair@1"
REFINEMENT = "promptpo/refinement@1"
REFLECTION = "promptpo/reflection@1"


class Prompter:
    """Writes the prompts of one run."""

    def __init__(
        self, spec: EnvSpec, settings: PromptPOSettings, limits: Limits
    ) -> None:
        self._settings = settings
        self._values = {
            "implementation_text": implementation_text(
                spec,
                action_layout(shared_environment(spec)),
                settings.policy_lifetime,
            ),
            "observation_text": observation_text(spec),
            "reward_text": reward_text(spec),
            "reward_name": spec.reward_name,
            "class_name": spec.policy_class,
            "horizon": spec.horizon,
            "episodes": settings.episodes,
            "act_seconds": settings.act_seconds,
            "episode_seconds": settings.episode_seconds,
            "memory_mb": limits.memory_mb,
            "starter_code": _starter_code(spec),
            "feedback_starter_code": _FEEDBACK_STARTER_CODE,
            "trajectory_text": _trajectory_text(spec, settings),
            "ranking_text": _ranking_text(spec, settings),
            "refinement_goal": _refinement_goal(spec, settings),
            "score_is_success": spec.score == "success",
        }

    def policy(self) -> Prompt:
        """Asks for a first policy."""
        return self._prompt(POLICY, "candidate")

    def refinement(self, history: Sequence[Entry]) -> Prompt:
        """Asks for a better policy, given the history."""
        settings = self._settings
        entries, omitted = visible_history(
            history,
            best_hint_from=settings.best_hint_from,
            limit=settings.history_limit,
        )
        return self._prompt(
            REFINEMENT,
            "candidate",
            history=entries,
            omitted=omitted,
            reflection=history[-1].reflection,
        )

    def policy_repair(self, code: str, failure: Failure) -> Prompt:
        """Asks to mend a policy."""
        return self._prompt(
            POLICY_REPAIR,
            "repair",
            code=code.rstrip("\n"),
            status=failure.status,
            failure=_failure_text(failure),
        )

    def feedback(self) -> Prompt:
        """Asks for the feedback program."""
        return self._prompt(FEEDBACK, "feedback")

    def feedback_repair(self, code: str, failure: Failure) -> Prompt:
        """Asks to mend the feedback program."""
        return self._prompt(
            FEEDBACK_REPAIR,
            "feedback_repair",
            code=code.rstrip("\n"),
            status=failure.status,
            failure=_failure_text(failure),
        )

    def reflection(self, history: Sequence[Entry]) -> Prompt:
        """Asks for a judgement of the latest attempt."""
        return self._prompt(
            REFLECTION,
            "reflection",
            latest=history[-1],
            earlier=[entry for entry in history[:-1] if entry.code],
        )

    def _prompt(self, template: str, purpose: str, **values: object) -> Prompt:
        text = render(template, self._settings.digits, **self._values, **values)
        message = Message(role="user", content=text)
        return Prompt(messages=(message,), template=template, purpose=purpose)


def _failure_text(failure: Failure) -> str:
    return failure.traceback.strip() or failure.message


def _starter_code(spec: EnvSpec) -> str:
    return (
        "import numpy as np\n\n\n"
        f"class {spec.policy_class}:\n"
        f"    def act(self, obs):  # obs: {spec.observation_class}\n"
        "        ..."
    )


_FEEDBACK_STARTER_CODE = (
    "import numpy as np\n\n\n"
    "class Feedback:\n"
    "    def summarize_trajectory(self, traj) -> str:\n"
    "        ..."
)


def _trajectory_text(spec: EnvSpec, settings: PromptPOSettings) -> str:
    if settings.feedback_records == "observations":
        return (
            f"`traj` is the list of the {spec.observation_class} objects of one "
            "episode in time order, as the policy saw them before each step."
        )
    return (
        "`traj` is the list of the steps of one episode in time order. Each step has "
        "these attributes:\n\n"
        f"- `observation`: the {spec.observation_class} that the policy acted on\n"
        "- `action`: the action taken, an int or a numpy array as described above\n"
        "- `reward`: the reward of this step, a float\n"
        f"- `next_observation`: the {spec.observation_class} after the step"
    )


def _ranking_text(spec: EnvSpec, settings: PromptPOSettings) -> str:
    if not settings.state_ranking:
        return ""
    if spec.score == "success":
        return (
            f"Policies are ranked by their mean success over {settings.episodes} "
            "episodes with different random seeds, equal ones by their mean return. "
            "What counts as success is said above."
        )
    return (
        f"Policies are ranked by their mean return over {settings.episodes} episodes "
        "with different random seeds."
    )


def _refinement_goal(spec: EnvSpec, settings: PromptPOSettings) -> str:
    if settings.state_ranking and spec.score == "success":
        return "succeeds in more episodes, and attains higher returns where it does,"
    return "attains higher episode returns"
