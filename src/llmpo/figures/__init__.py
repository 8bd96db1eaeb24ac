"""Figures, one function each, drawn from the tidy table and nothing else."""

from pathlib import Path


def draw_all(tidy: Path, out: Path) -> list[Path]:
    """Draws every figure as PNG and SVG with a provenance file beside it.

    Args:
        tidy: The tidy table, as written by `llmpo aggregate`.
        out: Folder for the figures; created if needed.

    Returns:
        The paths written.

    Raises:
        DataError: The tidy table is missing or no tidy table.
        PrerequisiteError: The plotting libraries are not installed.
    """
    from llmpo.figures.outcomes import draw_outcomes
    from llmpo.figures.progress import (
        draw_cost_in_calls,
        draw_cost_in_tokens,
        draw_learning_curves,
    )
    from llmpo.figures.style import house_style, save
    from llmpo.figures.table import read_tidy

    figures = {
        "learning_curves": draw_learning_curves,
        "cost_calls": draw_cost_in_calls,
        "cost_tokens": draw_cost_in_tokens,
        "outcomes": draw_outcomes,
    }
    table = read_tidy(tidy)
    written: list[Path] = []
    with house_style():
        for name, draw in figures.items():
            written += save(draw(table), out, name, table)
    return written
