from dataclasses import replace

import pytest

from llmpo.analysis.table import read_tidy
from llmpo.analysis.verdicts import judge
from llmpo.claims import Claim

CHAIN, MAZE = "icpi_chain", "icpi_maze"


def claim(**changes):
    values = {
        "id": "c",
        "text": "It learns.",
        "source": "somewhere",
        "kind": "regret",
        "method": "icpi",
        "against": ["random"],
        "families": ["ICPI"],
        "tolerance": 0.1,
    }
    return Claim.model_validate(values | changes)


def runs(label, regrets, environment=CHAIN):
    """Runs of eight episodes that have the same regret throughout."""
    return [
        (environment, label, seed, (regret,) * 8) for seed, regret in enumerate(regrets)
    ]


@pytest.fixture
def verdict(make_table, make_online):
    def judged(*every, **changes):
        plain = make_table(("noise_world_board_1", "ppo", 0, 1.0))
        table = replace(plain, online=make_online(*every))
        (found,) = judge(table, [claim(**changes)])
        return found

    return judged


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ([0.1, 0.1, 0.1], "supported"),
        ([0.55, 0.55, 0.55], "supported"),  # more, but within the tolerance
        ([0.8, 0.8, 0.8], "contradicted"),
        ([0.3, 0.6, 0.9], "undecided"),
    ],
)
def test_less_regret_is_a_match_and_more_is_not(verdict, own, expected):
    every = (*runs("icpi", own), *runs("random", [0.5] * 3))
    found = verdict(*every)
    assert found.verdict == expected
    assert found.estimate.value == pytest.approx(sum(own) / 3 - 0.5)
    assert f"ICPI chain {sum(own) / 3 - 0.5:.2f}" in found.reason
    opposite = {"supported": "contradicted", "contradicted": "supported"}
    below = verdict(*every, expects="below")
    assert below.verdict == opposite.get(expected, expected)


def test_a_match_is_about_the_average_over_environments(verdict):
    found = verdict(
        *runs("icpi", [0.7] * 3),
        *runs("random", [0.5] * 3),
        *runs("icpi", [0.1] * 3, MAZE),
        *runs("random", [0.3] * 3, MAZE),
    )
    assert found.verdict == "supported"
    assert found.estimate.value == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("maze", "expected"),
    [
        ([0.1, 0.1, 0.1], "supported"),
        ([0.45, 0.45, 0.45], "contradicted"),  # less, but not by the tolerance
        ([0.1, 0.4, 0.5], "undecided"),
    ],
)
def test_better_has_to_be_so_in_every_environment(verdict, maze, expected):
    every = (
        *runs("icpi", [0.0] * 3),
        *runs("random", [0.6] * 3),
        *runs("icpi", maze, MAZE),
        *runs("random", [0.5] * 3, MAZE),
    )
    found = verdict(*every, expects="better")
    assert found.verdict == expected
    # The environment in which it does worst decides what is shown.
    assert found.estimate.value == pytest.approx(sum(maze) / 3 - 0.5)
    assert "ICPI chain -0.60 [-0.60, -0.60]" in found.reason
    opposite = {"supported": "contradicted", "contradicted": "supported"}
    denied = verdict(*every, expects="not_better")
    assert denied.verdict == opposite.get(expected, expected)


def test_no_difference_at_all_is_not_better(verdict):
    every = (*runs("icpi", [0.5] * 3), *runs("random", [0.5] * 3))
    assert verdict(*every, expects="better", tolerance=0).verdict == "contradicted"


def test_the_other_with_the_least_regret_counts_and_is_named(verdict):
    found = verdict(
        *runs("icpi", [0.2] * 3),
        *runs("random", [0.6] * 3),
        *runs("tabular_q", [0.1] * 3),
        against=["random", "tabular_q"],
    )
    assert found.best == {CHAIN: "tabular_q"}
    assert "(tabular_q)" in found.reason


def test_only_the_last_part_of_the_runs_counts(verdict):
    late = (0.9,) * 6 + (0.0, 0.0)
    found = verdict(
        *((CHAIN, "icpi", seed, late) for seed in range(3)),
        *runs("random", [0.6] * 3),
        expects="better",
    )
    assert found.estimate.value == pytest.approx(-0.6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"against": ["optimal"]}, "no method optimal"),
        ({"method": "ppo", "against": ["icpi"]}, "no method ppo"),
        ({"families": ["NoiseWorld"]}, "no environment of NoiseWorld"),
        ({"families": [], "environments": [CHAIN, "gone"]}, "no results of icpi in"),
        ({"min_runs": 4}, "3 of random in ICPI chain"),
    ],
)
def test_what_is_missing_of_regrets_is_said_in_words(verdict, changes, message):
    found = verdict(*runs("icpi", [0.1] * 3), *runs("random", [0.6] * 3), **changes)
    assert found.verdict == "undecided"
    assert message in found.reason


@pytest.mark.parametrize(("score", "name"), [(None, "random"), (0.5, "icpi: random")])
def test_a_label_that_other_runs_have_too_still_stands_for_its_own_series(
    make_tidy, make_online_tidy, score, name
):
    tidy = make_tidy(references=1)  # its label is random, too
    online = make_online_tidy(score=score).read_text()
    online = online.replace(",main,icpi_", ",icpi,icpi_")
    with tidy.open("a") as file:
        file.writelines(online.splitlines(keepends=True)[1:])
    table = read_tidy(tidy)
    # Only where both have held-out scores do they stand beside each other.
    assert name in table.online.series
    assert name in table.series
    assert ("main: random" in table.series) == bool(score)
    (found,) = judge(table, [claim()])
    assert found.best["icpi_chain"] == name
    assert found.claim.against == ["random"]
    assert found.estimate.has_interval


def test_attempts_of_an_unreported_namesake_are_no_candidates(
    make_tidy, make_online_tidy
):
    tidy = make_tidy(references=1)
    alone = len(read_tidy(tidy).candidates)
    online = make_online_tidy().read_text().replace(",main,icpi_", ",icpi,icpi_")
    with tidy.open("a") as file:
        file.writelines(online.splitlines(keepends=True)[1:])
    assert len(read_tidy(tidy).candidates) == alone
