"""Which failures of a provider pass, how long to wait, and what to say about them."""

import os
import random
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from llmpo.llm.response import MalformedResponse

_TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LONGEST_BACKOFF = 60.0
_LONGEST_WAIT = 900.0
_LONGEST_MESSAGE = 1000
# How servers say that a prompt is too long: OpenAI and vLLM, llama.cpp, others.
_TOO_LONG = re.compile(
    r"context[ _]?(length|window|size|limit)|maximum (input length|number of tokens)"
    r"|prompt is too long",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)


class Waits:
    """How long to wait between tries. Waits change no result, so they are random."""

    def __init__(self, first: float) -> None:
        self._first = first
        self._random = random.SystemRandom()

    def after_error(self, error: Exception, number: int) -> float | None:
        """Returns the seconds to wait, or None where another try would not help.

        Args:
            error: What a try ended with.
            number: Number of the try, from 1.
        """
        if isinstance(error, MalformedResponse):
            return self.backoff(number)
        if getattr(error, "status_code", None) not in _TRANSIENT:
            return None
        if "insufficient_quota" in str(error):  # sent as 429, but time does not help
            return None
        asked = retry_after(error)
        if asked is not None and asked > _LONGEST_WAIT:
            return None
        return max(self.backoff(number), asked or 0.0)

    def backoff(self, number: int) -> float:
        """Returns the seconds to wait after a try, without asking the provider."""
        longest = min(_LONGEST_BACKOFF, self._first * 2.0 ** (number - 1))
        # Spread out, so that calls that failed together do not return together.
        return longest * self._random.uniform(0.5, 1.0)


def is_too_long(error: Exception) -> bool:
    """Returns whether a provider refused a prompt for its length."""
    refused = getattr(error, "status_code", None) in (400, 413, 422)
    return refused and _TOO_LONG.search(str(error)) is not None


def retry_after(error: Exception) -> float | None:
    """Returns the seconds a provider asked to wait, or None."""
    response = getattr(error, "response", None)
    for headers in (
        getattr(response, "headers", None),
        getattr(error, "litellm_response_headers", None),
        getattr(error, "headers", None),
    ):
        text = (headers or {}).get("retry-after")
        if text is None:
            continue
        try:
            return max(0.0, float(text))
        except ValueError:
            pass
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return None


def error_message(error: Exception) -> str:
    """Returns a provider's message, shortened and without secrets of this machine."""
    text = str(error)
    for name, value in os.environ.items():
        if len(value) >= 6 and _SECRET_NAME.search(name):
            text = text.replace(value, "[secret]")
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "..."
