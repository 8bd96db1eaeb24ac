"""Sentences that compare methods, as true as the data make them.

Every comparison is of two methods in one environment by their held-out scores. It is
decided when the intervals do not overlap, which is a cautious rule.
"""

from collections.abc import Iterator

from llmpo.analysis.selection import chosen_policies
from llmpo.analysis.summary import HeldOut, held_out
from llmpo.analysis.table import TidyTable
from llmpo.paper.text import count, whole
from llmpo.tidy import product


def comparison_values(table: TidyTable) -> dict[str, str]:
    """Returns counts of comparisons, and the phrases that depend on them."""
    pairs = list(_pairs(table))
    above = sum(search.estimate.low > other.estimate.high for search, other in pairs)
    below = sum(search.estimate.high < other.estimate.low for search, other in pairs)
    single = sum("episodes" in (a.over, b.over) for a, b in pairs)
    return {
        "comparisons": count(len(pairs), "comparison"),
        "comparisons_above": whole(above),
        "comparisons_below": whole(below),
        "comparisons_open": whole(len(pairs) - above - below),
        "comparisons_single": whole(single),
        **_selection_values(table),
    }


def _pairs(table: TidyTable) -> Iterator[tuple[HeldOut, HeldOut]]:
    """Yields every search method with every trained one, in every environment."""
    for environment in table.environments:
        searches = _scores(table, environment, "search")
        trained = _scores(table, environment, "training")
        yield from ((search, other) for search in searches for other in trained)


def _scores(table: TidyTable, environment: str, role: str) -> list[HeldOut]:
    rows = table.runs[
        (table.runs.environment == environment) & (table.runs.role == role)
    ]
    found = (
        held_out(table, environment, series, product(role))
        for series in sorted(set(rows.series))
    )
    return [score for score in found if score is not None]


def _selection_values(table: TidyTable) -> dict[str, str]:
    """Counts the runs in which the score of selection promised too much."""
    runs = chosen_policies(table)
    return {
        "selection_runs": count(len(runs), "run"),
        "selection_higher": whole((runs.selection > runs.held_out).sum()),
    }
