"""One run of ICPI: training one agent, and writing down each of its episodes."""

from dataclasses import asdict
from typing import Any

import numpy as np

from llmpo.envs.icpi_rules import as_state
from llmpo.envs.icpi_text import discounted, regret
from llmpo.envs.instances import build_environment
from llmpo.llm.predictors.completion import CompletionModel
from llmpo.methods.base import RunContext
from llmpo.methods.icpi.accuracy import Accuracy
from llmpo.methods.icpi.agents import make_agent
from llmpo.methods.icpi.algorithm import Played, train
from llmpo.methods.icpi.policy import icpi_document
from llmpo.methods.icpi.prediction import Count, Predictions
from llmpo.methods.icpi.prompts import Trajectory
from llmpo.methods.icpi.settings import AnySettings, codec_of, training_steps
from llmpo.records import Attempt, PolicyArtifact, PredictionTotals
from llmpo.sandbox.status import Status
from llmpo.seeds import generator
from llmpo.storage import canonical_json

# Version of the prompts' format; part of what finds recorded answers.
PROMPTS_VERSION = 1


class Run:
    """One run.

    Args:
        settings: The agent and its training.
        context: The run's cell, budget and journal.
        model: Answers the agent's questions.
    """

    def __init__(
        self, settings: AnySettings, context: RunContext, model: CompletionModel
    ) -> None:
        spec = context.spec
        assert spec.text is not None  # see `Method.check`
        self._settings = settings
        self._context = context
        self.codec = codec_of(settings, spec.text)
        self._steps = training_steps(settings, self.codec)
        self._accuracy = Accuracy(self.codec, hints=settings.hints)
        template = f"icpi/{spec.id}@{PROMPTS_VERSION}"
        self._predictions = Predictions(self.codec, settings, template)
        self._agent = make_agent(
            settings,
            self.codec,
            model,
            self._predictions,
            self._stream,
            self._accuracy.observe,
        )
        self._env = build_environment(spec)
        self._trajectories: list[Trajectory] = []
        self._episodes: list[dict[str, Any]] = []
        self._counted = Count()

    def first_line(self) -> str:
        """Returns the line of some state in which episodes start."""
        observation, _ = self._env.reset(seed=0)
        return self.codec.state(as_state(observation), hints=self._settings.hints)

    def play(self) -> None:
        """Trains the agent; leaves a record of what there is, whatever stops it.

        Raises:
            BudgetExceeded: A budget of the run is used up.
            PendingRequests: Batch mode waits for answers.
        """
        context = self._context
        try:
            for played in train(
                self._agent,
                self._env,
                steps=self._steps,
                horizon=context.spec.horizon,
                names=("icpi", context.spec.id, context.cell.seed),
                count_step=self._count_step,
            ):
                self._write(played)
        finally:
            self._finish()

    def close(self) -> None:
        """Closes the environment."""
        self._env.close()

    def _stream(self, name: str) -> np.random.Generator:
        return generator("icpi", name, self._context.spec.id, self._context.cell.seed)

    def _count_step(self) -> None:
        self._context.reserve_env_steps(1)
        self._context.env_steps += 1

    def _write(self, played: Played) -> None:
        context, codec, trajectory = self._context, self.codec, played.trajectory
        self._trajectories.append(trajectory)
        lost = regret(
            codec,
            trajectory.states,
            trajectory.rewards,
            aliased_start_regret=self._settings.aliased_start_regret,
        )
        value = discounted(trajectory.rewards, codec.log_discount)
        total, before = self._predictions.totals(), self._counted
        self._counted = total
        self._episodes.append(
            {
                "steps": played.steps_before,
                "length": len(trajectory),
                "return": value,
                "optimal": lost + value,
                "regret": lost,
                "decided": sum(trajectory.decided),
                "calls": total.calls - before.calls,
                "invalid": total.invalid - before.invalid,
                "prompt_tokens": total.prompt_tokens - before.prompt_tokens,
            }
        )
        number = len(self._trajectories)
        context.journal.add(
            Attempt(
                round=number,
                candidate=0,
                attempt=0,
                exchange=None,
                program=None,
                status=Status.OK,
                returns=(float(sum(trajectory.rewards)),),
                successes=None if played.success is None else (played.success,),
                score=value,
                totals=context.totals(),
                is_selected=True,
                regret=lost / codec.regret_scale,
            )
        )
        context.report(
            f"episode {number}: regret {lost:.3f} after {context.env_steps} of "
            f"{self._steps} environment steps"
        )

    def _finish(self) -> None:
        """Writes the notes and, once an episode is finished, the agent."""
        context, journal = self._context, self._context.journal
        counts, accuracy = self._predictions.counts, self._accuracy.counts
        journal.notes.update(
            episodes=self._episodes, regret_scale=self.codec.regret_scale
        )
        journal.predictions = [
            PredictionTotals(
                kind=kind, **asdict(counts[kind]), **asdict(accuracy[kind])
            )
            for kind in sorted(counts)
        ]
        if not self._trajectories:
            return
        document = icpi_document(self._settings, context.spec, self._trajectories)
        policy = PolicyArtifact(
            kind="icpi",
            program=journal.keep(canonical_json(document)),
            lifetime="episode",
            round=len(self._trajectories),
        )
        journal.policies.update(best=policy, last=policy)
