import pytest

from llmpo.llm.estimate import CallEstimate, total_cost
from llmpo.llm.pricing import find_price, table_price
from llmpo.llm.settings import LLMSettings, Price


def test_the_configured_price_comes_before_the_table():
    price = Price(input=1, output=2)
    assert find_price(LLMSettings(model="openai/gpt-4.1", price=price)) == price
    assert find_price(LLMSettings(model="openai/gpt-4.1")) == Price(input=2, output=8)
    assert find_price(LLMSettings(model="openai/unknown")) is None


def test_models_are_found_with_or_without_provider():
    assert table_price("gpt-4.1") == table_price("openai/gpt-4.1") is not None
    assert table_price("4.1") is None


def test_estimates_add_up():
    estimates = [CallEstimate("a", 2, 100, 50), CallEstimate("b", 1, 10, 5)]
    total = total_cost(estimates, Price(input=1e6, output=2e6))
    assert (total.calls, total.tokens) == (3, 315)
    assert total.dollars == pytest.approx(210 + 2 * 105)
    assert total_cost(estimates, None).dollars is None
