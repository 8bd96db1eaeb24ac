import pytest

from llmpo.errors import DataError
from llmpo.figures.table import read_tidy
from llmpo.figures.text import environment_name, short_number


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
