"""A small made-up results folder with all that the paper is built from."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmpo.config import load_config
from llmpo.errors import PrerequisiteError
from llmpo.paper.macros import Macros, write_macros
from llmpo.plan import make_plan, write_plan
from llmpo.provenance import describe
from llmpo.storage import write_json, write_text_atomic

_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40">'
    '<rect width="90" height="40" fill="{}"/></svg>'
)
_CONFIG = {
    "llm": {"mode": "replay", "model": "made/up"},
    "experiments": {
        "test": {
            "environments": ["noise_world_board_1"],
            "methods": {
                "promptpo": {
                    "method": "promptpo",
                    "settings": {"rounds": 3, "candidates": 4},
                }
            },
            "seeds": [0, 1],
        }
    },
}


class Results:
    """A results folder; `write` makes its parts anew."""

    def __init__(
        self,
        root: Path,
        make_tidy: Callable[..., Path],
        make_online_tidy: Callable[..., Path],
    ) -> None:
        self.data = root / "results"
        self.make_tidy = make_tidy
        self.make_online_tidy = make_online_tidy
        self.corpus = root / "exchanges"
        self.training = root / "training"

    def write(self, figures: tuple[str, ...] = (), **options: Any) -> Macros:
        self.write_tidy(**options)
        write_plan(self.data / "plan.json", make_plan(load_config(_CONFIG, "test")))
        for name in figures:
            self.draw(name)
        return self.write_macros()

    def write_tidy(
        self,
        *,
        online: Mapping[str, Any] | None = None,
        only_online: bool = False,
        **options: Any,
    ) -> None:
        """Writes the tidy table, with or without online runs."""
        lines: list[str] = []
        if not only_online:
            lines = self.make_tidy(**options).read_text().splitlines()
        if online is not None:
            lines += (
                self.make_online_tidy(**online).read_text().splitlines()[bool(lines) :]
            )
        write_text_atomic(self.data / "tidy.csv", "\n".join(lines) + "\n")

    def write_table(self, name: str, text: str) -> None:
        path = self.data / "tables" / f"{name}.csv"
        write_text_atomic(path, text)
        self._say_inputs(path)

    def draw(self, name: str, colour: str = "teal") -> None:
        path = self.data / "figures" / f"{name}.svg"
        write_text_atomic(path, _SVG.format(colour))
        self._say_inputs(path)

    def write_macros(self) -> Macros:
        return write_macros(
            self.data / "tidy.csv",
            self.data / "plan.json",
            self.data / "tables",
            self.corpus,
            self.training,
            self.data / "paper" / "macros.json",
        )

    def _say_inputs(self, path: Path) -> None:
        record = describe([self.data / "tidy.csv"])
        write_json(path.with_suffix(".provenance.json"), record)


@pytest.fixture
def results(
    tmp_path: Path,
    make_tidy: Callable[..., Path],
    make_online_tidy: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Results:
    """A results folder to be filled; no simulator is started for it."""

    def refuse(spec: Any) -> None:
        raise PrerequisiteError("no simulators in unit tests")

    monkeypatch.setattr("llmpo.paper.environments.shared_environment", refuse)
    return Results(tmp_path, make_tidy, make_online_tidy)


@pytest.fixture
def manuscript(repository: Path) -> Path:
    """The shipped manuscript."""
    return repository / "paper" / "llmpo.typ"
