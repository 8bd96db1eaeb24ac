"""ICPI with a language model: whatever a server does, nothing breaks in the middle."""

import pytest

from llmpo.errors import ConfigError, ProviderError
from llmpo.llm.predictors import count_tokens
from llmpo.llm.predictors.provider import PredictorProvider
from llmpo.llm.response import make_exchange
from llmpo.llm.settings import Budget
from llmpo.methods.icpi import ICPILLM, ICPILLMSettings

# What a model without any idea says: every prediction is valid, rollouts are long.
DULL = {
    "termination": "assert not done",
    "reward": "assert reward == 0",
    "state": "assert state == [3] and state != [4]",
    "action": "state = left()",
    "context": "assert state == [3] and state != [4]",
}


@pytest.fixture
def dull(make_answer):
    return lambda request: make_answer(DULL[request.purpose])


def _counts(run):
    return {one.kind: one.model_dump() for one in run.journal.predictions}


def test_questions_are_text_completions_with_one_stop_string(llm_run, dull):
    run = llm_run("chain", dull, steps=20, context_budget=500)
    assert {request.kind for request in run.requests} == {"text"}
    assert {request.template for request in run.requests[1:]} == {"icpi/icpi_chain@1"}
    for request in run.requests:
        assert request.params == {
            "temperature": 0.1,
            "max_tokens": 100,
            "stop": ["\n"],
        }
        assert count_tokens(request.prompt) <= 500
        assert request.prompt.endswith("\n")
    assert len({request.key() for request in run.requests}) == len(run.requests)


def test_first_question_is_as_long_as_any_can_be(llm_run, dull):
    run = llm_run("chain", dull, steps=12, context_budget=500)
    first = run.requests[0]
    assert first.purpose == "context"
    assert 460 < count_tokens(first.prompt) <= 500


def test_record_counts_calls_and_tokens(llm_run, dull):
    run = llm_run("chain", dull, steps=30)
    calls = sum(count["calls"] for count in _counts(run).values())
    assert calls + 1 == len(run.requests) == run.context.totals().calls
    assert run.journal.attempts[-1].totals.calls == run.context.totals().calls
    assert all(count["invalid"] == 0 for count in _counts(run).values())


def test_chat_models_are_told_to_continue(llm_run, make_answer):
    def answer(request):
        (message,) = request.messages
        assert message.content.startswith("Below is the beginning of a text")
        text = DULL[request.purpose]
        return make_answer(f"```python\n{text}\n```")

    run = llm_run("chain", answer, steps=20, interface="chat")
    assert {request.kind for request in run.requests} == {"chat"}
    assert all("stop" not in request.params for request in run.requests)
    assert all(count["invalid"] == 0 for count in _counts(run).values())
    run = llm_run("mini_catch", lambda r: make_answer(""), steps=10, interface="chat")
    text = run.requests[0].messages[0].content
    assert "up to the end of the line" in text


def test_empty_answers_are_invalid_predictions(llm_run, make_answer):
    run = llm_run("chain", lambda request: make_answer(""), steps=30)
    count = _counts(run)["termination"]
    assert count["invalid"] == count["calls"] == 3 * count["predictions"] > 0
    assert len(run.journal.notes["episodes"]) > 3


def test_truncated_answers_are_invalid_predictions(llm_run, make_answer):
    def answer(request):
        return make_answer(DULL[request.purpose][:9], "length")

    run = llm_run("chain", answer, steps=30)
    count = _counts(run)["termination"]
    assert count["truncated"] == count["invalid"] == count["calls"] > 0


def test_servers_may_ignore_stop_strings(llm_run, make_answer):
    def answer(request):
        return make_answer(f"{DULL[request.purpose]}\nand so on,\n" * 9, "length")

    run = llm_run("chain", answer, steps=30)
    assert all(count["invalid"] == 0 for count in _counts(run).values())
    assert set(_counts(run)) == {"termination", "reward", "state", "action"}


def test_context_that_cuts_prompts_off_is_found_out_first(llm_run, make_answer):
    requests = []

    def answer(request):
        requests.append(request)
        return make_answer("x", prompt_tokens=512)

    with pytest.raises(ConfigError, match="read only 512 tokens"):
        llm_run("chain", answer, context_budget=3800)
    assert len(requests) == 1
    run = llm_run("chain", answer, steps=12, context_budget=700)
    assert run.journal.notes["episodes"]


def test_context_that_refuses_prompts_is_found_out_first(llm_run):
    requests = []

    def answer(request):
        requests.append(request)
        raise ProviderError("The model's maximum context length is 600 tokens.")

    with pytest.raises(ProviderError, match=r"context_budget.*refused") as raised:
        llm_run("chain", answer)
    assert "maximum context length" in str(raised.value)
    assert len(requests) == 1


def test_budget_stops_a_run_with_a_record(llm_run, dull):
    run = llm_run("chain", dull, steps=60, budget=Budget(calls=400))
    assert run.stopped
    assert run.context.totals().calls <= 400
    assert run.journal.notes["episodes"]
    assert run.journal.policies["last"].kind == "icpi"


def test_predictors_can_be_asked_through_the_session(llm_run):
    provider = PredictorProvider("predictor/relevance")
    run = llm_run("chain", None, provider=provider, steps=40)
    assert sum(count["calls"] for count in _counts(run).values()) > 100
    invalid = sum(count["invalid"] for count in _counts(run).values())
    assert invalid < 5


def test_all_rollouts_of_a_decision_ask_at_once(llm_run, make_answer):
    batches = []

    class Counting:
        def answer(self, requests, origin):
            batches.append(len(requests))
            return [
                make_exchange(
                    request,
                    make_answer(DULL[request.purpose]),
                    collected_by="test",
                    origin=origin,
                )
                for request in requests
            ]

        def close(self):
            pass

    llm_run("chain", None, provider=Counting(), steps=30, rollouts=2)
    assert set(batches) == {1, 6}  # the first question is alone


def test_calls_are_estimated_from_the_domain(llm_run, dull, domains):
    settings = ICPILLMSettings(steps=60, context_budget=900)
    (estimate,) = ICPILLM().estimate_calls(settings, domains["chain"])
    run = llm_run("chain", dull, steps=60, context_budget=900)
    assert 0 < estimate.calls <= run.context.totals().calls
    assert estimate.prompt_tokens == 900
    (full,) = ICPILLM().estimate_calls(ICPILLMSettings(), domains["mini_catch"])
    assert 5000 < full.calls < 12000  # 8,400 were measured
