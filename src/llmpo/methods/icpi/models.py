"""The models that ICPI asks: a predictor in this process, or a language model.

A language model is asked through the run's session, so budgets, recorded answers and
batch files work as for other methods.
"""

from collections.abc import Sequence

from llmpo.envs.icpi_text import TextCodec, TextStep
from llmpo.errors import ConfigError, ProviderError
from llmpo.llm.budget import UsageTotals
from llmpo.llm.client import LLMSession, Prompt
from llmpo.llm.exchange import Message
from llmpo.llm.predictors import Completion, Predictor, RecordPrompt, count_tokens
from llmpo.llm.predictors.completion import CompletionModel, PredictorModel, Question
from llmpo.llm.settings import Budget
from llmpo.methods.icpi.settings import ICPILLMSettings, ICPISettings

_INSTRUCTION = """\
Below is the beginning of a text: examples, one after the other, and the beginning \
of one more. Continue it exactly where it stops, in the manner of the examples. Write \
only what comes next, up to {end}: no explanation, no quotation marks, no code fences, \
and no repetition of what is there.

{text}"""

# A server that reads less than this share of a prompt's tokens cuts prompts off. Counts
# of the tokenizers of usual models are 0.76 to 1.15 of ours on these texts.
_LEAST_SHARE = 0.6


def predictor_model(
    settings: ICPISettings, *, run: str, seed: int, predictor: Predictor | None = None
) -> PredictorModel:
    """Returns a predictor as the model of one run.

    Args:
        settings: Which predictor, and how it samples.
        run: Name of the run.
        seed: Seed of the run.
        predictor: The predictor, if there is one already.
    """
    params = {
        "temperature": settings.temperature,
        "max_tokens": settings.max_completion_tokens,
    }
    predictor = predictor or Predictor(settings.model)
    return PredictorModel(predictor, params, Budget(), run=run, seed=seed)


class LanguageModel:
    """The configured language model, asked to complete or to continue a text.

    Args:
        session: The run's calls.
        settings: Interface and sampling.
    """

    def __init__(self, session: LLMSession, settings: ICPILLMSettings) -> None:
        self._session = session
        self._interface = settings.interface
        self._params = {
            "temperature": settings.temperature,
            "max_tokens": settings.max_completion_tokens,
        }

    @property
    def usage(self) -> UsageTotals:
        """What has been consumed so far."""
        return self._session.usage

    def complete(self, questions: Sequence[Question]) -> list[Completion]:
        """Returns the completions; raises what `LLMSession.ask` raises."""
        make = self._text if self._interface == "text" else self._chat
        return [
            Completion(
                _unfenced(exchange.text)
                if self._interface == "chat"
                else exchange.text,
                exchange.finish_reason,
                exchange.usage.prompt_tokens,
                exchange.usage.completion_tokens,
            )
            for exchange in self._session.ask([make(each) for each in questions])
        ]

    def _text(self, question: Question) -> Prompt:
        return Prompt(
            prompt=question.prompt.text,
            template=question.template,
            purpose=question.purpose,
            params={**self._params, "stop": [question.stop]},
        )

    def _chat(self, question: Question) -> Prompt:
        # No stop string: some chat models refuse any, others begin with a line end.
        last = question.stop.strip("\n")
        end = f"the first line that ends with {last}" if last else "the end of the line"
        text = _INSTRUCTION.format(end=end, text=question.prompt.text)
        return Prompt(
            messages=(Message(role="user", content=text),),
            template=f"{question.template}+chat",
            purpose=question.purpose,
            params=self._params,
        )


def check_context(
    model: CompletionModel, settings: ICPILLMSettings, codec: TextCodec, state: str
) -> None:
    """Asks one question as long as the context budget allows, before all others.

    Args:
        model: The model to try.
        settings: Its context budget.
        codec: The domain.
        state: Line of any state.

    Raises:
        ConfigError: The model reads only part of the prompt.
        ProviderError: The call failed, perhaps because the prompt is too long.
    """
    step = TextStep(state, 0, 0.0, False, state)
    record = codec.state_record(step).removesuffix("\n")
    query = codec.query(state, 0)
    room = settings.context_budget - count_tokens(query)
    records = [record] * max(0, room // (count_tokens(record) + 1))
    prompt = RecordPrompt(records, query)
    tokens = count_tokens(prompt.text)
    question = Question(prompt, codec.stop("state"), "icpi/context@1", "context")
    asked = (
        f"The first question of a run is as long as `context_budget` allows "
        f"({tokens:,} tokens)"
    )
    try:
        (completion,) = model.complete([question])
    except ProviderError as error:
        raise ProviderError(
            f"{error}\n{asked}. If the model refused it for its length, lower "
            "`context_budget`."
        ) from error
    if 0 < completion.prompt_tokens < _LEAST_SHARE * tokens:
        raise ConfigError(
            f"{asked}, but the model reports having read only "
            f"{completion.prompt_tokens:,} tokens: its context is too small, and the "
            "server cuts prompts off. Lower `context_budget`, or raise the context of "
            "the server."
        )


def _unfenced(text: str) -> str:
    """Returns a chat answer without leading line ends and code fences."""
    text = text.lstrip()
    if not text.startswith("```"):
        return text
    return text.partition("\n")[2].partition("```")[0]
