from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest

from llmpo.llm.client import Prompt, open_client
from llmpo.llm.exchange import Message, Request
from llmpo.llm.response import Answer, make_exchange
from llmpo.llm.settings import Budget, LLMSettings

FAKE = SimpleNamespace(**run_path(str(Path(__file__).with_name("fake_server.py"))))


@pytest.fixture
def fake():
    """The module of the fake server."""
    return FAKE


@pytest.fixture
def server(monkeypatch):
    """A running fake server."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    running = FAKE.FakeServer()
    yield running
    running.close()


@pytest.fixture
def make_prompt():
    def make(text="hello", *, template="test/chat@1", purpose="candidate", **params):
        message = Message(role="user", content=text)
        return Prompt(
            messages=(message,), template=template, purpose=purpose, params=params
        )

    return make


@pytest.fixture
def make_record():
    """Makes recorded exchanges."""

    def make(text="hello", answer="hi", *, sample=0, origin="run-a", **fields):
        fields = {"model": "openai/m", "template": "test/chat@1"} | fields
        message = Message(role="user", content=text)
        request = Request(
            messages=(message,), sample=sample, purpose="candidate", **fields
        )
        return make_exchange(
            request, Answer(answer), collected_by="litellm", origin=origin
        )

    return make


@pytest.fixture
def session(tmp_path):
    """Opens sessions on a corpus and a store in the test's folder."""
    clients = []

    def open_session(mode="replay", *, run="run-a", seed=0, budget=None, **fields):
        settings = LLMSettings(mode=mode, **({"model": "openai/m"} | fields))
        client = open_client(
            settings, corpus=tmp_path / "corpus", store=tmp_path / "store"
        )
        clients.append(client)
        return client.session(run=run, seed=seed, budget=budget or Budget())

    yield open_session
    for client in clients:
        client.close()


@pytest.fixture
def live(session, server):
    """Opens live sessions against the fake server, with short waits."""

    def open_live(**fields):
        fields = {"api_base": server.address, "backoff": 0.01, "retries": 3} | fields
        return session("live", **fields)

    return open_live
