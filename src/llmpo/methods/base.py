"""What a method is to the harness, and the registry of methods.

A method gets a `RunContext`, spends environment steps and LLM calls through it, and
writes what it does into the context's `Journal` as it goes, so that a run that is
stopped by a budget or waits for answers still leaves an honest record.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from llmpo.envs.spec import EnvSpec
from llmpo.errors import BudgetExceeded, ConfigError
from llmpo.records import Attempt, Cell, PolicyArtifact, PredictionTotals, Totals
from llmpo.sandbox.status import Limits
from llmpo.storage import digest

if TYPE_CHECKING:
    from llmpo.evaluator import Evaluator
    from llmpo.llm.client import LLMSession
    from llmpo.llm.estimate import CallEstimate

ENTRY_POINTS = "llmpo.methods"

Role = Literal["search", "training", "online", "reference"]


class MethodSettings(BaseModel):
    """Base of every method's settings; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass
class Journal:
    """What a run has done so far; becomes its record."""

    attempts: list[Attempt] = field(default_factory=list)
    programs: dict[str, str] = field(default_factory=dict)
    policies: dict[str, PolicyArtifact] = field(default_factory=dict)
    predictions: list[PredictionTotals] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    layers: set[str] = field(default_factory=set)

    def keep(self, source: str) -> str:
        """Stores a program's source and returns its digest."""
        key = digest(source)[:16]
        self.programs[key] = source
        return key

    def add(self, attempt: Attempt) -> int:
        """Appends an attempt and returns its position."""
        self.attempts.append(attempt)
        return len(self.attempts) - 1

    def mark(self, position: int, **changes: bool) -> None:
        """Changes flags of an attempt, such as `is_final`."""
        self.attempts[position] = self.attempts[position].model_copy(update=changes)


@dataclass
class RunContext:
    """All that one run may use.

    Attributes:
        llm: The run's LLM calls; None for methods that need no model.
        env_step_budget: Limit on environment steps; None for no limit.
        report: Takes one line about the progress, for people.
        state: Folder for checkpoints of this very run, which outlive a killed
            process; None keeps nothing.
        threads: Threads that the run may keep busy.
    """

    cell: Cell
    spec: EnvSpec
    evaluator: "Evaluator"
    limits: Limits
    unsafe: bool = False
    llm: "LLMSession | None" = None
    env_step_budget: int | None = None
    report: Callable[[str], None] = lambda line: None
    state: Path | None = None
    threads: int = 1
    journal: Journal = field(default_factory=Journal)
    env_steps: int = 0

    def require_llm(self) -> "LLMSession":
        """Returns the LLM session.

        Raises:
            ConfigError: The configuration has no `llm` section.
        """
        if self.llm is None:
            raise ConfigError(
                f"Running {self.cell.id}: {self.cell.algorithm} needs a model, but "
                "the configuration has no `llm` section."
            )
        return self.llm

    def reserve_env_steps(self, steps: int) -> None:
        """Checks that so many further steps fit the budget, before they are played.

        Raises:
            BudgetExceeded: They do not.
        """
        limit = self.env_step_budget
        if limit is not None and self.env_steps + steps > limit:
            raise BudgetExceeded(
                f"{self.cell.id} has used {self.env_steps} environment steps and the "
                f"next evaluation needs up to {steps}; the budget is {limit}.",
                kind="env_steps",
            )

    def totals(self) -> Totals:
        """Returns what the run has consumed so far."""
        if self.llm is None:
            return Totals(env_steps=self.env_steps)
        usage = self.llm.usage
        return Totals(
            env_steps=self.env_steps,
            calls=usage.calls,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            tokens_estimated=usage.estimated,
            dollars=usage.dollars,
            llm_seconds=usage.seconds,
        )


class Method(Protocol):
    """A method of the harness.

    Attributes:
        name: Registered name.
        version: Raised whenever results change; part of every record and rerun check.
        settings: Class of its settings.
        needs_llm: Whether it calls a model.
        role: How its results count. `search`: the product is the best policy it has
            found. `training`: the product is what it has learned in the end; its runs
            can be recorded. `online`: what counts is how it fares while it learns, the
            regret of its training episodes; the product is what it has learned in the
            end. `reference`: it neither searches nor learns.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    settings: ClassVar[type[MethodSettings]]
    needs_llm: ClassVar[bool]
    role: ClassVar[Role]

    def check(self, settings: Any, spec: EnvSpec) -> None:
        """Checks that the method can work on an environment.

        Raises:
            ConfigError: It cannot, and why.
        """

    def resolve(self, settings: Any, spec: EnvSpec) -> Mapping[str, Any]:
        """Returns all that decides a run's results, as plain data.

        These are the settings, with what they refer to (a budget by name, a file of
        tuned values) looked up.
        """

    def run(self, settings: Any, context: RunContext) -> None:
        """Plays one run, writing into `context.journal`.

        Raises:
            PendingRequests: Batch mode waits for answers.
            BudgetExceeded: A budget of the run is used up.
        """

    def max_env_steps(self, settings: Any, spec: EnvSpec) -> int:
        """Returns an upper bound of one run's environment steps, repairs aside."""

    def compute_seconds(self, settings: Any, spec: EnvSpec) -> float:
        """Returns the CPU seconds of one run beside its simulations, roughly."""

    def estimate_calls(self, settings: Any, spec: EnvSpec) -> "Sequence[CallEstimate]":
        """Returns the LLM calls one run will make, repairs aside."""


@cache
def _registered() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


@cache
def _load(name: str) -> Method:
    chosen: Method = _registered()[name].load()()
    return chosen


def method(name: str) -> Method:
    """Returns the method registered under a name; only that one is imported.

    Raises:
        ConfigError: There is none.
    """
    if name not in _registered():
        known = ", ".join(method_names())
        raise ConfigError(f"There is no method {name!r}; registered are: {known}.")
    return _load(name)


def method_names() -> list[str]:
    """Returns the names of all registered methods."""
    return sorted(_registered())


def parse_settings(name: str, values: dict[str, Any], where: str) -> MethodSettings:
    """Returns a method's settings with all defaults resolved.

    Raises:
        ConfigError: A key or a value is wrong; names `where` it stands.
    """
    try:
        return method(name).settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe_validation_error(error, where)) from None


def describe_validation_error(error: ValidationError, where: str) -> str:
    """Returns all problems of a validation error as one plain message."""
    lines = []
    for problem in error.errors():
        path = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"  {path}: there is no such key")
        else:
            found = f" (found {problem['input']!r})"[:120] if path else ""
            lines.append(f"  {path}: {problem['msg']}{found}")
    return f"{where} cannot be used:\n" + "\n".join(lines)


Preset = Literal["default", "paper"]
