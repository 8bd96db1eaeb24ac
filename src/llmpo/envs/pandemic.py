"""Pandemic: choose how strictly a town of 500 is regulated, day by day.

The simulator and its options are described in `docs/environments/pandemic.md`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from llmpo.envs.pandemic_options import CHOICES, PandemicOptions
from llmpo.envs.pandemic_rewards import reward_function
from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

_REWARD_NAME: Final = "PandemicRewardFunction"
_ENTRIES: Final = 3
_COLUMNS: Final = (
    "The last axis has the columns 0 critical, 1 dead, 2 infected, 3 none (not "
    "infected so far), 4 recovered, which sum to 1."
)
# The published first observation is all zeros, not that of a healthy town.
_FIRST: Final = "In the first observation of an episode every value is 0."

_TASK = (
    "An epidemic begins in a town of 500 people. Choose every day whether to tighten "
    "or to relax the stage of regulation: keep people from becoming critically ill, "
    "with as little regulation, as few changes and as few early alarms as possible."
)
_ACTION = (
    "One of three integers. 0 lowers the stage by one, 1 keeps it, 2 raises it by "
    "one; below stage 0 and above stage 4 it stays as it is."
)
_DYNAMICS = """\
A step is one day, and day 0 is a Monday. An episode never ends early. The stages are:

- stage 0: no measures.
- stage 1: people with a positive test stay at home; good hygiene; private gatherings \
are limited to 50 people, for people at high risk to 25.
- stage 2: as stage 1, and masks; people keep a distance, which prevents 30 % of \
contacts outside homes; gatherings are limited to 25 and 10 people; schools and hair \
salons are closed.
- stage 3: as stage 2, but distance prevents 50 % of contacts and there are no private \
gatherings.
- stage 4: as stage 3, but distance prevents 70 % of contacts, and offices and retail \
stores are closed too.

The hospital has five beds. The state of health of people changes once a day, at \
midnight; a second, more contagious variant (delta) can appear later than the first \
(alpha) and infects independently of it."""

_HISTORIES: Final = {
    "hours": (
        "The first axis holds three times of the day that is over, oldest first: 8, "
        "16 and 24 hours after midnight. As health changes once a day, its three "
        "entries are equal: keep values from earlier observations to see a trend."
    ),
    "days": "The first axis holds the ends of the last three days, oldest first.",
}


def _read(name: str) -> Callable[[Any, Any], Any]:
    return lambda obs, env: obs[name]


_READ = {
    name: _read(name)
    for name in (
        "global_infection_summary",
        "global_infection_summary_alpha",
        "global_infection_summary_delta",
        "global_testing_summary",
        "global_testing_summary_alpha",
        "global_testing_summary_delta",
        "stage",
        "infection_above_threshold",
        "time_day",
    )
}


def _fields(options: PandemicOptions) -> tuple[Field, ...]:
    axes = _HISTORIES[options.history]
    summary, flag = (_ENTRIES, 1, 5), (_ENTRIES, 1, 1)
    same = "with axes and columns as in global_infection_summary"
    meanings = {
        "global_infection_summary": (
            f"shares of all people by their true state of health. {axes} The second "
            f"axis has length 1. {_COLUMNS} {_FIRST}",
            summary,
        ),
        "global_infection_summary_alpha": (
            f"the same for the first variant alone, {same}",
            summary,
        ),
        "global_infection_summary_delta": (
            f"the same for the second variant alone, {same}",
            summary,
        ),
        "global_testing_summary": (
            f"shares of all people by what tests have found so far, {same}",
            summary,
        ),
        "global_testing_summary_alpha": (
            f"the same for tests on the first variant, {same}",
            summary,
        ),
        "global_testing_summary_delta": (
            f"the same for tests on the second variant, {same}",
            summary,
        ),
        "stage": ("the stage in force, 0 to 4, for each entry", flag),
        "infection_above_threshold": (
            "1 while at least 10 people are infected according to tests, else 0, for "
            "each entry",
            flag,
        ),
        "time_day": (
            "time since the start of the episode, for each entry",
            flag,
        ),
    }
    return tuple(
        Field(name, _READ[name], meaning, "years" if name == "time_day" else "", shape)
        for name, (meaning, shape) in meanings.items()
    )


# What published policies import besides the observation class; members in the order of
# the summaries' columns.
_RELEASE_SOURCE = """
import enum

InfectionSummary = enum.Enum(
    "InfectionSummary",
    {name.upper(): name for name in "critical dead infected none recovered".split()},
)
sorted_infection_summary = list(InfectionSummary)
"""


def _spec(options: PandemicOptions) -> EnvSpec:
    reward = reward_function(options.reward, of_stage=options.stage_cost_on == "stage")
    horizon = int(options.horizon)
    return EnvSpec(
        id="pandemic",
        version=1,
        family="Real world",
        build=options,
        horizon=horizon,
        task=_TASK,
        action_text=_ACTION,
        fields=_fields(options),
        dynamics_text=_DYNAMICS,
        reward_text=reward.text(_REWARD_NAME),
        score="return",
        bounds=ScoreBounds(low=reward.low * horizon, high=0.0),
        class_base="Pandemic",
        reward_name=_REWARD_NAME,
        observation_class="PandemicObservation",
        extra="realworld",
        release_modules=("pandemic.python.pandemic_simulator.environment.interfaces",),
        release_source=_RELEASE_SOURCE,
        step_microseconds=3000.0,
    )


def _choose(spec: EnvSpec, option: str, value: str) -> EnvSpec:
    """Returns the spec with another value of one option."""
    if not isinstance(spec.build, PandemicOptions):
        raise TypeError(f"{spec.id} was built by something else: {spec.build!r}")
    chosen = _spec(replace(spec.build, **{option: value}))
    return replace(chosen, variants=spec.variants, options=spec.options)


_DEFAULT = _spec(PandemicOptions())
SPECS = (
    replace(
        _DEFAULT,
        variants={
            option: {
                value: partial(_choose, option=option, value=value) for value in values
            }
            for option, values in CHOICES.items()
        },
    ),
)
