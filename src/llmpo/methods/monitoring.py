"""Monitoring of methods that train: evaluations on fixed seeds as they learn.

Each evaluation is one `Attempt` of the run, a point of its learning curve. Its episodes
are not training steps; the record counts them apart, in the note `monitoring_steps`.
"""

from statistics import fmean

from llmpo.envs.spec import EnvSpec
from llmpo.evaluation import Evaluation, EvaluationTask
from llmpo.methods.base import RunContext
from llmpo.records import Attempt, PolicyArtifact, PolicyKind
from llmpo.sandbox.status import Status
from llmpo.seeds import selection_seeds


class Monitor:
    """Evaluates what a run has learned so far, and keeps its best and last policy.

    Args:
        context: The run.
        kind: How its policies are stored.
        episodes: Episodes of an evaluation, the same ones each time.
    """

    def __init__(self, context: RunContext, kind: PolicyKind, episodes: int) -> None:
        self._context = context
        self._kind: PolicyKind = kind
        self._seeds = selection_seeds(
            episodes, context.spec.id, "monitoring", context.cell.seed
        )
        context.journal.notes.setdefault("monitoring_steps", 0)

    def evaluate(self, number: int, document: str) -> float:
        """Writes the evaluation of a policy into the journal and returns its score.

        Args:
            number: Number of the evaluation, from 1.
            document: The policy as data.
        """
        context = self._context
        task = EvaluationTask(
            environment=context.spec.id,
            options=dict(context.spec.options),
            source=document,
            seeds=self._seeds,
            kind=self._kind,
        )
        (evaluation,) = context.evaluator.evaluate([task])
        context.journal.notes["monitoring_steps"] += evaluation.env_steps
        score = mean_score(evaluation, context.spec)
        context.journal.add(
            Attempt(
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
                is_selected=True,
            )
        )
        self._keep(document, number, score)
        return score

    def _keep(self, document: str, number: int, score: float) -> None:
        journal = self._context.journal
        policy = PolicyArtifact(
            kind=self._kind,
            program=journal.keep(document),
            lifetime="episode",
            round=number,
            selection_score=score,
        )
        best = journal.policies.get("best")
        if best is None or best.selection_score is None or score > best.selection_score:
            journal.policies["best"] = policy
        journal.policies["last"] = policy
        kept = {artifact.program for artifact in journal.policies.values()}
        for key in set(journal.programs) - kept:
            del journal.programs[key]


def mean_score(evaluation: Evaluation, spec: EnvSpec) -> float:
    """Returns the mean of what ranks policies: returns or successes."""
    if spec.score == "success":
        return fmean(evaluation.successes or (0.0,))
    return fmean(evaluation.returns)
