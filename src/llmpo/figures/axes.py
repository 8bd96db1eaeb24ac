"""Axes that count what a run has used, with a strip for held-out scores at the right.

Spent steps, calls or tokens may span several decades and start at nothing at all (an
answer without code costs no environment step), which plain log axes cannot show.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from llmpo.analysis.summary import Scale
from llmpo.analysis.text import short_number
from llmpo.figures.style import number_axis
from llmpo.statistics import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

# Shares of a panel's width: where the data begin and end, and where the strip begins.
_BEGIN, _END, STRIP = 0.03, 0.80, 0.83
ROW = 0.05  # height of a row of marks, as share of the panel's height
_MOST_TICKS = 4
_PLACES = 400  # marks closer than this share of the width cannot be told apart


def set_effort_axis(axes: "Axes", values: FloatArray) -> None:
    """Scales the x axis for the given values and leaves room for the strip.

    The axis is logarithmic when the positive values span more than a decade, linear
    near zero when there are zeros as well.
    """
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    least = values[values > 0].min(initial=np.inf)
    if high > 10 * least:
        if low > 0:
            axes.set_xscale("log")
        else:
            axes.set_xscale("symlog", linthresh=least, linscale=0.25)
        axes.set_xticks(_log_ticks(least, high, with_zero=low <= 0))
        axes.minorticks_off()
    else:
        ticks = _linear_locator().tick_values(low, high)
        # None below the strip, where x means nothing.
        axes.set_xticks([tick for tick in ticks if low <= tick <= high] or [high])
    _make_room(axes, low, high)
    axes.xaxis.set_major_formatter(_formatter())


def set_score_axis(
    axes: "Axes",
    rows_of_marks: int,
    scale: Scale | None,
    levels: Iterable[float] = (),
    *,
    is_share: bool = False,
) -> None:
    """Gives the y axis readable numbers, and room below for marks.

    Args:
        axes: The panel.
        rows_of_marks: How many rows of marks to leave room for.
        scale: Which scores to show; None when there are none, and no numbers either.
        levels: Scores to show too, as far as the scale may reach.
        is_share: Whether scores are shares, to be seen between nothing and all.
    """
    if scale is None:
        axes.set_yticks([])
        return
    low, high = axes.get_ylim()
    if is_share:
        low, high = -0.03, 1.05
    elif axes.dataLim.height == 0:
        # One score only: its distance from zero says more than its last digits.
        low, high = sorted((0.0, 1.1 * scale.top or 1.0))
    elif low < scale.floor:
        low, high = scale.floor, scale.top + 0.05 * (scale.top - scale.floor)
    if not is_share:
        low = min([low, *(level for level in levels if level >= scale.floor)])
    high = max(high, scale.top + 0.05 * (scale.top - low))
    axes.set_ylim(low - (high - low) * (0.04 + ROW * (rows_of_marks + 0.5)), high)
    number_axis(axes.yaxis, 5)


def draw_marks(axes: "Axes", x: Any, row: int, **looks: Any) -> None:
    """Draws marks in one of the rows at the bottom of a panel; row 0 is the lowest.

    X limits must be final: of marks in one place, only one is drawn.
    """
    from matplotlib.transforms import blended_transform_factory

    scale = axes.xaxis.get_transform()
    x = np.sort(np.asarray(x, dtype=float))
    left, right = scale.transform(np.array(axes.get_xlim()))
    places = np.round((scale.transform(x) - left) / (right - left) * _PLACES)
    x = x[np.diff(places, prepend=-1) != 0]
    where = blended_transform_factory(axes.transData, axes.transAxes)
    heights = np.full(len(x), height_of_row(row))
    axes.plot(x, heights, transform=where, linestyle="none", **looks)


def height_of_row(row: int) -> float:
    """Returns the height of a row of marks, as share of the panel's height."""
    return 0.035 + ROW * row


def draw_strip(axes: "Axes") -> None:
    """Shades the strip for held-out scores."""
    from matplotlib.patches import Rectangle

    strip = Rectangle(
        (STRIP, 0), 1 - STRIP, 1, transform=axes.transAxes, color="0.93", lw=0, zorder=0
    )
    axes.add_patch(strip)


def strip_positions(count: int) -> list[float]:
    """Returns evenly spread positions in the strip, as shares of the panel's width."""
    width = (1 - STRIP) / count
    return [STRIP + width * (index + 0.5) for index in range(count)]


def x_share(axes: "Axes") -> "Transform":
    """Returns the transform for x as share of the panel's width and y as data."""
    from matplotlib.transforms import blended_transform_factory

    return blended_transform_factory(axes.transAxes, axes.transData)


def _make_room(axes: "Axes", low: float, high: float) -> None:
    if low == high:
        low, high = (low * 0.7, high * 1.1) if low > 0 else (low - 0.5, high + 0.5)
    scale = axes.xaxis.get_transform()
    first, last = scale.transform(np.array([low, high], dtype=float))
    width = (last - first) / (_END - _BEGIN)
    limits = np.array([first - _BEGIN * width, last + (1 - _END) * width])
    left, right = scale.inverted().transform(limits)
    axes.set_xlim(float(left), float(right))


def _log_ticks(low: float, high: float, *, with_zero: bool) -> list[float]:
    zero = [0.0] if with_zero else []
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in powers for step in steps]
        # A tick next to zero would be written over it.
        floor = low * 1.5 if with_zero else low
        ticks = [tick for tick in ticks if floor <= tick <= high]
        if len(ticks) <= _MOST_TICKS:
            break
    return zero + ticks[:: math.ceil(len(ticks) / _MOST_TICKS)] if ticks else zero


def _linear_locator(bins: int = _MOST_TICKS) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10])


def _formatter() -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: short_number(value))
