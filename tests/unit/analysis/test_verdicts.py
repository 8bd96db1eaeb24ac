import pytest

from llmpo.analysis.verdicts import judge
from llmpo.claims import Claim

BOARD, SMALL = "noise_world_board_1", "noise_world_board_0"
SPAN = 1074.9  # from zero (-100) to best (974.9) of the board


def claim(**changes):
    values = {
        "id": "c",
        "text": "It is good.",
        "source": "somewhere",
        "kind": "score",
        "method": "promptpo",
        "against": ["ppo"],
        "families": ["Family"],
        "tolerance": 0.1,
    }
    return Claim.model_validate(values | changes)


def runs(method, normalized, environment=BOARD, **options):
    role = "search" if method == "promptpo" else "training"
    return [
        (environment, method, seed, -100 + SPAN * score, {"role": role, **options})
        for seed, score in enumerate(normalized)
    ]


def verdict(table, **changes):
    (found,) = judge(table, [claim(**changes)])
    return found


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        ([0.9, 0.9, 0.9], [0.5, 0.6, 0.5], "supported"),
        ([0.55, 0.55, 0.55], [0.6, 0.6, 0.6], "supported"),  # within the tolerance
        ([0.2, 0.2, 0.2], [0.6, 0.6, 0.6], "contradicted"),
        ([0.0, 0.5, 1.0], [0.5, 0.5, 0.5], "undecided"),
    ],
)
def test_scores_are_judged_by_the_interval_of_the_difference(
    make_table, own, others, expected
):
    table = make_table(*runs("promptpo", own), *runs("ppo", others))
    found = verdict(table)
    assert found.verdict == expected
    difference = sum(own) / 3 - sum(others) / 3
    assert found.estimate.value == pytest.approx(difference)
    opposite = {"supported": "contradicted", "contradicted": "supported"}
    below = verdict(table, expects="below")
    assert below.verdict == opposite.get(expected, expected)


def test_it_is_compared_with_the_best_of_the_others_in_each_environment(make_table):
    table = make_table(
        *runs("promptpo", [0.5] * 3),
        *runs("ppo", [0.2] * 3),
        *runs("sac", [0.9] * 3),
    )
    found = verdict(table, against=["ppo", "sac"])
    assert found.best == {BOARD: "sac"}
    assert found.estimate.value == pytest.approx(-0.4)


def test_too_few_runs_leave_a_claim_undecided_and_say_where(make_table):
    table = make_table(*runs("promptpo", [0.9]), *runs("ppo", [0.1] * 3))
    found = verdict(table)
    assert found.verdict == "undecided"
    assert "1 of promptpo in Noise world board 1" in found.reason
    assert found.estimate.value == pytest.approx(0.8)
    assert not found.estimate.has_interval


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"against": ["td3"]}, "no method td3"),
        ({"method": "icpi"}, "no method icpi"),
        ({"families": ["MuJoCo"]}, "no environment of MuJoCo"),
        ({"families": [], "environments": [BOARD, "gone_v1"]}, "Gone v1"),
        ({"families": [], "environments": ["new_task"]}, "no reference scores"),
    ],
)
def test_what_is_missing_leaves_a_claim_undecided_in_words(
    make_table, changes, message
):
    table = make_table(
        *runs("promptpo", [0.9] * 3),
        *runs("ppo", [0.1] * 3),
        *runs("promptpo", [0.9] * 3, "new_task"),
        *runs("ppo", [0.1] * 3, "new_task"),
    )
    found = verdict(table, **changes)
    assert found.verdict == "undecided"
    assert message in found.reason


def test_environments_of_a_family_that_cannot_be_judged_are_named(make_table):
    table = make_table(
        *runs("promptpo", [0.9] * 3),
        *runs("ppo", [0.1] * 3),
        *runs("promptpo", [0.9] * 3, SMALL),
    )
    found = verdict(table)
    assert found.verdict == "supported"
    assert found.left_out == {SMALL: "no results of the others"}


def at(*steps):
    """Curves that reach every threshold at the given steps; None never does."""
    return [[(10, -1e9)] if n is None else [(10, -1e9), (n, 1e9)] for n in steps]


def step_runs(method, *steps):
    role = "search" if method == "promptpo" else "training"
    return [
        (BOARD, method, seed, 900.0, {"role": role, "curve": curve, "steps": 9000})
        for seed, curve in enumerate(at(*steps))
    ]


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        ((100, 110, 120), (1000, 1100, 1200), "supported"),
        ((900, 1000, 1100), (1000, 1100, 1200), "contradicted"),
        ((100, 110, 9000), (1000, 1100, 1200), "undecided"),
        ((100, 110, 120), (None, None, None), "supported"),
        ((None, None, None), (1000, 1100, 1200), "contradicted"),
    ],
)
def test_steps_are_judged_by_the_interval_of_the_ratio(
    make_table, own, others, expected
):
    table = make_table(*step_runs("promptpo", *own), *step_runs("ppo", *others))
    found = verdict(table, kind="steps", tolerance=0.5)
    assert found.verdict == expected


def test_steps_without_any_crossing_say_nothing(make_table):
    table = make_table(
        *step_runs("promptpo", None, None, None), *step_runs("ppo", None, None, None)
    )
    found = verdict(table, kind="steps", tolerance=0.5)
    assert found.verdict == "undecided"
    assert "fewer than half" in found.reason


def test_unpublished_numbers_are_not_judged(make_table):
    table = make_table(*runs("promptpo", [1.0]))
    unpublished = Claim(id="u", text="A number.", source="paper", kind="unpublished")
    (found,) = judge(table, [unpublished])
    assert found.verdict == "not published"


def test_verdicts_repeat(make_table):
    table = make_table(
        *runs("promptpo", [0.1, 0.5, 0.9]), *runs("ppo", [0.2, 0.4, 0.6])
    )
    assert verdict(table) == verdict(table)
