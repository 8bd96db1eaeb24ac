"""Pending requests: questions written out for somebody else to answer.

pending/requests/<key>.json         the whole request, with the run that asks
pending/requests/<key>.prompt.md    the prompt alone, to read or paste
pending/<model>/requests.jsonl      all open chat requests, OpenAI batch format
pending/<model>/requests-text.jsonl the same for text completions
"""

import fcntl
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from llmpo.errors import DataError
from llmpo.llm.corpus import slug
from llmpo.llm.exchange import Request
from llmpo.storage import read_json, write_json, write_json_lines, write_text_atomic

_LOG = logging.getLogger(__name__)

_BATCH_FILES = {
    "chat": ("requests.jsonl", "/v1/chat/completions"),
    "text": ("requests-text.jsonl", "/v1/completions"),
}
PROMPT_SUFFIX = ".prompt.md"


class PendingRequest(BaseModel):
    """A request that waits for its answer, and the run that asked first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    origin: str
    request: Request


class Pending:
    """The pending requests under a store folder; safe for many processes."""

    def __init__(self, store: Path) -> None:
        self.folder = store / "pending"
        self._requests = self.folder / "requests"

    def __iter__(self) -> Iterator[PendingRequest]:
        """Yields all pending requests, in the order of their keys.

        Damaged ones are left out with a warning: they must not hold up the others.
        """
        for path in sorted(self._requests.glob("*.json")):
            try:
                pending = self._read(path)
            except DataError as error:
                _LOG.warning("%s", error)
                continue
            if pending is not None:
                yield pending

    def __len__(self) -> int:
        return sum(1 for _ in self._requests.glob("*.json"))

    def get(self, key: str) -> PendingRequest | None:
        """Returns the pending request with this key, or None.

        Raises:
            DataError: Its file is damaged or was edited.
        """
        return self._read(self._path(key))

    def add(self, requests: Iterable[Request], origin: str) -> None:
        """Writes requests out, and the batch files anew."""
        for request in requests:
            key = request.key()
            if self._is_written(key):
                continue
            prompt = self._requests / f"{key}{PROMPT_SUFFIX}"
            write_text_atomic(prompt, prompt_text(request))
            entry = PendingRequest(key=key, origin=origin, request=request)
            write_json(self._path(key), entry.model_dump(mode="json"))
        self._write_batch_files()

    def discard(self, keys: Iterable[str]) -> int:
        """Removes answered requests; returns how many of the keys were pending."""
        removed = 0
        for key in keys:
            path = self._path(key)
            if path.exists():
                path.unlink(missing_ok=True)
                (self._requests / f"{key}{PROMPT_SUFFIX}").unlink(missing_ok=True)
                removed += 1
        if removed:
            self._write_batch_files()
        return removed

    def prune(self, is_answered: Callable[[str], bool]) -> int:
        """Removes the requests that were answered meanwhile; returns how many."""
        keys = [path.stem for path in self._requests.glob("*.json")]
        return self.discard(key for key in keys if is_answered(key))

    def batch_files(self) -> list[Path]:
        """Returns the files in OpenAI's batch format."""
        return sorted(self.folder.glob("*/requests*.jsonl"))

    def _is_written(self, key: str) -> bool:
        try:
            return self._read(self._path(key)) is not None
        except DataError:
            return False

    def _path(self, key: str) -> Path:
        return self._requests / f"{key}.json"

    def _read(self, path: Path) -> PendingRequest | None:
        if not path.exists():
            return None
        try:
            pending = PendingRequest.model_validate(
                read_json(path, "a pending request")
            )
        except ValidationError:
            pending = None
        if pending is None or not (path.stem == pending.key == pending.request.key()):
            raise DataError(
                f"Reading a pending request: {path} is damaged or was edited. Run "
                "the waiting job again: it writes the request anew."
            )
        return pending

    def _write_batch_files(self) -> None:
        # Jobs write their requests first and list all of them under the lock, so the
        # last one to hold the lock sees every request.
        with self._locked():
            lines: dict[Path, list[Any]] = {path: [] for path in self.batch_files()}
            for pending in self:
                name, url = _BATCH_FILES[pending.request.kind]
                path = self.folder / slug(pending.request.model) / name
                lines.setdefault(path, []).append(_batch_line(pending, url))
            for path, values in lines.items():
                if values:
                    write_json_lines(path, values)
                else:
                    path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def prompt_text(request: Request) -> str:
    """Returns the prompt for a human reader.

    A single user message, and a text to complete, are returned exactly as they are.
    """
    if request.prompt is not None:
        return request.prompt
    if [message.role for message in request.messages] == ["user"]:
        return request.messages[0].content
    return "\n\n".join(
        f"===== {message.role} =====\n\n{message.content}"
        for message in request.messages
    )


def request_body(request: Request) -> dict[str, Any]:
    """Returns what is sent besides the model: the prompt and the set parameters."""
    body = {name: value for name, value in request.params.items() if value is not None}
    if request.kind == "text":
        return {**body, "prompt": request.prompt}
    messages = [message.model_dump(mode="json") for message in request.messages]
    return {**body, "messages": messages}


def _batch_line(pending: PendingRequest, url: str) -> dict[str, Any]:
    provider, slash, name = pending.request.model.partition("/")
    model = name if slash else provider
    body = {"model": model, **request_body(pending.request)}
    return {"custom_id": pending.key, "method": "POST", "url": url, "body": body}
