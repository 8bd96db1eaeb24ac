"""What all figures of one tidy table share: looks of the series, and their scores."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from llmpo.analysis.curves import Axis, SeriesCurves, learning_curves
from llmpo.analysis.summary import HeldOut, held_out, without_policy
from llmpo.analysis.table import TidyTable
from llmpo.figures.style import GREY, series_colours
from llmpo.statistics import LEAST_RUNS
from llmpo.tidy import product

ABLATIONS = "ablations"
_LINES = {"search": "-", "training": (0, (3.2, 1.0)), "online": (0, (1, 1))}
_DOTTED = (":", "-.", (0, (1, 3)), (0, (6, 1, 1, 1, 1, 1)))
_ROLES = ("search", "training", "online", "reference")


@dataclass(frozen=True)
class Look:
    """How a series looks, the same in every figure.

    Attributes:
        role: Role of its method: search, training, online or reference.
        colour: Its own colour; references are all grey.
        line: Line style: solid for searches, dashed for training, dotted for online
            methods and references. In figures of regrets, see `RegretSheet.looks`.
    """

    role: str
    colour: Any
    line: Any


class Sheet:
    """The tidy table with what several figures need of it, computed once.

    Attributes:
        table: The tidy table.
    """

    def __init__(self, table: TidyTable) -> None:
        self.table = table
        self._curves: dict[Axis, dict[tuple[str, str], SeriesCurves]] = {}

    @property
    def has_runs(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self.table.environments)

    @cached_property
    def looks(self) -> dict[str, Look]:
        """Looks by series: searches, training, online methods, references."""
        names = dict.fromkeys(self.table.runs.series)  # in the configuration's order
        roles = {name: self.table.role(name) for name in names}
        order = sorted(names, key=lambda name: _ROLES.index(roles[name]))
        # Ablations come last, so that they take no colour from what is in all figures.
        order.sort(key=lambda name: name in self.ablations)
        coloured = [name for name in order if roles[name] != "reference"]
        colours = dict(zip(coloured, series_colours(len(coloured)), strict=True))
        greys = [name for name in order if roles[name] == "reference"]
        looks = {
            name: Look("reference", GREY, _DOTTED[index % len(_DOTTED)])
            for index, name in enumerate(greys)
        }
        for name, colour in colours.items():
            looks[name] = Look(roles[name], colour, _LINES[roles[name]])
        return {name: looks[name] for name in order}

    @cached_property
    def shown(self) -> list[str]:
        """The series of all figures: all but those of ablations."""
        return [name for name in self.looks if name not in self.ablations]

    @cached_property
    def ablations(self) -> set[str]:
        """Series of experiments called `ablations`; they have a figure of their own.

        None where there is nothing else to draw.
        """
        runs = self.table.runs
        others = set(runs.series[runs.experiment != ABLATIONS])
        return set(runs.series) - others if others else set()

    def series(self, *roles: str) -> dict[str, Look]:
        """Returns the series with one of these roles, ablations aside."""
        looks = {name: self.looks[name] for name in self.shown}
        return {name: look for name, look in looks.items() if look.role in roles}

    def environments(self, names: Iterable[str]) -> list[str]:
        """Returns the environments in which one of these series has runs."""
        runs = self.table.runs
        present = set(runs.environment[runs.series.isin(list(names))])
        return [name for name in self.table.environments if name in present]

    @cached_property
    def here(self) -> dict[str, TidyTable]:
        """The table's rows by environment; far quicker to select from."""
        tables = {}
        parts = {
            name: dict(
                list(getattr(self.table, name).groupby("environment", observed=True))
            )
            for name in ("candidates", "episodes", "runs")
        }
        for environment in self.table.environments:
            rows = {
                name: part.get(environment, getattr(self.table, name).iloc[:0])
                for name, part in parts.items()
            }
            tables[environment] = replace(self.table, **rows)
        return tables

    def curves(self, axis: Axis) -> dict[tuple[str, str], SeriesCurves]:
        """Returns learning curves by environment and series."""
        if axis not in self._curves:
            self._curves[axis] = learning_curves(self.table, axis)
        return self._curves[axis]

    @cached_property
    def held_out(self) -> dict[tuple[str, str, str], HeldOut]:
        """Held-out scores by environment, series and policy; absent without policy."""
        scores = {}
        for environment, table in self.here.items():
            for series in self.looks:
                for policy in ("best", "last"):
                    score = held_out(table, environment, series, policy)
                    if score is not None:
                        scores[environment, series, policy] = score
        return scores

    def result(self, environment: str, series: str) -> HeldOut | None:
        """Returns the held-out score of a series' product; None where there is none."""
        policy = product(self.looks[series].role)
        return self.held_out.get((environment, series, policy))

    def label(self, series: str) -> str:
        """Returns a series' name with its runs per environment, and what they lack."""
        runs = self.table.runs[self.table.runs.series == series]
        counts = runs.groupby("environment", observed=True).size()
        low, high = int(counts.min()), int(counts.max())
        number = f"{low}" if low == high else f"{low}–{high}"
        text = f"{series} ({number} run{'s' if high > 1 else ''})"
        return text if self.has_interval(series) else f"{text[:-1]}, no interval)"

    def has_interval(self, series: str) -> bool:
        """Returns whether a series has enough runs for an interval anywhere."""
        runs = self.table.runs[self.table.runs.series == series]
        return bool(
            runs.groupby("environment", observed=True).size().max() >= LEAST_RUNS
        )

    def references(self, environment: str) -> dict[str, float]:
        """Returns the scores of the reference policies by label, lowest first."""
        levels: dict[str, float] = {}
        for series in self.series("reference"):
            score = self.result(environment, series)
            if score is not None:
                # Without the experiment's name: a reference is the same in all.
                label = series.rpartition(": ")[2].replace("_", " ")
                levels[label] = score.estimate.value
        return dict(sorted(levels.items(), key=lambda item: item[1]))

    def note(self, environment: str, names: Iterable[str]) -> list[str]:
        """Returns what is to be known of runs that have not ended as they should.

        Args:
            environment: Label of the environment.
            names: The series to speak of.
        """
        table = self.here[environment]
        runs = table.runs[table.runs.series.isin(list(names))]
        counts = {
            status: int((runs.run_status == status).sum())
            for status in ("truncated", "pending", "failed")
        }
        missing = sum(without_policy(table, environment, name) for name in names)
        # A failed run has no policy anyway.
        counts["without policy"] = max(0, missing - counts["failed"])
        return [f"{count} {what}" for what, count in counts.items() if count]
