"""How a run talks to its model, and what it may spend: part of the configuration."""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from llmpo.storage import canonical_json

# Parameters that llmpo sets itself, or that would carry a secret or another request
# into the record.
_CONNECTION = frozenset(
    {"api_base", "api_version", "base_url", "caching", "extra_headers", "fallbacks"}
    | {"headers", "max_retries", "metadata", "mock_response", "num_retries", "timeout"}
)
_SECRETS = frozenset({"api_key", "apikey", "key", "password", "secret", "token"})
_REQUEST = frozenset({"messages", "model", "n", "prompt", "stream"})
_RESERVED = _CONNECTION | _SECRETS | _REQUEST

# Models of this name answer in this process, see `llmpo.llm.predictors`.
PREDICTOR = "predictor/"


class _Settings(BaseModel):
    # Inputs stay out of error messages: a misplaced key must not reach a log.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Price(_Settings):
    """Price of a model in dollars per million tokens."""

    input: float = Field(ge=0, description="Dollars per million prompt tokens.")
    output: float = Field(ge=0, description="Dollars per million completion tokens.")

    def dollars(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Returns the price of this many tokens."""
        spent = prompt_tokens * self.input + completion_tokens * self.output
        return spent / 1_000_000


class LLMSettings(_Settings):
    """The model, how to reach it, and where its answers come from."""

    mode: Literal["replay", "live", "batch", "mock"] = Field(
        default="replay",
        description="Where answers come from: recorded exchanges only (replay), calls "
        "made now (live), request files answered elsewhere (batch), a script (mock).",
    )
    model: str = Field(
        min_length=1,
        description="Model name in litellm's notation, e.g. openai/gpt-4.1-mini.",
    )
    match: Literal["exact", "numbers"] = Field(
        default="exact",
        description="Which recorded answer fits a question (replay): the same question "
        "only, or also one that differs in nothing but numbers, as happens on another "
        "kind of processor. Runs with such answers are marked as drifted.",
    )
    params: dict[str, Any] = Field(
        default={},
        description="Sampling parameters sent with every call, e.g. temperature; an "
        "absent one means the provider's default. They are part of the key.",
    )
    api_base: str | None = Field(
        default=None,
        description="Address of an OpenAI-compatible server, e.g. "
        "http://localhost:8000/v1; null means the provider's own.",
    )
    concurrency: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=10, description="Calls in flight at once, per process (live)."
    )
    retries: Annotated[int, Field(ge=0, le=100)] = Field(
        default=5, description="Further tries of a call after transient errors (live)."
    )
    backoff: float = Field(
        default=1.0,
        ge=0,
        description="Seconds before the first further try; doubles from try to try "
        "(live).",
    )
    timeout: float = Field(
        default=600.0, gt=0, description="Seconds one try of a call may take (live)."
    )
    price: Price | None = Field(
        default=None,
        description="The model's price; null means the shipped price table.",
    )
    mock_script: Path | None = Field(
        default=None, description="YAML file with the scripted answers (mock)."
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_secrets(cls, data: Any) -> Any:
        if isinstance(data, dict) and (found := _SECRETS.intersection(data)):
            raise ValueError(
                f"{', '.join(sorted(found))} must not be in the configuration; set the "
                "provider's environment variable instead, e.g. OPENAI_API_KEY"
            )
        return data

    @field_validator("params")
    @classmethod
    def _refuse_reserved(cls, params: dict[str, Any]) -> dict[str, Any]:
        return check_params(params)

    @field_validator("api_base")
    @classmethod
    def _refuse_credentials(cls, address: str | None) -> str | None:
        if address is None:
            return None
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must look like http://host:port/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError(
                "must not hold a user name, password or query; set the provider's "
                "environment variable instead"
            )
        return address

    @model_validator(mode="after")
    def _need_script(self) -> "LLMSettings":
        if self.mode == "mock" and self.mock_script is None:
            raise ValueError("mode mock needs mock_script, a YAML file of answers")
        return self


class Budget(_Settings):
    """What one run may spend; null means no limit."""

    calls: int | None = Field(default=None, ge=0, description="Answers asked for.")
    tokens: int | None = Field(
        default=None, ge=0, description="Prompt and completion tokens together."
    )
    dollars: float | None = Field(
        default=None, ge=0, description="Price of all calls; needs a known price."
    )
    env_steps: int | None = Field(
        default=None,
        ge=0,
        description="Environment steps of the search, rejected candidates included.",
    )


def check_params(params: dict[str, Any]) -> dict[str, Any]:
    """Returns sampling parameters unchanged.

    Raises:
        ValueError: A name is reserved: it is set elsewhere, or would change what one
            request is (one answer, no streaming, no secrets). Or a value is not plain
            JSON data, which a record could not hold.
    """
    if found := _RESERVED.intersection(params):
        raise ValueError(
            f"{', '.join(sorted(found))} cannot be sampling parameters; llmpo sets "
            "them itself or takes them from other settings"
        )
    try:
        canonical_json(params)
    except (TypeError, ValueError):
        raise ValueError("sampling parameters must be plain JSON values") from None
    return params
