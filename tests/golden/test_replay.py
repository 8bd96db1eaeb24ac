"""The shipped corpus replays to the very same records.

A difference here is a change of results: raise the version of the method or
environment, list it under *Results* in CHANGELOG.md, and write the records anew:

    LLMPO_UPDATE_GOLDEN=1 python -m pytest tests/golden

Only runs in environments whose returns are exact on every machine are compared byte for
byte; the others replay in tests/workflow, where a changed prompt is a missing answer.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from llmpo.config import read_config
from llmpo.llm.corpus import verify_corpus
from llmpo.plan import CORPUS
from llmpo.runner import assess_records, run_cells

FOLDER = Path(__file__).parent
REPLAYED = (
    "main.noise_world_board_1.promptpo.0",
    "main.noise_world_board_4.promptpo.0",
)
# Runs that need no recorded answers: what they ask is answered in this process.
PREDICTED = (
    "icpi.icpi_chain.icpi.0",
    "icpi.icpi_distractor_chain.suffix.0",
    "icpi.icpi_maze.no_argmax.0",
)


def _replay(repository: Path, root: Path) -> dict[str, dict[str, Any]]:
    corpus = root / CORPUS
    corpus.parent.mkdir(parents=True)
    corpus.symlink_to(repository / CORPUS)
    config = read_config([repository / "workflow/config/config.yaml"])
    cells = [cell for cell in config.cells() if cell.id in (*REPLAYED, *PREDICTED)]
    records = run_cells(cells, config, root=root)
    assessments = assess_records(records, config, root=root, threads=2)
    return {
        record.cell.id: {
            "record": record.model_dump(mode="json", exclude={"provenance"}),
            "assessments": [
                assessment.model_dump(mode="json")
                for assessment in assessments
                if assessment.cell == record.cell
            ],
        }
        for record in records
    }


def test_shipped_corpus_is_in_order(repository: Path):
    assert list((repository / CORPUS).rglob("*.jsonl")), "no corpus is shipped"
    assert verify_corpus(repository / CORPUS) == []


def test_shipped_corpus_holds_nothing_that_no_run_asks_for(repository, replayed):
    asked = {
        attempt["exchange"]
        for name in REPLAYED
        for attempt in replayed[name]["record"]["attempts"]
    }
    # Files are called after the run that asked first, by whatever experiment's name.
    names = {name.split(".", 1)[1] for name in REPLAYED}
    files = [
        path
        for path in (repository / CORPUS).rglob("*.jsonl")
        if path.stem.split(".", 1)[1] in names
    ]
    assert len(files) == len(names)
    for path in files:
        for line in path.read_text().splitlines():
            exchange = json.loads(line)
            if exchange["request"]["purpose"] in ("candidate", "repair"):
                assert exchange["key"] in asked


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    return _replay(FOLDER.parents[1], tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", [*REPLAYED, *PREDICTED])
def test_run_repeats_byte_for_byte(name, replayed):
    text = json.dumps(replayed[name], indent=1, sort_keys=True) + "\n"
    path = FOLDER / f"{name}.json"
    if os.environ.get("LLMPO_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_shipped_answers_are_the_collected_files(repository: Path):
    recorded = {
        exchange["key"]: exchange["text"]
        for path in (repository / CORPUS).rglob("*.jsonl")
        for exchange in map(json.loads, path.read_text().splitlines())
    }
    folder = repository / "workflow/resources/answers/anthropic-claude"
    collected = {path.stem: path.read_text() for path in folder.glob("*.md")}
    assert collected == recorded
