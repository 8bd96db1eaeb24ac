"""Fixtures shared by all kinds of tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmpo.config import Config, load_config
from llmpo.records import RunRecord
from llmpo.runner import run_cells

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


class ScriptedRun:
    """Runs one cell with a scripted model in a folder of its own.

    Answers are given by purpose, or by template where the name has a slash, and take
    turns by the sample index.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def config(
        self,
        answers: dict[str, list[str]],
        env: str = "noise_world_board_1",
        **keys: Any,
    ) -> Config:
        """Writes the script and returns the configuration of one cell."""
        rules = [
            {"template" if "/" in name else "purpose": name, "answers": texts}
            for name, texts in sorted(answers.items(), key=lambda a: "/" not in a[0])
        ]
        script = self.root / "script.yaml"
        script.write_text(yaml.safe_dump({"rules": rules}))
        settings = {
            "rounds": 1,
            "candidates": 1,
            "episodes": 2,
            **keys.pop("settings", {}),
        }
        values = {
            "llm": {"mode": "mock", "model": "mock/script", "mock_script": str(script)},
            "experiments": {
                "test": {
                    "environments": [env],
                    "methods": {
                        "promptpo": {"method": "promptpo", "settings": settings}
                    },
                    "seeds": [0],
                }
            },
            "evaluation": {"episodes": 20},
            **keys,
        }
        return load_config(values, "The test configuration")

    def __call__(
        self, answers: dict[str, list[str]], *, threads: int = 1, **keys: Any
    ) -> RunRecord:
        config = self.config(answers, **keys)
        (record,) = run_cells(config.cells(), config, root=self.root, threads=threads)
        return record


@pytest.fixture
def scripted_run(tmp_path: Path) -> Callable[..., RunRecord]:
    """Runs PromptPO on board 1 with a scripted model."""
    return ScriptedRun(tmp_path)
