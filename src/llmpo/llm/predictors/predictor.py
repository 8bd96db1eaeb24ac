"""`Predictor`: completes any text from the text alone, without pretrained knowledge.

Two variants of the same model: `relevance` infers which earlier tokens matter,
`suffix` looks for the longest equal run of tokens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from llmpo.errors import ConfigError
from llmpo.llm.predictors.library import Records, as_records
from llmpo.llm.predictors.memory import Memory, Shown
from llmpo.llm.predictors.prompt import BLANK_LINE, RecordPrompt, split_prompt
from llmpo.llm.predictors.relevance import Relevance
from llmpo.llm.predictors.sampling import Dice, choose
from llmpo.llm.predictors.suffix import SuffixReader
from llmpo.llm.predictors.tokens import count_tokens

Variant = Literal["relevance", "suffix"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

# Longer texts are read from the first record that begins in the last characters.
MAX_CHARACTERS = 2**20


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to one prompt.

    Attributes:
        text: The continuation, without the stop string.
        finish_reason: `stop` if the stop string was met, else `length`.
        prompt_tokens: Tokens of the prompt, by the tokenizer of the model.
        completion_tokens: Tokens written, those of the stop string included.
    """

    text: str
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int


class _Reader(Protocol):
    tokens: int  # of the query

    def forced(self) -> Sequence[int]: ...

    def next_tokens(self) -> Mapping[int, int]: ...

    def append(self, tokens: Sequence[int]) -> None: ...


class Predictor:
    """Completes texts that consist of records, separated by blank lines, and a query.

    The answer depends on nothing but the arguments: not on earlier calls, the process
    or the machine. Remembers the records it has read, so use one predictor for a run.
    """

    def __init__(self, variant: Variant = "relevance") -> None:
        if variant not in VARIANTS:
            raise ConfigError(
                f"There is no predictor {variant!r}; choose one of "
                f"{', '.join(VARIANTS)}."
            )
        self.variant = variant
        self._memory = Memory()
        self._relevance = Relevance(self._memory)

    def complete(
        self,
        prompt: str | RecordPrompt,
        *,
        stop: str | Sequence[str] = (),
        temperature: float = 1.0,
        max_tokens: int = 100,
        seed: int = 0,
    ) -> str:
        """Returns the continuation of a prompt; any text is a prompt.

        Args:
            prompt: The text, or its parts (the same answer, faster; fastest with
                records of a library that is kept from call to call).
            stop: Strings that end the answer; they are not part of it.
            temperature: 1 draws tokens as often as they followed, 0 only the most
                frequent.
            max_tokens: Longest answer, in tokens.
            seed: Seed of the draws.
        """
        return self.predict(
            prompt, stop=stop, temperature=temperature, max_tokens=max_tokens, seed=seed
        ).text

    def predict(
        self,
        prompt: str | RecordPrompt,
        *,
        stop: str | Sequence[str] = (),
        temperature: float = 1.0,
        max_tokens: int = 100,
        seed: int = 0,
    ) -> Completion:
        """Returns the continuation with token counts; arguments as for `complete`."""
        if self._memory.full:
            self._memory = Memory()
            self._relevance = Relevance(self._memory)
        records, query = _bounded(
            split_prompt(prompt) if isinstance(prompt, str) else prompt
        )
        shown = self._memory.shown(records)
        reader = self._reader(shown, query)
        stops = [stop] if isinstance(stop, str) else stop
        text, reason, written = self._write(
            reader, [end for end in stops if end], temperature, max_tokens, Dice(seed)
        )
        return Completion(text, reason, shown.tokens + reader.tokens, written)

    def count(self, text: str) -> int:
        """Returns the number of tokens of a text; records are remembered."""
        if not text.endswith("\n"):
            return count_tokens(text)
        return self._memory.record(text).tokens

    def _reader(self, shown: Shown, query: str) -> _Reader:
        if self.variant == "suffix":
            return SuffixReader(self._memory, shown, query)
        return self._relevance.read(shown, query)

    def _write(
        self,
        reader: _Reader,
        stops: Sequence[str],
        temperature: float,
        max_tokens: int,
        dice: Dice,
    ) -> tuple[str, Literal["stop", "length"], int]:
        """Returns the answer, why it ended, and how many tokens were written."""
        names = self._memory.tokens
        ends = {stop[-1] for stop in stops}
        text = ""
        written = 0
        while written < max_tokens:
            tokens = reader.forced()
            if not tokens:
                counts = reader.next_tokens()
                if len(counts) == 1:
                    tokens = list(counts)
                else:
                    tokens = [choose(counts, names, temperature, dice)]
            for token in tokens[: max_tokens - written]:
                name = names[token]
                text += name
                written += 1
                if ends.isdisjoint(name):
                    continue
                for stop in stops:
                    # A stop string met now ends within the token just written.
                    found = text.find(stop, max(0, len(text) - len(name) - len(stop)))
                    if found >= 0:
                        return text[:found], "stop", written
            reader.append(tokens)
        return text, "length", written


def _bounded(prompt: RecordPrompt) -> tuple[Records, str]:
    """Returns the query, and the latest records that fit what is read at most."""
    if prompt.query.startswith("\n") or BLANK_LINE in prompt.query:
        prompt = split_prompt(prompt.text)
    records, query = as_records(prompt.records), prompt.query
    left = MAX_CHARACTERS - len(query)
    if len(records) * records.longest > left and sum(map(len, records)) > left:
        start = len(records)
        while start and (left := left - len(records[start - 1])) >= 0:
            start -= 1
        records = records[start:]
    return records, query[-MAX_CHARACTERS:]
