"""One training run: segments from evaluation to evaluation, each resumable."""

import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from llmpo.evaluation import Evaluation, EvaluationTask
from llmpo.methods.base import RunContext
from llmpo.methods.deep_rl.checkpoint import Checkpoint
from llmpo.methods.deep_rl.engine import build_model, train_segment, update_steps
from llmpo.methods.deep_rl.export import export_policy
from llmpo.methods.deep_rl.hyperparameters import resolve_hyperparameters
from llmpo.methods.deep_rl.model_state import (
    buffer_state,
    model_state,
    parameter_count,
    restore_buffer,
    restore_model_state,
)
from llmpo.methods.deep_rl.settings import DeepRLSettings
from llmpo.methods.deep_rl.steps import evaluation_steps
from llmpo.methods.deep_rl.training_env import (
    make_training_env,
    normalization_state,
    observation_keys,
    restore_normalization,
)
from llmpo.records import Attempt, PolicyArtifact
from llmpo.sandbox.status import Status
from llmpo.seeds import generator, selection_seeds
from llmpo.storage import canonical_json

# Seeds of segments also seed environments, one after the other from here on; they stay
# among the seeds a method may see.
_SEED_LIMIT = 2**30 - 2**16


class Training:
    """One run of deep RL.

    Args:
        settings: The method's settings.
        resolved: The same with everything looked up, see `DeepRL.resolve`.
        method_version: Version of the method, for checkpoints.
        context: What the run may use.
    """

    def __init__(
        self,
        settings: DeepRLSettings,
        resolved: Mapping[str, Any],
        method_version: int,
        context: RunContext,
    ) -> None:
        self._settings = settings
        self._context = context
        self._journal = context.journal
        values = resolved["hyperparameters"]
        self._steps: int = resolved["steps"]
        self._points = evaluation_steps(
            self._steps,
            settings.evaluations,
            update_steps(settings.algorithm, values),
        )
        env = make_training_env(
            context.spec, values, keep_dictionary=settings.algorithm == "sac_her"
        )
        self._model = build_model(
            settings.engine,
            settings.algorithm,
            env,
            values,
            steps=self._steps,
            seed=self._seed(0),
        )
        self._normalize = self._model.get_vec_normalize_env()
        self._keys = observation_keys(_raw_space(env))
        cell = context.cell
        self._seeds = selection_seeds(
            settings.evaluation_episodes, cell.environment, "monitoring", cell.seed
        )
        self._checkpoint = Checkpoint(
            context.state, self._identity(resolved, method_version)
        )
        self._journal.notes.update(
            hyperparameters=dict(values),
            hyperparameter_source=resolve_hyperparameters(
                settings, context.spec
            ).source,
            parameters=parameter_count(self._model),
            monitoring_steps=0,
        )

    def run(self) -> None:
        """Trains from the checkpoint, or from the start, to the end.

        Raises:
            BudgetExceeded: The steps of the run are used up.
            DataError: The checkpoint cannot be used.
        """
        try:
            self._restore()
            for number, point in enumerate(self._points, start=1):
                if point > self._model.num_timesteps and not self._has_diverged():
                    self._segment(number, point)
        finally:
            self._model.get_env().close()

    def _segment(self, number: int, point: int) -> None:
        before = self._model.num_timesteps
        self._context.reserve_env_steps(point - before)
        started = time.perf_counter()
        finite = train_segment(self._model, point - before, self._seed(number))
        speed = (self._model.num_timesteps - before) / (time.perf_counter() - started)
        self._context.env_steps = self._model.num_timesteps
        attempt = self._evaluate(number) if finite else self._diverged(number)
        self._journal.add(attempt)
        self._save(last=point == self._steps or not finite)
        score = "diverged" if attempt.score is None else f"{attempt.score:.4g}"
        self._context.report(
            f"{self._context.env_steps}/{self._steps} steps: "
            f"{self._context.spec.score} {score}, {speed:.0f} steps/s"
        )

    def _evaluate(self, number: int) -> Attempt:
        context = self._context
        document = canonical_json(
            export_policy(self._model, self._normalize, self._keys)
        )
        task = EvaluationTask(
            environment=context.cell.environment,
            options=dict(context.cell.options),
            source=document,
            seeds=self._seeds,
            kind="network",
        )
        (evaluation,) = context.evaluator.evaluate([task])
        self._journal.notes["monitoring_steps"] += evaluation.env_steps
        score = self._score(evaluation)
        self._keep(document, number, score)
        return Attempt(
            round=number,
            candidate=0,
            attempt=0,
            exchange=None,
            program=None,
            status=Status.OK,
            returns=evaluation.returns,
            successes=evaluation.successes,
            score=score,
            totals=context.totals(),
            is_final=True,
            is_selected=True,
        )

    def _score(self, evaluation: Evaluation) -> float:
        values = evaluation.returns
        if self._context.spec.score == "success":
            values = evaluation.successes or ()
        return sum(values) / len(values)

    def _keep(self, document: str, number: int, score: float) -> None:
        """Keeps the document as the last policy, and as the best if it is better."""
        journal = self._journal
        policy = PolicyArtifact(
            kind="network",
            program=journal.keep(document),
            lifetime="episode",
            round=number,
            selection_score=score,
        )
        best = journal.policies.get("best")
        journal.policies["last"] = policy
        if best is None or best.selection_score is None or score > best.selection_score:
            journal.policies["best"] = policy
        kept = {policy.program for policy in journal.policies.values()}
        for key in set(journal.programs) - kept:
            del journal.programs[key]

    def _diverged(self, number: int) -> Attempt:
        return Attempt(
            round=number,
            candidate=0,
            attempt=0,
            exchange=None,
            program=None,
            status=Status.CRASH,
            message="Training diverged: parameters of the network are not finite.",
            totals=self._context.totals(),
        )

    def _has_diverged(self) -> bool:
        attempts = self._journal.attempts
        return bool(attempts) and attempts[-1].status is not Status.OK

    def _seed(self, segment: int) -> int:
        """Returns the seed of a segment; 0 stands for building the model."""
        cell = self._context.cell
        rng = generator("training", cell.environment, cell.seed, segment)
        return int(rng.integers(_SEED_LIMIT))

    def _identity(
        self, resolved: Mapping[str, Any], method_version: int
    ) -> dict[str, Any]:
        spec, cell = self._context.spec, self._context.cell
        packages = ["torch", "stable-baselines3", "numpy"]
        if self._settings.engine == "sbx":
            packages += ["sbx-rl", "jax"]
        return {
            "method_version": method_version,
            "environment": spec.label,
            "environment_version": spec.version,
            "seed": cell.seed,
            "settings": dict(resolved),
            "packages": {package: version(package) for package in packages},
        }

    def _save(self, *, last: bool) -> None:
        if not self._checkpoint.is_kept:
            return
        journal = self._journal
        state: dict[str, Any] = {
            "journal": {
                "attempts": [a.model_dump(mode="json") for a in journal.attempts],
                "programs": dict(journal.programs),
                "policies": {
                    name: policy.model_dump(mode="json")
                    for name, policy in journal.policies.items()
                },
                "monitoring_steps": journal.notes["monitoring_steps"],
            },
            "model": model_state(self._model),
        }
        if self._normalize is not None:
            state["normalization"] = normalization_state(self._normalize)
        # Nothing goes on from the end of a run, and buffers are big.
        if hasattr(self._model, "replay_buffer") and not last:
            state["buffer"] = buffer_state(self._model)
        self._checkpoint.save(state)

    def _restore(self) -> None:
        state = self._checkpoint.load()
        if state is None:
            return
        saved, journal = state["journal"], self._journal
        journal.attempts[:] = map(Attempt.model_validate, saved["attempts"])
        journal.programs.update(saved["programs"])
        journal.policies.update(
            (name, PolicyArtifact.model_validate(policy))
            for name, policy in saved["policies"].items()
        )
        journal.notes["monitoring_steps"] = saved["monitoring_steps"]
        restore_model_state(self._model, state["model"])
        if self._normalize is not None:
            restore_normalization(self._normalize, state["normalization"])
        if "buffer" in state:
            restore_buffer(self._model, state["buffer"])
        self._context.env_steps = self._model.num_timesteps
        self._context.report(
            f"going on from a checkpoint at {self._context.env_steps} steps"
        )


def _raw_space(env: Any) -> Any:
    """Returns the environment's own observation space, below all views of it."""
    (first, *_) = env.get_attr("env")
    return first.observation_space
