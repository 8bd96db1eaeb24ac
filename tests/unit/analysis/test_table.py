import pytest

from llmpo.analysis.table import read_tidy
from llmpo.analysis.text import environment_name, short_number
from llmpo.errors import DataError


def test_environments_are_ordered_by_family_then_naturally(make_tidy):
    table = read_tidy(make_tidy(environments=12))
    numbers = [label.split("_")[3] for label in table.environments]
    # Families by position: 2, 6, 10 | 3, 7, 11 | 0, 4, 8 | 1, 5, 9.
    assert numbers == ["2", "6", "10", "3", "7", "11", "0", "4", "8", "1", "5", "9"]


def test_series_name_the_experiment_only_when_there_are_several(make_tidy):
    path = make_tidy()
    assert read_tidy(path).series == ("promptpo",)
    text = path.read_text()
    path.write_text(text + text.split("\n", 1)[1].replace(",main,", ",other,"))
    assert read_tidy(path).series == ("main: promptpo", "other: promptpo")


def test_a_label_that_one_experiment_uses_needs_no_experiment(make_table):
    other = {"experiment": "other"}
    table = make_table(("a", "ppo", 0, 1.0), ("a", "sac", 0, 1.0, other))
    assert table.series == ("ppo", "sac")


def test_results_have_a_row_for_every_run_that_has_ended(make_table):
    table = make_table(
        ("noise_world_board_0", "p", 0, 34.9),
        ("noise_world_board_0", "p", 1, None, {"status": "failed"}),
        ("noise_world_board_0", "p", 2, None, {"status": "pending"}),
        ("new_task", "p", 0, None, {"status": "truncated"}),
    )
    rows = table.results.set_index(["environment", "seed"])
    assert len(rows) == 3
    assert rows.loc["noise_world_board_0", 0].normalized == pytest.approx(1)
    assert rows.loc["noise_world_board_0", 1].score == -25
    assert rows.loc["new_task", 0].without_policy
    assert rows.loc["new_task"].score.isna().all()


def test_an_environments_own_table_keeps_all_names(make_tidy):
    table = read_tidy(make_tidy(environments=3, training=1))
    part = table.by_environment[table.environments[1]]
    assert set(part.runs.environment) == {table.environments[1]}
    assert (part.environments, part.series) == (table.environments, table.series)
    assert sum(len(t.episodes) for t in table.by_environment.values()) == len(
        table.episodes
    )


def test_a_number_that_is_none_names_its_column(make_tidy):
    path = make_tidy()
    path.write_text(path.read_text().replace(",search,0,", ",search,none,"))
    with pytest.raises(DataError, match=r"column seed .*none"):
        read_tidy(path)


def test_methods_may_be_called_like_missing_values(make_tidy):
    path = make_tidy()
    path.write_text(path.read_text().replace(",promptpo,promptpo,", ",NA,promptpo,"))
    assert read_tidy(path).series == ("NA",)


def test_a_missing_table_is_one_clear_message(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_tidy(tmp_path / "tidy.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("kind,", "sort,", 1), "lacks the columns kind"),
        (lambda text: text.split("\n")[0] + "\n", "holds no runs"),
        (lambda text: text.replace(",true,", ",perhaps,"), "tokens_estimated"),
        (lambda text: "", "not a table"),
    ],
)
def test_a_spoiled_table_is_one_clear_message(make_tidy, change, message):
    path = make_tidy()
    path.write_text(change(path.read_text().replace("True", "true")))
    with pytest.raises(DataError, match=message):
        read_tidy(path)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("halfcheetah_v5", "Halfcheetah v5"),
        (
            "maze_v3[layout=shown,seed_map=two_b]",
            "Maze v3, layout: shown, seed map: two b",
        ),
        ("a", "A"),
    ],
)
def test_environment_names_are_made_from_the_notation_of_ids(label, name):
    assert environment_name(label) == name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (999, "999"),
        (1500, "1.5k"),
        (-2e6, "\N{MINUS SIGN}2M"),
    ],
)
def test_short_numbers(value, text):
    assert short_number(value) == text
