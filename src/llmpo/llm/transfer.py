"""Moving exchanges between the store and the corpus, without loss either way."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from llmpo.llm.corpus import Corpus, group_file
from llmpo.llm.exchange import Exchange
from llmpo.llm.store import ExchangeStore
from llmpo.storage import write_json_lines


@dataclass(frozen=True)
class TransferReport:
    """What a transfer did.

    Attributes:
        added: Number of exchanges that are new at the destination.
        present: Number that were there already.
        conflicts: Keys with another answer at the destination, which was kept.
        files: Corpus files that were written.
        skipped: Number of scripted answers left out.
    """

    added: int
    present: int
    conflicts: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    skipped: int = 0


def export_corpus(
    store: Path, corpus: Path, *, include_mock: bool = False
) -> TransferReport:
    """Adds the exchanges of a store to a corpus.

    A new exchange goes to the file of its model and of the run that asked first; what
    the corpus holds already stays where it is. Exporting twice changes nothing.

    Args:
        store: Store folder.
        corpus: Corpus folder; created if needed.
        include_mock: Whether scripted answers go along.

    Raises:
        DataError: The store or the corpus is damaged; the corpus is unchanged.
    """
    recorded = Corpus(corpus)
    new: dict[Path, list[Exchange]] = defaultdict(list)
    present, skipped, conflicts = 0, 0, []
    exchanges = ExchangeStore(store)
    try:
        for exchange in exchanges:
            known = recorded.get(exchange.key)
            if known is not None:
                present += known == exchange
                conflicts += [exchange.key] if known != exchange else []
            elif exchange.collected_by == "mock" and not include_mock:
                skipped += 1
            else:
                new[corpus / group_file(exchange)].append(exchange)
    finally:
        exchanges.close()
    added = sum(len(group) for group in new.values())
    for exchange in recorded if new else ():
        path = recorded.path_of(exchange.key)
        if path in new:
            new[path].append(exchange)
    for path, group in new.items():
        group.sort(key=lambda exchange: exchange.key)
        write_json_lines(path, (exchange.record() for exchange in group))
    return TransferReport(added, present, tuple(conflicts), tuple(sorted(new)), skipped)


def import_corpus(corpus: Path, store: Path) -> TransferReport:
    """Adds the exchanges of a corpus to a store, all or none.

    Raises:
        DataError: The store or the corpus is damaged; the store is unchanged.
    """
    added, present, conflicts = [], 0, []
    exchanges = ExchangeStore(store)
    try:
        for exchange in Corpus(corpus):
            known = exchanges.get(exchange.key)
            if known is None:
                added.append(exchange)
            elif known == exchange:
                present += 1
            else:
                conflicts.append(exchange.key)
        exchanges.put_all(added)
    finally:
        exchanges.close()
    return TransferReport(len(added), present, tuple(conflicts))
