"""How names and numbers are written for readers."""

import re

# Words of ids that readers know in capitals.
_CAPITALS = frozenset({"icpi"})


def environment_name(label: str) -> str:
    """Returns an environment label as a reader wants to see it.

    Only the notation of ids is used, never a list of names: `point_maze_v3[a=b]`
    becomes `Point maze v3, a: b`.
    """
    name, _, options = label.partition("[")
    words = " ".join(
        word.upper() if word in _CAPITALS else word for word in name.split("_")
    ).strip()
    text = words[:1].upper() + words[1:]
    for option in filter(None, options.rstrip("]").split(",")):
        key, _, value = option.partition("=")
        text += f", {key.replace('_', ' ')}: {value.replace('_', ' ')}"
    return re.sub(r"\s+", " ", text)


def short_number(value: float) -> str:
    """Returns a number with at most four digits: 0.25, 150, 2.5k, 1M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}".replace("-", "\N{MINUS SIGN}")
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")
