"""Running the cells of a job, and evaluating what they produced on fresh seeds."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from llmpo.config import Config
from llmpo.envs.registry import environment
from llmpo.errors import BudgetExceeded, LlmpoError, PendingRequests
from llmpo.evaluation import EvaluationTask
from llmpo.evaluator import Evaluator
from llmpo.llm.client import LLMClient, LLMSession, open_client
from llmpo.methods.base import Role, RunContext, method, parse_settings
from llmpo.plan import (
    CORPUS,
    PENDING,
    STATE,
    STORE,
    TRAINING,
    imports_state,
    pending_marker,
)
from llmpo.provenance import code_version, package_versions
from llmpo.records import Assessment, Cell, RunRecord, RunStatus
from llmpo.seeds import reporting_seeds
from llmpo.storage import digest, write_text_atomic
from llmpo.training import (
    check_budget,
    identity,
    load_recording,
    note_sitting,
    state_folder,
)

_logger = logging.getLogger(__name__)


def run_cells(
    cells: Sequence[Cell], config: Config, *, root: Path, threads: int = 1
) -> list[RunRecord]:
    """Runs cells one after the other; their candidates share the threads.

    A cell that hits an error does not keep the others from running: what they did is
    cached, and the errors are raised together at the end.

    Args:
        cells: What to run.
        config: The configuration they belong to.
        root: Working folder with corpus, store and caches.
        threads: Worker processes for roll-outs.

    Raises:
        LlmpoError: At least one cell met an error, e.g. a missing recorded answer.
    """
    records, errors = [], []
    with ExitStack() as stack:
        evaluator = stack.enter_context(closing(Evaluator(threads, root / STATE)))
        client = None
        if config.llm and any(method(cell.algorithm).needs_llm for cell in cells):
            client = stack.enter_context(
                open_client(config.llm, corpus=root / CORPUS, store=root / STORE)
            )
        for number, cell in enumerate(cells, start=1):
            report = _reporter(f"{cell.id} ({number}/{len(cells)})")
            try:
                record = _recorded(cell, config, root)
                if record is None:
                    record = run_cell(
                        cell,
                        config,
                        evaluator=evaluator,
                        client=client,
                        report=report,
                        state=root / STATE,
                        threads=threads,
                    )
                else:
                    report("taken from the recorded trainings")
            except LlmpoError as error:
                report(f"stopped: {error}")
                errors.append(error)
                continue
            _mark_pending(root, record)
            records.append(record)
    if errors:
        raise _joined(errors)
    return records


def run_cell(
    cell: Cell,
    config: Config,
    *,
    evaluator: Evaluator,
    client: LLMClient | None,
    report: Callable[[str], None] = lambda line: None,
    state: Path | None = None,
    threads: int = 1,
) -> RunRecord:
    """Runs one cell and returns its record, be it finished, truncated or pending.

    Args:
        cell: What to run.
        config: The configuration it belongs to.
        evaluator: Plays its episodes.
        client: Answers its questions to a model; None without one.
        report: Takes a line about the progress, for people.
        state: Folder for what outlives a killed process; None keeps nothing.
        threads: Threads that the run may keep busy.

    Raises:
        LlmpoError: The run met something it cannot go on from.
    """
    chosen = method(cell.algorithm)
    settings = parse_settings(cell.algorithm, dict(cell.settings), cell.id)
    spec = environment(cell.environment, cell.options)
    session = None
    if client is not None and chosen.needs_llm:
        session = client.session(run=cell.id, seed=cell.seed, budget=config.budget)
    folder = state and state_folder(state, cell) if chosen.role == "training" else None
    context = RunContext(
        cell=cell,
        spec=spec,
        evaluator=evaluator,
        limits=config.sandbox.limits,
        unsafe=config.sandbox.unsafe,
        llm=session,
        env_step_budget=config.budget.env_steps,
        report=report,
        state=folder,
        threads=threads,
    )
    started = time.monotonic()
    status: RunStatus = "finished"
    reason = ""
    try:
        chosen.run(settings, context)
    except PendingRequests as pending:
        status, reason = "pending", str(pending)
    except BudgetExceeded as exceeded:
        status, reason = "truncated", str(exceeded)
    if status == "finished" and not context.journal.policies:
        status, reason = "failed", "No candidate of any round worked."
    if folder is not None:
        note_sitting(folder, time.monotonic() - started)
    report(f"{status}: {reason}" if reason else status)
    journal = context.journal
    return RunRecord(
        cell=cell,
        env_version=spec.version,
        method_version=chosen.version,
        status=status,
        reason=reason,
        settings=settings.model_dump(mode="json"),
        attempts=tuple(journal.attempts),
        programs=journal.programs,
        policies=journal.policies,
        totals=context.totals(),
        predictions=tuple(journal.predictions),
        notes=journal.notes,
        provenance={
            **_llm_provenance(config, session, chosen.role),
            **({"identity": digest(identity(cell))} if folder else {}),
            "sandbox": sorted(journal.layers),
            "packages": package_versions(),
            "source": code_version().source_digest,
        },
    )


def _recorded(cell: Cell, config: Config, root: Path) -> RunRecord | None:
    """Returns the recorded training that stands for a cell; None if it must run."""
    is_training = method(cell.algorithm).role == "training"
    if not is_training or config.training.mode == "train":
        return None
    record = load_recording(root / TRAINING, cell)
    check_budget(record, config.budget.env_steps)
    return record


def _llm_provenance(
    config: Config, session: LLMSession | None, role: Role
) -> dict[str, Any]:
    if config.llm is None or session is None:
        mode = "train" if role == "training" else "none"
        return {"mode": mode, "model": None}
    mode = config.llm.mode
    drifted = session.usage.drifted
    return {
        "mode": f"{mode}, drifted" if drifted else mode,
        "drifted_answers": drifted,
        "model": config.llm.model,
    }


def assess_records(
    records: Sequence[RunRecord], config: Config, *, root: Path, threads: int = 1
) -> list[Assessment]:
    """Evaluates the policies of runs on reporting seeds that no method has seen.

    All runs of an environment are evaluated on the same seeds, those of experiments
    that ask for more episodes on further ones.
    """
    chosen = [
        (record, name)
        for record in records
        for name in sorted(record.policies)
        if record.status in ("finished", "truncated")
        and config.reporting_episodes(record.cell)
    ]
    tasks = [_reporting_task(record, name, config) for record, name in chosen]
    with closing(Evaluator(threads, root / STATE)) as evaluator:
        report = _reporter("assess")
        episodes = sum(len(task.seeds) for task in tasks)
        report(f"{len(tasks)} policies, {episodes} episodes in all")
        evaluations = evaluator.evaluate(tasks, progress=report)
    return [
        Assessment(
            cell=record.cell,
            policy=name,
            program=record.policies[name].program,
            episodes=evaluation.episodes,
        )
        for (record, name), evaluation in zip(chosen, evaluations, strict=True)
    ]


def _reporting_task(record: RunRecord, name: str, config: Config) -> EvaluationTask:
    cell, policy = record.cell, record.policies[name]
    return EvaluationTask(
        environment=cell.environment,
        options=dict(cell.options),
        kind=policy.kind,
        source=record.programs[policy.program],
        seeds=reporting_seeds(config.reporting_episodes(cell), cell.environment),
        lifetime=policy.lifetime,
        limits=config.sandbox.limits,
        unsafe=config.sandbox.unsafe,
    )


def _mark_pending(root: Path, record: RunRecord) -> None:
    """Notes for the workflow whether the cell waits for answers or has got them."""
    marker = root / pending_marker(record.cell)
    if record.status == "pending":
        write_text_atomic(marker, PENDING)
    elif marker.exists():
        write_text_atomic(marker, imports_state(root))


def _reporter(name: str) -> Callable[[str], None]:
    started = time.monotonic()

    def report(line: str) -> None:
        _logger.info("[%s] %.1f s: %s", name, time.monotonic() - started, line)

    return report


def _joined(errors: Sequence[LlmpoError]) -> LlmpoError:
    if len(errors) == 1:
        return errors[0]
    text = "\n\n".join(str(error) for error in errors)
    return LlmpoError(f"{len(errors)} runs stopped with an error:\n\n{text}")
