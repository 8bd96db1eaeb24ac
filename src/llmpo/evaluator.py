"""`Evaluator`: evaluations shared among worker processes and cached on disk.

Results do not depend on the number of workers, nor on what was cached: an evaluation
is a pure function of its task.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from llmpo.envs.registry import environment
from llmpo.envs.spec import EnvSpec
from llmpo.errors import DataError, SandboxError
from llmpo.evaluation import (
    Evaluation,
    EvaluationTask,
    Lifetime,
    evaluate,
    policy_contract,
    read_trajectories,
)
from llmpo.records import EpisodeResult
from llmpo.sandbox.child.lockdown import die_with_parent
from llmpo.sandbox.contract import Trajectory
from llmpo.sandbox.process import FeedbackProcess
from llmpo.sandbox.status import Failure, Limits, Status
from llmpo.storage import digest, read_json, write_json

FeedbackRecords = Literal["observations", "steps"]

# Episodes of one part of a long evaluation; a new process costs little beside them.
_PART = 5


class Evaluator:
    """Evaluates programs in parallel and remembers the results; to be closed.

    Args:
        threads: Number of worker processes; 1 works in this process.
        cache: Folder of cached results; None caches nothing.
    """

    def __init__(self, threads: int = 1, cache: Path | None = None) -> None:
        self._threads = threads
        self._cache = cache
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """Ends the worker processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def evaluate(
        self,
        tasks: Sequence[EvaluationTask],
        *,
        record: bool = False,
        progress: Callable[[str], None] = lambda line: None,
    ) -> list[Evaluation]:
        """Returns the evaluations of the tasks, in their order.

        Args:
            tasks: What to evaluate; equal tasks are evaluated once.
            record: Whether to keep the trajectories for `summarize`, until `release`.
            progress: Takes one line whenever a part of the work is done.

        Raises:
            SandboxError: Programs cannot be confined here, or a worker died.
        """
        parts = [list(_split(task)) for task in tasks]
        done = iter(self._evaluate([p for ps in parts for p in ps], record, progress))
        return [_merge([next(done) for _ in ps]) for ps in parts]

    def _evaluate(
        self,
        tasks: Sequence[EvaluationTask],
        record: bool,
        progress: Callable[[str], None],
    ) -> list[Evaluation]:
        keys = [task.key() for task in tasks]
        results: dict[str, Evaluation] = {}
        todo: dict[str, EvaluationTask] = {}
        for key, task in zip(keys, tasks, strict=True):
            cached = self._load(key)
            if cached is not None:
                results[key] = cached
            elif record and (path := self._trajectory_file(key)):
                todo[key] = replace(task, record_to=str(path))
            else:
                todo[key] = task
        for key, result in zip(todo, self._map([*todo.values()]), strict=True):
            results[key] = result
            self._save(key, result)
            progress(f"{len(results)}/{len(set(keys))} evaluations done")
        return [results[key] for key in keys]

    def summarize(
        self, task: EvaluationTask, feedback: str, records: FeedbackRecords
    ) -> list[str]:
        """Returns a feedback program's text for each episode of a task.

        Without recorded trajectories, as after a restart, the episodes are simulated
        once more; being the same episodes, they are not new environment interactions.
        If the program fails this time, there are no texts.

        Raises:
            ProgramFailed: The feedback program failed.
        """
        key = digest([task.key(), feedback, records])
        path = self._path("summaries", key)
        if path is not None and path.exists():
            return [str(line) for line in read_json(path, "a cached summary")]
        spec = environment(task.environment, task.options)
        trajectories = self._trajectories(task)
        texts = summarize(
            spec,
            feedback,
            trajectories,
            records,
            task.lifetime,
            task.limits,
            unsafe=task.unsafe,
        )
        if path is not None:
            write_json(path, texts)
        return texts

    def release(self, tasks: Sequence[EvaluationTask]) -> None:
        """Deletes the trajectories that were recorded for these tasks."""
        for task in tasks:
            path = self._trajectory_file(task.key())
            if path is not None:
                path.unlink(missing_ok=True)

    def _trajectories(self, task: EvaluationTask) -> tuple[Trajectory, ...]:
        path = self._trajectory_file(task.key())
        if path is not None and path.exists():
            return read_trajectories(path)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "trajectories.npz"
            evaluate(replace(task, record_to=str(path)))
            # A program that depends on the clock may fail this time.
            return read_trajectories(path) if path.exists() else ()

    def _trajectory_file(self, key: str) -> Path | None:
        return self._cache and self._cache / "trajectories" / f"{key}.npz"

    def _map(self, tasks: Sequence[EvaluationTask]) -> Iterator[Evaluation]:
        """Yields results in the order of the tasks, each as soon as it is there."""
        if self._threads == 1 or len(tasks) <= 1:
            yield from map(evaluate, tasks)
            return
        if self._pool is None:
            # Not fork: the parent may hold threads (LLM calls) and simulators.
            self._pool = ProcessPoolExecutor(
                self._threads,
                mp_context=get_context("spawn"),
                # Workers of a killed job would wait for work for ever.
                initializer=die_with_parent,
                initargs=(os.getpid(),),
            )
        try:
            yield from self._pool.map(evaluate, tasks)
        except BrokenProcessPool:
            raise SandboxError(
                "Evaluating candidates: a worker process of the harness died, "
                "probably for lack of memory. Run again with fewer threads; "
                "everything that was finished is kept."
            ) from None

    def _path(self, kind: str, key: str) -> Path | None:
        return self._cache and self._cache / kind / key[:2] / f"{key}.json"

    def _load(self, key: str) -> Evaluation | None:
        path = self._path("evaluations", key)
        if path is None or not path.exists():
            return None
        try:
            return _from_json(read_json(path, "a cached evaluation"))
        except (DataError, KeyError, TypeError, ValueError):
            # The cache is only a shortcut: an unreadable entry is computed again.
            return None

    def _save(self, key: str, result: Evaluation) -> None:
        path = self._path("evaluations", key)
        if path is not None:
            write_json(path, _to_json(result))


