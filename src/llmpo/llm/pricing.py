"""What a model costs: the configured price, else the shipped table."""

import json
from functools import cache
from importlib import resources

from llmpo.llm.settings import PREDICTOR, LLMSettings, Price


def find_price(settings: LLMSettings) -> Price | None:
    """Returns the price that counts for a run, or None when it is not known.

    It depends on the configuration and this package only, never on litellm, so that a
    dollar budget stops a run at the same call live and replayed.
    """
    if settings.price is not None:
        return settings.price
    if settings.mode == "mock" or settings.model.startswith(PREDICTOR):
        return Price(input=0, output=0)
    return table_price(settings.model)


def table_price(model: str) -> Price | None:
    """Returns the price of a model from the shipped table, or None.

    Args:
        model: Name in litellm's notation, with or without the provider.
    """
    table = _table()
    if "/" in model:
        return table.get(model)
    return next((table[name] for name in table if name.endswith(f"/{model}")), None)


@cache
def _table() -> dict[str, Price]:
    text = resources.files("llmpo.llm").joinpath("prices.json").read_text("utf-8")
    return {
        model: Price(input=price["input"], output=price["output"])
        for model, price in json.loads(text)["models"].items()
    }
