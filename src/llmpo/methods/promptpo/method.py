"""PromptPO: policy optimisation by prompting.

Hatgis-Kessell and Brunskill, "When are LLMs Sufficient Policy Optimizers for
Sequential RL Tasks?", arXiv 2605.30719. A model writes a feedback program and, round by
round, N candidate policies; the best one is described back to it, together with its own
reflection, and refined. Numbered deviations: `docs/methods/promptpo.md`.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, ClassVar

from llmpo.envs.spec import EnvSpec
from llmpo.llm.estimate import CallEstimate
from llmpo.llm.exchange import Exchange
from llmpo.methods.base import Role, RunContext
from llmpo.methods.promptpo.candidates import Candidate, play_round
from llmpo.methods.promptpo.cost import estimate_calls
from llmpo.methods.promptpo.feedback import (
    FeedbackFailed,
    FeedbackProgram,
    builtin_summary,
)
from llmpo.methods.promptpo.history import Entry, describe_others
from llmpo.methods.promptpo.prompting import Prompter
from llmpo.methods.promptpo.settings import PromptPOSettings
from llmpo.records import PolicyArtifact


class PromptPO:
    """PromptPO as a method of the harness."""

    name: ClassVar[str] = "promptpo"
    version: ClassVar[int] = 1
    settings: ClassVar[type[PromptPOSettings]] = PromptPOSettings
    needs_llm: ClassVar[bool] = True
    role: ClassVar[Role] = "search"

    def check(self, settings: PromptPOSettings, spec: EnvSpec) -> None:
        """Accepts every environment."""

    def resolve(self, settings: PromptPOSettings, spec: EnvSpec) -> dict[str, Any]:
        """Returns the settings, which refer to nothing else."""
        return settings.model_dump(mode="json")

    def run(self, settings: PromptPOSettings, context: RunContext) -> None:
        """Plays one run; see `llmpo.methods.base.Method.run`."""
        restarts = settings.max_run_attempts - 1
        if settings.feedback_failure == "builtin":
            restarts = 0
        for remaining in range(restarts, -1, -1):
            try:
                return _Run(settings, context, may_restart=remaining > 0).play()
            except FeedbackFailed:
                # What the abandoned run consumed stays counted; its policies do not
                # compete with the new run's.
                context.report("the feedback program failed for good; starting over")
                context.journal.policies.clear()
                context.journal.notes["restarts"] = restarts - remaining + 1

    def max_env_steps(self, settings: PromptPOSettings, spec: EnvSpec) -> int:
        """Returns R * N * E * H."""
        episodes = settings.rounds * settings.candidates * settings.episodes
        return episodes * spec.horizon

    def compute_seconds(self, settings: PromptPOSettings, spec: EnvSpec) -> float:
        """Returns nothing: answers of the model take no time here."""
        return 0.0

    def estimate_calls(
        self, settings: PromptPOSettings, spec: EnvSpec
    ) -> list[CallEstimate]:
        """Returns the calls of a run without repairs: 1 + R * N + (R - 1)."""
        return estimate_calls(settings, spec)


class _Run:
    """One pass of the algorithm: feedback program, then R rounds."""

    def __init__(
        self, settings: PromptPOSettings, context: RunContext, *, may_restart: bool
    ) -> None:
        self._settings = settings
        self._context = context
        self._may_restart = may_restart
        self._llm = context.require_llm()
        self._prompter = Prompter(context.spec, settings, context.limits)
        self._feedback = FeedbackProgram(self._prompter, settings, context)
        self._feedback_works = True
        self._history: list[Entry] = []
        self._best: tuple[float, float] | None = None

    def play(self) -> None:
        for number in range(1, self._settings.rounds + 1):
            answers = self._propose(number)
            candidates, winner = play_round(
                number, answers, self._prompter, self._settings, self._context
            )
            self._remember(number, candidates, winner)
            self._context.evaluator.release([c.task for c in candidates if c.task])
            self._note_progress(number, candidates)

    def _propose(self, number: int) -> list[Exchange]:
        """Samples the round's N candidates from one prompt."""
        count = self._settings.candidates
        self._context.report(f"round {number}: asking for {count} candidates")
        if number == 1:
            # Neither prompt depends on the other's answer, so they go out together.
            prompts = [self._prompter.feedback(), *[self._prompter.policy()] * count]
            feedback, *answers = self._llm.ask(prompts)
            self._with_feedback_fallback(lambda: self._feedback.adopt(feedback))
            return answers
        if self._settings.reflection and self._history[-1].code:
            self._reflect()
        if not any(entry.code for entry in self._history):
            return self._llm.ask([self._prompter.policy()] * count)
        return self._llm.ask([self._prompter.refinement(self._history)] * count)

    def _reflect(self) -> None:
        answer = self._llm.ask([self._prompter.reflection(self._history)])[0]
        latest = self._history[-1]
        self._history[-1] = replace(latest, reflection=answer.text.strip())

    def _remember(
        self, number: int, candidates: list[Candidate], winner: Candidate | None
    ) -> None:
        """Appends the round to the history and updates the best and last policy."""
        settings, spec = self._settings, self._context.spec
        others = ""
        if settings.show_other_candidates:
            others = describe_others(
                [(c.status, c.score) for c in candidates if c is not winner],
                spec.score,
            )
        if winner is None or winner.evaluation is None or winner.score is None:
            self._history.append(Entry(number=number, others=others))
            return
        self._history.append(
            Entry(
                number=number,
                code=winner.source.rstrip("\n"),
                returns=winner.evaluation.returns,
                successes=winner.evaluation.successes
                if spec.score == "success"
                else None,
                score=winner.score,
                # After the last round nobody would read it.
                feedback=self._describe(winner) if number < settings.rounds else (),
                others=others,
            )
        )
        journal = self._context.journal
        policy = PolicyArtifact(
            program=journal.keep(winner.source),
            lifetime=settings.policy_lifetime,
            round=number,
            selection_score=winner.score,
        )
        journal.policies["last"] = policy
        rank = (winner.score, winner.mean_return)
        if self._best is None or rank > self._best:
            self._best = rank
            journal.policies["best"] = policy

    def _describe(self, winner: Candidate) -> tuple[str, ...]:
        task, evaluation = winner.task, winner.evaluation
        if task is None or evaluation is None:
            return ()
        lines: tuple[str, ...] = ()

        def describe() -> None:
            nonlocal lines
            lines = self._feedback.describe(task, evaluation)

        self._with_feedback_fallback(describe)
        return lines or builtin_summary(evaluation)

    def _with_feedback_fallback(self, action: Callable[[], None]) -> None:
        if not self._feedback_works:
            return
        try:
            action()
        except FeedbackFailed:
            if self._may_restart:
                raise
            self._feedback_works = False
            self._context.report("using the built-in episode summary from here on")

    def _note_progress(self, number: int, candidates: list[Candidate]) -> None:
        journal = self._context.journal
        journal.notes["history"] = [asdict(entry) for entry in self._history]
        journal.notes["feedback_failures"] = list(self._feedback.failures)
        ok = sum(candidate.score is not None for candidate in candidates)
        best = journal.policies.get("best")
        score = f"{best.selection_score:.4g}" if best else "none"
        self._context.report(
            f"round {number}/{self._settings.rounds}: {ok}/{len(candidates)} "
            f"candidates ok, best {self._context.spec.score} so far {score}, "
            f"{self._context.env_steps} environment steps"
        )
