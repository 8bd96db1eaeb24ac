"""The client: what a method sees of the LLM boundary.

A method opens one `LLMSession` per run and asks it for answers. The session numbers
the samples, checks the budget and counts what was used; where the answers come from
is the business of the provider that the configured mode selects.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self

from llmpo.errors import ConfigError
from llmpo.llm.budget import Ledger, UsageTotals
from llmpo.llm.corpus import Corpus
from llmpo.llm.exchange import Exchange, Message, Request
from llmpo.llm.pricing import find_price
from llmpo.llm.provider import Provider
from llmpo.llm.settings import PREDICTOR, Budget, LLMSettings, Price, check_params

# Samples of one seed occupy one block of indices, so no two seeds share an answer.
SAMPLES_PER_SEED = 10_000


@dataclass(frozen=True)
class Prompt:
    """One question to the model.

    Attributes:
        messages: Chat messages; () for a text completion.
        template: Name and version of the prompt template, e.g. `promptpo/policy@1`.
        purpose: What the answer is for, e.g. `candidate`.
        prompt: Text to complete, for a completion endpoint; None for chat.
        params: Sampling parameters that override those of the settings, e.g. `stop`.
    """

    messages: tuple[Message, ...] = ()
    template: str = ""
    purpose: str = ""
    prompt: str | None = None
    params: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if bool(self.messages) == (self.prompt is not None):
            raise ValueError("A prompt has either chat messages or a text to complete.")
        if not self.template or not self.purpose:
            raise ValueError("A prompt names its template and its purpose.")
        check_params(dict(self.params))

    @property
    def kind(self) -> Literal["chat", "text"]:
        """The kind of request this becomes."""
        return "chat" if self.prompt is None else "text"


class LLMSession:
    """All calls of one run.

    The n-th identical request of a run (n from 0) gets the sample index
    `seed * 10_000 + n`. So runs with different seeds never share an answer, a resumed
    run numbers its requests as before, and two experiments that ask the same for the
    same seed share the answers. Use a session from one thread.
    """

    def __init__(
        self,
        provider: Provider,
        settings: LLMSettings,
        ledger: Ledger,
        *,
        run: str,
        seed: int,
    ) -> None:
        if seed < 0:
            raise ConfigError(f"Run {run} has seed {seed}; seeds start at 0.")
        self._provider = provider
        self._settings = settings
        self._ledger = ledger
        self._run = run
        self._seed = seed
        self._asked: Counter[str] = Counter()
        self._may_be_refused = False

    @property
    def usage(self) -> UsageTotals:
        """What the run has consumed so far."""
        return self._ledger.usage

    def accept_refusals(self) -> None:
        """Lets a refusal for a prompt's length be an answer from now on, not an error.

        The answer is an empty text with the finish reason `context_length`. It is
        recorded like any other, so a replay meets it at the same place.
        """
        self._may_be_refused = True

    def ask(self, prompts: Sequence[Prompt]) -> list[Exchange]:
        """Returns the answers to prompts, in the order of the prompts.

        Live calls run concurrently. In batch mode all open requests of one call of
        this method are written out together.

        Raises:
            BudgetExceeded: The calls do not fit into the budget; none was made.
            CacheMiss: Replay mode has no recorded answer.
            PendingRequests: Batch mode waits for answers.
            ProviderError: A live call failed for good; answers that arrived are kept.
        """
        asked = self._asked.copy()
        requests = [self._request(prompt, asked) for prompt in prompts]
        self._ledger.check_calls(requests)
        exchanges = self._provider.answer(requests, self._run)
        self._asked = asked
        for request, exchange in zip(requests, exchanges, strict=True):
            self._ledger.count(exchange, drifted=exchange.key != request.key())
        return exchanges

    def _request(self, prompt: Prompt, asked: Counter[str]) -> Request:
        request = Request(
            kind=prompt.kind,
            model=self._settings.model,
            messages=prompt.messages,
            prompt=prompt.prompt,
            params={**self._settings.params, **prompt.params},
            sample=0,
            template=prompt.template,
            purpose=prompt.purpose,
            may_be_refused=self._may_be_refused,
        )
        fingerprint = request.key()
        repeat = asked[fingerprint]
        asked[fingerprint] += 1
        if repeat >= SAMPLES_PER_SEED:
            raise ConfigError(
                f"Run {self._run} asks the same question ({prompt.template}) more than "
                f"{SAMPLES_PER_SEED} times; use fewer samples or several seeds."
            )
        sample = self._seed * SAMPLES_PER_SEED + repeat
        return request.model_copy(update={"sample": sample})


class LLMClient:
    """Opens sessions; holds the provider they share."""

    def __init__(
        self, provider: Provider, settings: LLMSettings, price: Price | None = None
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._price = price

    def session(self, *, run: str, seed: int, budget: Budget) -> LLMSession:
        """Returns the session of one run.

        Args:
            run: Name of the run, for messages and for grouping recorded answers.
            seed: Seed of the run; selects its block of sample indices.
            budget: What the run may spend.

        Raises:
            ConfigError: There is a dollar budget but no known price.
        """
        ledger = Ledger(budget, self._price, run)
        return LLMSession(self._provider, self._settings, ledger, run=run, seed=seed)

    def close(self) -> None:
        """Releases files and connections."""
        self._provider.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_client(settings: LLMSettings, *, corpus: Path, store: Path) -> LLMClient:
    """Returns the client for the configured mode.

    Args:
        settings: Model, mode and connection.
        corpus: Folder of recorded exchanges as JSON lines.
        store: Folder of the recorder's working store and of pending requests; not
            touched in the modes replay and mock.

    Raises:
        PrerequisiteError: A package or an API key is missing.
        DataError: The corpus or the store cannot be read.
    """
    price = find_price(settings)
    return LLMClient(_provider(settings, price, corpus, store), settings, price)


def _provider(
    settings: LLMSettings, price: Price | None, corpus: Path, store: Path
) -> Provider:
    # Imported here so that replay needs neither the store's nor litellm's packages.
    match settings.mode:
        case "replay":
            from llmpo.llm.replay import Replay

            return Replay(Corpus(corpus), settings.match)
        case "mock":
            from llmpo.llm.mock import Mock

            if settings.mock_script is None:
                raise ConfigError("Mode mock needs llm.mock_script, a YAML file.")
            return Mock.read(settings.mock_script)
        case "live" if settings.model.startswith(PREDICTOR):
            # In this process: a call is cheaper than looking it up in a store.
            from llmpo.llm.predictors.provider import PredictorProvider

            return PredictorProvider(settings.model)
        case "live":
            from llmpo.llm.live import Live
            from llmpo.llm.recorder import Recorder

            return Live(settings, price, Recorder.open(corpus, store))
        case "batch":
            from llmpo.llm.batch import Batch
            from llmpo.llm.recorder import Recorder

            return Batch(Recorder.open(corpus, store), store)
