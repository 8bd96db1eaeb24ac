"""The recorder: where answers are looked up before anybody is asked, and kept."""

from pathlib import Path

from llmpo.llm.corpus import Corpus
from llmpo.llm.exchange import Exchange
from llmpo.llm.store import ExchangeStore


class Recorder:
    """A corpus that is only read, before a store that is read and written."""

    def __init__(self, corpus: Corpus, store: ExchangeStore) -> None:
        self.corpus = corpus
        self.store = store

    @classmethod
    def open(cls, corpus: Path, store: Path) -> "Recorder":
        """Opens the recorder on a corpus folder and a store folder."""
        return cls(Corpus(corpus), ExchangeStore(store))

    def get(self, key: str) -> Exchange | None:
        """Returns the recorded exchange with this key, or None."""
        return self.corpus.get(key) or self.store.get(key)

    def put(self, exchange: Exchange) -> Exchange:
        """Keeps a new exchange; returns the one that holds for its key."""
        return self.store.put(exchange)

    def close(self) -> None:
        """Closes the store."""
        self.store.close()
