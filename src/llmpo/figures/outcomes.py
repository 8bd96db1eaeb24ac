"""What became of the candidates: fine at once, repaired, or failed and how."""

from typing import TYPE_CHECKING, Any

from llmpo.analysis.summary import OUTCOMES, outcomes, select
from llmpo.analysis.text import environment_name
from llmpo.figures.sheet import Sheet
from llmpo.figures.style import (
    WARNING,
    add_legend,
    add_title,
    row_panels,
    wording,
    write,
)

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


def draw_outcomes(sheet: Sheet) -> "Figure":
    """Draws shares of candidates by outcome, a bar per environment.

    Each search method has a panel of its own; the number at the right is how many
    candidates its shares are of.
    """
    from matplotlib.patches import Patch

    names = list(sheet.series("search"))
    if not names:
        return wording("No method of this configuration searches for programs.")
    colours = _colours()
    labels = [environment_name(name) for name in sheet.table.environments]
    figure, grid = row_panels(len(names), labels)
    for panel, series in zip(grid, names, strict=True):
        _draw_panel(panel, sheet, series, colours)
    add_legend(
        figure,
        [Patch(color=colours[name], label=_LABELS[name]) for name in OUTCOMES],
        "Share of candidates; at the right of each bar, the number of candidates.",
    )
    return figure


def _draw_panel(
    panel: "Axes", sheet: Sheet, series: str, colours: dict[str, Any]
) -> None:
    for row, (environment, table) in enumerate(sheet.here.items()):
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
    panel.set_xlim(0, 1)
    panel.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
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
    write(panel, place, row, text, color=colour)


def _colours() -> dict[str, Any]:
    import seaborn as sns

    # Blues for what worked, anything but blue and green for what failed.
    tones = sns.color_palette("colorblind")
    order = (0, 9, 7, 8, 1, 3, 4, 5, 6)
    return dict(zip(OUTCOMES, [tones[index] for index in order], strict=True))


def _readable_on(colour: Any) -> str:
    red, green, blue = colour[:3]
    return "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else "black"
