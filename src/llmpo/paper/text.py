"""How numbers are written in the paper."""

from collections.abc import Collection, Iterable

NOTHING = "–"


def count(number: float, noun: str, plural: str = "") -> str:
    """Returns a number with its noun: 1 run, 12,000 runs."""
    words = noun if number == 1 else plural or f"{noun}s"
    return f"{whole(number)}\N{NO-BREAK SPACE}{words}"


def whole(number: float) -> str:
    """Returns a whole number with separators: 1,234,567."""
    return f"{round(number):,}".replace("-", "\N{MINUS SIGN}")


def span(numbers: Iterable[float]) -> str:
    """Returns the range of some numbers: 3, or 3 to 5; a dash for none."""
    found = sorted(set(numbers))
    if not found:
        return NOTHING
    if len(found) == 1:
        return whole(found[0])
    return f"{whole(found[0])} to {whole(found[-1])}"


def listing(names: Collection[str]) -> str:
    """Returns names as a sentence lists them: a, b and c."""
    *most, last = names or [NOTHING]
    return f"{', '.join(most)} and {last}" if most else last


def share(part: float, total: float) -> str:
    """Returns a share in per cent: 85%; a dash of nothing."""
    return f"{100 * part / total:.0f}%" if total else NOTHING
