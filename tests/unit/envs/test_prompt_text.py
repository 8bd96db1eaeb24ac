import gymnasium
import pytest

from llmpo.envs.observation import action_layout
from llmpo.envs.prompt_text import implementation_text, observation_text, reward_text
from llmpo.envs.spec import Field
from llmpo.sandbox.contract import ActionLayout

DISCRETE = ActionLayout(kind="discrete", n=2)


def box(low, high, shape):
    env = gymnasium.Env()
    env.action_space = gymnasium.spaces.Box(low, high, shape)
    return action_layout(env)


def test_observation_text_lists_everything_a_policy_can_use(line):
    text = observation_text(line())
    assert "`LineObservation`" in text
    assert "- `x`: float, m - place" in text
    assert "- `vector`: array of shape (2,) - place and a number" in text
    assert "- `length` = 3" in text
    assert "- `scale` = 0.333333\n" in text + "\n"
    assert "- `all()`: one flat array of `x` then `vector`" in text


def test_observation_text_leaves_out_fields_that_prompts_must_not_name(line):
    secret = Field("secret", lambda obs, env: 0.0, "key", in_prompt=False)
    text = observation_text(line(fields=(*line().fields, secret)))
    assert "secret" not in text


def test_implementation_text_says_how_to_return_an_action(line):
    assert "an integer from 0 to 1" in implementation_text(line(), DISCRETE)
    text = implementation_text(line(), box(-0.4, 0.4, (17,)))
    assert "shape (17,), each entry within [-0.4, 0.4]" in text
    text = implementation_text(
        line(), ActionLayout("box", shape=(2,), low=(-1, 0), high=(1, 2))
    )
    assert "the entries within [-1, 1], [0, 2] in this order" in text


def test_implementation_text_states_horizon_and_lifetime(line):
    episode = implementation_text(line(), DISCRETE, "episode")
    assert "at most 12 steps" in episode
    assert "created without arguments before each episode" in episode
    run = implementation_text(line(), DISCRETE, "run")
    assert "plays all episodes" in run
    assert "Success:" not in run


@pytest.mark.parametrize("text", ["It arrives.", "It leaves."])
def test_implementation_text_states_success_where_there_is_one(line, text):
    spec = line(success_text=text)
    assert f"Success: {text}" in implementation_text(spec, DISCRETE)


def test_texts_are_deterministic(line):
    assert observation_text(line()) == observation_text(line())
    assert reward_text(line()) == "-1 a step."
