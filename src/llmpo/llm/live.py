"""Live calls through litellm, recorded answers first."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from threading import Event
from typing import Any

from llmpo.errors import ProviderError
from llmpo.llm.endpoint import (
    import_litellm,
    placeholder_key,
    prepare_text_completions,
)
from llmpo.llm.exchange import Exchange, Request
from llmpo.llm.pending import request_body
from llmpo.llm.recorder import Recorder
from llmpo.llm.response import Answer, make_exchange, parse_response
from llmpo.llm.retry import Waits, error_message, is_too_long
from llmpo.llm.settings import LLMSettings, Price

_LOG = logging.getLogger(__name__)

_EMPTY_RETRIES = 2


class Live:
    """Answers what is recorded and calls the model for the rest, concurrently."""

    def __init__(
        self, settings: LLMSettings, price: Price | None, recorder: Recorder
    ) -> None:
        self._settings = settings
        self._price = price
        self._recorder = recorder
        self._caller: _Caller | None = None

    def answer(self, requests: Sequence[Request], origin: str) -> list[Exchange]:
        """Returns recorded or fresh answers.

        Every answer is on disk the moment it arrives. When a call fails for good, no
        further one is started, those in flight are waited for and kept, and the error
        of the first request that failed is raised.

        Raises:
            PrerequisiteError: litellm or the API key is missing.
            ConfigError: The model only chats and is asked to complete a text.
            ProviderError: A call failed for good.
        """
        answers = {key: self._recorder.get(key) for key in map(Request.key, requests)}
        fresh = {
            request.key(): request
            for request in requests
            if answers[request.key()] is None
        }
        if fresh:
            answers |= self._call_all(fresh, origin)
        return [_present(answers[request.key()]) for request in requests]

    def close(self) -> None:
        """Closes the store."""
        self._recorder.close()

    def _call_all(
        self, requests: dict[str, Request], origin: str
    ) -> dict[str, Exchange]:
        if self._caller is None:
            self._caller = _Caller(self._settings)
        if any(request.kind == "text" for request in requests.values()):
            self._caller.prepare_texts()
        caller, stop = self._caller, Event()

        def call(request: Request) -> Exchange:
            try:
                return self._record(request, caller.call(request, stop), origin)
            except BaseException:
                stop.set()
                raise

        workers = min(self._settings.concurrency, len(requests))
        with ThreadPoolExecutor(workers, thread_name_prefix="llm") as pool:
            futures = {key: pool.submit(call, requests[key]) for key in requests}
            try:
                errors = [future.exception() for future in futures.values()]
            except BaseException:  # Ctrl-C: start no more calls, keep what arrives
                stop.set()
                raise
        # Calls that were only called off say nothing; report a real failure.
        failed = [error for error in errors if error is not None]
        for error in sorted(failed, key=lambda error: isinstance(error, _CalledOff)):
            raise error
        return {key: future.result() for key, future in futures.items()}

    def _record(self, request: Request, received: "_Received", origin: str) -> Exchange:
        answer, dollars = received.answer, received.dollars
        tokens = answer.prompt_tokens, answer.completion_tokens
        if self._price is not None and None not in tokens:
            dollars = self._price.dollars(tokens[0] or 0, tokens[1] or 0)
        exchange = make_exchange(
            request,
            answer,
            collected_by="litellm",
            origin=origin,
            dollars=dollars,
            seconds=round(received.seconds, 3),
            details={"tries": received.tries, "litellm": version("litellm")},
        )
        return self._recorder.put(exchange)


@dataclass(frozen=True)
class _Received:
    answer: Answer
    dollars: float | None
    seconds: float
    tries: int


class _CalledOff(ProviderError):
    """A call was not made, or not tried again, because another one failed."""


class _Caller:
    """Makes single calls, with retries."""

    def __init__(self, settings: LLMSettings) -> None:
        self._settings = settings
        self._litellm = import_litellm()
        self._api_key = placeholder_key(self._litellm, settings)
        self._waits = Waits(settings.backoff)

    def prepare_texts(self) -> None:
        """Makes ready for text completions; see `prepare_text_completions`."""
        prepare_text_completions(self._litellm, self._settings.model)

    def call(self, request: Request, stop: Event) -> _Received:
        """Makes one call, trying again after transient errors.

        Raises:
            ProviderError: The provider refused, or all tries failed.
        """
        tries = self._settings.retries + 1
        for number in range(1, tries + 1):
            if stop.is_set():
                raise _CalledOff(
                    f"{_doing(request)}: called off, as another one failed."
                )
            try:
                received = self._try(request, number)
            except Exception as error:
                # litellm raises dozens of types; the status code tells them apart.
                if request.may_be_refused and is_too_long(error):
                    return _refused(request, error, number)
                wait = self._waits.after_error(error, number)
                self._log_failure(request, error, number, wait)
                if wait is None or number == tries:
                    raise self._failure(request, error, number, wait) from None
                stop.wait(wait)
                continue
            if not _is_suspicious(request, received.answer):
                return received
            if number > _EMPTY_RETRIES or number == tries:
                return received
            stop.wait(self._waits.backoff(number))
        raise AssertionError("the last try returns or raises")

    def _try(self, request: Request, number: int) -> _Received:
        complete: Callable[..., Any] = (
            self._litellm.completion
            if request.kind == "chat"
            else self._litellm.text_completion
        )
        start = time.monotonic()
        response = complete(
            model=request.model,
            **request_body(request),
            api_base=self._settings.api_base,
            api_key=self._api_key,
            timeout=self._settings.timeout,
            # Retries are ours: bounded, logged, and honouring Retry-After.
            max_retries=0,
            num_retries=0,
        )
        seconds = time.monotonic() - start
        answer = parse_response(response.model_dump(mode="json", exclude_none=True))
        dollars = getattr(response, "_hidden_params", {}).get("response_cost")
        return _Received(answer, dollars or None, seconds, number)

    def _log_failure(
        self, request: Request, error: Exception, number: int, wait: float | None
    ) -> None:
        then = "giving up" if wait is None else f"next try in {wait:.1f} s"
        what = error_message(error)
        _LOG.warning("%s: try %d failed: %s; %s", _doing(request), number, what, then)

    def _failure(
        self, request: Request, error: Exception, number: int, wait: float | None
    ) -> ProviderError:
        status = getattr(error, "status_code", None)
        if wait is not None:
            advice = "The error is of a passing kind: run again later"
        elif status in (401, 403):
            advice = "Check the provider's API key in the environment"
        elif status == 429:
            advice = "The provider's quota is used up: run again when there is more"
        elif is_too_long(error):
            advice = "The prompt is too long for the model's context"
        else:
            advice = "Trying again would not help: check llm.model and llm.params"
        return ProviderError(
            f"{_doing(request)} failed after {number} "
            f"{'try' if number == 1 else 'tries'}: {error_message(error)}\n"
            f"{advice}. Answers that arrived are kept and not asked for again."
        )


def _refused(request: Request, error: Exception, number: int) -> _Received:
    """Returns the empty answer that stands for a refusal: nothing was paid."""
    message = error_message(error)
    _LOG.warning("%s: refused for its length: %s", _doing(request), message)
    answer = Answer("", "context_length", 0, 0, details={"refused": message})
    return _Received(answer, 0.0, 0.0, number)


def _is_suspicious(request: Request, answer: Answer) -> bool:
    """Returns whether an empty answer may be an accident of the provider.

    An empty completion before a stop string is a proper answer, and neither a filter
    nor a length limit goes away by trying again.
    """
    if request.kind == "text" or answer.text.strip():
        return False
    return answer.finish_reason not in ("length", "content_filter")


def _doing(request: Request) -> str:
    return f"Calling {request.model} for purpose {request.purpose!r}"


def _present(exchange: Exchange | None) -> Exchange:
    assert exchange is not None
    return exchange
