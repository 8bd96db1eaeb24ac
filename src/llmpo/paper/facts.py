"""What the paper says about code, versions and recorded data."""

import platform
from pathlib import Path

from llmpo.config import Config
from llmpo.llm.corpus import Corpus, slug
from llmpo.paper.tables import PaperTable
from llmpo.paper.text import NOTHING, count
from llmpo.provenance import PACKAGES, code_version, file_digest, package_versions

_SHORT = 12  # digits of a digest that a reader can compare


def code_values(tidy: Path) -> dict[str, str]:
    """Returns what identifies code and data."""
    code = code_version()
    commit = (code.commit or NOTHING)[:_SHORT]
    return {
        "llmpo_version": code.version,
        "commit": f"{commit}, with local changes" if code.dirty else commit,
        "source_digest": code.source_digest[:_SHORT],
        "tidy_digest": file_digest(tidy)[:_SHORT],
        "python_version": platform.python_version(),
    }


def version_table() -> PaperTable:
    """Returns the versions of all packages that can change a number."""
    versions = package_versions((*PACKAGES, "stable-baselines3", "torch", "typst"))
    return PaperTable(
        header=("Package", "Version"),
        rows=tuple(sorted(versions.items())),
        numeric=(False, False),
    )


def recording_values(config: Config, corpus: Path, training: Path) -> dict[str, str]:
    """Returns the size of what is replayed.

    Args:
        config: The configuration; its model decides which exchanges count.
        corpus: Folder of recorded exchanges.
        training: Folder of recorded training runs.
    """
    folder = corpus / slug(config.llm.model) if config.llm else None
    exchanges = sorted(folder.rglob("*.jsonl")) if folder else []
    recordings = sorted(training.rglob("*.json.xz"))
    return {
        "corpus_exchanges": count(len(Corpus(folder)) if folder else 0, "exchange"),
        "corpus_size": _megabytes(exchanges),
        "training_recordings": count(len(recordings), "recorded training run"),
        "training_size": _megabytes(recordings),
        "training_mode": config.training.mode,
    }


def _megabytes(paths: list[Path]) -> str:
    size = sum(path.stat().st_size for path in paths) / 1e6
    return f"{size:.2f}\N{NO-BREAK SPACE}MB"
