import logging
from importlib.metadata import EntryPoint

import pytest

from llmpo.envs import registry
from llmpo.envs.noise_world import SPECS
from llmpo.errors import ConfigError

GROUP = "llmpo.environments"
NOISE_WORLD = EntryPoint("noise_world", "llmpo.envs.noise_world:SPECS", GROUP)


@pytest.fixture
def install(monkeypatch):
    """Replaces the installed entry points."""

    def _install(*entry_points):
        monkeypatch.setattr(registry, "entry_points", lambda group: entry_points)
        registry.forget_environments()

    yield _install
    monkeypatch.undo()
    registry.forget_environments()


def test_registry_finds_all_twenty_environments():
    ids = registry.environment_ids()
    assert ids == sorted(ids)
    assert {
        "ant_v5",
        "button_press_v3",
        "noise_world_board_6",
        "point_maze_large_diverse_g_v3",
        "reacher_v5",
    } <= set(ids)
    assert len(ids) >= 20


def test_registry_imports_no_simulator():
    import subprocess
    import sys

    code = (
        "import sys; from llmpo.envs.registry import environment_ids; "
        "environment_ids(); "
        "sys.exit(any(name in sys.modules for name in "
        "('mujoco', 'metaworld', 'gymnasium_robotics', 'torch', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_environment_suggests_close_matches():
    with pytest.raises(ConfigError, match=r"Did you mean .*halfcheetah_v5"):
        registry.environment("half_cheetah_v5")


def test_environment_applies_options():
    spec = registry.environment("noise_world_board_4", {"key_information": "shown"})
    assert spec.label == "noise_world_board_4[key_information=shown]"
    with pytest.raises(ConfigError, match="choose one of: hidden, shown"):
        registry.environment("noise_world_board_4", {"key_information": "yes"})
    with pytest.raises(ConfigError, match="has no option 'layout'"):
        registry.environment("noise_world_board_4", {"layout": "shown"})


def test_broken_package_does_not_hide_the_others(install, caplog):
    broken = EntryPoint("bad", "package_that_is_not_there:SPECS", GROUP)
    wrong = EntryPoint("odd", "math:pi", GROUP)
    install(broken, wrong, NOISE_WORLD)
    with caplog.at_level(logging.WARNING):
        assert len(registry.environment_ids()) == len(SPECS)
    assert "'bad'" in caplog.text
    with pytest.raises(ConfigError, match=r"could not be loaded: .*'bad'.*'odd'"):
        registry.environment("no_such_thing")


def test_duplicate_id_names_both_packages(install):
    install(NOISE_WORLD, EntryPoint("copy", "llmpo.envs.noise_world:SPECS", GROUP))
    with pytest.raises(ConfigError, match=r"'noise_world'.*'copy'"):
        registry.environment_ids()


def test_single_spec_is_a_valid_entry_point(install, monkeypatch):
    import llmpo.envs.noise_world as module

    monkeypatch.setattr(module, "ONE", SPECS[0], raising=False)
    install(EntryPoint("one", "llmpo.envs.noise_world:ONE", GROUP))
    assert registry.environment_ids() == ["noise_world_board_0"]
