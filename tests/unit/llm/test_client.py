import pytest

from llmpo.errors import BudgetExceeded, ConfigError
from llmpo.llm.budget import UsageTotals
from llmpo.llm.client import LLMClient, Prompt
from llmpo.llm.exchange import Message
from llmpo.llm.response import Answer, make_exchange
from llmpo.llm.settings import Budget, LLMSettings, Price


class Counting:
    """Answers everything with ten tokens, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def answer(self, requests, origin):
        self.asked += requests
        answer = Answer("yes", "stop", prompt_tokens=6, completion_tokens=4)
        return [
            make_exchange(r, answer, collected_by="litellm", origin=origin, seconds=0.5)
            for r in requests
        ]

    def close(self):
        pass


PRICE = Price(input=1_000_000, output=1_000_000)


@pytest.fixture
def provider():
    return Counting()


@pytest.fixture
def open_session(provider):
    def opened(seed=0, price=None, params=None, **limits):
        settings = LLMSettings(model="openai/m", params=params or {})
        client = LLMClient(provider, settings, price)
        return client.session(run="run-a", seed=seed, budget=Budget(**limits))

    return opened


def test_identical_requests_get_consecutive_samples(
    open_session, provider, make_prompt
):
    session = open_session(seed=2)
    session.ask([make_prompt("a"), make_prompt("b"), make_prompt("a")])
    session.ask([make_prompt("a")])
    samples = [(r.messages[0].content, r.sample) for r in provider.asked]
    assert samples == [("a", 20000), ("b", 20000), ("a", 20001), ("a", 20002)]


def test_seeds_never_share_an_answer_and_equal_seeds_do(
    open_session, provider, make_prompt
):
    for seed in (0, 1, 0):
        open_session(seed=seed).ask([make_prompt()])
    keys = [request.key() for request in provider.asked]
    assert keys[0] == keys[2] != keys[1]


def test_what_cannot_change_the_answer_is_not_in_the_key(
    open_session, provider, make_prompt
):
    open_session().ask([make_prompt(purpose="candidate", temperature=None)])
    open_session().ask([make_prompt(purpose="repair")])
    open_session().ask([make_prompt(template="test/chat@2")])
    open_session(params={"temperature": 0.5}).ask([make_prompt()])
    keys = [request.key() for request in provider.asked]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_failed_ask_does_not_use_up_samples(open_session, provider, make_prompt):
    session = open_session(calls=1)
    with pytest.raises(BudgetExceeded):
        session.ask([make_prompt(), make_prompt()])
    session.ask([make_prompt()])
    assert [request.sample for request in provider.asked] == [0]


def test_prompt_parameters_override_the_settings(open_session, provider, make_prompt):
    session = open_session(params={"temperature": 0.5, "top_p": 0.9})
    session.ask([make_prompt(temperature=1.0)])
    assert provider.asked[0].params == {"temperature": 1.0, "top_p": 0.9}


def test_usage_is_counted(open_session, make_prompt):
    session = open_session(price=PRICE)
    session.ask([make_prompt(), make_prompt()])
    assert session.usage == UsageTotals(
        calls=2,
        prompt_tokens=12,
        completion_tokens=8,
        dollars=20.0,
        seconds=1.0,
    )
    assert session.usage.tokens == 20


@pytest.mark.parametrize(
    ("limit", "asked_before", "kind"),
    [
        ({"calls": 3}, 3, "calls"),
        ({"tokens": 31}, 3, "tokens"),  # 30 are spent, the next prompt has 2
        ({"dollars": 31.0}, 3, "dollars"),
    ],
)
def test_a_budget_stops_before_the_call(
    open_session, provider, make_prompt, limit, asked_before, kind
):
    session = open_session(price=PRICE, **limit)
    for _ in range(asked_before):
        session.ask([make_prompt()])
    with pytest.raises(BudgetExceeded, match="run-a") as caught:
        session.ask([make_prompt()])
    assert caught.value.kind == kind
    assert len(provider.asked) == asked_before


def test_a_round_that_does_not_fit_as_a_whole_is_not_begun(
    open_session, provider, make_prompt
):
    session = open_session(calls=3)
    with pytest.raises(BudgetExceeded):
        session.ask([make_prompt()] * 4)
    assert provider.asked == []


def test_a_dollar_budget_needs_a_price(open_session):
    with pytest.raises(ConfigError, match=r"llm\.price"):
        open_session(dollars=1.0)


def test_a_prompt_is_either_chat_or_text():
    message = Message(role="user", content="x")
    with pytest.raises(ValueError, match="either"):
        Prompt(messages=(message,), prompt="x", template="t@1", purpose="p")
    with pytest.raises(ValueError, match="either"):
        Prompt(template="t@1", purpose="p")
    assert Prompt(prompt="x", template="t@1", purpose="p").kind == "text"
