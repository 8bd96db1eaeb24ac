"""`Provider`: whatever can answer requests.

Replay, live calls, batch files and the mock are providers. A further one, say a
predictor inside this process, needs this one method; `LLMClient` takes any.
"""

from collections.abc import Sequence
from typing import Protocol

from llmpo.llm.exchange import Exchange, Request


class Provider(Protocol):
    """Answers requests."""

    def answer(self, requests: Sequence[Request], origin: str) -> list[Exchange]:
        """Returns one exchange per request, in the order of the requests.

        Args:
            requests: Requests that belong together, e.g. all samples of a round.
            origin: Name of the run that asks.
        """
        ...

    def close(self) -> None:
        """Releases files and connections."""
        ...
