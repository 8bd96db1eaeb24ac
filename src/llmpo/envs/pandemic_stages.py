"""The five stages of regulation of the pandemic environment."""

from dataclasses import dataclass
from typing import Final

COMPLIANCE: Final = 0.99
LAST_STAGE: Final = 4
_HYGIENE, _MASKS = 0.8, 0.6


@dataclass(frozen=True)
class Stage:
    """What a stage of regulation demands.

    Attributes:
        stay_home_if_sick: Whether those who tested positive stay at home.
        hygiene: Whether good hygiene is practised.
        masks: Whether masks are worn.
        distancing: Share of contacts outside homes that distancing prevents.
        no_gatherings: Whether social visits are banned.
        closed: The types of places that are closed.
    """

    stay_home_if_sick: bool = False
    hygiene: bool = False
    masks: bool = False
    distancing: float = 0.0
    no_gatherings: bool = False
    closed: tuple[str, ...] = ()

    @property
    def factor(self) -> float:
        """What hygiene and masks leave of the chance to infect."""
        return (_HYGIENE if self.hygiene else 1.0) * (_MASKS if self.masks else 1.0)


# Gathering limits of 50 to 10 persons belong to stages 1 and 2. They count the
# residents at home, of whom no home has more than seven, and so never bind.
STAGES: Final = (
    Stage(),
    Stage(stay_home_if_sick=True, hygiene=True),
    Stage(True, True, True, 0.3, closed=("school", "salon")),
    Stage(True, True, True, 0.5, no_gatherings=True, closed=("school", "salon")),
    Stage(
        *(True, True, True, 0.7),
        no_gatherings=True,
        closed=("school", "salon", "office", "retail"),
    ),
)


def next_multiplier(multiplier: float, factor: float) -> float:
    """Returns a spread multiplier after regulation has been imposed once more.

    The published simulator multiplies a person's multiplier again every day instead of
    computing it anew, so the effect of a stage compounds and fades slowly.
    """
    return 1.0 - COMPLIANCE * (1.0 - multiplier * factor)
