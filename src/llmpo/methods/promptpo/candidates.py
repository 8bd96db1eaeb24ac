"""One round's candidates: evaluation, repair and selection."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from llmpo.evaluation import Evaluation, EvaluationTask
from llmpo.llm.exchange import Exchange
from llmpo.methods.base import RunContext
from llmpo.methods.promptpo.answers import NO_CODE, extract_program
from llmpo.methods.promptpo.prompting import Prompter
from llmpo.methods.promptpo.settings import PromptPOSettings
from llmpo.records import Attempt
from llmpo.sandbox.status import Failure, Status
from llmpo.seeds import selection_seeds

# Failures that the release meets before a roll-out starts, and does not repair.
_BEFORE_ROLLOUT = {Status.NO_CODE, Status.SYNTAX, Status.CONTRACT}


@dataclass
class Candidate:
    """One sampled policy with all its repairs.

    Attributes:
        attempts: Number of answers evaluated so far.
        position: Position of the latest attempt in the journal.
        score: Selection score; None unless the latest attempt is ok.
    """

    index: int
    exchange: Exchange
    attempts: int = 0
    source: str = ""
    task: EvaluationTask | None = None
    evaluation: Evaluation | None = None
    failure: Failure | None = None
    score: float | None = None
    position: int = field(default=-1)

    @property
    def status(self) -> Status:
        """Status of the latest attempt."""
        return self.failure.status if self.failure else Status.OK

    @property
    def mean_return(self) -> float:
        """Mean selection return of an ok candidate."""
        return fmean(self.evaluation.returns) if self.evaluation else 0.0


def play_round(
    number: int,
    answers: Sequence[Exchange],
    prompter: Prompter,
    settings: PromptPOSettings,
    context: RunContext,
) -> tuple[list[Candidate], Candidate | None]:
    """Evaluates and repairs a round's candidates.

    All failed candidates are repaired together, wave by wave, so that their requests
    go out at the same time.

    Returns:
        All candidates, and the winner; None when every candidate failed.
    """
    candidates = [Candidate(index, answer) for index, answer in enumerate(answers)]
    waiting = candidates
    while waiting:
        _evaluate(number, waiting, settings, context)
        waiting = [c for c in waiting if _is_repairable(c, settings)]
        if not waiting:
            break
        requests = [
            prompter.policy_repair(c.source or c.exchange.text, c.failure)
            for c in waiting
            if c.failure is not None
        ]
        context.report(f"round {number}: repairing {len(waiting)} failed candidates")
        for candidate, answer in zip(
            waiting, context.require_llm().ask(requests), strict=True
        ):
            candidate.exchange = answer
            context.journal.mark(candidate.position, is_final=False)
    winner = select(candidates, settings)
    if winner is not None:
        context.journal.mark(winner.position, is_selected=True)
    return candidates, winner


def select(
    candidates: Sequence[Candidate], settings: PromptPOSettings
) -> Candidate | None:
    """Returns the candidate with the best score; the earliest of equals.

    With `tie_break: return` the mean return decides between equal scores.
    """
    scored = [candidate for candidate in candidates if candidate.score is not None]

    def rank(candidate: Candidate) -> tuple[float, float]:
        tie = candidate.mean_return if settings.tie_break == "return" else 0.0
        return (candidate.score or 0.0, tie)

    return max(scored, key=rank, default=None)


def _is_repairable(candidate: Candidate, settings: PromptPOSettings) -> bool:
    if candidate.failure is None or candidate.attempts > settings.max_repairs:
        return False
    if settings.repair == "all_failures":
        return True
    return candidate.failure.status not in _BEFORE_ROLLOUT


def _evaluate(
    number: int,
    candidates: Sequence[Candidate],
    settings: PromptPOSettings,
    context: RunContext,
) -> None:
    tasks: list[EvaluationTask] = []
    for candidate in candidates:
        candidate.source = extract_program(candidate.exchange.text) or ""
        candidate.task = None
        if candidate.source:
            seeds = _seeds(number, candidate, settings, context)
            candidate.task = _task(candidate.source, seeds, settings, context)
            tasks.append(candidate.task)
    context.reserve_env_steps(len(tasks) * settings.episodes * context.spec.horizon)
    results = context.evaluator.evaluate(tasks, record=True, progress=context.report)
    evaluations = iter(results)
    for candidate in candidates:
        candidate.evaluation = next(evaluations) if candidate.task else None
        _record(number, candidate, context)


def _task(
    source: str,
    seeds: tuple[int, ...],
    settings: PromptPOSettings,
    context: RunContext,
) -> EvaluationTask:
    return EvaluationTask(
        environment=context.spec.id,
        options=dict(context.spec.options),
        source=source,
        seeds=seeds,
        lifetime=settings.policy_lifetime,
        limits=context.limits,
        stop_at_failure=True,
        unsafe=context.unsafe,
    )


def _seeds(
    number: int,
    candidate: Candidate,
    settings: PromptPOSettings,
    context: RunContext,
) -> tuple[int, ...]:
    spec, run_seed = context.spec, context.cell.seed
    if settings.selection_seeds == "per_round":
        return selection_seeds(settings.episodes, spec.id, run_seed, number)
    if spec.published_seeds is not None:
        fixed = spec.published_seeds
        return tuple(fixed[i % len(fixed)] for i in range(settings.episodes))
    return selection_seeds(
        settings.episodes,
        spec.id,
        run_seed,
        number,
        candidate.index,
        candidate.attempts,
    )


def _record(number: int, candidate: Candidate, context: RunContext) -> None:
    evaluation = candidate.evaluation
    candidate.failure = NO_CODE if evaluation is None else evaluation.failure
    candidate.score = None
    if evaluation is not None:
        context.env_steps += evaluation.env_steps
        context.journal.layers.update(evaluation.layers)
        if evaluation.failure is None:
            ranked = evaluation.returns
            if context.spec.score == "success":
                ranked = evaluation.successes or (0.0,)
            candidate.score = fmean(ranked)
    succeeded = candidate.failure is None
    candidate.position = context.journal.add(
        Attempt(
            round=number,
            candidate=candidate.index,
            attempt=candidate.attempts,
            exchange=candidate.exchange.key,
            program=context.journal.keep(candidate.source)
            if candidate.source
            else None,
            status=candidate.status,
            message=candidate.failure.message if candidate.failure else "",
            # Unfinished episodes of a failed candidate are no scores.
            returns=evaluation.returns if evaluation and succeeded else (),
            successes=evaluation.successes if evaluation and succeeded else None,
            score=candidate.score,
            totals=context.totals(),
        )
    )
    candidate.attempts += 1
