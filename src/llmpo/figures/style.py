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

from llmpo.analysis.text import short_number
from llmpo.errors import PrerequisiteError
from llmpo.storage import write_bytes_atomic, write_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

GREY = "0.35"
SCORE_NAMES = {"return": "return", "success": "success rate"}
WARNING = "#a02020"
_DOTS_PER_INCH = 200
_MOST_DOTS = 5e6  # of a PNG; large figures get fewer dots per inch
_DOTS_PER_INCH_OF_IMAGES = 120  # of clouds of dots within an SVG
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


def series_colours(count: int) -> list[Any]:
    """Returns colours that colour-blind readers can tell apart.

    After seven, the same colours come again, darker. Grey is left for references,
    and yellow and pale pink for nobody: thin lines in them cannot be seen.
    """
    import seaborn as sns

    tones = sns.color_palette("colorblind")
    light = [tones[index] for index in (0, 1, 2, 3, 4, 9, 5)]
    dark = [tuple(0.5 * part for part in tone) for tone in light]
    every = [*light, *dark]
    return [every[index % len(every)] for index in range(count)]


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


def row_panels(
    count: int, labels: Sequence[str], width: float = 3.2, row: float = 0.27
) -> "tuple[Figure, list[Axes]]":
    """Returns a figure with panels that all have the same labelled rows.

    Args:
        count: How many panels.
        labels: Labels of the rows, from top to bottom.
        width: Width of a panel with the notes at its right, in inches.
        row: Height of a row, in inches.
    """
    from matplotlib.figure import Figure

    columns = min(count, 2 if count == 4 else 3)
    rows = -(-count // columns)
    names = 0.075 * max(map(len, labels), default=0) + 0.1
    figure = Figure(
        figsize=(
            max(width * columns + names, 7.0),
            rows * (row * len(labels) + 0.9) + 1.1,
        ),
        layout="constrained",
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True).flatten()
    for unused in grid[count:]:
        unused.set_axis_off()
    for panel in grid[:count]:
        panel.set_yticks(range(len(labels)), labels)
        panel.set_ylim(len(labels) - 0.5, -0.5)
        for border in range(1, len(labels)):
            panel.axhline(border - 0.5, color="0.93", lw=0.6, zorder=0)
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
    return figure, list(grid[:count])


def write(axes: "Axes", x: float, y: float, text: str, **looks: Any) -> None:
    """Writes small print in a row; x is a share of the panel's width, or beyond it."""
    usual: dict[str, Any] = {
        "transform": axes.get_yaxis_transform(),
        "va": "center_baseline",
        "fontsize": 7.5,
        "color": GREY,
    }
    axes.text(x, y, text, **usual | looks)


def number_axis(axis: "Axis", bins: int = 4) -> None:
    """Gives an axis few ticks with short numbers."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))


def add_title(axes: "Axes", title: str, note: str = "", width: int = 36) -> None:
    """Puts a title above a panel, and a note in small print below the title.

    Args:
        axes: The panel.
        title: The title.
        note: The note.
        width: Characters of the title that fit above the panel.
    """
    notes = textwrap.wrap(note, 46)
    axes.set_title(
        textwrap.fill(title, width), loc="left", pad=5 + _NOTE_LINE * len(notes)
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


def say(axes: "Axes", text: str, width: int = 34) -> None:
    """Writes in words what a panel would show, where there is nothing to draw.

    Args:
        axes: The panel.
        text: The words.
        width: Characters that fit in a line.
    """
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.text(
        0.5,
        0.5,
        textwrap.fill(text, width),
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=GREY,
        fontsize=9,
    )


def wording(text: str) -> "Figure":
    """Returns a figure that consists of a sentence, where there is nothing to draw."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 1.0))
    say(figure.add_axes((0, 0, 1, 1)), text, width=90)
    return figure


def save(
    figure: "Figure", folder: Path, name: str, provenance: dict[str, Any]
) -> list[Path]:
    """Writes `<name>.png`, `<name>.svg` and `<name>.provenance.json`.

    Must be called within `house_style`, which also makes the bytes repeatable.
    """
    width, height = figure.get_size_inches()
    sharpness = min(_DOTS_PER_INCH, math.sqrt(_MOST_DOTS / (width * height)))
    figure.set_dpi(sharpness)
    if engine := figure.get_layout_engine():
        # Laid out once for both files: it takes longer than drawing.
        engine.execute(figure)
        figure.set_layout_engine("none")
    paths = []
    for suffix, dpi, metadata in (
        ("png", sharpness, {"Software": None}),
        ("svg", _DOTS_PER_INCH_OF_IMAGES, {"Date": None, "Creator": None}),
    ):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix, dpi=dpi, metadata=metadata)
        paths.append(folder / f"{name}.{suffix}")
        write_bytes_atomic(paths[-1], buffer.getvalue())
    paths.append(folder / f"{name}.provenance.json")
    write_json(paths[-1], provenance)
    return paths
