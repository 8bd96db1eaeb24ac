"""Disease and tests, person by person."""

import numpy as np
import pytest

pytest.importorskip("numba")

from llmpo.envs.pandemic_disease import (
    DIED,
    EXPOSED,
    HOSPITALISED,
    IS_CRITICAL,
    IS_DEAD,
    IS_INFECTED,
    IS_NONE,
    IS_RECOVERED,
    NEEDS_HOSPITAL,
    PRE_ASYMPTOMATIC,
    PRE_SYMPTOMATIC,
    RECOVERED,
    SUSCEPTIBLE,
    SYMPTOMATIC,
    Disease,
    Transitions,
    recount,
)
from llmpo.envs.pandemic_hour import CRITICAL, NEGATIVE, POSITIVE, UNTESTED
from llmpo.envs.pandemic_town import Rates, build_town

# Six high-risk classes of age follow five low-risk ones.
OLD_AND_HIGH_RISK = 9


def disease(deaths_recorded=False, seed=0):
    return Disease(build_town(0).copy(), np.random.default_rng(seed), deaths_recorded)


def test_transitions_are_the_published_rates():
    transitions = Transitions.from_rates(
        Rates(1 / 2.9, 1 / 4, 1 / 4, 1 / 10.7, 1 / 8.1)
    )
    chance = transitions.probability[:, :, OLD_AND_HIGH_RISK]
    assert chance[EXPOSED] == pytest.approx([0.43 / 2.9, 0.57 / 2.9])
    worsens = 0.25 * 0.338733 / (0.1695 + (0.25 - 0.1695) * 0.338733)
    assert chance[SYMPTOMATIC] == pytest.approx(
        [0.1695 * worsens, 0.25 * (1 - worsens)]
    )
    untreated = [0.0214286 * (1 - 0.4269), 0.3 * 0.4269]
    assert chance[NEEDS_HOSPITAL] == pytest.approx(untreated)
    treated = [(1 - 0.2269) / 10.7, 0.2269 / 8.1]
    assert chance[HOSPITALISED] == pytest.approx(treated)
    assert (transitions.probability.sum(axis=1) <= 1.0).all()


def test_transitions_take_the_way_that_is_drawn():
    transitions = Transitions.from_rates(Rates(0.5, 0.25, 0.25, 0.1, 0.1))
    course = np.array([EXPOSED, EXPOSED, EXPOSED, RECOVERED, DIED])
    draw = np.array([0.1, 0.3, 0.6, 0.0, 0.0])
    moved = transitions.step(course, np.zeros(5, dtype=int), draw)
    expected = [PRE_ASYMPTOMATIC, PRE_SYMPTOMATIC, EXPOSED, RECOVERED, DIED]
    assert moved.tolist() == expected


def test_first_six_are_the_first_cases_of_both_variants():
    sick = disease()
    sick.update(0)
    assert (sick.course[0, :6] != SUSCEPTIBLE).all()
    assert (sick.course[0, 6:] == SUSCEPTIBLE).all()
    for day in range(1, 96):
        sick.update(day)
        assert (sick.course[1] == SUSCEPTIBLE).all() or day == 96
    for day in range(96, 106):
        sick.update(day)
    assert (sick.course[1, :6] != SUSCEPTIBLE).all()
    assert (sick.course[1, 6:] == SUSCEPTIBLE).all()


def test_exposure_infects_and_is_used_up():
    sick = disease()
    sick.town.people["escape"][100:, 0] = 0.0
    sick.update(0)
    assert (sick.course[0, 100:] == EXPOSED).all()
    assert (sick.course[0, 6:100] == SUSCEPTIBLE).all()
    assert (sick.town.people["escape"] == 1.0).all()


def test_spread_rates_stay_within_limits():
    spread = disease().town.people["spread"]
    assert (spread >= 0.0).all()
    # Normal draws cut at 0: the mean rises a little.
    assert spread.mean(axis=0) == pytest.approx([0.0214, 0.0300], abs=0.0015)


def test_worse_of_two_variants_counts():
    sick = disease()
    pairs = {
        (SUSCEPTIBLE, EXPOSED): IS_NONE,
        (SUSCEPTIBLE, RECOVERED): IS_RECOVERED,
        (RECOVERED, SYMPTOMATIC): IS_INFECTED,
        (NEEDS_HOSPITAL, SYMPTOMATIC): IS_CRITICAL,
        (DIED, HOSPITALISED): IS_DEAD,
    }
    for person, pair in enumerate(pairs):
        sick.course[:, person] = pair
    assert sick.overall()[: len(pairs)].tolist() == list(pairs.values())


def test_admission_helps_against_alpha_only():
    sick = disease()
    sick.update(0)
    sick.course[0, 10:20] = NEEDS_HOSPITAL
    sick.course[1, 20:30] = NEEDS_HOSPITAL
    sick.town.people["hospitalised"][10:30] = True
    sick.update(110)
    assert (sick.course[0, 10:20] == HOSPITALISED).all()
    assert not (sick.course[1, 20:30] == HOSPITALISED).any()


def test_deaths_escape_the_tests_unless_recorded():
    for recorded in (False, True):
        sick = disease(recorded)
        sick.update(0)
        sick.course[0, 10:60] = DIED
        sick.update(1)
        shares = sick.shares()
        assert shares.sum(axis=1) == pytest.approx(np.ones(6))
        assert shares[0, IS_DEAD] == 0.1
        assert shares[3, IS_DEAD] == (0.1 if recorded else 0.0)
        buried = sick.town.people["location"] == -1
        assert np.flatnonzero(buried).tolist() == (
            list(range(10, 60)) if recorded else []
        )
        assert not sick.town.people["infectious"][10:60].any()


def test_tests_find_most_of_the_critical_every_day():
    sick = disease()
    sick.update(0)
    sick.course[0, :400] = HOSPITALISED
    sick.update(1)
    critical = sick.overall() == IS_CRITICAL
    found = (sick.results[0] == CRITICAL)[critical].mean()
    assert 0.97 < found < 1.0
    assert sick.above_threshold == (sick.counts[0, IS_INFECTED] >= 10)


def testrecount_follows_the_published_bookkeeping():
    counts = np.array([0, 0, 0, 4, 0])
    old = np.array([UNTESTED, UNTESTED, NEGATIVE, NEGATIVE])
    new = np.array([POSITIVE, NEGATIVE, CRITICAL, NEGATIVE])
    recount(counts, old, new)
    assert counts.tolist() == [1, 0, 1, 2, 0]
    # Two negatives of former patients, then more positives than "none" holds.
    recount(counts, np.array([POSITIVE, CRITICAL]), np.array([NEGATIVE, NEGATIVE]))
    assert counts.tolist() == [0, 0, 0, 2, 2]
    recount(counts, np.full(3, NEGATIVE), np.full(3, POSITIVE))
    assert counts.tolist() == [0, 0, 3, 0, 1]
