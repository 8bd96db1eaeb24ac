"""Regrets read off the figures of the ICPI paper, for comparison.

Brooks and others, "Large Language Models Can Implement Policy Iteration" (arXiv
2210.03821). No table of results was published; the numbers were read off the images of
the learning curves by colour, means of four seeds.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

Figure = Literal["algorithms", "ablations", "models"]

READING_ERROR = 0.02
"""Error of each number."""


@dataclass(frozen=True)
class PublishedRegret:
    """One number.

    Attributes:
        figure: `algorithms`: curves of the algorithms; `ablations`, `models`: the ends
            of curves.
        environment: Id of the environment.
        name: The algorithm, the setting that was changed, or the language model;
            algorithms and settings have their names in `llmpo.methods.icpi`.
        share: Where it was read, as a share of the curve's environment steps.
        printed: Regret as printed.
        floor: What an optimal agent shows in that figure. The released code compares
            with a wrong start state in one domain.
    """

    figure: Figure
    environment: str
    name: str
    share: float
    printed: float
    floor: float

    @property
    def regret(self) -> float:
        """The regret above its floor."""
        return max(0.0, self.printed - self.floor)


@cache
def published_regrets(figure: Figure) -> tuple[PublishedRegret, ...]:
    """Returns all numbers of a figure.

    The maze number of the figure with ablations that is labelled c = 16 is left out:
    it belongs to the curve of another figure.
    """
    text = files("llmpo").joinpath("data", "icpi_published.csv").read_text("utf-8")
    return tuple(
        PublishedRegret(
            figure=cast(Figure, row["figure"]),
            environment=row["environment"],
            name=row["name"],
            share=float(row["share"]),
            printed=float(row["regret"]),
            floor=float(row["floor"]),
        )
        for row in csv.DictReader(text.splitlines())
        if row["figure"] == figure
    )


PUBLISHED_BUDGETS = {
    "GPT-J-6B": 400,
    "InCoder-6.7B": 400,
    "OPT-30B": 400,
    "code-cushman-001": 1849,
    "code-davinci-002": 3800,
}
"""Most prompt tokens of each model in the released code."""
