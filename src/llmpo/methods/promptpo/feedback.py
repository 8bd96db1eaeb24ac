"""The feedback program: written once, repaired when it fails, never trusted."""

from collections.abc import Callable

from llmpo.evaluation import Evaluation, EvaluationTask, dry_trajectory
from llmpo.evaluator import summarize
from llmpo.llm.exchange import Exchange
from llmpo.methods.base import RunContext
from llmpo.methods.promptpo.answers import NO_CODE, extract_program
from llmpo.methods.promptpo.prompting import Prompter
from llmpo.methods.promptpo.settings import PromptPOSettings
from llmpo.records import EpisodeResult
from llmpo.sandbox.status import Failure, ProgramFailed
from llmpo.seeds import selection_seeds

_TRIAL_STEPS = 3


class FeedbackFailed(Exception):
    """All repairs of the feedback program failed."""


class FeedbackProgram:
    """Describes a winner's episodes to the model.

    The program in use is replaced by its repair for the rest of the run.
    """

    def __init__(
        self, prompter: Prompter, settings: PromptPOSettings, context: RunContext
    ) -> None:
        self._prompter = prompter
        self._settings = settings
        self._context = context
        self._source: str | None = None
        self._answer = ""
        self._repairs = 0
        self.failures: list[str] = []

    def adopt(self, answer: Exchange) -> None:
        """Takes the program out of an answer and, if so set, tries it out.

        Raises:
            FeedbackFailed: No repair works.
        """
        self._load(answer)
        if self._settings.feedback_trial:
            self._with_repairs(self._try_out)

    def describe(self, task: EvaluationTask, evaluation: Evaluation) -> tuple[str, ...]:
        """Returns one line for each episode of an evaluation.

        Raises:
            FeedbackFailed: No repair works.
        """
        lines: list[str] = []

        def attempt() -> None:
            source = self._require_source()
            lines[:] = self._context.evaluator.summarize(
                task, source, self._settings.feedback_records
            )

        self._with_repairs(attempt)
        return tuple(" ".join(line.split()) for line in lines)

    def _with_repairs(self, attempt: Callable[[], None]) -> None:
        while True:
            try:
                return attempt()
            except ProgramFailed as failed:
                self._repair(failed.failure)

    def _repair(self, failure: Failure) -> None:
        self.failures.append(f"{failure.status}: {failure.message}")
        if self._repairs >= self._settings.max_feedback_repairs:
            raise FeedbackFailed(failure.message)
        self._repairs += 1
        self._context.report(f"repairing the feedback program ({failure.status})")
        code = self._source or self._answer
        prompt = self._prompter.feedback_repair(code, failure)
        self._load(self._context.require_llm().ask([prompt])[0])

    def _load(self, answer: Exchange) -> None:
        self._answer = answer.text
        self._source = extract_program(answer.text)
        if self._source:
            self._context.journal.keep(self._source)

    def _require_source(self) -> str:
        if self._source is None:
            raise ProgramFailed(NO_CODE)
        return self._source

    def _try_out(self) -> None:
        context = self._context
        source = self._require_source()
        context.reserve_env_steps(_TRIAL_STEPS)
        seed = selection_seeds(1, context.spec.id, context.cell.seed, "trial")[0]
        trajectory = dry_trajectory(context.spec, seed, _TRIAL_STEPS)
        context.env_steps += len(trajectory)
        summarize(
            context.spec,
            source,
            [trajectory],
            self._settings.feedback_records,
            self._settings.policy_lifetime,
            context.limits,
            unsafe=context.unsafe,
        )


def builtin_summary(evaluation: Evaluation) -> tuple[str, ...]:
    """Describes episodes without a feedback program: steps, return and success."""
    return tuple(_describe(episode) for episode in evaluation.episodes)


def _describe(episode: EpisodeResult) -> str:
    text = f"{episode.length} steps, return {episode.value!r}"
    if episode.success is not None:
        text += ", success" if episode.success else ", no success"
    return text
