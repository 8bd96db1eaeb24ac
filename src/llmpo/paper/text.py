"""How numbers, and counts of runs, are written in the paper."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NOTHING = "–"


def count(number: float, noun: str, plural: str = "") -> str:
    """Returns a number with its noun: 1 run, 12,000 runs."""
    words = noun if number == 1 else plural or f"{noun}s"
    return f"{whole(number)}\N{NO-BREAK SPACE}{words}"


def whole(number: float) -> str:
    """Returns a whole number with separators: 1,234,567."""
    return f"{round(number):,}".replace("-", "\N{MINUS SIGN}")


def span(numbers: Iterable[float]) -> str:
    """Returns the range of some numbers: 3, or 3 to 5; a dash for none."""
    found = sorted(set(numbers))
    if not found:
        return NOTHING
    if len(found) == 1:
        return whole(found[0])
    return f"{whole(found[0])} to {whole(found[-1])}"


def listing(names: Collection[str]) -> str:
    """Returns names as a sentence lists them: a, b and c."""
    *most, last = names or [NOTHING]
    return f"{', '.join(most)} and {last}" if most else last


def share(part: float, total: float) -> str:
    """Returns a share in per cent: 85%; a dash of nothing."""
    return f"{100 * part / total:.0f}%" if total else NOTHING


def seeds(runs: "pd.DataFrame") -> str:
    """Returns how many runs an environment and a method have: 1 run, 3 to 5 runs."""
    sizes = runs.groupby(["environment", "series"], observed=True).size().tolist()
    noun = "run" if set(sizes) == {1} else "runs"
    return f"{span(sizes)}\N{NO-BREAK SPACE}{noun}"


def statuses(runs: "pd.DataFrame") -> str:
    """Returns how many runs ended how: 5 finished and 1 truncated."""
    parts = [
        f"{whole(size)} {status}"
        for status in ("finished", "truncated", "pending", "failed")
        if (size := (runs.run_status == status).sum())
    ]
    return listing(parts)
