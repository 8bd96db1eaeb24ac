"""The recorder's working store: a diskcache of JSON strings.

Every answer is written here the moment it arrives. The store is private to the machine
(SQLite is not safe on network file systems); the corpus is what is shipped.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from llmpo.errors import DataError, PrerequisiteError
from llmpo.llm.exchange import Exchange, parse_exchange
from llmpo.storage import canonical_json

_FOLDER = "exchanges"
_LOCK_TIMEOUT = 60.0
_Result = TypeVar("_Result")


class ExchangeStore:
    """Exchanges under their keys, on disk; safe for many processes and threads."""

    def __init__(self, folder: Path) -> None:
        """Opens the store under a folder, creating it if needed.

        Raises:
            PrerequisiteError: diskcache is not installed.
            DataError: The store is damaged or cannot be written.
        """
        self.folder = folder / _FOLDER
        self._cache: Any = self._guard(lambda: _open_cache(self.folder))

    def get(self, key: str) -> Exchange | None:
        """Returns the exchange with this key, or None."""
        text = self._guard(lambda: self._cache.get(key, retry=True))
        return None if text is None else self._parse(key, text)

    def put(self, exchange: Exchange) -> Exchange:
        """Stores an exchange unless its key is taken, and returns what is stored.

        The first answer wins, so two processes that ask the same question at the same
        time go on with the same answer.
        """
        text = canonical_json(exchange.record())
        key = exchange.key
        if self._guard(lambda: self._cache.add(key, text, retry=True)):
            return exchange
        stored = self.get(key)
        return exchange if stored is None else stored

    def put_all(self, exchanges: Iterable[Exchange]) -> None:
        """Stores many exchanges in one transaction: all or none of them."""

        def store() -> None:
            with self._cache.transact(retry=True):
                for exchange in exchanges:
                    self.put(exchange)

        self._guard(store)

    def __contains__(self, key: str) -> bool:
        return bool(self._guard(lambda: key in self._cache))

    def __len__(self) -> int:
        return int(self._guard(lambda: len(self._cache)))

    def __iter__(self) -> Iterator[Exchange]:
        """Yields all exchanges, in the order of their keys."""
        for key in sorted(self._guard(lambda: list(self._cache))):
            exchange = self.get(key)
            if exchange is not None:
                yield exchange

    def close(self) -> None:
        """Closes the store."""
        self._cache.close()

    def _parse(self, key: str, text: str) -> Exchange:
        where = f"record {key[:12]} of the store {self.folder}"
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(
                f"Reading a recorded exchange: {where} is not valid JSON ({error}). "
                "Move the store away and run again; exported answers are kept."
            ) from None
        return parse_exchange(value, where)

    def _guard(self, action: Callable[[], _Result]) -> _Result:
        try:
            return action()
        except (sqlite3.Error, OSError, _NotPlainText) as error:
            raise DataError(
                f"Using the store of LLM answers: {self.folder} cannot be read or "
                f"written ({error}). Check the disk and the permissions; if the store "
                "is damaged, move it away and run again (exported answers are kept)."
            ) from None


class _NotPlainText(Exception):
    """Something other than a string was about to enter or leave the store."""


def _open_cache(folder: Path) -> Any:
    try:
        import diskcache
    except ImportError:
        raise PrerequisiteError(
            "The modes live and batch keep answers with diskcache, which is not "
            "installed. Run: pip install 'llmpo[live]'"
        ) from None

    class PlainTextDisk(diskcache.Disk):  # type: ignore[misc]
        """Keeps strings only: reading a pickle would run code of whoever wrote it."""

        def put(self, key: Any) -> tuple[Any, bool]:
            _need_text(key)
            return key, True

        def get(self, key: Any, raw: bool) -> Any:
            _need_text(key if raw else None)
            return key

        def store(
            self, value: Any, read: bool, key: Any = None
        ) -> tuple[int, int, None, str]:
            _need_text(value)
            return 0, diskcache.core.MODE_RAW, None, value

        def fetch(self, mode: int, filename: Any, value: Any, read: bool) -> str:
            _need_text(value if mode == diskcache.core.MODE_RAW else None)
            return str(value)

    return diskcache.Cache(
        str(folder),
        timeout=_LOCK_TIMEOUT,
        disk=PlainTextDisk,
        # The defaults evict old entries above one GiB; answers are never evicted.
        eviction_policy="none",
        cull_limit=0,
        size_limit=2**40,
        # An answer must be on disk before it is used, even if the power fails next.
        sqlite_synchronous=2,
    )


def _need_text(value: Any) -> None:
    if type(value) is not str:
        raise _NotPlainText("it holds something other than text")
