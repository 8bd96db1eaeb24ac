"""What every provider of LLM answers must do, and what only a whole chain shows."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest

from llmpo.errors import BudgetExceeded, PendingRequests
from llmpo.llm.client import Prompt, open_client
from llmpo.llm.exchange import Message, parse_exchange
from llmpo.llm.importer import import_answers
from llmpo.llm.pending import Pending
from llmpo.llm.settings import Budget, LLMSettings, Price
from llmpo.llm.store import ExchangeStore
from llmpo.llm.transfer import export_corpus
from llmpo.storage import canonical_json

_SERVER = Path(__file__).parents[1] / "unit" / "llm" / "fake_server.py"
FAKE = SimpleNamespace(**run_path(str(_SERVER)))

SCRIPT = """
rules:
  - {pattern: '(?s)\\A(?P<prompt>.*)\\n?\\Z', answers: ['answer to ${prompt}']}
"""


def chat(text, purpose="candidate"):
    message = Message(role="user", content=text)
    return Prompt(messages=(message,), template="test/chat@1", purpose=purpose)


def completion(text):
    params = {"stop": ["\n"]}
    return Prompt(prompt=text, template="test/text@1", purpose="state", params=params)


class Bench:
    """Gets answers in one mode, doing by itself what a user would do for it."""

    def __init__(self, mode, folder, server):
        self.mode = mode
        self.server = server
        self.corpus, self.store = folder / "corpus", folder / "store"
        self.script = folder / "script.yaml"
        self.script.write_text(SCRIPT)

    def open(self, mode, **fields):
        settings = LLMSettings(
            mode=mode,
            model="text-completion-openai/m",
            api_base=self.server.address,
            mock_script=self.script,
            backoff=0.01,
            **fields,
        )
        return open_client(settings, corpus=self.corpus, store=self.store)

    def ask(self, *rounds, seed=0, budget=None, **fields):
        """Returns the answers to rounds of prompts, and the usage."""
        try:
            return self._ask(self.mode, rounds, seed, budget, fields)
        except PendingRequests:
            self._answer_files()
            return self.ask(*rounds, seed=seed, budget=budget, **fields)

    def _ask(self, mode, rounds, seed, budget, fields):
        if mode == "replay":
            self._ask("live", rounds, seed, None, fields)
            export_corpus(self.store, self.corpus)
        with self.open(mode, **fields) as client:
            session = client.session(run="run", seed=seed, budget=budget or Budget())
            answers = [session.ask(prompts) for prompts in rounds]
            return [answer for group in answers for answer in group], session.usage

    def _answer_files(self):
        folder = self.store / "answers"
        folder.mkdir(exist_ok=True)
        for entry in Pending(self.store):
            request = entry.request
            text = request.prompt or request.messages[-1].content
            (folder / f"{entry.key}.txt").write_text(f"answer to {text}")
        assert import_answers(self.store, [folder]).problems == []


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    running = FAKE.FakeServer()
    yield running
    running.close()


@pytest.fixture(params=["replay", "live", "batch", "mock"])
def bench(request, tmp_path, server):
    return Bench(request.param, tmp_path, server)


def test_answers_come_in_the_order_of_the_prompts(bench):
    texts = ["one", "two", "three", "two"]
    answers, _ = bench.ask([completion(text) for text in texts])
    assert [answer.text for answer in answers] == [f"answer to {t}" for t in texts]
    assert [answer.request.sample for answer in answers] == [0, 0, 0, 1]


def test_records_hold_the_request_and_survive_json(bench):
    [answer], _ = bench.ask([completion("assert é == 1\n\n")])
    assert answer.key == answer.request.key()
    assert answer.request.kind == "text"
    assert answer.request.prompt == "assert é == 1\n\n"
    assert answer.request.params == {"stop": ["\n"]}
    assert answer.origin == "run"
    value = json.loads(canonical_json(answer.record()))
    assert parse_exchange(value, "here") == answer


def test_asking_again_gives_the_same_answers(bench):
    rounds = [[completion("a")] * 3, [completion("b")]]
    first, first_usage = bench.ask(*rounds, seed=3)
    again, again_usage = bench.ask(*rounds, seed=3)
    assert again == first
    assert again_usage == first_usage
    assert {answer.request.sample for answer in first} == {30000, 30001, 30002}


def test_usage_is_counted_and_budgets_stop_the_run(bench):
    price = Price(input=10.0, output=20.0)
    rounds = [[completion("a"), completion("b")], [completion("c")]]
    answers, usage = bench.ask(*rounds, price=price)
    assert usage.calls == 3
    assert usage.prompt_tokens == sum(a.usage.prompt_tokens for a in answers)
    assert usage.dollars == pytest.approx(
        price.dollars(usage.prompt_tokens, usage.completion_tokens)
    )
    for budget in (
        Budget(calls=2),
        Budget(tokens=usage.tokens - 1),
        Budget(dollars=usage.dollars - 1e-6),
    ):
        with pytest.raises(BudgetExceeded):
            bench.ask(*rounds, [completion("d")], price=price, budget=budget)


def test_two_users_of_one_store_share_answers(bench):
    first, _ = bench.ask([completion("a")])
    answers, _ = bench.ask([completion("new"), completion("a")])
    assert answers[1] == first[0]


def ask_one_by_one(session):
    for number in range(10):
        session.ask([completion(f"question {number}")])


def test_a_run_stopped_by_its_budget_stops_at_the_same_call_in_replay(tmp_path, server):
    bench = Bench("live", tmp_path, server)
    budget = Budget(tokens=17)  # each answer takes 6, as the server counts them
    stops = []
    for mode in ("live", "replay"):
        with bench.open(mode) as client:
            session = client.session(run="run", seed=0, budget=budget)
            with pytest.raises(BudgetExceeded) as caught:
                ask_one_by_one(session)
            stops.append((session.usage, str(caught.value)))
        export_corpus(bench.store, bench.corpus)
    assert stops[0] == stops[1]
    assert stops[0][0].calls == 3


PROGRAM = """
import sys
from pathlib import Path
from llmpo.llm.client import Prompt, open_client
from llmpo.llm.exchange import Message
from llmpo.llm.settings import Budget, LLMSettings

