"""What a change of one setting, or of what the model is told, did to the scores."""

from typing import TYPE_CHECKING

from llmpo.analysis.ablations import Change, ablations
from llmpo.figures.rows import draw_estimate, legend_entries, set_scale
from llmpo.figures.sheet import Sheet
from llmpo.figures.style import add_legend, add_title, panels, wording, write
from llmpo.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_ablations(sheet: Sheet) -> "Figure":
    """Draws differences to the base method, a panel per group of changes."""
    found = ablations(sheet.table)
    if not found:
        return wording("There is no ablation in this configuration.")
    most = max(len(one.changes) for one in found)
    figure, grid = panels(len(found), width=4.2, height=0.27 * most + 0.9)
    for panel, one in zip(grid, found, strict=True):
        shown = [change.estimate for change in one.changes]
        parts = [value for change in one.changes for value in change.differences]
        set_scale(panel, [*shown, *map(Estimate, parts)], (0.0,))
        panel.set_yticks(range(most), _padded([c.name for c in one.changes], most))
        panel.set_ylim(most - 0.5, -0.5)
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
        for y, change in enumerate(one.changes):
            if change.estimate is None:
                write(panel, 0.02, y, "nothing to compare")
                continue
            look = sheet.looks[change.series]
            draw_estimate(panel, y, change.estimate, look, change.differences)
            write(panel, 1.02, y, _basis(change))
        panel.set_xlabel(f"difference to {one.base}, normalised score")
        add_title(panel, one.title)
    add_legend(
        figure,
        legend_entries(),
        "Mean difference of held-out scores over environments, whose own differences "
        "are the small dots. Right of each panel: environments compared, times the "
        "fewest runs in one of them.",
    )
    return figure


def _basis(change: Change) -> str:
    return f"{len(change.environments)} × {change.runs}"


def _padded(names: list[str], count: int) -> list[str]:
    """Returns names for so many rows, the last ones empty."""
    return names + [""] * (count - len(names))
