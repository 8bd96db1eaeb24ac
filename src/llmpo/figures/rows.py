"""Estimates as dots with intervals, in rows side by side."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from llmpo.analysis.text import short_number
from llmpo.figures.sheet import Look
from llmpo.figures.style import GREY, number_axis, write
from llmpo.statistics import LEAST_RUNS, Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DOT: dict[str, Any] = {"marker": "o", "markersize": 5, "markeredgewidth": 1.1}
_FARTHEST = 1.5  # normalised scores beyond are arrows: others must stay legible


def set_scale(
    panel: "Axes", estimates: Iterable[Estimate | None], lines: Sequence[float]
) -> None:
    """Scales the x axis for estimates on the normalised scale.

    Args:
        panel: The panel.
        estimates: What to show, as far as it is not very far off.
        lines: Where to draw vertical lines, which are on the scale in any case.
    """
    values = [*lines]
    for one in estimates:
        if one is not None:
            values += [one.value, *((one.low, one.high) if one.has_interval else ())]
    low, high = max(-_FARTHEST, min(values)), min(_FARTHEST, max(values))
    room = 0.06 * (high - low) or 0.1
    panel.set_xlim(low - room, high + room)
    number_axis(panel.xaxis, 5)
    draw_lines(panel, lines)


def draw_lines(panel: "Axes", lines: Sequence[float]) -> None:
    """Draws vertical lines to compare with."""
    for x in lines:
        panel.axvline(x, color="0.75", lw=0.8, zorder=0)


def draw_estimate(
    panel: "Axes",
    y: float,
    estimate: Estimate,
    look: Look,
    parts: Sequence[float] = (),
    marker: str = "o",
) -> None:
    """Draws a dot with its interval; x limits must be final.

    What lies beyond the limits is an arrow at the edge with its value.

    Args:
        panel: The panel.
        y: Height.
        estimate: The estimate; a hollow dot where it claims no interval.
        look: Look of the series.
        parts: Smaller dots, such as what the estimate is a mean of.
        marker: What is drawn instead of a dot.
    """
    low, high = panel.get_xlim()
    inside = [part for part in parts if low <= part <= high]
    if inside:
        panel.scatter(
            inside, [y] * len(inside), s=9, color=look.colour, alpha=0.4, lw=0
        )
    if estimate.has_interval:
        panel.plot([estimate.low, estimate.high], [y, y], color=look.colour, lw=1.6)
    if low <= estimate.value <= high:
        face = look.colour if estimate.has_interval else "white"
        looks = _DOT | {"color": look.colour, "markerfacecolor": face, "marker": marker}
        panel.plot(estimate.value, y, zorder=3, **looks)
        return
    left = estimate.value < low
    looks = _DOT | {"color": look.colour, "marker": "<" if left else ">"}
    panel.plot(
        0.015 if left else 0.985, y, transform=panel.get_yaxis_transform(), **looks
    )
    write(
        *(panel, 0.06 if left else 0.94, y),
        short_number(float(f"{estimate.value:.3g}")),
        ha="left" if left else "right",
        color=look.colour,
        backgroundcolor="white",
        bbox={"pad": 0.5, "facecolor": "white", "linewidth": 0},
    )


def legend_entries() -> list[Any]:
    """Returns legend entries on how estimates are drawn."""
    from matplotlib.lines import Line2D

    dot: dict[str, Any] = {"color": GREY} | _DOT
    hollow = dot | {"markerfacecolor": "white", "linestyle": "none"}
    few = f"fewer than {LEAST_RUNS} runs: no interval"
    return [
        Line2D([], [], label="estimate, 95% interval", **dot),
        Line2D([], [], label=few, **hollow),
    ]
