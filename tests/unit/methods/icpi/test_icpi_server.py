"""ICPI against an OpenAI-compatible server on this machine, through litellm."""

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest

from llmpo.errors import ProviderError
from llmpo.llm.client import open_client
from llmpo.llm.settings import Budget, LLMSettings
from llmpo.methods.icpi import ICPILLM, ICPILLMSettings

UNIT = Path(__file__).parents[2]
FAKE = SimpleNamespace(**run_path(str(UNIT / "llm" / "fake_server.py")))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    running = FAKE.FakeServer()
    yield running
    running.close()


@pytest.fixture
def live_run(server, make_context, tmp_path):
    def run(**settings):
        llm = LLMSettings(
            mode="live",
            model="text-completion-openai/m",
            api_base=server.address,
            params={"logprobs": 5},
            backoff=0.01,
            retries=1,
        )
        folders = {"corpus": tmp_path / "corpus", "store": tmp_path / "store"}
        with open_client(llm, **folders) as client:
            session = client.session(run="test", seed=0, budget=Budget())
            context = make_context("chain", llm=session)
            ICPILLM().run(ICPILLMSettings(**settings), context)
        return context

    return run


def test_server_gets_text_completions_and_may_ignore_the_stop_string(server, live_run):
    def reply(number, body):
        lines = body["prompt"].splitlines()
        # Ignores stop strings, and reports what it has read.
        text = "assert done\nassert reward == 1\n\nstate = left()\n"
        answer = FAKE.text_body("assert reward == 1\n" * 3 if number % 2 else text)
        answer["usage"]["prompt_tokens"] = 15 * len(lines)
        return FAKE.Reply(body=answer)

    server.reply = reply
    context = live_run(steps=16, min_successes=0, context_budget=300)
    (first, *_) = server.bodies
    assert first["stop"] == ["\n"]
    assert (first["temperature"], first["max_tokens"]) == (0.1, 100)
    assert first["logprobs"] == 5
    assert context.totals().calls == len(server.bodies) > 10
    assert not context.totals().tokens_estimated


def test_context_that_is_too_small_is_one_clear_error(server, live_run):
    message = "This model's maximum context length is 600 tokens."
    server.reply = lambda number, body: FAKE.Reply(
        400, FAKE.error_body(message, "context_length_exceeded")
    )
    with pytest.raises(ProviderError, match="lower `context_budget`") as raised:
        live_run()
    assert message in str(raised.value)
    assert len(server.bodies) == 1
