"""Turning a response in OpenAI's format into an exchange.

Live calls and batch files bring the same response objects; both come through here.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from llmpo.llm.budget import estimate_prompt_tokens, estimate_tokens
from llmpo.llm.exchange import Exchange, Request, Usage


class MalformedResponse(ValueError):
    """A response does not have the expected form."""


@dataclass(frozen=True)
class Answer:
    """One answer as received.

    Attributes:
        text: The answer, "" if there is none.
        finish_reason: As reported.
        prompt_tokens: As reported; None if not.
        completion_tokens: As reported; None if not.
        served_model: As reported.
        request_id: The provider's id of the call.
        details: `response` holds all else that was received, `logprobs` the log
            probabilities if they were asked for.
    """

    text: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    served_model: str | None = None
    request_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def parse_response(body: Any) -> Answer:
    """Returns the answer in a chat or text completion response.

    Raises:
        MalformedResponse: The response has no choice, or one of an unknown form.
    """
    response = _plain(copy.deepcopy(body))
    try:
        choice = response["choices"][0]
        holder, name = (
            (choice["message"], "content") if "message" in choice else (choice, "text")
        )
        text = holder.pop(name, None)
        usage = response.get("usage") or {}
        details: dict[str, Any] = {"response": response}
        if choice.get("logprobs") is not None:
            details["logprobs"] = choice.pop("logprobs")
        if text is not None and not isinstance(text, str):
            raise MalformedResponse("the answer is not text")
        return Answer(
            text=text or "",
            finish_reason=choice.get("finish_reason"),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            served_model=response.get("model"),
            request_id=response.get("id"),
            details=details,
        )
    except (KeyError, IndexError, TypeError, AttributeError):
        raise MalformedResponse("the response holds no answer") from None


def make_exchange(
    request: Request,
    answer: Answer,
    *,
    collected_by: str,
    origin: str,
    dollars: float | None = None,
    seconds: float | None = None,
    served_model: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Exchange:
    """Returns the record of a request and its answer, dated now."""
    reported = answer.prompt_tokens is not None and answer.completion_tokens is not None
    usage = Usage(
        prompt_tokens=answer.prompt_tokens or 0,
        completion_tokens=answer.completion_tokens or 0,
        source="provider",
    )
    if not reported:
        usage = Usage(
            prompt_tokens=estimate_prompt_tokens(request),
            completion_tokens=estimate_tokens(answer.text),
            source="estimated",
        )
    return Exchange(
        key=request.key(),
        request=request,
        text=answer.text,
        finish_reason=answer.finish_reason,
        usage=usage,
        served_model=answer.served_model or served_model,
        dollars=dollars,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        collected_by=collected_by,
        seconds=seconds,
        request_id=answer.request_id,
        origin=origin,
        details={**answer.details, **(details or {})},
    )


def _plain(value: Any) -> Any:
    """Returns JSON data that can be written as strict JSON and as UTF-8."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, str):
        # Half of a surrogate pair cannot be stored; some models emit them.
        return value.encode("utf-8", "replace").decode() if _is_broken(value) else value
    return value


def _is_broken(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
