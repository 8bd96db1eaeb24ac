"""ICPI with a language model, as a user runs it: from a configuration, in every mode.

The model is a predictor behind an OpenAI-compatible server on this machine, so its
answers are sensible and depend on nothing but the prompt.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from llmpo.config import Config, load_config
from llmpo.errors import CacheMiss, ConfigError, LlmpoError, ProviderError
from llmpo.llm.importer import import_answers
from llmpo.llm.pending import Pending
from llmpo.llm.predictors import Predictor
from llmpo.llm.store import ExchangeStore
from llmpo.llm.transfer import export_corpus
from llmpo.plan import CORPUS, STORE
from llmpo.records import RunRecord, read_records
from llmpo.runner import assess_records, run_cells

_SERVER = Path(__file__).parents[1] / "unit" / "llm" / "fake_server.py"
FAKE = SimpleNamespace(**run_path(str(_SERVER)))

MODELS = {"text": "text-completion-openai/m", "chat": "openai/m"}

# Some 100 calls.
SHORT = {"steps": 14, "min_successes": 1, "max_q_steps": 2, "context_budget": 300}

# How servers say that a prompt does not fit: vLLM (two versions), llama.cpp, OpenAI.
REFUSALS = [
    "This model's maximum context length is 2048 tokens. However, you requested 2662 "
    "tokens (2562 in the messages, 100 in the completion). Please reduce the length.",
    "You passed 1015 input tokens and requested 100 output tokens. However, the "
    "model's context length is only 1024 tokens, resulting in a maximum input length "
    "of 924 tokens. Please reduce the length of the input prompt.",
    "the request exceeds the available context size, try increasing it",
    "context_length_exceeded",
]


class Model:
    """Answers requests with a predictor, in the form of the interface."""

    def __init__(self) -> None:
        self._predictor = Predictor("suffix")

    def __call__(self, number: int, body: dict[str, Any]) -> Any:
        return FAKE.Reply(body=self.body(body))

    def body(self, request: dict[str, Any]) -> dict[str, Any]:
        """Returns the body of the response to the body of a request."""
        text = FAKE.question(request)
        make = FAKE.text_body
        if "messages" in request:
            _, _, text = text.partition("\n\n")  # after the instruction
            make = FAKE.chat_body
        completion = self._predictor.predict(
            text, stop=request.get("stop", "\n"), temperature=0.1, seed=len(text)
        )
        return make(
            completion.text,
            completion.finish_reason,
            completion.prompt_tokens,
            completion.completion_tokens,
        )


class Laboratory:
    """A working folder in which one small run is played in several modes."""

    def __init__(self, root: Path, address: str) -> None:
        self.root = root
        self.address = address

    def values(
        self,
        mode: str = "live",
        *,
        interface: str = "text",
        llm: dict[str, Any] | None = None,
        budget: dict[str, Any] | None = None,
        **settings: Any,
    ) -> dict[str, Any]:
        """Returns the content of a configuration file."""
        settings = {**SHORT, "interface": interface, **settings}
        return {
            "llm": {
                "mode": mode,
                "model": MODELS[interface],
                "api_base": self.address,
                "backoff": 0.01,
                "retries": 2,
                **(llm or {}),
            },
            "budget": budget or {},
            "experiments": {
                "e": {
                    "environments": ["icpi_chain"],
                    "methods": {"m": {"method": "icpi_llm", "settings": settings}},
                    "seeds": [0],
                }
            },
        }

    def config(self, mode: str = "live", **options: Any) -> Config:
        return load_config(self.values(mode, **options), "test")

    def run(self, mode: str = "live", **options: Any) -> RunRecord:
        config = self.config(mode, **options)
        (record,) = run_cells(config.cells(), config, root=self.root)
        return record

    def export(self) -> None:
        export_corpus(self.root / STORE, self.root / CORPUS)

    def stored(self) -> int:
        store = ExchangeStore(self.root / STORE)
        try:
            return len(store)
        finally:
            store.close()

    def llmpo(self, *arguments: str) -> "subprocess.Popen[str]":
        """Starts a command in the working folder."""
        return subprocess.Popen(
            [sys.executable, "-m", "llmpo", *arguments],
            cwd=self.root,
            stderr=subprocess.PIPE,
            text=True,
        )

    def plan(self, mode: str = "live", **options: Any) -> list[str]:
        """Writes configuration and plan; returns the arguments of `llmpo run`."""
        (self.root / "config.yaml").write_text(
            yaml.safe_dump(self.values(mode, **options))
        )
        assert self.llmpo("plan", "config.yaml", "--out", "plan.json").wait() == 0
        cell = "e.icpi_chain.m.0"
        return ["run", "plan.json", "--cell", cell, "--out", f"{mode}.jsonl"]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    running = FAKE.FakeServer()
    running.reply = Model()
    yield running
    running.close()


@pytest.fixture
def laboratory(tmp_path, server):
    return Laboratory(tmp_path, server.address)


def same(record: RunRecord, other: RunRecord, *ignored: str) -> bool:
    """Whether two records are equal, but for how and how fast answers came."""

    def plain(record: RunRecord) -> str:
        text = record.model_dump_json(exclude={"provenance": {"mode"}})
        for name in ("llm_seconds", *ignored):
            text = re.sub(rf'"{name}":[^,}}]+', "", text)
        return text

    return plain(record) == plain(other)


def calls(record: RunRecord) -> dict[str, int]:
    """Returns numbers over all predictions of a run."""
    names = ("predictions", "failed", "calls", "invalid", "truncated")
    return {n: sum(getattr(one, n) for one in record.predictions) for n in names}


# Live and replay


@pytest.mark.parametrize("interface", ["text", "chat"])
def test_live_run_replays_to_the_same_record_without_the_server(
    laboratory, server, interface
):
    live = laboratory.run(interface=interface)
    path = "/v1/completions" if interface == "text" else "/v1/chat/completions"
    assert set(server.paths) == {path}
    assert live.status == "finished"
    assert live.totals.calls == len(server.bodies) > 60
    assert calls(live)["invalid"] < 0.1 * calls(live)["calls"]
    laboratory.export()
    server.close()
    replayed = laboratory.run("replay", interface=interface)
    assert replayed.provenance["mode"] == "replay"
    text = live.model_dump_json().replace('"mode":"live"', '"mode":"replay"')
    assert replayed.model_dump_json() == text
    assert laboratory.run("replay", interface=interface) == replayed


def test_commands_play_a_run_and_its_replay_alike(laboratory, server):
    assert laboratory.llmpo(*laboratory.plan("live")).wait() == 0
    export = ["llm", "export", "--store", str(STORE), "--corpus", str(CORPUS)]
    assert laboratory.llmpo(*export).wait() == 0
    server.close()
    assert laboratory.llmpo(*laboratory.plan("replay")).wait() == 0
    files = [laboratory.root / f"{mode}.jsonl" for mode in ("live", "replay")]
    (live,), (replayed,) = (read_records(path, RunRecord, "runs") for path in files)
    assert live.status == "finished"
    assert live.attempts == replayed.attempts
    assert files[0].read_text().replace('"live"', '"replay"') == files[1].read_text()


def test_other_settings_are_not_answered_from_the_record(laboratory, server):
    laboratory.run()
    laboratory.export()
    with pytest.raises(CacheMiss, match="purpose 'context'"):
        laboratory.run("replay", context_budget=200)


def test_trained_agent_of_a_language_model_can_be_assessed(laboratory):
    record = laboratory.run()
    config = laboratory.config()
    assessments = assess_records([record], config, root=laboratory.root)
    assert {one.policy for one in assessments} == {"best", "last"}
    assert {e.status for one in assessments for e in one.episodes} == {"ok"}


def test_log_probabilities_and_other_parameters_pass_through(laboratory, server):
    params = {"logprobs": 5, "top_k": 20, "extra_body": {"min_p": 0.1}}
    record = laboratory.run(llm={"params": params}, steps=8)
    assert record.status == "finished"
    for body in server.bodies:
        assert (body["logprobs"], body["top_k"], body["min_p"]) == (5, 20, 0.1)
        assert (body["temperature"], body["max_tokens"]) == (0.1, 100)
        assert body["stop"] == ["\n"]
    store = ExchangeStore(laboratory.root / STORE)
    for exchange in store:
        assert exchange.details["logprobs"]["token_logprobs"] == [-0.25]
    store.close()


# Batch


def test_batch_run_goes_on_decision_by_decision_and_equals_the_live_run(
    laboratory, tmp_path, server
):
    settings = {"steps": 12, "max_q_steps": 1}
    live = Laboratory(tmp_path / "live", server.address).run(**settings)
    asked = len(server.bodies)
    pending = laboratory.root / STORE / "pending"
    model, waves = Model(), []
    record = laboratory.run("batch", **settings)
    while record.status == "pending":
        assert "llmpo llm import" in record.reason
        keys = {entry.key for entry in Pending(laboratory.root / STORE)}
        files = sorted((pending / "requests").iterdir())
        assert {path.name.partition(".")[0] for path in files} == keys
        waves.append(len(keys))
        (batch,) = pending.glob("*/requests-text.jsonl")
        answers = laboratory.root / "output.jsonl"
        with answers.open("w") as file:
            for line in map(json.loads, batch.read_text().splitlines()):
                assert line["url"] == "/v1/completions"
                response = {"status_code": 200, "body": model.body(line["body"])}
                line = {"custom_id": line["custom_id"], "response": response}
                file.write(json.dumps(line) + "\n")
        report = import_answers(laboratory.root / STORE, [answers])
        assert not report.problems
        earlier, record = record, laboratory.run("batch", **settings)
        assert len(earlier.attempts) <= len(record.attempts)
    assert len(server.bodies) == asked
    assert waves[0] == 1  # the question that tries the length of prompts
    assert max(waves) == 3  # one for each action
    assert sum(waves) == live.totals.calls
    assert record.status == "finished"
    assert same(record, live, "dollars")
    assert [dict(e) for e in record.notes["episodes"]] == live.notes["episodes"]


def test_batch_answers_can_be_written_by_hand(laboratory):
    record = laboratory.run("batch")
    (entry,) = Pending(laboratory.root / STORE)
    answer = laboratory.root / f"{entry.key}.txt"
    answer.write_text("")  # an empty answer is one, and not a missing one
    assert len(import_answers(laboratory.root / STORE, [answer]).imported) == 1
    record = laboratory.run("batch")
    assert record.status == "pending"
    assert record.totals.calls == 1
    assert record.attempts  # the episodes before the first decision


# Budgets


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        ({"calls": 40}, lambda totals: totals.calls),
        (
            {"tokens": 6000},
            lambda totals: totals.prompt_tokens + totals.completion_tokens,
        ),
        ({"dollars": 0.006}, lambda totals: totals.dollars),
        ({"env_steps": 12}, lambda totals: totals.env_steps),
    ],
)
def test_budget_stops_a_run_which_later_goes_on_without_paying_twice(
    laboratory, server, budget, spent
):
    llm = {"price": {"input": 1.0, "output": 2.0}}
    ((kind, limit),) = budget.items()
    record = laboratory.run(llm=llm, budget=budget)
    assert record.status == "truncated"
    assert kind in record.reason or "environment steps" in record.reason
    assert spent(record.totals) <= 1.1 * limit  # by the answers of the last round
    assert record.totals.calls == len(server.bodies) > 5
    assert record.attempts[-1].totals.env_steps <= record.totals.env_steps <= 12
    assert record.policies["last"].kind == "icpi"

    paid = len(server.bodies)
    assert same(laboratory.run(llm=llm, budget=budget), record)
    assert len(server.bodies) == paid
    whole = laboratory.run(llm=llm)
    assert whole.status == "finished"
    assert whole.totals.calls == len(server.bodies) > paid
    assert whole.attempts[: len(record.attempts)] == record.attempts

    laboratory.export()
    assert same(laboratory.run("replay", llm=llm, budget=budget), record)


def test_budget_without_room_for_the_first_question_pays_nothing(laboratory, server):
    record = laboratory.run(budget={"tokens": 100})
    assert record.status == "truncated"
    assert not record.attempts
    assert not server.bodies


def test_budget_in_dollars_needs_a_price(laboratory, server):
    with pytest.raises(ConfigError, match=r"llm\.price"):
        laboratory.run(budget={"dollars": 1.0})
    assert not server.bodies


# Bad servers


def _spoiled(spoil: Callable[[int, str], tuple[str, str]]) -> Any:
    """Returns a model whose answers after the first one are spoilt."""
    model = Model()

    def reply(number: int, body: dict[str, Any]) -> Any:
        answer = model.body(body)
        if number:
            (choice,) = answer["choices"]
            holder = choice.get("message", choice)
            name = "content" if "message" in choice else "text"
            holder[name], choice["finish_reason"] = spoil(number, holder[name])
        return FAKE.Reply(body=answer)

    return reply


@pytest.mark.parametrize("interface", ["text", "chat"])
@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda number, text: (text[:5], "length"), "truncated"),
        (lambda number, text: ("", "stop"), "empty"),
        (lambda number, text: ("I cannot help with that.", "stop"), "nonsense"),
        (lambda number, text: (f"{text}\n\nand so on\n" * 4, "length"), "fine"),
    ],
)
def test_bad_answers_are_counted_and_the_run_goes_on(
    laboratory, server, interface, spoil, expected
):
    server.reply = _spoiled(spoil)
    record = laboratory.run(interface=interface)
    assert record.status == "finished"
    count = calls(record)
    assert count["calls"] == record.totals.calls - 1
    if expected == "fine":
        assert count["failed"] == 0
        assert {one.kind for one in record.predictions} > {"termination", "reward"}
        return
    assert {one.kind for one in record.predictions} == {"termination"}
    assert count["invalid"] == count["calls"] == 3 * count["failed"] > 0
    assert count["truncated"] == (count["calls"] if expected == "truncated" else 0)


@pytest.mark.parametrize("message", REFUSALS)
def test_too_small_a_context_is_one_clear_error_at_the_first_question(
    laboratory, server, message
):
    server.reply = lambda number, body: FAKE.Reply(400, FAKE.error_body(message))
    with pytest.raises(ProviderError, match="lower `context_budget`") as raised:
        laboratory.run()
    assert message[:40] in str(raised.value)
    assert "too long for the model's context" in str(raised.value)
    assert len(server.bodies) == 1
    server.reply = Model()  # started again with a larger context
    assert laboratory.run().status == "finished"


@pytest.mark.parametrize(
    ("interface", "message"),
    [*(("text", message) for message in REFUSALS), ("chat", REFUSALS[0])],
)
def test_refusals_for_length_in_a_run_are_invalid_predictions(
    laboratory, server, interface, message
):
    model = Model()

    def reply(number, body):
        if number % 5 == 4:
            return FAKE.Reply(400, FAKE.error_body(message))
        return model(number, body)

    server.reply = reply
    live = laboratory.run(interface=interface)
    assert live.status == "finished"
    refused = len(range(4, len(server.bodies), 5))
    assert calls(live)["invalid"] >= refused > 10
    assert live.totals.calls == len(server.bodies)
    # Like other answers they are not asked for again, and a replay meets them.
    assert same(laboratory.run(interface=interface), live)
    assert live.totals.calls == len(server.bodies)
    laboratory.export()
    assert same(laboratory.run("replay", interface=interface), live)


def test_other_refusals_in_a_run_are_an_error_that_keeps_what_was_paid(
    laboratory, server
):
    model = Model()

    def refuses_later(number, body):
        if number >= 30:
            return FAKE.Reply(401, FAKE.error_body("the key was revoked"))
        return model(number, body)

    server.reply = refuses_later
    with pytest.raises(LlmpoError, match="key was revoked"):
        laboratory.run()
    assert laboratory.stored() == 30
    paid = len(server.bodies)
    server.reply = model
    record = laboratory.run()
    assert record.status == "finished"
    assert len(server.bodies) - paid == record.totals.calls - 30


def test_servers_that_cut_prompts_off_are_found_out_by_the_first_question(
    laboratory, server
):
    model = Model()

    def cuts_off(number, body):
        answer = model.body(body)
        answer["usage"]["prompt_tokens"] = min(answer["usage"]["prompt_tokens"], 512)
        return FAKE.Reply(body=answer)

    server.reply = cuts_off
    with pytest.raises(ConfigError, match="read only 512 tokens"):
        laboratory.run(context_budget=3800)
    assert len(server.bodies) == 1


def test_usual_contexts_of_ollama_are_found_too_small(laboratory, server):
    model = Model()

    def cuts_off(number, body):
        answer = model.body(body)
        # It keeps the context's worth, or half of it, of a prompt that does not fit.
        answer["usage"]["prompt_tokens"] = 2050
        return FAKE.Reply(body=answer)

    server.reply = cuts_off
    with pytest.raises(ConfigError, match=r"read only 2,\d+ tokens"):
        laboratory.run(context_budget=3800)


def test_server_that_asks_for_a_pause_is_waited_for(laboratory, server):
    model = Model()

    def busy_once(number, body):
        if number == 20:
            body = FAKE.error_body("slow down")
            return FAKE.Reply(429, body, {"Retry-After": "1"})
        return model(number, body)

    server.reply = busy_once
    record = laboratory.run()
    assert record.status == "finished"
    assert record.totals.calls == len(server.bodies) - 1
    assert max(b - a for a, b in zip(server.times, server.times[1:], strict=False)) > 1


def test_dropped_connections_are_tried_again(laboratory, server):
    model = Model()
    server.reply = lambda number, body: (
        FAKE.Reply(0) if number % 7 == 3 else model(number, body)
    )
    record = laboratory.run()
    assert record.status == "finished"
    assert calls(record)["failed"] == 0
    assert record.totals.calls < len(server.bodies)


def test_server_that_goes_away_is_an_error_that_keeps_what_was_paid(laboratory, server):
    model = Model()
    server.reply = lambda number, body: (
        FAKE.Reply(0) if number >= 30 else model(number, body)
    )
    with pytest.raises(ProviderError, match="run again later"):
        laboratory.run()
    assert laboratory.stored() == 30
    paid = len(server.bodies)
    server.reply = model
    record = laboratory.run()
    assert record.status == "finished"
    assert len(server.bodies) - paid == record.totals.calls - 30


@pytest.mark.parametrize(
    "model", ["openai/gpt-4.1-mini", "anthropic/claude-haiku-4-5", "ollama/m"]
)
def test_texts_are_never_sent_as_chats_unnoticed(laboratory, server, model):
    with pytest.raises(ConfigError, match="interface to chat"):
        laboratory.run(llm={"model": model})
    assert not server.bodies


@pytest.mark.parametrize("provider", ["hosted_vllm", "openai", "llamafile"])
def test_servers_of_one_s_own_have_several_names(laboratory, server, provider):
    laboratory.run(llm={"model": f"{provider}/m"}, steps=6)
    assert set(server.paths) == {"/v1/completions"}


# Killing


def test_killed_run_goes_on_without_paying_twice(laboratory, server):
    model = Model()
    server.reply = lambda number, body: (
        FAKE.Reply(body={}, wait=60.0) if number >= 30 else model(number, body)
    )
    process = laboratory.llmpo(*laboratory.plan())
    try:
        deadline = time.monotonic() + 60
        while laboratory.stored() < 30 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert laboratory.stored() == 30
    assert not (laboratory.root / "live.jsonl").exists()
    asked = len(server.bodies)
    server.reply = model
    record = laboratory.run()
    assert record.status == "finished"
    assert len(server.bodies) - asked == record.totals.calls - 30
