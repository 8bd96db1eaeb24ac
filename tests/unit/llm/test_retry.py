from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from llmpo.llm.retry import Waits, error_message, retry_after


class Failure(Exception):
    def __init__(self, status, text="", **headers):
        super().__init__(text)
        self.status_code = status
        self.response = SimpleNamespace(
            headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


def test_waits_grow_up_to_a_minute_and_are_spread_out():
    waits = Waits(1.0)
    assert 0.5 <= waits.backoff(1) <= 1.0
    assert 4.0 <= waits.backoff(4) <= 8.0
    assert 30.0 <= waits.backoff(50) <= 60.0
    assert len({waits.backoff(4) for _ in range(10)}) > 1


@pytest.mark.parametrize(
    ("error", "least"),
    [
        (Failure(503), 0.5),
        (Failure(429, retry_after="20"), 20.0),
        (Failure(429, retry_after="0"), 0.5),
        (Failure(429, retry_after="nonsense"), 0.5),
        (Failure(429, retry_after="4000"), None),
        (Failure(429, "code: insufficient_quota"), None),
        (Failure(400), None),
        (KeyError("a bug"), None),
    ],
)
def test_only_passing_failures_are_waited_for(error, least):
    wait = Waits(1.0).after_error(error, 1)
    assert wait is None if least is None else least <= wait <= least + 1


def test_a_provider_can_name_a_date():
    moment = datetime.now(UTC) + timedelta(seconds=30)
    error = Failure(429, retry_after=format_datetime(moment, usegmt=True))
    assert 25 < retry_after(error) <= 30


def test_messages_are_short_and_free_of_secrets(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "sk-4711-secret")
    message = error_message(ValueError("sk-4711-secret was refused. " * 100))
    assert "sk-4711" not in message
    assert message.startswith("[secret] was refused")
    assert len(message) < 1100
