"""The configuration: what to run, as validated data.

Defaults stand here, the YAML file overrides them, the command line overrides both.
The JSON schema `workflow/schemas/config.schema.json` and the page
`workflow/config/README.md` are generated from these classes.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from llmpo.claims import Claim
from llmpo.envs.registry import environment
from llmpo.errors import ConfigError
from llmpo.llm.settings import Budget, LLMSettings
from llmpo.methods.base import (
    describe_validation_error,
    method,
    method_names,
    parse_settings,
)
from llmpo.records import Cell
from llmpo.sandbox.status import Limits

# A mean over fewer reporting episodes says little.
LEAST_EPISODES = 20


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class EnvironmentChoice(_Section):
    """An environment with options, e.g. {id: point_maze_large_v3, layout: shown}."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str = Field(description="Id of a registered environment.")

    @property
    def options(self) -> dict[str, str]:
        """The chosen options by name."""
        chosen = self.model_extra or {}
        return {name: _option_text(value) for name, value in chosen.items()}


class MethodChoice(_Section):
    """A registered method with its settings."""

    method: str = Field(description="Name of a registered method, e.g. promptpo.")
    settings: dict[str, Any] = Field(
        default={}, description="Settings of the method; see its documentation page."
    )
    environments: list[str] | None = Field(
        None,
        description="Ids of those environments of the experiment that this method is "
        "for; null means all.",
    )
    seeds: list[int] | None = Field(
        None,
        min_length=1,
        description="Run seeds of this method; null means the experiment's.",
    )

    @field_validator("seeds")
    @classmethod
    def _check_seeds(cls, seeds: list[int] | None) -> list[int] | None:
        return seeds and _distinct(seeds)


class Experiment(_Section):
    """A grid: every environment with every method and every seed."""

    environments: list[str | EnvironmentChoice] = Field(
        min_length=1,
        description="Environment ids, or mappings with `id` and options.",
    )
    methods: dict[str, MethodChoice] = Field(
        min_length=1, description="Methods by the label they get in figures."
    )
    seeds: list[int] = Field(
        min_length=1, description="Run seeds; each is an independent run."
    )
    episodes: int | None = Field(
        None,
        ge=0,
        description="Reporting episodes of this experiment's policies; null means "
        "evaluation.episodes. 0 where only the regret while learning counts: such runs "
        "are in the figures and tables of regrets and in no others.",
    )

    @field_validator("episodes")
    @classmethod
    def _check_episodes(cls, episodes: int | None) -> int | None:
        if episodes is not None and 0 < episodes < LEAST_EPISODES:
            raise ValueError(f"must be 0 or at least {LEAST_EPISODES}")
        return episodes

    @field_validator("seeds")
    @classmethod
    def _check_seeds(cls, seeds: list[int]) -> list[int]:
        return _distinct(seeds)


class EvaluationSettings(_Section):
    """How results are reported."""

    episodes: int = Field(
        50,
        ge=LEAST_EPISODES,
        description="Reporting episodes of a run's best and last policy, on seeds "
        "that no method sees.",
    )


class SandboxSettings(_Section):
    """Limits of the processes that run generated code."""

    limits: Limits = Field(Limits(), description="Limits of one program's process.")
    unsafe: bool = Field(
        False,
        description="Run generated code without confinement where this machine lacks "
        "the means. Recorded in every result.",
    )


class TrainingSettings(_Section):
    """Where the runs of methods that train come from."""

    mode: Literal["recorded", "train"] = Field(
        "recorded",
        description="`recorded` takes runs that this code has trained before, from "
        "workflow/resources/training; `train` trains, which can take hours.",
    )


class WorkflowSettings(_Section):
    """How cells are laid out over jobs; does not change results."""

    job_seconds: float = Field(
        20.0,
        ge=0,
        description="Cells are packed into one job until its estimated work reaches "
        "so many CPU seconds, to spare process start-ups; 0 gives every cell a job.",
    )


