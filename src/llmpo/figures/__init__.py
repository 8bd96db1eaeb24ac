"""Figures, one function each, drawn from the tidy table and nothing else.

The gallery of policies has a table of its own beside it.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from llmpo.analysis.table import TidyTable

# Each figure with the module and the function that draws it; drawing libraries are
# imported only then.
_OF_SCORES = {
    "learning_curves": ("progress", "draw_learning_curves"),
    "cost_calls": ("progress", "draw_cost_in_calls"),
    "cost_tokens": ("progress", "draw_cost_in_tokens"),
    "cost_dollars": ("progress", "draw_cost_in_dollars"),
    "cost_seconds": ("progress", "draw_cost_in_seconds"),
    "summary": ("comparison", "draw_summary"),
    "performance_profiles": ("comparison", "draw_performance_profiles"),
    "improvement": ("comparison", "draw_improvement"),
    "sample_efficiency": ("efficiency", "draw_sample_efficiency"),
    "outcomes": ("outcomes", "draw_outcomes"),
    "selection_effect": ("selection", "draw_selection_effect"),
    "rounds_to_best": ("selection", "draw_rounds_to_best"),
    "ablations": ("ablations", "draw_ablations"),
}
_OF_REGRETS = {
    "regret": ("regret", "draw_regret"),
    "regret_without_llm": ("regret", "draw_regret_without_llm"),
    "regret_models": ("regret_finals", "draw_regret_models"),
    "regret_context": ("regret_context", "draw_regret_context"),
    "regret_ablations": ("regret_finals", "draw_regret_ablations"),
    "world_model": ("world_model", "draw_world_model"),
}
GALLERY = "gallery"

FIGURES = (*_OF_SCORES, *_OF_REGRETS)
"""Names of the figures that `draw_all` draws from the tidy table."""


def draw_all(tidy: Path, out: Path, gallery: Path | None = None) -> list[Path]:
    """Draws every figure as PNG and SVG with a provenance file beside it.

    Args:
        tidy: The tidy table, as written by `llmpo aggregate`.
        out: Folder for the figures; created if needed.
        gallery: The table of the policies' kinds; without it, there is no figure
            of them.

    Returns:
        The paths written.

    Raises:
        DataError: A table is missing or not what it should be.
        PrerequisiteError: The plotting libraries are not installed.
    """
    from llmpo.analysis.table import read_tidy
    from llmpo.figures.gallery import draw_gallery, gallery_provenance
    from llmpo.figures.style import house_style, save

    table = read_tidy(tidy)
    provenance = table.provenance()
    written: list[Path] = []
    with house_style():
        for name, figure in drawings(table, FIGURES):
            written += save(figure, out, name, provenance)
        if gallery is not None:
            figure = draw_gallery(gallery)
            written += save(figure, out, GALLERY, gallery_provenance(gallery))
    return written


def drawings(
    table: "TidyTable", names: Sequence[str]
) -> "Iterator[tuple[str, Figure]]":
    """Draws figures one after the other, without saving them.

    Where a table has no runs of the kind that a figure is about, it says so.

    Args:
        table: The tidy table.
        names: Names of the figures.

    Yields:
        Each name with its figure.
    """
    from llmpo.figures.regret_sheet import RegretSheet
    from llmpo.figures.sheet import Sheet
    from llmpo.figures.style import wording

    scores, regrets = Sheet(table), RegretSheet(table)
    sheet: Sheet | RegretSheet
    for name in names:
        if name in _OF_REGRETS:
            sheet, (module, function) = regrets, _OF_REGRETS[name]
            missing = "No method of this configuration acts while it learns."
        else:
            sheet, (module, function) = scores, _OF_SCORES[name]
            missing = "No run of this configuration is evaluated in reporting episodes."
        if sheet.has_runs:
            draw = getattr(import_module(f"llmpo.figures.{module}"), function)
            yield name, draw(sheet)
        else:
            yield name, wording(missing)
