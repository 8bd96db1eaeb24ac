import inspect

import pytest

from llmpo.envs.registry import environment, environment_ids
from llmpo.errors import ConfigError
from llmpo.methods.deep_rl import DeepRL, DeepRLSettings
from llmpo.methods.deep_rl.hyperparameters import (
    HARNESS_NAMES,
    NAMES,
    NORMALIZE_NAMES,
    resolve_hyperparameters,
    tuned_values,
)
from llmpo.methods.deep_rl.steps import evaluation_steps, training_steps

ENTRIES = [
    pytest.param(algorithm, entry, id=f"{algorithm}-{number}")
    for algorithm, entries in tuned_values().items()
    for number, entry in enumerate(entries)
]
# Set by the harness or of no use without output.
_OTHER_ARGUMENTS = {
    "_init_setup_model",
    "action_noise",
    "device",
    "env",
    "optimize_memory_usage",
    "policy",
    "replay_buffer_class",
    "replay_buffer_kwargs",
    "rollout_buffer_class",
    "rollout_buffer_kwargs",
    "seed",
    "stats_window_size",
    "tensorboard_log",
    "verbose",
}


@pytest.mark.parametrize(("algorithm", "entry"), ENTRIES)
def test_tuned_values_have_known_names_and_a_source(algorithm, entry):
    assert set(entry.values) <= NAMES[algorithm]
    assert len(entry.source) > 20
    known = {environment(name).family for name in environment_ids()}
    assert set(entry.environments) <= set(environment_ids())
    assert set(entry.families) <= known


@pytest.mark.parametrize("algorithm", NAMES)
def test_every_environment_has_values(algorithm):
    for name in environment_ids():
        settings = DeepRLSettings(algorithm=algorithm)
        assert resolve_hyperparameters(settings, environment(name)).source


@pytest.mark.parametrize("algorithm", ["ppo", "sac", "td3", "dqn"])
def test_names_are_those_of_the_library(algorithm):
    library = pytest.importorskip("stable_baselines3")
    signature = inspect.signature(getattr(library, algorithm.upper()))
    assert NAMES[algorithm] - HARNESS_NAMES == (
        set(signature.parameters) - _OTHER_ARGUMENTS
    )


def test_names_of_the_normalization_are_those_of_the_library():
    library = pytest.importorskip("stable_baselines3.common.vec_env")
    parameters = set(inspect.signature(library.VecNormalize).parameters)
    assert parameters >= NORMALIZE_NAMES


def test_most_specific_entry_counts():
    def gamma(name):
        settings = DeepRLSettings(algorithm="ppo")
        return resolve_hyperparameters(settings, environment(name)).values.get("gamma")

    assert gamma("swimmer_v5") == 0.9999
    assert gamma("ant_v5") is None  # left at the library's default
    assert gamma("point_maze_large_v3") == 0.995


def test_settings_replace_and_remove_tuned_values():
    spec = environment("swimmer_v5")
    settings = DeepRLSettings(hyperparameters={"gamma": 0.9, "n_envs": None})
    found = resolve_hyperparameters(settings, spec)
    assert found.values["gamma"] == 0.9
    assert "n_envs" not in found.values
    assert found.values["batch_size"] == 256
    assert "Set in the configuration: gamma, n_envs." in found.source


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rat": 1.0}, "there is no 'learning_rat'"),
        ({"clip_range": 0.2}, "there is no 'clip_range'"),
        ({"normalize": 3}, "give true, false or a mapping"),
        ({"normalize": {"norm": True}}, "there is no 'norm'"),
        ({"n_envs": 0}, "whole number from 1"),
        ({"train_freq": [1, "episode"]}, "whole number from 1"),
    ],
)
def test_wrong_hyperparameters_are_refused(given, message):
    settings = DeepRLSettings(algorithm="sac", hyperparameters=given)
    with pytest.raises(ConfigError, match=message):
        resolve_hyperparameters(settings, environment("swimmer_v5"))


@pytest.mark.parametrize(
    ("name", "budget"),
    [
        ("noise_world_board_1", 25_000),
        ("point_maze_large_v3", 400_000),
        ("button_press_v3", 250_000),
        ("door_open_v3", 500_000),
        ("swimmer_v5", 1_000_000),
        ("reacher_v5", 50_000),
    ],
)
@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
def test_matched_steps_are_the_published_budget_in_whole_updates(
    name, budget, algorithm
):
    spec, settings = environment(name), DeepRLSettings(algorithm=algorithm)
    steps = training_steps(settings, spec)
    assert 0.95 * budget < steps <= budget
    assert DeepRL().max_env_steps(settings, spec) == steps


def test_steps_are_never_less_than_one_update():
    settings = DeepRLSettings(steps=10, hyperparameters={"n_envs": 1, "n_steps": 64})
    assert training_steps(settings, environment("swimmer_v5")) == 64


def test_evaluations_are_even_with_early_ones_before():
    points = evaluation_steps(1000, 10, grain=1)
    assert points == [12, 25, 50, *range(100, 1001, 100)]


def test_evaluations_fall_on_whole_updates_and_include_the_end():
    points = evaluation_steps(24_576, 20, grain=512)
    assert all(point % 512 == 0 for point in points)
    assert points == sorted(set(points))
    assert points[0] == 512
    assert points[-1] == 24_576


@pytest.mark.parametrize("steps", [0, -1])
def test_number_of_steps_must_be_positive(steps):
    with pytest.raises(ValueError, match="at least 1"):
        DeepRLSettings(steps=steps)


def test_resolved_settings_hold_numbers_instead_of_names():
    resolved = DeepRL().resolve(DeepRLSettings(), environment("swimmer_v5"))
    assert resolved["steps"] == 999_424
    assert resolved["hyperparameters"]["gamma"] == 0.9999
    assert resolved["engine"] == "sb3"