class Config(_Section):
    """A whole configuration file."""

    llm: LLMSettings | None = Field(
        None, description="The model and where its answers come from."
    )
    budget: Budget = Field(Budget(), description="Limits of each single run.")
    experiments: dict[str, Experiment] = Field(
        min_length=1, description="Grids of runs, by name."
    )
    evaluation: EvaluationSettings = Field(
        EvaluationSettings(), description="How results are reported."
    )
    sandbox: SandboxSettings = Field(
        SandboxSettings(), description="How generated code is confined."
    )
    training: TrainingSettings = Field(
        TrainingSettings(),
        description="Where the runs of methods that train come from.",
    )
    claims: list[Claim] = Field(
        [],
        description="Claims to be judged by the results, with tolerances declared "
        "beforehand.",
    )
    workflow: WorkflowSettings = Field(
        WorkflowSettings(), description="How the work is laid out."
    )

    def reporting_episodes(self, cell: Cell) -> int:
        """Returns the number of reporting episodes of each policy of a cell."""
        chosen = self.experiments[cell.experiment].episodes
        return self.evaluation.episodes if chosen is None else chosen

    def cells(self) -> list[Cell]:
        """Returns the grid in order: experiments, environments, methods, seeds.

        Raises:
            ConfigError: An environment, an option, a method or a setting is unknown.
        """
        return [
            cell
            for name, experiment in self.experiments.items()
            for cell in _cells(name, experiment)
        ]


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds) or min(seeds, default=0) < 0:
        raise ValueError("seeds must be distinct and not negative")
    return seeds


def _option_text(value: Any) -> str:
    if isinstance(value, bool):  # YAML reads a plain on and off as truth values
        return "on" if value else "off"
    return str(value)


def load_config(values: Mapping[str, Any], where: str) -> Config:
    """Validates a configuration down to the methods' settings.

    Args:
        values: The parsed YAML.
        where: Where it comes from, for messages.

    Raises:
        ConfigError: With every problem found.
    """
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe_validation_error(error, where)) from None
    counts = Counter(cell.id for cell in config.cells())
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise ConfigError(f"{where} lists these cells twice: {', '.join(repeated)}.")
    names = Counter(claim.id for claim in config.claims)
    if doubled := [name for name, count in names.items() if count > 1]:
        raise ConfigError(f"{where} has two claims called {', '.join(doubled)}.")
    return config


def read_config(paths: list[Path]) -> Config:
    """Reads YAML files; later ones override earlier ones key by key.

    Raises:
        ConfigError: A file is missing, is not YAML, or the result is not valid.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        _merge(merged, _read_yaml(path))
    return load_config(merged, " + ".join(str(path) for path in paths))


def config_schema() -> dict[str, Any]:
    """Returns the JSON schema of configuration files, method settings included."""
    schema = Config.model_json_schema()
    definitions = schema["$defs"]
    choices = []
    for name in method_names():
        settings = method(name).settings.model_json_schema(
            ref_template="#/$defs/{model}"
        )
        definitions.update(settings.pop("$defs", {}))
        definitions[f"{name}_settings"] = settings
        reference = {"$ref": f"#/$defs/{name}_settings"}
        choices.append(
            {
                "if": {"properties": {"method": {"const": name}}},
                "then": {"properties": {"settings": reference}},
            }
        )
    definitions["MethodChoice"]["allOf"] = choices
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema


def _cells(name: str, experiment: Experiment) -> list[Cell]:
    cells: list[Cell] = []
    choices = [
        EnvironmentChoice(id=choice) if isinstance(choice, str) else choice
        for choice in experiment.environments
    ]
    for label, chosen in experiment.methods.items():
        where = f"experiments.{name}.methods.{label}"
        unknown = set(chosen.environments or ()) - {env.id for env in choices}
        if unknown:
            raise ConfigError(
                f"{where}.environments names {', '.join(sorted(unknown))}, which the "
                "experiment does not have. Add it there or correct the name."
            )
    for env in choices:
        environment(env.id, env.options)
        for label, chosen in experiment.methods.items():
            if chosen.environments is not None and env.id not in chosen.environments:
                continue
            where = f"experiments.{name}.methods.{label}.settings"
            parse_settings(chosen.method, chosen.settings, where)
            cells.extend(
                Cell(
                    experiment=name,
                    environment=env.id,
                    options=env.options,
                    method=label,
                    algorithm=chosen.method,
                    settings=chosen.settings,
                    seed=seed,
                )
                for seed in chosen.seeds or experiment.seeds
            )
    return cells


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Reading the configuration: {path}: {error}.") from None
    except yaml.YAMLError as error:
        raise ConfigError(
            f"Reading the configuration: {path} is not YAML: {error}"
        ) from None
    if not isinstance(values, dict):
        raise ConfigError(
            f"Reading the configuration: {path} holds no mapping of keys to values."
        )
    return values


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value
