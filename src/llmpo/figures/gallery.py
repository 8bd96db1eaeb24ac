"""What kinds of controller the best programs are, from the gallery's own table."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from llmpo.analysis.text import environment_name
from llmpo.errors import DataError
from llmpo.figures.style import panels, wording
from llmpo.gallery.label import LABELS, UNCLASSIFIED
from llmpo.provenance import describe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = ("environment", "method", "seed", "label")


def draw_gallery(path: Path) -> "Figure":
    """Draws how many of an environment's best programs are of which kind.

    Args:
        path: The gallery's table, with a row for each environment, method, seed and
            label; see `llmpo.gallery`.

    Raises:
        DataError: The file is missing or no such table.
    """
    import seaborn as sns

    # Products that are no programs, such as networks, have a row without a label.
    rows = [row for row in _read(path) if row["label"]]
    if not rows:
        return wording("No run of this configuration has a program as its product.")
    environments = list(dict.fromkeys(row["environment"] for row in rows))
    labels = _in_order({row["label"] for row in rows})
    programs: dict[str, set[tuple[str, str]]] = {name: set() for name in environments}
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in rows:
        program = (row["method"], row["seed"])
        programs[row["environment"]].add(program)
        found.setdefault((row["environment"], row["label"]), set()).add(program)
    counts = np.array(
        [[len(found.get((name, kind), ())) for kind in labels] for name in environments]
    )
    totals = np.array([len(programs[name]) for name in environments])
    figure, (panel,) = panels(
        1,
        width=0.55 * len(labels) + 3.4,
        height=0.27 * len(environments) + 0.6,
    )
    sns.heatmap(
        counts / totals[:, None],
        ax=panel,
        annot=np.where(counts > 0, counts.astype(str), ""),
        fmt="",
        annot_kws={"fontsize": 7.5},
        cmap=sns.light_palette(sns.color_palette("colorblind")[0], as_cmap=True),
        vmin=0,
        vmax=1.25,  # the darkest tones would swallow the numbers
        cbar=False,
        linewidths=0.6,
        linecolor="white",
        xticklabels=labels,
        yticklabels=[
            f"{environment_name(name)} ({total})"
            for name, total in zip(environments, totals, strict=True)
        ],
    )
    panel.tick_params(length=0)
    panel.tick_params(axis="y", rotation=0)
    panel.set_xticklabels(panel.get_xticklabels(), rotation=35, ha="right")
    panel.set_xlabel("best programs of this kind; in brackets, how many there are")
    return figure


def gallery_provenance(path: Path) -> dict[str, Any]:
    """Returns what the figure was made from, as plain JSON data."""
    return describe([path])


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"Reading the gallery's table: {path} cannot be read ({error}). Make it "
            "again by running snakemake."
        ) from None
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(
            f"Reading the gallery's table: {path} lacks the columns "
            f"{', '.join(missing)}. Make it again by running snakemake."
        )
    return rows


def _in_order(found: set[str]) -> list[str]:
    known = [name for name in (*LABELS, UNCLASSIFIED) if name in found]
    return known + sorted(found - set(known))
