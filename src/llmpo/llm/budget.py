"""Counting what a run spends, and refusing what would go beyond its budget.

The arithmetic uses only the requests and the recorded answers. A run that a budget
stopped live therefore stops at the same call when it is replayed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmpo.errors import BudgetExceeded, ConfigError
from llmpo.llm.exchange import Exchange, Request
from llmpo.llm.settings import Budget, Price

_CHARACTERS_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """Returns the rough number of tokens of a text: a quarter of its characters."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def estimate_prompt_tokens(request: Request) -> int:
    """Returns the rough number of tokens of a request's prompt."""
    texts = [message.content for message in request.messages]
    return sum(estimate_tokens(text) for text in [*texts, request.prompt or ""])


@dataclass(frozen=True)
class UsageTotals:
    """What a run has consumed so far.

    Attributes:
        calls: Answers used, whether fresh or recorded.
        prompt_tokens: As the provider counted them, or estimated.
        completion_tokens: As the provider counted them, or estimated.
        dollars: Price at the time of each call; None when that of any is unknown.
        estimated: Whether any token count is an estimate.
        seconds: Sum of the answer times; None when that of any is unknown.
        drifted: Answers that were recorded for slightly other numbers.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float | None = 0.0
    estimated: bool = False
    seconds: float | None = 0.0
    drifted: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens


class Ledger:
    """The account of one run."""

    def __init__(self, budget: Budget, price: Price | None, run: str) -> None:
        if budget.dollars is not None and price is None:
            raise ConfigError(
                f"Run {run} has a budget of {budget.dollars} dollars, but the price of "
                "its model is not known. Set llm.price (dollars per million input and "
                "output tokens), or limit calls or tokens instead."
            )
        self._budget = budget
        self._price = price
        self._run = run
        self.usage = UsageTotals()

    def check_calls(self, requests: Sequence[Request]) -> None:
        """Checks that all of these calls still fit into the budget.

        Completions cannot be known before they arrive, so only the prompts are
        counted in advance: the last calls may overshoot by their own completions.

        Raises:
            BudgetExceeded: They do not fit; none of them should be made.
        """
        usage = self.usage
        prompt_tokens = sum(estimate_prompt_tokens(request) for request in requests)
        self._check("calls", usage.calls, len(requests), self._budget.calls)
        self._check("tokens", usage.tokens, prompt_tokens, self._budget.tokens)
        if self._budget.dollars is not None and self._price is not None:
            dollars = self._price.dollars(prompt_tokens, 0)
            spent = usage.dollars or 0.0
            self._check("dollars", spent, dollars, self._budget.dollars)

    def count(self, exchange: Exchange, *, drifted: bool = False) -> None:
        """Adds one answer to the account."""
        totals, usage = self.usage, exchange.usage
        self.usage = replace(
            totals,
            calls=totals.calls + 1,
            prompt_tokens=totals.prompt_tokens + usage.prompt_tokens,
            completion_tokens=totals.completion_tokens + usage.completion_tokens,
            dollars=_add(totals.dollars, self._dollars(exchange)),
            estimated=totals.estimated or usage.source == "estimated",
            seconds=_add(totals.seconds, exchange.seconds),
            drifted=totals.drifted + drifted,
        )

    def _dollars(self, exchange: Exchange) -> float | None:
        if exchange.dollars is not None:
            return exchange.dollars
        if self._price is None:
            return None
        usage = exchange.usage
        return self._price.dollars(usage.prompt_tokens, usage.completion_tokens)

    def _check(
        self, kind: str, spent: float, planned: float, limit: float | None
    ) -> None:
        if limit is None or spent + planned <= limit:
            return
        number = ".4f" if kind == "dollars" else ",.0f"
        raise BudgetExceeded(
            f"Run {self._run} stops at its budget of {limit:{number}} {kind}: "
            f"{spent:{number}} are spent and the next step takes at least "
            f"{planned:{number}}. The results so far are kept and marked truncated; "
            f"raise budget.{kind} to go on from here.",
            kind,
        )


def _add(total: float | None, more: float | None) -> float | None:
    return None if total is None or more is None else total + more
