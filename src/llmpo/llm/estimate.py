"""What a run will cost, before anything is spent."""

from collections.abc import Iterable
from dataclasses import dataclass

from llmpo.llm.settings import Price


@dataclass(frozen=True)
class CallEstimate:
    """Expected calls of one purpose.

    Attributes:
        purpose: What the answers are for.
        calls: Number of calls.
        prompt_tokens: Tokens of one prompt.
        completion_tokens: Tokens of one answer.
    """

    purpose: str
    calls: int
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class CostEstimate:
    """Expected consumption in total; `dollars` is None when no price is known."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    dollars: float | None

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens


def total_cost(estimates: Iterable[CallEstimate], price: Price | None) -> CostEstimate:
    """Returns the sum of call estimates.

    Args:
        estimates: Expected calls of any number of purposes and runs.
        price: Price of the model, see `llmpo.llm.pricing.find_price`.
    """
    calls = prompt_tokens = completion_tokens = 0
    for estimate in estimates:
        calls += estimate.calls
        prompt_tokens += estimate.calls * estimate.prompt_tokens
        completion_tokens += estimate.calls * estimate.completion_tokens
    dollars = None if price is None else price.dollars(prompt_tokens, completion_tokens)
    return CostEstimate(calls, prompt_tokens, completion_tokens, dollars)
