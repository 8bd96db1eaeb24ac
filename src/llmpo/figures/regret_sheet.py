"""What the figures of regrets share: looks of the series, curves and final regrets."""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpo.analysis.regret import (
    RegretCurve,
    incomplete,
    mean_regret,
    regret_curve,
    runs_within,
)
from llmpo.analysis.studies import Studies, Variant, studies, variants
from llmpo.analysis.table import OnlineRuns, TidyTable
from llmpo.analysis.text import environment_name
from llmpo.figures.sheet import Look
from llmpo.figures.style import GREY, add_title, series_colours
from llmpo.statistics import LEAST_RUNS, Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROLE = "online"
_BOUNDS = ("random", "optimal")  # algorithms that learn nothing, to compare with
_DOTTED = (":", (0, (6, 1, 1, 1)), (0, (1, 3)))
_DASHED = ("-", (0, (3.2, 1.0)), (0, (1, 1)), (0, (6, 1, 1, 1)))


class Final(NamedTuple):
    """Mean regret in the last part of the runs, and how many runs have one."""

    estimate: Estimate
    runs: int


class RegretSheet:
    """Runs of methods that act while they learn, with what several figures need.

    Attributes:
        online: The runs.
        environments: Labels of their environments.
    """

    def __init__(self, table: TidyTable) -> None:
        self.online: OnlineRuns = table.online
        self.environments = table.online.environments
        self._curves: dict[tuple[str, str], RegretCurve | None] = {}
        self._finals: dict[tuple[str, str], Final | None] = {}

    @property
    def has_runs(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self.environments)

    @cached_property
    def studies(self) -> Studies:
        """The questions with the series that answer them."""
        return studies(self.online)

    @cached_property
    def looks(self) -> dict[str, Look]:
        """Looks by series, the same in every figure of regrets.

        A colour stands for an algorithm and its model; the same with other settings
        has that colour and another line. What learns nothing is grey and dotted.
        """
        found = self.studies
        first = [found.base] if found.base else []
        order = {one.series: one for one in (*first, *found.algorithms, *found.models)}
        order |= {one.series: one for one in variants(self.online)}
        bounds = [name for name, one in order.items() if is_bound(one)]
        kinds: dict[tuple[Any, ...], list[str]] = {}
        for name, one in order.items():
            if name not in bounds:
                kinds.setdefault(_kind(one), []).append(name)
        looks = {
            name: Look(ROLE, GREY, _DOTTED[index % len(_DOTTED)])
            for index, name in enumerate(bounds)
        }
        for names, colour in zip(kinds.values(), _colours(len(kinds)), strict=True):
            for index, name in enumerate(names):
                line = _DASHED[index % len(_DASHED)]
                looks[name] = Look(ROLE, colour, line)
        return looks

    def curve(self, environment: str, series: str) -> RegretCurve | None:
        """Returns a series' curve; None where no run has finished an episode."""
        key = (environment, series)
        if key not in self._curves:
            self._curves[key] = regret_curve(self.online, *key)
        return self._curves[key]

    def final(self, environment: str, series: str) -> Final | None:
        """Returns the regret at the end; None where no run came that far."""
        key = (environment, series)
        if key not in self._finals:
            estimate = mean_regret(self.online, *key)
            runs = runs_within(self.online, *key)
            self._finals[key] = Final(estimate, runs) if estimate else None
        return self._finals[key]

    def present(self, names: Iterable[str]) -> list[str]:
        """Returns the environments in which one of these series has runs."""
        runs = self.online.runs
        present = set(runs.environment[runs.series.isin(list(names))])
        return [name for name in self.environments if name in present]

    def label(self, series: str) -> str:
        """Returns a series' name with its runs per environment."""
        runs = self.online.runs
        counts = runs[runs.series == series].groupby("environment", observed=True)
        sizes = counts.size()
        low, high = int(sizes.min()), int(sizes.max())
        number = f"{low}" if low == high else f"{low}–{high}"
        few = ", no interval" if high < LEAST_RUNS else ""
        return f"{series} ({number} run{'s' if high > 1 else ''}{few})"

    def add_title(self, panel: "Axes", environment: str, names: Iterable[str]) -> None:
        """Puts the environment above a panel, and what its runs lack below it."""
        names = list(names)
        parts = incomplete(self.online, environment, names)
        note = ""
        if parts:
            runs = self.online.runs
            here = (runs.environment == environment) & runs.series.isin(names)
            note = f"{int(here.sum())} runs: {', '.join(parts)}"
        add_title(panel, environment_name(environment), note.replace(" ", "\xa0"))


def is_bound(one: Variant) -> bool:
    """Tells whether a series learns nothing and is only there to compare with."""
    return one.changes.get("algorithm") in _BOUNDS


def _colours(count: int) -> list[Any]:
    """Returns the usual colours; light blue comes late, as the base is blue."""
    first = series_colours(7)
    return [*first[:5], *first[:4:-1], *series_colours(count)[7:]][:count]


def _kind(one: Variant) -> tuple[Any, ...]:
    """Returns what has a colour of its own."""
    model = one.setting("model")
    # Which language model it is, is not a setting of the method.
    return (one.method, one.setting("algorithm"), model or one.series)
