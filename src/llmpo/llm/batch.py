"""Batch: requests are written to files and answered elsewhere.

For clusters without a network, and for the cheaper batch interfaces of providers.
"""

from collections.abc import Sequence
from pathlib import Path

from llmpo.errors import PendingRequests
from llmpo.llm.exchange import Exchange, Request
from llmpo.llm.pending import Pending
from llmpo.llm.recorder import Recorder


class Batch:
    """Answers what is recorded and writes the rest out."""

    def __init__(self, recorder: Recorder, store: Path) -> None:
        self._recorder = recorder
        self._store = store
        self._pending = Pending(store)

    def answer(self, requests: Sequence[Request], origin: str) -> list[Exchange]:
        """Returns the recorded answers if all are there.

        Raises:
            PendingRequests: Some are not; all open requests are written out.
        """
        found = {request.key(): request for request in requests}
        exchanges = [self._recorder.get(key) for key in found]
        answers = {exchange.key: exchange for exchange in exchanges if exchange}
        self._pending.discard(answers)
        open_requests = {key: found[key] for key in found if key not in answers}
        if not open_requests:
            return [answers[request.key()] for request in requests]
        self._pending.add(open_requests.values(), origin)
        raise PendingRequests(
            f"Run {origin} waits for {len(open_requests)} of {len(requests)} answers "
            f"({len(self._pending)} requests are open in all). The requests are under "
            f"{self._pending.folder}: requests.jsonl per model for a batch interface, "
            "requests/*.prompt.md one by one. Have them answered, import the answers "
            f"with `llmpo llm import FILES --store {self._store}`, and run again.",
            tuple(open_requests),
        )

    def close(self) -> None:
        """Closes the store."""
        self._recorder.close()
