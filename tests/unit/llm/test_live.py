import logging
import time

import pytest

from llmpo.errors import PrerequisiteError, ProviderError
from llmpo.llm.client import Prompt
from llmpo.llm.settings import Price


def test_sends_exactly_the_request_and_records_the_response(live, server, make_prompt):
    prompt = make_prompt("two\r\nlines", temperature=0.5, stop=["\n"])
    [exchange] = live().ask([prompt])
    assert server.bodies == [
        {
            "model": "m",
            "messages": [{"role": "user", "content": "two\r\nlines"}],
            "temperature": 0.5,
            "stop": ["\n"],
        }
    ]
    assert exchange.text == "answer to two\r\nlines"
    assert exchange.finish_reason == "stop"
    assert exchange.served_model == "served-model-1"
    assert exchange.request_id == "chatcmpl-1"
    assert exchange.usage.prompt_tokens == 11
    assert exchange.usage.source == "provider"
    assert exchange.collected_by == "litellm"
    assert exchange.details["response"]["system_fingerprint"] == "fp_1"


def test_text_completion_keeps_stop_strings_and_logprobs(live, server):
    prompt = Prompt(
        prompt="assert state == 1\n",
        template="icpi/state@1",
        purpose="state",
        params={"stop": ["\n"], "logprobs": 2},
    )
    model = "text-completion-openai/m"
    [exchange] = live(model=model).ask([prompt])
    assert server.bodies[0]["prompt"] == "assert state == 1\n"
    assert server.bodies[0]["stop"] == ["\n"]
    assert server.bodies[0]["logprobs"] == 2
    assert exchange.text == "answer to assert state == 1\n"
    assert exchange.details["logprobs"]["token_logprobs"] == [-0.25]


def test_waits_as_long_as_the_provider_asks(live, server, fake, make_prompt):
    def limited_once(number, body):
        if number == 0:
            text = fake.error_body("slow down")
            return fake.Reply(429, text, {"Retry-After": "1"})
        return fake.Reply(body=fake.chat_body("fine"))

    server.reply = limited_once
    [exchange] = live().ask([make_prompt()])
    assert exchange.text == "fine"
    assert exchange.details["tries"] == 2
    assert server.times[1] - server.times[0] >= 1.0


@pytest.mark.parametrize("status", [429, 500, 503, 408])
def test_tries_again_after_passing_errors(live, server, fake, make_prompt, status):
    def fails_twice(number, body):
        if number < 2:
            return fake.Reply(status, fake.error_body("later"))
        return fake.Reply(body=fake.chat_body("fine"))

    server.reply = fails_twice
    assert live().ask([make_prompt()])[0].text == "fine"
    assert len(server.bodies) == 3


def test_gives_up_after_the_configured_retries(live, server, fake, make_prompt):
    server.reply = lambda number, body: fake.Reply(500, fake.error_body("broken"))
    with pytest.raises(ProviderError, match="after 4 tries") as caught:
        live(retries=3).ask([make_prompt()])
    assert "run again later" in str(caught.value)
    assert len(server.bodies) == 4


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (401, "invalid_api_key", "API key"),
        (400, None, "llm.model"),
        (404, None, "llm.model"),
        (429, "insufficient_quota", "quota"),
    ],
)
def test_gives_up_at_once_on_lasting_errors(
    live, server, fake, make_prompt, status, code, advice
):
    body = fake.error_body(f"refused {code}", code)
    server.reply = lambda number, _: fake.Reply(status, body)
    with pytest.raises(ProviderError, match=advice):
        live().ask([make_prompt()])
    assert len(server.bodies) == 1


def test_gives_up_when_asked_to_wait_too_long(live, server, fake, make_prompt):
    body = fake.error_body("tomorrow")
    reply = fake.Reply(429, body, {"Retry-After": "86400"})
    server.reply = lambda number, _: reply
    with pytest.raises(ProviderError, match="quota"):
        live().ask([make_prompt()])
    assert len(server.bodies) == 1


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"choices": []}', b"{}"])
def test_tries_again_after_a_malformed_body(live, server, fake, make_prompt, body):
    def malformed_once(number, _):
        return fake.Reply(body=body if number == 0 else fake.chat_body("fine"))

    server.reply = malformed_once
    assert live().ask([make_prompt()])[0].text == "fine"


def test_a_server_that_is_not_there_is_one_clear_error(live, server, make_prompt):
    server.close()
    with pytest.raises(ProviderError, match="run again later"):
        live(retries=1).ask([make_prompt()])


