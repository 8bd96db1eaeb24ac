"""Figures, one function each, drawn from the tidy table and nothing else.

The gallery of policies has a table of its own beside it.
"""

from importlib import import_module
from pathlib import Path

# Each figure with the module and the function that draws it; drawing libraries are
# imported only then.
_DRAWN_BY = {
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
GALLERY = "gallery"

FIGURES = tuple(_DRAWN_BY)
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
    from llmpo.figures.sheet import Sheet
    from llmpo.figures.style import house_style, save

    sheet = Sheet(read_tidy(tidy))
    provenance = sheet.table.provenance()
    written: list[Path] = []
    with house_style():
        for name, (module, function) in _DRAWN_BY.items():
            draw = getattr(import_module(f"llmpo.figures.{module}"), function)
            written += save(draw(sheet), out, name, provenance)
        if gallery is not None:
            figure = draw_gallery(gallery)
            written += save(figure, out, GALLERY, gallery_provenance(gallery))
    return written
