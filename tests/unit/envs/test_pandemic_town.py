"""The town of generator seed 0 is the published one.

The counts are those of the original simulator's town, which always has this seed.
"""

from collections import Counter

import numpy as np
import pytest

pytest.importorskip("numba")

from llmpo.envs.pandemic_hour import BAR, CANTEEN, SOCIAL
from llmpo.envs.pandemic_places import PLACE_TYPES, PLACES, opening_hours
from llmpo.envs.pandemic_town import build_town


@pytest.fixture(scope="module")
def town():
    return build_town(0)


def test_published_town_has_its_people(town):
    age = town.people["age"]
    groups = (age <= 18).sum(), ((age > 18) & (age <= 65)).sum(), (age > 65).sum()
    assert groups == (111, 288, 101)
    assert age.mean() == pytest.approx(41.0, abs=0.05)
    assert town.people["high_risk"].mean() == pytest.approx(0.43, abs=0.005)


def test_published_town_has_its_households(town):
    sizes = Counter(np.bincount(town.people["home"], minlength=150))
    assert sizes == {1: 5, 2: 57, 3: 44, 4: 8, 5: 8, 6: 19, 7: 9}


def test_published_town_has_its_jobs(town):
    jobs = town.people["base"][town.people["works"]]
    count = {name: int(np.isin(jobs, places).sum()) for name, places in PLACES.items()}
    assert count == {
        "home": 0,
        "grocery": 22,
        "office": 34,
        "school": 29,
        "hospital": 53,
        "retail": 28,
        "salon": 40,
        "restaurant": 50,
        "bar": 32,
    }


def test_first_six_live_in_nursing_homes(town):
    first, others = town.people[:6], town.people[7:]
    assert (first["age"] > 65).all()
    assert not np.isin(others["home"], first["home"]).any()


def test_pupils_and_workers_have_hours(town):
    people = town.people
    pupils = people["age"] <= 18
    hours = people["on_duty"].sum(axis=1)
    assert set(hours[pupils]) == {30}
    assert np.isin(people["base"][pupils], PLACES["school"]).all()
    nurses = np.isin(people["base"], PLACES["hospital"])
    assert set(hours[nurses]) == {54}
    assert set(hours[people["age"] > 65]) == {0}
    clerk = people[np.isin(people["base"], PLACES["office"])][0]
    assert np.array_equal(clerk["on_duty"], opening_hours(PLACE_TYPES["office"]))


def test_routines_belong_to_kinds_of_people(town):
    people = town.people
    has = people["has_routine"].astype(bool)
    assert np.array_equal(has[:, CANTEEN], people["works"])
    assert np.array_equal(has[:, BAR], people["age"] > 18)
    assert np.array_equal(has[:, SOCIAL], people["age"] >= 12)
    retired = people["age"] > 65
    assert set(people["interval"][retired][:, BAR]) == {48}
    assert set(people["interval"][people["works"]][:, BAR]) == {72}
    assert (people["offset"] < people["interval"]).all()


def test_opening_hours_are_inclusive():
    restaurant = opening_hours(PLACE_TYPES["restaurant"]).reshape(7, 24)
    assert not restaurant[0].any()
    assert np.flatnonzero(restaurant[1]).tolist() == [
        *range(11, 16),
        *range(19, 24),
    ]


def test_towns_follow_from_their_seed_alone(town):
    again, other = build_town(0), build_town(1)
    assert town.people.tobytes() == again.people.tobytes()
    assert town.rates == again.rates
    assert town.people.tobytes() != other.people.tobytes()
    fresh = town.copy()
    fresh.people["location"] = -1
    fresh.places["visitors"] = 9
    assert town.people.tobytes() == again.people.tobytes()
    assert town.places.tobytes() == again.places.tobytes()
