"""`Request` and `Exchange`: what is sent to a model and what came back.

The object that is sent is the object that is hashed and stored, so a record cannot
differ from what happened.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llmpo.errors import DataError
from llmpo.storage import digest

KEY_VERSION = 1
SCHEMA_VERSION = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(_Frozen):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Request(_Frozen):
    """One call of a model, asking for exactly one answer.

    Attributes:
        kind: `chat` sends `messages`, `text` sends `prompt` to a completion endpoint.
        model: Model name in litellm's notation, `provider/model`.
        params: Sampling parameters as sent; an absent one and one set to None mean
            the provider's default and give the same key.
        sample: Index that tells apart several answers to the same prompt.
        template: Name and version of the prompt template, e.g. `promptpo/policy@1`.
        purpose: What the answer is for, e.g. `candidate`; not part of the key.
        may_be_refused: Whether a refusal for the prompt's length is an answer, an empty
            one, instead of an error; neither stored nor part of the key.
    """

    kind: Literal["chat", "text"] = "chat"
    model: str
    messages: tuple[Message, ...] = ()
    prompt: str | None = None
    params: Mapping[str, Any] = {}
    sample: int
    template: str
    purpose: str
    may_be_refused: bool = Field(default=False, exclude=True)

    def key(self) -> str:
        """Returns the content key: SHA-256 over all that can change the answer."""
        params = {
            name: value for name, value in self.params.items() if value is not None
        }
        return digest(
            {
                "v": KEY_VERSION,
                "kind": self.kind,
                "model": self.model,
                "messages": [message.model_dump() for message in self.messages],
                "prompt": self.prompt,
                "params": params,
                "sample": self.sample,
                "template": self.template,
            }
        )


class Usage(_Frozen):
    """Tokens of one exchange; `estimated` when the provider reported none."""

    prompt_tokens: int
    completion_tokens: int
    source: Literal["provider", "estimated"]


class Exchange(_Frozen):
    """A request with its answer: the one record of the LLM boundary.

    Attributes:
        text: The answer as received ("" when the provider returned none).
        finish_reason: As reported, e.g. `stop`, `length`, `content_filter`; or
            `context_length` where the model refused the prompt for its length.
        served_model: Model version that the provider says answered; None if unknown.
        dollars: Price of this call; None when no price is known.
        created: UTC time of arrival, ISO 8601.
        collected_by: How the answer was got: `litellm`, `batch-files`, `mock`.
        request_id: The provider's id of the call.
        origin: Name of the run that asked first; groups exported files, is not part
            of the key, and says nothing about who else may use the answer.
        details: Further plain data as received, e.g. `logprobs`, library version.
    """

    schema_version: int = SCHEMA_VERSION
    key: str
    request: Request
    text: str
    finish_reason: str | None
    usage: Usage
    served_model: str | None
    dollars: float | None
    created: str
    collected_by: str
    seconds: float | None = None
    request_id: str | None = None
    origin: str = ""
    details: Mapping[str, Any] = {}

    def record(self) -> dict[str, Any]:
        """Returns the exchange as plain JSON data, the form it is stored in."""
        return self.model_dump(mode="json")


def parse_exchange(value: Any, where: str) -> Exchange:
    """Returns the exchange a stored record holds, after checking it.

    Args:
        value: The record as plain JSON data.
        where: Where the record was found, for the error message.

    Raises:
        DataError: The record has another schema version, misses or adds fields, or
            its key is not the key of its request.
    """
    reading = f"Reading a recorded exchange: {where}"
    if not isinstance(value, dict):
        raise DataError(f"{reading} is not a JSON object. {_RESTORE}")
    version = value.get("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{reading} has schema version {version!r}, but this llmpo reads version "
            f"{SCHEMA_VERSION}. Use the llmpo version that wrote it, or record again."
        )
    try:
        exchange = Exchange.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{reading} is damaged: field {field!r}: {first['msg']}. {_RESTORE}"
        ) from None
    if exchange.key != exchange.request.key():
        raise DataError(
            f"{reading} was edited: its key {exchange.key[:12]} is not the key of its "
            f"request, {exchange.request.key()[:12]}. {_RESTORE}"
        )
    return exchange


_RESTORE = "Restore the file (for a shipped one: git checkout); nothing was changed."
