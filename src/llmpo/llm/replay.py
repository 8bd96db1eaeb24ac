"""Replay: recorded exchanges only, and a helpful message when one is missing."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Literal

from llmpo.errors import CacheMiss
from llmpo.llm.corpus import Corpus
from llmpo.llm.exchange import Exchange, Request

_LINE_WIDTH = 100
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Replay:
    """Answers from a corpus; never calls a model and never writes.

    Args:
        corpus: The recorded exchanges.
        match: With `numbers`, a request without a recorded answer gets that of a
            recorded request which differs only in the numbers of its prompt. The
            exchange returned is the recorded one, so its key tells that it drifted.
    """

    def __init__(
        self, corpus: Corpus, match: Literal["exact", "numbers"] = "exact"
    ) -> None:
        self._corpus = corpus
        self._match = match
        self._masked: dict[str, str] | None = None

    def answer(self, requests: Sequence[Request], origin: str) -> list[Exchange]:
        """Returns the recorded answers.

        Raises:
            CacheMiss: At least one request was never recorded.
        """
        exchanges = [self._find(request) for request in requests]
        found = [exchange for exchange in exchanges if exchange is not None]
        if len(found) < len(requests):
            missing = requests[exchanges.index(None)]
            raise self._miss(missing, origin, len(requests) - len(found))
        return found

    def close(self) -> None:
        """Does nothing: nothing is held open."""

    def _find(self, request: Request) -> Exchange | None:
        exact = self._corpus.get(request.key())
        if exact is not None or self._match == "exact":
            return exact
        if self._masked is None:
            self._masked = {_masked_key(e.request): e.key for e in self._corpus}
        key = self._masked.get(_masked_key(request))
        return self._corpus.get(key) if key else None

    def _miss(self, request: Request, origin: str, count: int) -> CacheMiss:
        nearest = find_nearest(request, self._corpus)
        if nearest is None:
            comparison = f"{self._corpus.folder} holds no recorded exchanges."
        else:
            comparison = (
                f"The nearest of {len(self._corpus)} recorded exchanges is "
                f"{nearest.key[:12]} in {self._corpus.path_of(nearest.key)}; "
                f"{first_difference(request, nearest.request)}."
            )
        more = f" ({count} such requests in this call)" if count > 1 else ""
        return CacheMiss(
            f"Replaying run {origin}: no recorded answer for purpose "
            f"{request.purpose!r}, template {request.template}, model {request.model}, "
            f"sample {request.sample} (key {request.key()[:12]}){more}.\n{comparison}\n"
            "Either record it (llm.mode: live or batch, then `llmpo llm export`), or "
            "restore the corpus and the templates and settings it was recorded with. "
            "If only numbers differ, as on another kind of processor, llm.match: "
            "numbers takes the nearest answer and marks the run as drifted."
        )


def _masked_key(request: Request) -> str:
    """Returns the key of a request with every number in its prompt masked."""
    messages = tuple(
        message.model_copy(update={"content": _NUMBER.sub("#", message.content)})
        for message in request.messages
    )
    prompt = None if request.prompt is None else _NUMBER.sub("#", request.prompt)
    return request.model_copy(update={"messages": messages, "prompt": prompt}).key()


def find_nearest(request: Request, corpus: Corpus) -> Exchange | None:
    """Returns the recorded exchange most like a request, or None for no records.

    Agreement in model, template and purpose counts first, then how many lines of the
    prompt agree.
    """
    lines = Counter(_prompt_lines(request))

    def likeness(exchange: Exchange) -> tuple[int, float, bool, int]:
        other = exchange.request
        fields = (
            2 * (other.template == request.template)
            + 2 * (other.purpose == request.purpose)
            + (other.model == request.model)
        )
        others = Counter(_prompt_lines(other))
        total = lines.total() + others.total()
        shared = 2 * (lines & others).total() / total if total else 0.0
        same_params = _fields(other)["params"] == _fields(request)["params"]
        return fields, shared, same_params, -abs(other.sample - request.sample)

    return max(corpus, key=likeness, default=None)


def first_difference(request: Request, recorded: Request) -> str:
    """Returns in words the first difference between a request and a recorded one."""
    for name, ours in _fields(request).items():
        theirs = _fields(recorded)[name]
        if ours != theirs:
            return f"{name} is {theirs!r} there and {ours!r} here"
    lines = zip_longest(_prompt_lines(request), _prompt_lines(recorded))
    for number, (our, their) in enumerate(lines, start=1):
        if our != their:
            return (
                f"line {number} of the prompt is\n  {_trim(their, our)}\nthere and\n"
                f"  {_trim(our, their)}\nhere"
            )
    return (
        f"only the sample differs: {recorded.sample} there and {request.sample} here "
        "(the answers of one seed are numbered from seed x 10000)"
    )


def _fields(request: Request) -> dict[str, Any]:
    set_params = {k: v for k, v in request.params.items() if v is not None}
    return {
        "model": request.model,
        "template": request.template,
        "kind": request.kind,
        "params": set_params,
    }


def _prompt_lines(request: Request) -> list[str]:
    lines = []
    for message in request.messages:
        lines.append(f"[{message.role}]")
        lines += message.content.split("\n")
    if request.prompt is not None:
        lines += request.prompt.split("\n")
    return lines


def _trim(line: str | None, other: str | None) -> str:
    if line is None:
        return "(end of the prompt)"
    # A long line is cut around its first difference, not at its start.
    common = 0
    for one, two in zip(line, other or "", strict=False):
        if one != two:
            break
        common += 1
    start = max(0, common - _LINE_WIDTH // 2) if len(line) > _LINE_WIDTH else 0
    end = start + _LINE_WIDTH
    return (
        ("..." if start else "")
        + repr(line[start:end])
        + ("..." if end < len(line) else "")
    )
