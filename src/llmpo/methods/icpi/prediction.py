"""One prediction: a question to the model, asked again while the answer is not valid.

Simulated rollouts are generators that yield their questions, so that all rollouts of a
decision can ask together: a remote model then answers them at the same time.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from llmpo.envs.icpi_text import Query, TextCodec
from llmpo.llm.predictors import Completion, RecordPrompt
from llmpo.llm.predictors.completion import CompletionModel, Question
from llmpo.methods.icpi.settings import AnySettings

T = TypeVar("T")

# Something that is worked out by asking questions.
Asking = Generator[Question, Completion, T]


@dataclass
class Count:
    """What predictions of one kind have taken.

    Attributes:
        predictions: Predictions begun.
        failed: Predictions without any valid completion.
        calls: Completions asked for.
        invalid: Completions that were not valid.
        truncated: Invalid completions that were cut off before their end.
        prompt_tokens: As the model counts them.
        completion_tokens: As the model counts them.
    """

    predictions: int = 0
    failed: int = 0
    calls: int = 0
    invalid: int = 0
    truncated: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Predictions:
    """Asks for predictions and counts them.

    Args:
        codec: Knows what ends a completion.
        settings: How often to ask.
        template: Name and version of the prompts' format.
    """

    def __init__(self, codec: TextCodec, settings: AnySettings, template: str) -> None:
        self._codec = codec
        self._settings = settings
        self._template = template
        self.counts = defaultdict[Query, Count](Count)

    def predict(
        self,
        kind: Query,
        build: Callable[[], RecordPrompt],
        read: Callable[[str], T | None],
    ) -> Asking[T | None]:
        """Returns a prediction; None if no completion was valid.

        Args:
            kind: What is asked for.
            build: Builds the prompt, with its records in random order.
            read: Returns what a completion says; None if it is not valid.
        """
        count = self.counts[kind]
        count.predictions += 1
        stop = self._codec.stop(kind)
        used: list[RecordPrompt] = []
        for _ in range(self._settings.max_resamples):
            prompt = self._unused(build, used)
            completion = yield Question(prompt, stop, self._template, kind)
            count.calls += 1
            count.prompt_tokens += completion.prompt_tokens
            count.completion_tokens += completion.completion_tokens
            truncated = completion.finish_reason == "length" and (
                stop not in completion.text
            )
            answer = None if truncated else read(completion.text)
            if answer is not None:
                return answer
            count.invalid += 1
            count.truncated += truncated
        count.failed += 1
        return None

    def totals(self) -> Count:
        """Returns the sum over all kinds."""
        total = Count()
        for count in self.counts.values():
            for name, value in asdict(count).items():
                setattr(total, name, getattr(total, name) + value)
        return total

    def _unused(
        self, build: Callable[[], RecordPrompt], used: list[RecordPrompt]
    ) -> RecordPrompt:
        """Builds a prompt unlike those used, where a few tries find one."""
        for _ in range(self._settings.max_prompts):
            prompt = build()
            if prompt not in used:
                break
        used.append(prompt)
        return prompt


def ask_together(model: CompletionModel, tasks: Sequence[Asking[T]]) -> list[T]:
    """Returns the results of tasks; the open questions of all are asked in one go."""
    results: dict[int, T] = {}
    questions: dict[int, Question] = {}

    def go_on(place: int, completion: Completion | None) -> None:
        try:
            if completion is None:
                questions[place] = next(tasks[place])
            else:
                questions[place] = tasks[place].send(completion)
        except StopIteration as done:
            questions.pop(place, None)
            results[place] = done.value

    for place in range(len(tasks)):
        go_on(place, None)
    while questions:
        places = list(questions)
        completions = model.complete([questions[place] for place in places])
        for place, completion in zip(places, completions, strict=True):
            go_on(place, completion)
    return [results[place] for place in range(len(tasks))]


def known(value: T) -> Asking[T]:
    """Returns a value for which nothing has to be asked."""
    yield from ()
    return value
