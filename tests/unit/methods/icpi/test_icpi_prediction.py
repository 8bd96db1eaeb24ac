"""One prediction: validity, resampling, counting; and asking together."""

import pytest

from llmpo.llm.predictors import RecordPrompt
from llmpo.llm.predictors.completion import Question
from llmpo.methods.icpi import ICPISettings
from llmpo.methods.icpi.prediction import Predictions, ask_together, known


@pytest.fixture
def predictions(domains):
    return Predictions(domains["chain"].text, ICPISettings(), "icpi/icpi_chain@1")


@pytest.fixture
def read(domains):
    return domains["chain"].text.read_reward


def _prompts():
    """Prompts of which each is offered twice."""
    number = 0
    while True:
        yield RecordPrompt([f"record {number // 2}\n"], "query\n")
        number += 1


def test_invalid_completions_are_asked_again_with_other_prompts(
    predictions, read, constant_model
):
    model, prompts = constant_model("no idea"), _prompts()
    task = predictions.predict("reward", lambda: next(prompts), read)
    assert ask_together(model, [task]) == [None]
    asked = [question for questions in model.asked for question in questions]
    assert [question.prompt.records for question in asked] == [
        ["record 0\n"],
        ["record 1\n"],
        ["record 2\n"],
    ]
    assert {(q.stop, q.purpose, q.template) for q in asked} == {
        ("\n", "reward", "icpi/icpi_chain@1")
    }
    count = predictions.counts["reward"]
    assert (count.predictions, count.failed) == (1, 1)
    assert (count.calls, count.invalid, count.truncated) == (3, 3, 0)
    assert (count.prompt_tokens, count.completion_tokens) == (30, 6)


def test_one_prompt_is_used_again_where_there_is_no_other(
    predictions, read, constant_model
):
    model = constant_model("no idea")
    built = []

    def build():
        built.append(RecordPrompt([], "query\n"))
        return built[-1]

    ask_together(model, [predictions.predict("reward", build, read)])
    assert len(model.asked) == 3
    assert len(built) == 1 + 5 + 5


@pytest.mark.parametrize(
    ("text", "finish_reason", "expected"),
    [
        ("assert reward == 1", "stop", 1),
        (" assert reward == 1", "stop", 1),
        ("assert reward == 1", None, 1),
        ("assert reward == 1\nassert reward == 0\n", "length", 1),  # ignores stops
        ("assert reward == 1", "length", None),  # could have become 10
        ("", "stop", None),
    ],
)
def test_reading_what_servers_send(
    predictions, read, constant_model, text, finish_reason, expected
):
    model, prompts = constant_model(text, finish_reason), _prompts()
    task = predictions.predict("reward", lambda: next(prompts), read)
    assert ask_together(model, [task]) == [expected]
    truncated = predictions.counts["reward"].truncated
    assert truncated == (3 if text and expected is None else 0)


def test_open_questions_of_all_tasks_are_asked_together(constant_model):
    def task(name, questions):
        heard = []
        for number in range(questions):
            prompt = RecordPrompt([], f"{name}{number}\n")
            completion = yield Question(prompt, "\n", "t@1", "reward")
            heard.append(completion.text)
        return f"{name}: {len(heard)}"

    model = constant_model("x")
    results = ask_together(model, [task("a", 2), known("b"), task("c", 3)])
    assert results == ["a: 2", "b", "c: 3"]
    queries = [[q.prompt.query for q in questions] for questions in model.asked]
    assert queries == [["a0\n", "c0\n"], ["a1\n", "c1\n"], ["c2\n"]]


def test_totals_are_sums_over_kinds(predictions, domains, constant_model):
    codec = domains["chain"].text
    prompts = _prompts()
    tasks = [
        predictions.predict("reward", lambda: next(prompts), codec.read_reward),
        predictions.predict("action", lambda: next(prompts), codec.read_action),
    ]
    assert ask_together(constant_model("state = left()"), tasks) == [None, 0]
    total = predictions.totals()
    assert (total.predictions, total.failed, total.calls) == (2, 1, 4)