def _split(task: EvaluationTask) -> Iterator[EvaluationTask]:
    """Yields parts of a task that do not depend on each other, in order.

    The parts are the same for any number of workers, so results cannot depend on it.
    """
    if task.stop_at_failure or task.lifetime == "run":
        yield task
        return
    for start in range(0, len(task.seeds), _PART):
        yield replace(task, seeds=task.seeds[start : start + _PART])


def _merge(parts: Sequence[Evaluation]) -> Evaluation:
    failures = [part.failure for part in parts if part.failure is not None]
    return Evaluation(
        episodes=tuple(episode for part in parts for episode in part.episodes),
        failure=failures[0] if failures else None,
        env_steps=sum(part.env_steps for part in parts),
        layers=parts[0].layers,
    )


def summarize(
    spec: EnvSpec,
    feedback: str,
    trajectories: Sequence[Trajectory],
    records: FeedbackRecords,
    lifetime: Lifetime,
    limits: Limits,
    *,
    unsafe: bool = False,
) -> list[str]:
    """Runs a feedback program, sandboxed, on each trajectory.

    Raises:
        ProgramFailed: The feedback program failed.
    """
    contract = policy_contract(spec, lifetime)
    with FeedbackProcess(
        feedback,
        contract.observation,
        contract.action,
        limits,
        records=records,
        unsafe=unsafe,
    ) as process:
        return [process.summarize(trajectory) for trajectory in trajectories]


def _to_json(result: Evaluation) -> dict[str, Any]:
    failure = result.failure
    return {
        "episodes": [episode.model_dump(mode="json") for episode in result.episodes],
        "failure": failure
        and {
            "status": failure.status,
            "message": failure.message,
            "traceback": failure.traceback,
        },
        "env_steps": result.env_steps,
        "layers": list(result.layers),
    }


def _from_json(value: dict[str, Any]) -> Evaluation:
    failure = value["failure"]
    return Evaluation(
        episodes=tuple(EpisodeResult.model_validate(e) for e in value["episodes"]),
        failure=failure
        and Failure(
            Status(failure["status"]), failure["message"], failure["traceback"]
        ),
        env_steps=value["env_steps"],
        layers=tuple(value["layers"]),
    )
