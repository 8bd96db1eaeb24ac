"""How often the world model is right: a diagnostic, of which the agent hears nothing.

The published code also ran the true environment beside each rollout, inside the agent.
Here the agent's valid predictions are reported to an observer, which knows the rules.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from llmpo.envs.icpi_text import Query, TextCodec

_REMEMBERED = 1 << 14


@dataclass
class Judged:
    """Valid predictions of one kind.

    Attributes:
        correct: Those that can come true.
        wrong: Those that cannot.
        unclear: Those about texts that name no state.
    """

    correct: int = 0
    wrong: int = 0
    unclear: int = 0


class Accuracy:
    """Counts the world model's valid predictions by whether they can come true.

    Args:
        codec: The domain.
        hints: Whether states are written with hints; a wrong hint is a wrong state.
    """

    def __init__(self, codec: TextCodec, *, hints: bool) -> None:
        self._codec = codec
        self._hints = hints
        self._judge = lru_cache(_REMEMBERED)(self._is_possible)
        self.counts = defaultdict[Query, Judged](Judged)

    def observe(self, kind: Query, state: str, action: int, answer: object) -> None:
        """Judges a prediction.

        Args:
            kind: What was predicted.
            state: The line that the prediction was about.
            action: The action that it was about.
            answer: The prediction: termination, reward, or the next state's line.
        """
        possible = self._judge(kind, state, action, answer)
        judged = self.counts[kind]
        judged.correct += possible is True
        judged.wrong += possible is False
        judged.unclear += possible is None

    def _is_possible(
        self, kind: Query, state: str, action: int, answer: object
    ) -> bool | None:
        exact = self._codec.parse_state(state)
        if exact is None:
            return None
        cases = self._codec.rules.all_cases(exact, action)
        match kind:
            case "termination":
                return any(case.terminated == answer for case in cases)
            case "reward":
                return any(case.reward == answer for case in cases)
            case _:
                return any(
                    self._codec.state(case.state, hints=self._hints) == answer
                    for case in cases
                )
