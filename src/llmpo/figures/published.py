"""Regrets read off the ICPI paper's figures, drawn beside those measured here."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from llmpo.analysis.text import environment_name
from llmpo.envs.registry import environment
from llmpo.published_regrets import (
    READING_ERROR,
    Figure,
    PublishedRegret,
    published_regrets,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RUNS = 4
"""Runs that a published number is a mean of."""

MARK: dict[str, Any] = {
    "marker": "D",
    "markersize": 3.5,
    "markeredgewidth": 0.9,
    "markerfacecolor": "white",
    "color": "black",
    "linestyle": "none",
}
_ERROR: dict[str, Any] = {"elinewidth": 0.9, "capsize": 0, "ecolor": "black"}


def published(figure: Figure, label: str) -> dict[str, PublishedRegret]:
    """Returns the numbers at the end of an environment's curves, by name."""
    return {
        one.name: one
        for one in published_regrets(figure)
        if one.environment == label and one.share == 1
    }


def published_curve(label: str, name: str) -> list[tuple[float, PublishedRegret]]:
    """Returns the numbers along an algorithm's curve, with their environment steps."""
    numbers = [
        one
        for one in published_regrets("algorithms")
        if one.environment == label and one.name == name
    ]
    if not numbers:
        return []
    text = environment(label).text
    assert text is not None  # it is an environment of the paper
    return [(one.share * text.published_steps, one) for one in numbers]


def draw_across(panel: "Axes", y: float, one: PublishedRegret) -> None:
    """Draws a number in a row, with its reading error."""
    panel.errorbar(one.regret, y, xerr=READING_ERROR, zorder=3, **MARK, **_ERROR)


def draw_upright(
    panel: "Axes", x: float, one: PublishedRegret, marker: str = "D"
) -> None:
    """Draws a number above a place on the x axis, with its reading error."""
    looks = MARK | {"marker": marker}
    panel.errorbar(x, one.regret, yerr=READING_ERROR, zorder=3, **looks, **_ERROR)


def entry(label: str, marker: str = "D") -> Any:
    """Returns a legend entry of published numbers."""
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **MARK | {"marker": marker})


def remark(numbers: Iterable[PublishedRegret]) -> str:
    """Returns in words how the numbers were read and what was taken off them."""
    above = [one for one in numbers if one.floor]
    floors = {one.environment: one.floor for one in above}
    text = (
        f"Published numbers were read off curves of {RUNS} runs, to within "
        f"{READING_ERROR} (bars)."
    )
    for label, floor in floors.items():
        text += (
            f" Those of {environment_name(label)} are shown less {floor:.3f}, which "
            "even an optimal agent shows there."
        )
    if any(one.share < 1 for one in above):
        text += " Early in a run, when actions are random, that is too much."
    return text
