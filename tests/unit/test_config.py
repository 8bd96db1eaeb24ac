"""Configurations: what is accepted, and what a user is told otherwise."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from llmpo.config import config_schema, load_config, read_config
from llmpo.config_docs import config_files
from llmpo.errors import ConfigError


def _values(**changes):
    values = {
        "llm": {"mode": "replay", "model": "a/b"},
        "experiments": {
            "e": {
                "environments": ["noise_world_board_0"],
                "methods": {"m": {"method": "promptpo"}},
                "seeds": [0, 1],
            }
        },
    }
    values.update(changes)
    return values


def _change(path: str, value: object):
    values = _values()
    *parents, last = path.split(".")
    target = values
    for name in parents:
        target = target[name]
    target[last] = value
    return values


def test_switches_of_an_environment_can_be_written_plainly(tmp_path: Path):
    path = tmp_path / "c.yaml"
    text = yaml.safe_dump(_values()).replace(
        "- noise_world_board_0", "- {id: glucose, death_penalty: off}"
    )
    path.write_text(text)
    (cell, _) = read_config([path]).cells()
    assert cell.options == {"death_penalty": "off"}


def test_cells_are_the_product_in_the_order_of_the_grid():
    config = load_config(_values(), "test")
    assert [cell.id for cell in config.cells()] == [
        "e.noise_world_board_0.m.0",
        "e.noise_world_board_0.m.1",
    ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("experimentz", {}, "experimentz: there is no such key"),
        ("experiments.e.seed", [0], "experiments.e.seed: there is no such key"),
        ("experiments.e.seeds", [0, 0], "seeds must be distinct"),
        ("experiments.e.seeds", [-1], "seeds must be distinct and not negative"),
        ("experiments.e.environments", ["noise_wrld_board_0"], "Did you mean"),
        ("experiments.e.environments", [], "at least 1"),
        (
            "experiments.e.environments",
            ["noise_world_board_0", "noise_world_board_0"],
            "twice: e.noise_world_board_0.m.0",
        ),
        (
            "experiments.e.environments",
            [{"id": "point_maze_large_v3", "layuot": "shown"}],
            "no option 'layuot'",
        ),
        (
            "experiments.e.environments",
            [{"id": "point_maze_large_v3", "layout": "drawn"}],
            "cannot be 'drawn'; choose one of: hidden, shown",
        ),
        ("experiments.e.methods", {"m": {"method": "promtpo"}}, "no method 'promtpo'"),
        (
            "experiments.e.methods",
            {"m": {"method": "promptpo", "settings": {"round": 3}}},
            "round: there is no such key",
        ),
        (
            "experiments.e.methods",
            {"m": {"method": "promptpo", "settings": {"rounds": 0}}},
            "rounds: .*greater than or equal to 1",
        ),
        ("evaluation", {"episodes": 5}, "episodes: .*greater than or equal to 20"),
        ("llm.mode", "online", "llm.mode: "),
        ("sandbox", {"limits": {"acts": 1}}, "sandbox.limits.acts"),
        ("sandbox", {"limits": {"act": -1}}, "sandbox.limits.act: .*greater than 0"),
        ("budget", {"dollar": 3}, "budget.dollar: there is no such key"),
    ],
)
def test_wrong_entry_gives_a_message_that_names_it(path, value, message):
    with pytest.raises(ConfigError, match=message):
        load_config(_change(path, value), "test")


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "is not YAML"), ("- 1", "holds no mapping"), ("", "holds no mapping")],
)
def test_unreadable_file_gives_a_message(tmp_path: Path, text, message):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_config([path])


def test_later_file_overrides_single_keys(tmp_path: Path):
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    first.write_text(yaml.safe_dump(_values()))
    second.write_text("llm: {model: c/d}")
    config = read_config([first, second])
    assert config.llm is not None
    assert (config.llm.model, config.llm.mode) == ("c/d", "replay")


def test_generated_schema_and_page_are_current(repository: Path):
    for path, text in config_files().items():
        assert (repository / path).read_text() == text, "run: llmpo schema"


@pytest.mark.parametrize("name", ["config", "smoke", "live"])
def test_shipped_configuration_fits_schema_and_package(repository: Path, name):
    path = repository / "workflow" / "config" / f"{name}.yaml"
    Draft202012Validator(config_schema()).validate(yaml.safe_load(path.read_text()))
    assert read_config([path]).cells()


def test_schema_rejects_a_misspelled_method_setting():
    values = _change(
        "experiments.e.methods",
        {"m": {"method": "promptpo", "settings": {"candidate": 3}}},
    )
    errors = list(Draft202012Validator(config_schema()).iter_errors(values))
    assert "candidate" in json.dumps([error.message for error in errors])


def test_method_can_be_for_some_environments_and_seeds_only():
    values = _values()
    experiment = values["experiments"]["e"]
    experiment["environments"].append("swimmer_v5")
    experiment["methods"]["zero"] = {
        "method": "reference",
        "settings": {"policy": "zero"},
        "environments": ["swimmer_v5"],
        "seeds": [7],
    }
    cells = load_config(values, "test").cells()
    chosen = [cell.id for cell in cells if cell.method == "zero"]
    assert chosen == ["e.swimmer_v5.zero.7"]
    assert len(cells) == 5


def test_method_for_an_environment_that_is_not_there_is_refused():
    values = _values()
    values["experiments"]["e"]["methods"]["m"]["environments"] = ["swimmer_v5"]
    with pytest.raises(ConfigError, match=r"names swimmer_v5, which .* does not have"):
        load_config(values, "test")
