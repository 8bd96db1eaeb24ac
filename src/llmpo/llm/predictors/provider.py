"""`PredictorProvider`: a predictor behind the interface of remote models.

Calls get a full exchange each, so everything that works with exchanges works here.
For the many calls of a search use `llmpo.llm.predictors.completion` instead: making
and hashing exchanges costs more than the prediction.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from llmpo.errors import ConfigError
from llmpo.llm.exchange import Exchange, Request, Usage
from llmpo.llm.predictors.predictor import VARIANTS, Predictor
from llmpo.llm.settings import PREDICTOR

# Answers are the same on every run, so their time is no real one.
_CREATED = "1970-01-01T00:00:00+00:00"
_KNOWN = frozenset({"stop", "temperature", "max_tokens", "top_p"})


class PredictorProvider:
    """Answers text completions in this process: no network, no cost, no store."""

    def __init__(self, model: str) -> None:
        """Makes the provider of one model.

        Args:
            model: `predictor/relevance` or `predictor/suffix`.

        Raises:
            ConfigError: There is no such predictor.
        """
        self._predictor = open_predictor(model)

    def answer(self, requests: Sequence[Request], origin: str) -> list[Exchange]:
        """Returns the predicted answers.

        Raises:
            ConfigError: A request is a chat, or has parameters without meaning here.
        """
        return [self._exchange(request, origin) for request in requests]

    def close(self) -> None:
        """Does nothing: nothing is held open."""

    def _exchange(self, request: Request, origin: str) -> Exchange:
        doing = f"Run {origin}: predictor {self._predictor.variant}"
        if request.prompt is None:
            raise ConfigError(
                f"{doing} was sent a chat, but only completes texts. Use a method that "
                "asks for text completions, or a chat model."
            )
        key = request.key()
        completion = self._predictor.predict(
            request.prompt, **sampling(request.params, doing), seed=int(key[:16], 16)
        )
        usage = Usage(
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            # Counted by the model's own tokenizer, so nothing is estimated.
            source="provider",
        )
        return Exchange(
            key=key,
            request=request,
            text=completion.text,
            finish_reason=completion.finish_reason,
            usage=usage,
            served_model=f"{PREDICTOR}{self._predictor.variant}",
            dollars=0.0,
            created=_CREATED,
            collected_by="predictor",
            seconds=0.0,
            origin=origin,
        )


def open_predictor(model: str) -> Predictor:
    """Returns the predictor with this model name.

    Raises:
        ConfigError: There is no such predictor.
    """
    for variant in VARIANTS:
        if model == PREDICTOR + variant:
            return Predictor(variant)
    raise ConfigError(
        f"There is no predictor {model!r}; set llm.model to one of "
        f"{', '.join(PREDICTOR + variant for variant in VARIANTS)}."
    )


def sampling(params: Mapping[str, Any], doing: str) -> dict[str, Any]:
    """Returns request parameters as arguments of `Predictor.predict`.

    Args:
        params: Parameters of a request; None means the default.
        doing: What is being done, for error messages.

    Raises:
        ConfigError: A parameter is unknown, or its value is not usable.
    """
    given = {name: value for name, value in params.items() if value is not None}
    if unknown := sorted(given.keys() - _KNOWN):
        raise ConfigError(
            f"{doing} does not know the parameter {', '.join(unknown)}; it takes stop, "
            "temperature and max_tokens."
        )
    top_p = given.pop("top_p", 1)
    stop = given.get("stop", ())
    stops = [stop] if isinstance(stop, str) else stop
    temperature = given.get("temperature", 1.0)
    tokens = given.get("max_tokens", 1)
    for name, value, fits, wanted in (
        ("stop", stop, _are_texts(stops), "a text or a list of texts"),
        ("temperature", temperature, _is_amount(temperature), "a number from 0 on"),
        ("max_tokens", tokens, _is_count(tokens), "a whole number from 0 on"),
        ("top_p", top_p, top_p == 1, "1: predictors draw from all tokens"),
    ):
        if not fits:
            raise ConfigError(
                f"{doing} was given {name} {value!r}; it must be {wanted}."
            )
    return given


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(v, str) for v in value)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and value >= 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
