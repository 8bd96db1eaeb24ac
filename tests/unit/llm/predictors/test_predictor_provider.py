"""Predictors behind the client, and beside it."""

import json

import pytest

from llmpo.errors import BudgetExceeded, ConfigError
from llmpo.llm.client import LLMClient, Prompt, open_client
from llmpo.llm.corpus import verify_corpus
from llmpo.llm.exchange import Message, parse_exchange
from llmpo.llm.predictors import Predictor, RecordPrompt
from llmpo.llm.predictors.completion import PredictorModel, Question
from llmpo.llm.predictors.provider import PredictorProvider
from llmpo.llm.settings import Budget, LLMSettings
from llmpo.llm.store import ExchangeStore
from llmpo.llm.transfer import export_corpus
from llmpo.storage import canonical_json

RECORDS = ["s 1\ngo\ns 2\n", "s 2\ngo\ns 3\n", "s 1\ngo\ns 9\n"]
QUESTION = Question(RecordPrompt(RECORDS, "s 1\ngo\n"), "\n", "test/state@1", "state")
PARAMS = {"temperature": 1.0, "max_tokens": 20}


def settings_of(mode="replay", **params):
    params = {**PARAMS, **params}
    return LLMSettings(mode=mode, model="predictor/relevance", params=params)


def session_of(provider, seed=0, **params):
    client = LLMClient(provider, settings_of(**params))
    return client.session(run="run", seed=seed, budget=Budget())


def text_prompt(**params):
    return Prompt(
        prompt=QUESTION.prompt.text, template="t@1", purpose="state", params=params
    )


@pytest.mark.parametrize("variant", ["relevance", "suffix"])
def test_an_answer_is_an_exchange_like_any_other(variant):
    provider = PredictorProvider(f"predictor/{variant}")
    session = session_of(provider)
    [exchange] = session.ask([text_prompt(stop="\n")])
    provider.close()
    assert exchange.text in {"s 2", "s 9"}
    assert exchange.finish_reason == "stop"
    assert exchange.served_model == f"predictor/{variant}"
    assert exchange.collected_by == "predictor"
    assert (exchange.dollars, exchange.origin) == (0.0, "run")
    assert exchange.usage.source == "provider"
    assert exchange.usage.prompt_tokens == Predictor().count(QUESTION.prompt.text)
    assert session.usage.dollars == 0.0
    assert not session.usage.estimated
    value = json.loads(canonical_json(exchange.record()))
    assert parse_exchange(value, "here") == exchange


def test_answers_repeat_by_seed_and_vary_by_sample():
    def texts(seed):
        session = session_of(PredictorProvider("predictor/relevance"), seed)
        return [answer.text for answer in session.ask([text_prompt(stop="\n")] * 40)]

    assert texts(0) == texts(0) != texts(1)
    assert set(texts(0)) == {"s 2", "s 9"}


def test_answers_could_be_cached(tmp_path):
    prompts = [
        text_prompt(stop="\n"),
        text_prompt(stop="\n"),
        text_prompt(max_tokens=2),
    ]
    answers = session_of(PredictorProvider("predictor/relevance")).ask(prompts)
    corpus, store = tmp_path / "corpus", tmp_path / "store"
    exchanges = ExchangeStore(store)
    for answer in answers:
        exchanges.put(answer)
    exchanges.close()
    export_corpus(store, corpus)
    assert verify_corpus(corpus) == []
    with open_client(settings_of(), corpus=corpus, store=store) as client:
        session = client.session(run="run", seed=0, budget=Budget())
        assert session.ask(prompts) == answers


def test_a_configuration_can_name_a_predictor_as_its_model(tmp_path):
    corpus, store = tmp_path / "corpus", tmp_path / "store"
    prompts = [text_prompt(stop="\n")] * 3
    with open_client(settings_of(mode="live"), corpus=corpus, store=store) as client:
        session = client.session(run="run", seed=0, budget=Budget(dollars=0))
        answers = session.ask(prompts)
        assert session.usage.dollars == 0
    assert {answer.served_model for answer in answers} == {"predictor/relevance"}
    # A call is cheaper than looking it up, so nothing is kept.
    assert not store.exists()
    assert not corpus.exists()


def test_a_chat_is_refused():
    message = Message(role="user", content="Hello")
    prompt = Prompt((message,), "t@1", "state")
    with pytest.raises(ConfigError, match="only completes texts"):
        session_of(PredictorProvider("predictor/suffix")).ask([prompt])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"logit_bias": {}}, "logit_bias"),
        ({"temperature": -1}, "temperature -1"),
        ({"temperature": "hot"}, "temperature 'hot'"),
        ({"max_tokens": 1.5}, "max_tokens 1.5"),
        ({"stop": [1]}, r"stop \[1\]"),
        ({"top_p": 0.5}, "top_p 0.5"),
    ],
)
def test_parameters_without_meaning_are_refused(params, message):
    session = session_of(PredictorProvider("predictor/suffix"), **params)
    with pytest.raises(ConfigError, match=message):
        session.ask([text_prompt()])


def test_unset_parameters_are_defaults():
    params = {"stop": None, "temperature": None, "top_p": 1, "max_tokens": 2}
    session = session_of(PredictorProvider("predictor/suffix"), **params)
    [answer] = session.ask([text_prompt()])
    assert answer.finish_reason == "length"


@pytest.mark.parametrize("name", ["predictor/magic", "openai/gpt", "predictor"])
def test_unknown_predictors_are_refused(name):
    with pytest.raises(ConfigError, match="predictor/relevance, predictor/suffix"):
        PredictorProvider(name)


def lean(seed=0, budget=None, **params):
    return PredictorModel(
        Predictor(), {**PARAMS, **params}, budget or Budget(), run="run", seed=seed
    )


def test_the_lean_model_repeats_by_seed_and_varies_by_call():
    def texts(seed):
        return [answer.text for answer in lean(seed).complete([QUESTION] * 40)]

    assert texts(0) == texts(0) != texts(1)
    assert set(texts(0)) == {"s 2", "s 9"}


def test_the_lean_model_says_and_counts_what_a_session_does():
    session = session_of(PredictorProvider("predictor/relevance"), temperature=0)
    model = lean(temperature=0)
    prompt = RecordPrompt(RECORDS[:2], "s 1\ngo\n")
    question = Question(prompt, "\n", "test/state@1", "state")
    asked = Prompt(
        prompt=prompt.text, template="t@1", purpose="state", params={"stop": "\n"}
    )
    exchanges = session.ask([asked] * 3)
    answers = model.complete([question] * 3)
    assert [answer.text for answer in answers] == [each.text for each in exchanges]
    used, expected = model.usage, session.usage
    assert (used.calls, used.tokens) == (expected.calls, expected.tokens)
    assert (used.dollars, used.estimated) == (0.0, False)


@pytest.mark.parametrize("kind", ["calls", "tokens"])
def test_the_lean_model_stops_at_its_budget(kind):
    model = lean(budget=Budget(**{kind: 2}))
    model.complete([QUESTION])
    with pytest.raises(BudgetExceeded, match=kind):
        model.complete([QUESTION] * 2)
    assert model.usage.calls == (2 if kind == "calls" else 1)


def test_the_lean_model_refuses_unusable_parameters():
    with pytest.raises(ConfigError, match="temperature"):
        lean(temperature=-1)
