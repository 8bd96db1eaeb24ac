"""The plan: the grid's cells, laid out over jobs, and what makes a job run again."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from llmpo.config import Config, load_config
from llmpo.envs.registry import environment
from llmpo.errors import ConfigError, PrerequisiteError
from llmpo.evaluation import EVALUATION_VERSION
from llmpo.llm.corpus import slug
from llmpo.methods.base import method, parse_settings
from llmpo.provenance import file_digest
from llmpo.records import SCHEMA_VERSION, Cell, Record
from llmpo.storage import digest, read_json, write_json
from llmpo.training import recording_path

# Where a working folder keeps what; all relative to it.
CORPUS = Path("workflow/resources/exchanges")
STORE = Path("recordings")
STATE = Path("results/state")
TRAINING = Path("workflow/resources/training")

# What the marker of a waiting cell holds; no digest looks like it.
PENDING = "pending"


class Plan(Record):
    """A validated configuration with its cells laid out over jobs.

    Attributes:
        config: The configuration, all defaults resolved.
        jobs: Ids of the cells of each job.
    """

    schema_version: int = SCHEMA_VERSION
    config: Mapping[str, Any]
    cells: tuple[Cell, ...]
    jobs: Mapping[str, tuple[str, ...]]

    @cached_property
    def _by_id(self) -> dict[str, Cell]:
        return {cell.id: cell for cell in self.cells}

    def job_cells(self, job: str) -> list[Cell]:
        """Returns the cells of a job.

        Raises:
            ConfigError: There is no such job.
        """
        if job not in self.jobs:
            raise ConfigError(
                f"The plan has no job {job!r}; it has: {', '.join(self.jobs)}."
            )
        return [self._by_id[name] for name in self.jobs[job]]

    def cell(self, name: str) -> Cell:
        """Returns one cell.

        Raises:
            ConfigError: There is no such cell.
        """
        if name in self._by_id:
            return self._by_id[name]
        raise ConfigError(
            f"The plan has no cell {name!r}. Its first cells are: "
            f"{', '.join(cell.id for cell in self.cells[:5])}."
        )


def make_plan(config: Config) -> Plan:
    """Lays the cells of a configuration out over jobs.

    Raises:
        ConfigError: A method cannot work on an environment.
    """
    cells = config.cells()
    _check_fit(cells)
    return Plan(
        config=config.model_dump(mode="json"),
        cells=tuple(cells),
        jobs=_pack(cells, config),
    )


def _check_fit(cells: Sequence[Cell]) -> None:
    """Checks that methods can work on the environments they are given.

    This can take a simulator. Where one is not installed, its jobs will say so, and
    the others go on.
    """
    checked = set()
    for cell in cells:
        spec = environment(cell.environment, cell.options)
        if (spec.label, cell.experiment, cell.method) in checked:
            continue
        checked.add((spec.label, cell.experiment, cell.method))
        settings = parse_settings(cell.algorithm, dict(cell.settings), cell.id)
        with suppress(PrerequisiteError):
            method(cell.algorithm).check(settings, spec)


def write_plan(path: Path, plan: Plan) -> None:
    """Writes a plan as JSON."""
    write_json(path, plan.model_dump(mode="json"))


def read_plan(path: Path) -> tuple[Plan, Config]:
    """Reads a plan and the configuration in it.

    Raises:
        DataError: The file is missing or not JSON.
        ConfigError: It was made by another version of llmpo.
    """
    value = read_json(path, "the plan")
    try:
        plan = Plan.model_validate(value)
    except ValueError as error:
        raise ConfigError(
            f"The plan {path} does not fit this version of llmpo ({error}). Make it "
            "again: llmpo plan CONFIG --out PLAN."
        ) from None
    return plan, load_config(plan.config, str(path))


def _pack(cells: Sequence[Cell], config: Config) -> dict[str, tuple[str, ...]]:
    """Fills jobs with cells that go together, in the order of the grid.

    Cells go together that need the same of a machine: runs of one method, or all runs
    of an experiment that need neither a language model nor training. A training has a
    job of its own.
    """
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.experiment, _group(cell, config)), []).append(cell)
    jobs: dict[str, tuple[str, ...]] = {}
    for (experiment, group), members in groups.items():
        for part in _parts(members, config):
            name = f"{experiment}.{group}.{len(jobs):04d}"
            jobs[name] = tuple(cell.id for cell in part)
    return jobs


def _group(cell: Cell, config: Config) -> str:
    chosen = method(cell.algorithm)
    if chosen.needs_llm or _trains(cell, config):
        return cell.method
    return "online" if chosen.role == "online" else "baselines"


def _trains(cell: Cell, config: Config) -> bool:
    return method(cell.algorithm).role == "training" and config.training.mode == "train"


def _parts(cells: Sequence[Cell], config: Config) -> Iterator[list[Cell]]:
    part: list[Cell] = []
    work = 0.0
    for cell in cells:
        if part and (work >= config.workflow.job_seconds or _trains(cell, config)):
            yield part
            part, work = [], 0.0
        part.append(cell)
        work += search_seconds(cell, config) + _reporting_seconds(cell, config)
    yield part


def search_seconds(cell: Cell, config: Config) -> float:
    """Returns the estimated CPU time of a cell, its reporting episodes aside."""
    spec = environment(cell.environment, cell.options)
    chosen = method(cell.algorithm)
    if chosen.role == "training" and not _trains(cell, config):
        return 0.0
    settings = parse_settings(cell.algorithm, dict(cell.settings), cell.id)
    simulation = chosen.max_env_steps(settings, spec) * spec.step_microseconds / 1e6
    return simulation + chosen.compute_seconds(settings, spec)


def _reporting_seconds(cell: Cell, config: Config) -> float:
    spec = environment(cell.environment, cell.options)
    steps = 2 * config.reporting_episodes(cell) * spec.horizon
    return steps * spec.step_microseconds / 1e6


@dataclass(frozen=True)
class WorkflowPlan:
    """What the Snakefile needs of a plan, at parse time.

    Attributes:
        jobs: Job names.
    """

    plan: Plan
    config: Config
    root: Path

    @property
    def jobs(self) -> list[str]:
        """Names of the jobs."""
        return list(self.plan.jobs)

    def threads(self, job: str) -> int:
        """Returns how many threads a job can use: only a search uses several."""
        cells = self.plan.job_cells(job)
        searches = any(method(cell.algorithm).role == "search" for cell in cells)
        return 2 if searches else 1

    def fingerprint(self, job: str) -> str:
        """Returns a digest of all that makes a job's results out of date.

        These are its cells with the versions of their methods and environments, the
        settings of model, budget and sandbox, the recorded exchanges it can read and,
        while it waits for answers, what has been imported since.
        """
        cells = self.plan.job_cells(job)
        return digest(
            {
                "cells": [cell.model_dump(mode="json") for cell in cells],
                "versions": [
                    [
                        method(cell.algorithm).version,
                        environment(cell.environment, cell.options).version,
                    ]
                    for cell in cells
                ],
                "formats": [SCHEMA_VERSION, EVALUATION_VERSION],
                "llm": self.config.llm and self.config.llm.model_dump(mode="json"),
                "budget": self.config.budget.model_dump(mode="json"),
                "sandbox": self.config.sandbox.model_dump(mode="json"),
                "resolved": [_resolved(cell) for cell in cells],
                "training": self._training_state(cells),
                "corpus": self._corpus_state(cells),
                "answers": self._answers_state(cells),
            }
        )[:16]

    def _training_state(self, cells: Sequence[Cell]) -> list[str]:
        """Digests of the recorded trainings of the cells, or where they come from."""
        if self.config.training.mode == "train":
            return ["train"]
        return [
            _file_digest(recording_path(self.root / TRAINING, cell))
            for cell in cells
            if method(cell.algorithm).role == "training"
        ]

    def _corpus_state(self, cells: Sequence[Cell]) -> str:
        """Digest of the recorded exchanges of the model, if the cells use one."""
        llm = self.config.llm
        if llm is None or not any(method(c.algorithm).needs_llm for c in cells):
            return ""
        if llm.mode == "mock":
            script = llm.mock_script
            return _file_digest(self.root / script) if script else ""
        return _folder_digest(self.root / CORPUS / slug(llm.model))

    def _answers_state(self, cells: Sequence[Cell]) -> str:
        """Digest of the imports that cells of the job wait for or have waited for."""
        waits = [self.root / pending_marker(cell) for cell in cells]
        states = [path.read_text() for path in waits if path.exists()]
        return imports_state(self.root) if PENDING in states else "".join(states)


def _resolved(cell: Cell) -> Mapping[str, Any]:
    settings = parse_settings(cell.algorithm, dict(cell.settings), cell.id)
    spec = environment(cell.environment, cell.options)
    return method(cell.algorithm).resolve(settings, spec)


def load_plan_for_workflow(values: Mapping[str, Any], root: Path) -> WorkflowPlan:
    """Returns what the Snakefile needs, from the configuration it has read.

    Raises:
        ConfigError: The configuration is not valid.
    """
    config = load_config(values, "The configuration")
    return WorkflowPlan(make_plan(config), config, root)


def pending_marker(cell: Cell) -> Path:
    """Returns the file by which the workflow knows of a cell's wait for answers.

    It holds `PENDING` while the cell waits. Once the cell has gone on, it holds the
    state of the imports it went on with, so that the job is not run again for nothing.
    """
    return STATE / "pending" / cell.id


def imports_state(root: Path) -> str:
    """Returns a digest of all answers imported into a folder so far, "" for none."""
    return _file_digest(root / STORE / "imports.jsonl")


@cache
def _folder_digest(folder: Path) -> str:
    files = sorted(folder.rglob("*.jsonl"))
    return digest([[path.name, _file_digest(path)] for path in files])


def _file_digest(path: Path) -> str:
    return file_digest(path) if path.exists() else ""