folder, address = Path(sys.argv[1]), sys.argv[2]
settings = LLMSettings(mode="live", model="openai/m", api_base=address)
client = open_client(settings, corpus=folder / "corpus", store=folder / "store")
prompts = [
    Prompt((Message(role="user", content=text),), "test/chat@1", "candidate")
    for text in ("quick 1", "slow 1", "quick 2", "slow 2")
]
client.session(run="run-a", seed=0, budget=Budget()).ask(prompts)
"""


def test_kill_in_mid_round_loses_no_arrived_answer(tmp_path, server):
    def slow_or_quick(number, body):
        text = FAKE.question(body)
        wait = 60.0 if text.startswith("slow") else 0.0
        return FAKE.Reply(body=FAKE.chat_body(f"{text}, first"), wait=wait)

    server.reply = slow_or_quick
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), server.address]
    process = subprocess.Popen(command)
    store = ExchangeStore(tmp_path / "store")
    try:
        deadline = time.monotonic() + 60
        while len(store) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        store.close()

    asked = len(server.bodies)
    server.reply = lambda number, body: FAKE.Reply(body=FAKE.chat_body("again"))
    settings = LLMSettings(mode="live", model="openai/m", api_base=server.address)
    folders = {"corpus": tmp_path / "corpus", "store": tmp_path / "store"}
    with open_client(settings, **folders) as client:
        session = client.session(run="run-a", seed=0, budget=Budget())
        names = ("quick 1", "slow 1", "quick 2", "slow 2")
        answers = session.ask([chat(name) for name in names])
    texts = [answer.text for answer in answers]
    assert texts == ["quick 1, first", "again", "quick 2, first", "again"]
    assert len(server.bodies) == asked + 2
