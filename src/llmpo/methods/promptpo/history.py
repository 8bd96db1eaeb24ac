"""Refinement history: what earlier rounds tell the model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from llmpo.sandbox.status import Status


@dataclass(frozen=True)
class Entry:
    """One round as the model may see it.

    Attributes:
        number: Attempt number, which is the round.
        code: The winner's program; "" when every candidate of the round failed.
        returns: The winner's selection returns.
        successes: Its successes, shown only where success ranks policies.
        score: Its selection score; None when every candidate failed.
        feedback: The feedback program's line for each episode.
        others: One sentence on the round's other candidates, or "".
        reflection: The model's judgement of the winner, or "".
        is_best: Whether the prompt marks the entry as best so far.
    """

    number: int
    code: str = ""
    returns: tuple[float, ...] = ()
    successes: tuple[float, ...] | None = None
    score: float | None = None
    feedback: tuple[str, ...] = ()
    others: str = ""
    reflection: str = ""
    is_best: bool = False

    @property
    def mean_return(self) -> float:
        """Mean selection return."""
        return fmean(self.returns)

    @property
    def success_rate(self) -> float | None:
        """Mean success, where it is shown."""
        return None if self.successes is None else fmean(self.successes)


def best_entry(history: Sequence[Entry]) -> Entry | None:
    """Returns the entry with the best score, the earliest of equals."""
    scored = [entry for entry in history if entry.score is not None]
    return max(scored, key=lambda entry: entry.score or 0.0, default=None)


def visible_history(
    history: Sequence[Entry], *, best_hint_from: int | None, limit: int | None
) -> tuple[list[Entry], int]:
    """Returns the entries to show, in order, and the number of those left out.

    The newest reflection has a block of its own in the prompt, so the latest entry
    goes without. The best entry is always shown, however old.
    """
    best = best_entry(history)
    shown = list(history if limit is None else history[-limit:])
    if best is not None and best not in shown:
        shown.insert(0, best)
    hint = best_hint_from is not None and len(history) >= best_hint_from
    entries = [
        replace(
            entry,
            is_best=hint and entry is best,
            reflection="" if entry is history[-1] else entry.reflection,
        )
        for entry in shown
    ]
    return entries, len(history) - len(shown)


def describe_others(
    others: Sequence[tuple[Status, float | None]],
    score_kind: Literal["return", "success"],
) -> str:
    """Returns one sentence on the candidates that did not win their round."""
    scores = sorted((score for _, score in others if score is not None), reverse=True)
    parts = []
    if scores:
        listed = ", ".join(repr(float(score)) for score in scores)
        parts.append(f"mean {score_kind} {listed}")
    failed = [status for status, score in others if score is None]
    for status in sorted(set(failed)):
        parts.append(f"{failed.count(status)} failed ({status})")
    if not parts:
        return ""
    return "Other candidates of the same round: " + "; ".join(parts) + "."
