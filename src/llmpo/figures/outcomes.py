"""What became of the candidates: fine at once, repaired, or failed and how."""

from typing import TYPE_CHECKING, Any

from llmpo.figures.style import WARNING, add_legend, add_title
from llmpo.figures.summary import OUTCOMES, outcomes, select
from llmpo.figures.table import TidyTable
from llmpo.figures.text import environment_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABELS = {
    "ok": "worked at first",
    "repaired": "worked after repair",
    "no_code": "no code in answer",
    "syntax": "syntax error",
    "contract": "class or method missing",
    "crash": "crash",
    "timeout": "time limit",
    "memory": "memory limit",
    "bad_action": "invalid action",
}
# Below this share of a bar, a count would not fit into its piece.
_LEAST_SHARE_WITH_COUNT = 0.06


def draw_outcomes(table: TidyTable) -> "Figure":
    """Draws shares of candidates by outcome, a bar per environment.

    Each method has a panel of its own; the number at the right is how many candidates
    its shares are of.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    colours = _colours()
    columns = min(3, len(table.series))
    rows = -(-len(table.series) // columns)
    height = 0.27 * len(table.environments) + 0.9
    figure = Figure(
        figsize=(max(3.2 * columns + 2.4, 7.5), rows * height + 1.1),
        layout="constrained",
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True).flatten()
    for unused in grid[len(table.series) :]:
        unused.set_axis_off()
    for panel, series in zip(grid, table.series, strict=False):
        _draw_panel(panel, table, series, colours)
    add_legend(
        figure,
        [Patch(color=colours[name], label=_LABELS[name]) for name in OUTCOMES],
        "Share of candidates; at the right of each bar, the number of candidates.",
    )
    return figure


def _draw_panel(
    panel: "Axes", table: TidyTable, series: str, colours: dict[str, Any]
) -> None:
    for row, environment in enumerate(table.environments):
        counts = outcomes(select(table.candidates, environment, series))
        total = sum(counts.values())
        left = 0.0
        for name, count in counts.items():
            share = count / max(total, 1)
            panel.barh(row, share, left=left, height=0.72, color=colours[name], lw=0)
            if share >= _LEAST_SHARE_WITH_COUNT:
                panel.text(
                    left + share / 2,
                    row,
                    str(count),
                    ha="center",
                    va="center_baseline",
                    fontsize=7,
                    color=_readable_on(colours[name]),
                )
            left += share
        failed = total - counts["ok"] - counts["repaired"]
        _write_total(panel, select(table.runs, environment, series), row, total, failed)
    names = [environment_name(environment) for environment in table.environments]
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.set_xlim(0, 1)
    panel.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    add_title(panel, series)


def _write_total(panel: "Axes", runs: Any, row: int, total: int, failed: int) -> None:
    place, text, colour = 0.01, "", "black"
    if total:
        place, text = 1.02, f"{total}, {failed} failed" if failed else str(total)
    elif runs.empty:
        text = "not in the grid"
    else:
        states = ", ".join(sorted(set(runs.run_status)))
        text, colour = f"no candidates ({states})", WARNING
    panel.text(place, row, text, va="center_baseline", fontsize=7.5, color=colour)


def _colours() -> dict[str, Any]:
    import seaborn as sns

    # Blues for what worked, anything but blue and green for what failed.
    tones = sns.color_palette("colorblind")
    order = (0, 9, 7, 8, 1, 3, 4, 5, 6)
    return dict(zip(OUTCOMES, [tones[index] for index in order], strict=True))


def _readable_on(colour: Any) -> str:
    red, green, blue = colour[:3]
    return "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else "black"
