import gymnasium
import numpy as np
import pytest

from llmpo.envs.instances import build_environment, shared_environment
from llmpo.envs.observation import ObservationReader, action_layout, observation_layout
from llmpo.envs.spec import Field
from llmpo.errors import ConfigError, PrerequisiteError


def test_layout_lists_fields_in_wire_order(line):
    layout = observation_layout(line())
    assert layout.class_name == "LineObservation"
    assert layout.fields == (("x", ()), ("vector", (2,)))
    assert layout.width == 3
    assert layout.concatenations == {"all": ("x", "vector")}


def test_reader_copies_the_state_of_the_moment(line):
    spec = line()
    env = spec.build()
    reader = ObservationReader(spec, env)
    observation, _ = env.reset(seed=3)
    before = reader.read(observation)
    observation, *_ = env.step(1)
    after = reader.read(observation)
    assert np.frombuffer(before).tolist()[:2] == [0.0, 0.0]
    assert np.frombuffer(after).tolist()[:2] == [1.0, 1.0]
    assert np.frombuffer(after)[2] == env.place[1]


def test_reader_names_the_field_that_does_not_fit(line):
    wrong = Field("wrong", lambda obs, env: obs[:2], "too long", shape=(3,))
    spec = line(fields=(wrong,))
    env = spec.build()
    observation, _ = env.reset(seed=0)
    reader = ObservationReader(spec, env)
    with pytest.raises(ConfigError, match=r"'wrong' is declared with shape \(3,\)"):
        reader.read(observation)


def test_reader_reports_what_broadcasting_would_hide(line):
    fields = (
        Field("short", lambda obs, env: obs[:1], "one number", shape=(2,)),
        Field("lost", lambda obs, env: env.nothing, "no such attribute"),
        Field("nan", lambda obs, env: float("nan"), "not a number"),
    )
    spec = line(fields=fields)
    env = spec.build()
    observation, _ = env.reset(seed=0)
    short, lost, nan = ObservationReader(spec, env).violations(observation)
    assert "shape (1,)" in short
    assert "cannot be read" in lost
    assert "not finite" in nan


def test_action_layouts_of_both_kinds():
    env = gymnasium.Env()
    env.action_space = gymnasium.spaces.Discrete(4)
    assert action_layout(env).n == 4
    env.action_space = gymnasium.spaces.Box(-0.4, 0.4, (2, 2), np.float32)
    layout = action_layout(env)
    assert (layout.kind, layout.shape, layout.width) == ("box", (2, 2), 4)
    assert layout.low == (float(np.float32(-0.4)),) * 4


@pytest.mark.parametrize(
    "space", [gymnasium.spaces.Discrete(3, start=1), gymnasium.spaces.MultiBinary(2)]
)
def test_other_action_spaces_are_refused(space):
    env = gymnasium.Env()
    env.action_space = space
    with pytest.raises(ConfigError, match="Reading the action space"):
        action_layout(env)


def test_shared_environment_is_built_once(line):
    spec = line({"limit": 5})
    assert shared_environment(spec) is shared_environment(spec)
    assert build_environment(spec) is not shared_environment(spec)
    other = line({"limit": 5}, version=2)
    assert shared_environment(other) is not shared_environment(spec)


def test_missing_simulator_names_the_extra(line):
    def build():
        raise ModuleNotFoundError("No module named 'physics'", name="physics")

    with pytest.raises(PrerequisiteError, match=r"pip install 'llmpo\[sims\]'"):
        build_environment(line(build=build, extra="sims"))
