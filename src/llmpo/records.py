"""What a run leaves behind: one validated record per cell, one JSON line each.

Records hold nothing that differs between two identical runs (no times, no host), so a
replay gives the same bytes. Schema changes raise `SCHEMA_VERSION`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from llmpo.errors import DataError
from llmpo.sandbox.status import Status
from llmpo.storage import read_json_lines, write_json_lines

SCHEMA_VERSION = 2

RunStatus = Literal["finished", "truncated", "pending", "failed"]
PolicyKind = Literal["python", "network", "table", "rule", "icpi"]

R = TypeVar("R", bound="Record")


class Record(BaseModel):
    """Base of everything that is written to a result file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cell(Record):
    """One (experiment, environment, method, seed) of the grid.

    Attributes:
        method: Label of the method in the configuration.
        algorithm: Name under which the method is registered.
        settings: The method's settings as written in the configuration.
    """

    experiment: str
    environment: str
    options: Mapping[str, str] = {}
    method: str
    algorithm: str
    settings: Mapping[str, Any] = {}
    seed: int

    @property
    def id(self) -> str:
        """Name of the cell, unique within a configuration and fit for a file name."""
        chosen = "".join(f"+{k}-{v}" for k, v in sorted(self.options.items()))
        return f"{self.experiment}.{self.environment}{chosen}.{self.method}.{self.seed}"


class Totals(Record):
    """What a run has consumed so far, rejected candidates and repairs included.

    Attributes:
        dollars: Price of all calls; None when that of any is unknown.
        llm_seconds: Time the model took; None when that of any call is unknown.
    """

    env_steps: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens_estimated: bool = False
    dollars: float | None = 0.0
    llm_seconds: float | None = 0.0


class Attempt(Record):
    """One scored attempt of a method: a point of its learning curve.

    For methods that train, an attempt is what they have learned after so many steps.

    Attributes:
        round: Refinement round, or number of the evaluation, from 1.
        candidate: Index within the round, from 0.
        attempt: 0 for the first answer, k for the k-th repair.
        exchange: Key of the LLM exchange that it came from; None without LLM.
        program: Digest of its source in the record's `programs`; None without code.
        message: Why it failed; "" when `status` is ok.
        returns: Selection returns of the episodes that were played.
        successes: Selection successes, where the environment has them.
        score: What selection ranks; None unless `status` is ok.
        totals: The run's consumption after this attempt.
        is_final: Whether this is what became of the candidate.
        is_selected: Whether it won its round.
        regret: For one episode that a method learns from: how much less it brought
            than the best one from the same start, as a share of the most that can be
            lost; None where that is unknown.
    """

    round: int
    candidate: int
    attempt: int
    exchange: str | None
    program: str | None
    status: Status
    message: str = ""
    returns: tuple[float, ...] = ()
    successes: tuple[float, ...] | None = None
    score: float | None = None
    totals: Totals
    is_final: bool = True
    is_selected: bool = False
    regret: float | None = None


class PredictionTotals(Record):
    """What a run's predictions of one kind took, and how often they can come true.

    Attributes:
        kind: What was predicted, e.g. `reward`.
        predictions: Predictions begun.
        failed: Predictions without any valid completion.
        calls: Completions asked for, of a language model or another one.
        invalid: Completions that were not valid.
        truncated: Invalid completions that were cut off before their end.
        prompt_tokens: As the model counts them.
        completion_tokens: As the model counts them.
        correct: Predictions that can come true.
        wrong: Predictions that cannot.
        unclear: Predictions about something that does not exist.
    """

    kind: str
    predictions: int = 0
    failed: int = 0
    calls: int = 0
    invalid: int = 0
    truncated: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    correct: int = 0
    wrong: int = 0
    unclear: int = 0


class PolicyArtifact(Record):
    """A policy as the product of a run, to be evaluated on fresh seeds.

    Attributes:
        kind: How to load it: `python` is source code for the sandbox; the others are
            plain data, see `llmpo.policies`.
        program: Digest of the source or data in the record's `programs`.
        lifetime: Whether one object plays one episode or all of them.
        round: Round it came from.
        selection_score: Its (optimistic) score when it was selected; None for a
            policy that nobody selected.
    """

    kind: PolicyKind = "python"
    program: str
    lifetime: Literal["episode", "run"]
    round: int
    selection_score: float | None = None


class RunRecord(Record):
    """Everything one run did.

    Attributes:
        reason: Why the run is not `finished`; "" otherwise.
        settings: The method's settings with all defaults resolved.
        attempts: Scored attempts in order.
        programs: Source texts and policies stored as data, by digest.
        policies: `best` and `last` policy; empty when no attempt succeeded.
        predictions: What a world model's predictions took, by kind.
        notes: The method's own plain data, e.g. feedback texts per round.
        provenance: Versions, sandbox layers and LLM mode the run was made with.
    """

    schema_version: int = SCHEMA_VERSION
    cell: Cell
    env_version: int
    method_version: int
    status: RunStatus
    reason: str = ""
    settings: Mapping[str, Any]
    attempts: tuple[Attempt, ...] = ()
    programs: Mapping[str, str] = {}
    policies: Mapping[str, PolicyArtifact] = {}
    totals: Totals
    predictions: tuple[PredictionTotals, ...] = ()
    notes: Mapping[str, Any] = {}
    provenance: Mapping[str, Any] = {}


class EpisodeResult(Record):
    """One episode of an evaluation.

    Attributes:
        value: Return, by the rule for failed episodes in `llmpo.rollout`.
        success: Success at any step, 0 or 1; None without a notion of success.
        final_success: Success at the last step.
        length: Steps for which the policy supplied the action.
        status: `ok`, or how the policy failed in this episode.
        message: Why it failed.
    """

    seed: int
    value: float
    success: float | None = None
    final_success: float | None = None
    length: int
    status: Status
    message: str = ""


class Assessment(Record):
    """Reporting episodes of one policy of one run, on seeds the method never saw."""

    schema_version: int = SCHEMA_VERSION
    cell: Cell
    policy: str
    program: str
    episodes: tuple[EpisodeResult, ...]


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Writes records as JSON lines, atomically."""
    write_json_lines(path, (record.model_dump(mode="json") for record in records))


def read_records(path: Path, kind: type[R], what: str) -> list[R]:
    """Reads records of one kind.

    Raises:
        DataError: The file is missing, truncated, or a line is not such a record.
    """
    records = []
    for number, value in read_json_lines(path, what):
        try:
            records.append(kind.model_validate(value))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DataError(
                f"Reading {what}: line {number} of {path} does not fit this version "
                f"of llmpo ({where}: {first['msg']}). Delete the file and run again."
            ) from None
    return records