def test_a_call_that_takes_too_long_is_tried_again(live, server, fake, make_prompt):
    def hangs_once(number, body):
        text = fake.chat_body("fine")
        return fake.Reply(body=text, wait=3.0 if number == 0 else 0.0)

    server.reply = hangs_once
    assert live(timeout=0.5).ask([make_prompt()])[0].text == "fine"


def test_an_empty_answer_is_asked_again_then_kept(live, server, fake, make_prompt):
    server.reply = lambda number, body: fake.Reply(body=fake.chat_body(None))
    [exchange] = live().ask([make_prompt()])
    assert exchange.text == ""
    assert exchange.finish_reason == "stop"
    assert len(server.bodies) == 3
    assert live().ask([make_prompt()]) == [exchange]
    assert len(server.bodies) == 3


def test_an_answer_cut_by_its_length_is_not_asked_again(
    live, server, fake, make_prompt
):
    reply = fake.Reply(body=fake.chat_body("", "length"))
    server.reply = lambda number, body: reply
    assert live().ask([make_prompt()])[0].finish_reason == "length"
    assert len(server.bodies) == 1


def test_samples_of_a_round_are_asked_at_the_same_time(live, server, make_prompt):
    live().ask([make_prompt("warm up")])
    server.latency = 0.4
    start = time.monotonic()
    answers = live(concurrency=10).ask([make_prompt(str(i)) for i in range(10)])
    assert time.monotonic() - start < 2.0
    assert [answer.text for answer in answers] == [f"answer to {i}" for i in range(10)]


def test_no_more_calls_than_allowed_are_in_flight(live, server, fake, make_prompt):
    flying, most = set(), []

    def count(number, body):
        flying.add(number)
        most.append(len(flying))
        time.sleep(0.05)
        flying.discard(number)
        return fake.Reply(body=fake.chat_body("fine"))

    server.reply = count
    live(concurrency=2).ask([make_prompt(str(i)) for i in range(6)])
    assert max(most) <= 2


def test_arrived_answers_survive_a_failing_sibling(live, server, fake, make_prompt):
    def one_fails(number, body):
        if fake.question(body) == "bad":
            return fake.Reply(401, fake.error_body("no"), wait=0.3)
        return fake.Reply(body=fake.chat_body("fine"))

    server.reply = one_fails
    prompts = [make_prompt(text) for text in ("a", "bad", "b", "c")]
    with pytest.raises(ProviderError, match="failed after 1 try"):
        live().ask(prompts)
    server.reply = lambda number, body: fake.Reply(body=fake.chat_body("late"))
    texts = [exchange.text for exchange in live().ask(prompts)]
    assert texts == ["fine", "late", "fine", "fine"]


def test_a_recorded_answer_is_not_asked_for_again(live, server, make_prompt):
    first = live().ask([make_prompt("a"), make_prompt("b")])
    assert live().ask([make_prompt("b"), make_prompt("a")]) == first[::-1]
    assert len(server.bodies) == 2


def test_the_price_is_recorded(live, make_prompt):
    session = live(price=Price(input=1.0, output=2.0))
    [exchange] = session.ask([make_prompt()])
    assert exchange.dollars == pytest.approx((11 * 1 + 7 * 2) / 1e6)
    assert session.usage.dollars == exchange.dollars


def test_an_unknown_price_is_unknown_not_zero(live, make_prompt):
    session = live(model="openai/nobody-knows-me")
    [exchange] = session.ask([make_prompt()])
    assert exchange.dollars is None
    assert session.usage.dollars is None


def test_a_missing_key_is_named(session, monkeypatch, make_prompt):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(PrerequisiteError, match="OPENAI_API_KEY"):
        session("live", model="openai/gpt-4.1").ask([make_prompt()])


def test_secrets_reach_neither_files_nor_logs_nor_messages(
    live, server, fake, make_prompt, monkeypatch, tmp_path, caplog
):
    secret = "sk-very-secret-4711"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    caplog.set_level(logging.DEBUG)

    def echoes_the_key(number, body):
        if number == 0:
            return fake.Reply(500, fake.error_body(f"overload for {secret}"))
        if number == 1:
            return fake.Reply(body=fake.chat_body("fine"))
        return fake.Reply(401, fake.error_body(f"bad key {secret}"))

    server.reply = echoes_the_key
    live().ask([make_prompt("a")])
    with pytest.raises(ProviderError) as caught:
        live().ask([make_prompt("b")])
    assert secret in server.headers[0]["Authorization"]
    assert secret not in str(caught.value)
    assert secret not in caplog.text
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes()


def test_broken_unicode_in_an_answer_can_be_recorded(live, server, fake, make_prompt):
    body = fake.chat_body("half \ud800 pair")
    server.reply = lambda number, _: fake.Reply(body=body)
    assert live().ask([make_prompt()])[0].text == "half ? pair"
