"""`CompletionModel`: many short text completions, asked of any model.

A search in the prompt needs tens of thousands of completions. From a remote model each
is an exchange, see `llmpo.methods.icpi.models.LanguageModel`. From a predictor in this
process an exchange costs more than the answer and nobody would look it up again, so
`PredictorModel` returns the bare completions and counts what was used in the same way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from llmpo.errors import BudgetExceeded
from llmpo.llm.budget import UsageTotals
from llmpo.llm.predictors.predictor import Completion, Predictor
from llmpo.llm.predictors.prompt import RecordPrompt
from llmpo.llm.predictors.provider import sampling
from llmpo.llm.settings import Budget
from llmpo.seeds import stable_hash


@dataclass(frozen=True, slots=True)
class Question:
    """One text to complete.

    Attributes:
        prompt: Records and query.
        stop: String that ends the answer.
        template: Name and version of the prompt's format, e.g. `icpi/chain@1`.
        purpose: What the answer is for, e.g. `reward`.
    """

    prompt: RecordPrompt
    stop: str
    template: str
    purpose: str


class CompletionModel(Protocol):
    """Completes texts."""

    @property
    def usage(self) -> UsageTotals:
        """What has been consumed so far."""
        ...

    def complete(self, questions: Sequence[Question]) -> list[Completion]:
        """Returns the completions, in the order of the questions."""
        ...


class PredictorModel:
    """A predictor in this process.

    The n-th question of a run is answered with the n-th seed of the run, so a run is
    repeatable and asking the same again can give another answer.
    """

    def __init__(
        self,
        predictor: Predictor,
        params: Mapping[str, Any],
        budget: Budget,
        *,
        run: str,
        seed: int,
    ) -> None:
        """Opens the predictor for one run.

        Args:
            predictor: The predictor.
            params: Sampling parameters: temperature and max_tokens.
            budget: What the run may spend; calls and tokens count here.
            run: Name of the run, for messages.
            seed: Seed of the run.

        Raises:
            ConfigError: A parameter is unknown, or its value is not usable.
        """
        self._predictor = predictor
        self._params = sampling(params, f"Run {run}: predictor {predictor.variant}")
        self._params.pop("stop", None)
        self._budget = budget
        self._run = run
        self._seed = stable_hash("predictor", seed)
        self._calls = 0
        self._prompt_tokens = 0
        self._completion_tokens = 0

    @property
    def usage(self) -> UsageTotals:
        """What has been consumed so far; predictions cost nothing."""
        return UsageTotals(self._calls, self._prompt_tokens, self._completion_tokens)

    def complete(self, questions: Sequence[Question]) -> list[Completion]:
        """Returns the completions, in the order of the questions.

        Raises:
            BudgetExceeded: The calls or tokens of the run are used up.
        """
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Completion:
        self._check("calls", self._calls, self._budget.calls)
        tokens = self._prompt_tokens + self._completion_tokens
        self._check("tokens", tokens, self._budget.tokens)
        completion = self._predictor.predict(
            question.prompt,
            stop=question.stop,
            # Only the generator's start needs mixing; successive seeds are as good.
            seed=self._seed + self._calls,
            **self._params,
        )
        self._calls += 1
        self._prompt_tokens += completion.prompt_tokens
        self._completion_tokens += completion.completion_tokens
        return completion

    def _check(self, kind: str, spent: int, limit: int | None) -> None:
        if limit is not None and spent >= limit:
            raise BudgetExceeded(
                f"Run {self._run} stops at its budget of {limit:,} {kind}: {spent:,} "
                "are spent. The results so far are kept and marked truncated; raise "
                f"budget.{kind} to go on from here.",
                kind,
            )
