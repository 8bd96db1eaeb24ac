"""Looks of all figures, and the one way to save them.

A saved figure is a PNG and an SVG that repeat byte for byte, with a provenance file
beside them that says what they were drawn from.
"""

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpo.errors import PrerequisiteError
from llmpo.figures.table import TidyTable
from llmpo.storage import write_bytes_atomic, write_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY = "0.35"
WARNING = "#a02020"
_DOTS_PER_INCH = 200
_NOTE_LINE = 9.5  # height of a line of a note, in points
_LEGEND_COLUMN = 2.9  # width that a column of a legend needs, in inches
_RC = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is everywhere
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.5,
    "legend.title_fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "llmpo",  # otherwise element ids are random
}


@contextmanager
def house_style() -> Iterator[None]:
    """Applies the project's looks, whatever the user's own matplotlib settings say.

    Raises:
        PrerequisiteError: The plotting libraries are not installed.
    """
    try:
        import matplotlib.style
        import seaborn as sns
    except ImportError as error:
        raise PrerequisiteError(
            f"Drawing figures needs {error.name}. Install it with "
            "`pip install 'llmpo[workflow]'`."
        ) from None
    layers: list[Any] = [
        "default",
        sns.axes_style("ticks"),
        sns.plotting_context("paper"),
        _RC,
    ]
    with matplotlib.style.context(layers):
        yield


def palette(count: int) -> list[Any]:
    """Returns colours that colour-blind readers can tell apart, repeating after ten."""
    import seaborn as sns

    return list(sns.color_palette("colorblind", count))


def panels(
    count: int, width: float = 3.1, height: float = 2.35
) -> "tuple[Figure, list[Axes]]":
    """Returns a figure with a grid of panels, with as few gaps as four in a row allow.

    Args:
        count: How many panels.
        width: Width of a panel, in inches.
        height: Height of a panel, in inches.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    choices = [n for n in ((2, 3) if count <= 6 else (3, 4)) if n <= count] or [1]
    columns = min(choices, key=lambda n: (-count % n, -n))
    rows = math.ceil(count / columns)
    # A single panel still has to hold the legend.
    size = (max(columns * width, 6.0), rows * height + 1.3)
    figure = Figure(
        figsize=size, layout=ConstrainedLayoutEngine(wspace=0.04, hspace=0.06)
    )
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for unused in grid[count:]:
        unused.set_axis_off()
    return figure, list(grid[:count])


def add_title(axes: "Axes", title: str, note: str = "") -> None:
    """Puts a title above a panel, and a note in small print below the title."""
    notes = textwrap.wrap(note, 46)
    axes.set_title(
        textwrap.fill(title, 36), loc="left", pad=5 + _NOTE_LINE * len(notes)
    )
    text = axes.annotate(
        "\n".join(notes),
        (0, 1),
        xytext=(0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=7.5,
        linespacing=1.1,
        color=WARNING,
    )
    text.set_in_layout(False)  # a long note must not squeeze its panel


def add_legend(figure: "Figure", handles: Sequence[Any], title: str) -> None:
    """Puts one legend for all panels below them, with a line on how to read them."""
    width = figure.get_size_inches()[0]
    figure.legend(
        handles=list(handles),
        title=textwrap.fill(title, int(width * 14)),
        loc="outside lower center",
        ncols=max(1, int(width / _LEGEND_COLUMN)),
        handlelength=2,
    )


def save(figure: "Figure", folder: Path, name: str, table: TidyTable) -> list[Path]:
    """Writes `<name>.png`, `<name>.svg` and `<name>.provenance.json`.

    Must be called within `house_style`, which also makes the bytes repeatable.
    """
    paths = []
    for suffix, metadata in (
        ("png", {"Software": None}),
        ("svg", {"Date": None, "Creator": None}),
    ):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix, dpi=_DOTS_PER_INCH, metadata=metadata)
        paths.append(folder / f"{name}.{suffix}")
        write_bytes_atomic(paths[-1], buffer.getvalue())
    paths.append(folder / f"{name}.provenance.json")
    write_json(paths[-1], table.provenance())
    return paths
