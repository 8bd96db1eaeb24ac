from itertools import pairwise

import gymnasium
import numpy as np
import pytest

from llmpo.envs.registry import environment
from llmpo.errors import DataError
from llmpo.policies import load_policy
from llmpo.policies.network import (
    Layer,
    NetworkActor,
    NetworkDocument,
    Normalization,
    load_network,
)
from llmpo.storage import canonical_json

SPEC = environment("noise_world_board_0")


class OneStep(gymnasium.Env):
    """An environment that only has spaces."""

    def __init__(self, observations, actions):
        self.observation_space = observations
        self.action_space = actions


def _box(size, low=-1.0, high=1.0, dtype=np.float32):
    return gymnasium.spaces.Box(low, high, (size,), dtype)


def _layers(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Layer(
            rng.normal(size=(outputs, inputs)).astype(np.float32),
            rng.normal(size=outputs).astype(np.float32),
        )
        for inputs, outputs in pairwise(sizes)
    ]


def _document(layers, **changes):
    values = {
        "layers": tuple(layer.document() for layer in layers),
        "activation": "tanh",
        "output": "clip",
        **changes,
    }
    return NetworkDocument(**values)


def _plain(document):
    return document.model_dump(mode="json")


def test_network_computes_what_its_layers_say():
    first, second = _layers(3, 4, 2)
    actor = NetworkActor(_document([first, second]), _box(2, -0.5, 0.5))
    observation = np.array([0.1, -0.2, 0.3])
    hidden = np.tanh(first.weights @ observation + first.biases)
    expected = np.clip(second.weights @ hidden + second.biases, -0.5, 0.5)
    np.testing.assert_allclose(actor.act(observation), expected, atol=1e-6)


def test_relu_and_argmax_choose_the_highest_score():
    first, second = _layers(3, 4, 5)
    document = _document([first, second], activation="relu", output="argmax")
    actor = NetworkActor(document, gymnasium.spaces.Discrete(5))
    observation = np.array([1.0, 2.0, -1.0])
    hidden = np.maximum(first.weights @ observation + first.biases, 0.0)
    action = actor.act(observation)
    assert type(action) is int
    assert action == np.argmax(second.weights @ hidden + second.biases)


def test_tanh_output_is_scaled_to_the_actions_range():
    (layer,) = _layers(2, 1)
    space = _box(1, 0.0, 0.1, np.float64)
    actor = NetworkActor(_document([layer], output="tanh"), space)
    observation = np.array([0.4, 0.2])
    squashed = np.tanh(layer.weights @ observation + layer.biases)
    np.testing.assert_allclose(
        actor.act(observation), 0.05 * (squashed + 1.0), atol=1e-7
    )


@pytest.mark.parametrize("output", ["clip", "tanh"])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_extreme_outputs_stay_inside_the_action_space(output, sign):
    layer = Layer(np.zeros((1, 2), np.float32), np.full(1, sign * 1e9, np.float32))
    space = _box(1, 0.0, 0.1, np.float64)
    actor = NetworkActor(_document([layer], output=output), space)
    assert space.contains(actor.act(np.zeros(2)))


def test_limit_before_squashing_holds():
    layer = Layer(np.zeros((1, 1), np.float32), np.full(1, 9.0, np.float32))
    document = _document([layer], output="tanh", pre_squash_limit=2.0)
    action = NetworkActor(document, _box(1)).act(np.zeros(1))
    np.testing.assert_allclose(action, np.tanh([2.0]), atol=1e-7)


def test_observations_are_normalized_and_clipped():
    layer = Layer(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    normalization = Normalization(
        np.array([1.0, 0.0]), np.array([4.0, 1.0]), epsilon=0.0, clip=3.0
    )
    document = _document([layer], normalization=normalization.document())
    actor = NetworkActor(document, _box(2, -9.0, 9.0))
    np.testing.assert_allclose(actor.act(np.array([3.0, 50.0])), [1.0, 3.0])


def test_dictionary_observations_are_joined_in_the_documents_order():
    layer = Layer(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    document = _document([layer], observation_keys=("goal", "place"))
    actor = NetworkActor(document, _box(3, -9.0, 9.0))
    observation = {"place": np.array([[2.0, 3.0]]), "goal": np.array(1.0)}
    np.testing.assert_allclose(actor.act(observation), [1.0, 2.0, 3.0])


def test_document_survives_json():
    document = _document(_layers(30, 8, 4), activation="relu", output="argmax")
    env = OneStep(_box(30), gymnasium.spaces.Discrete(4))
    text = canonical_json(_plain(document))
    loaded = load_policy("network", text, SPEC, env)
    direct = NetworkActor(document, env.action_space)
    for observation in np.random.default_rng(1).normal(size=(20, 30)):
        assert loaded.act(observation) == direct.act(observation)


@pytest.mark.parametrize(
    ("observations", "actions"),
    [
        (_box(4), _box(2)),
        (_box(3), _box(3)),
        (_box(3), gymnasium.spaces.Discrete(2)),
        (gymnasium.spaces.Dict({"place": _box(3)}), _box(2)),
    ],
)
def test_network_of_another_environment_is_refused(observations, actions):
    document = _plain(_document(_layers(3, 4, 2)))
    with pytest.raises(DataError, match="does not fit the environment"):
        load_network(document, SPEC, OneStep(observations, actions))


def test_layers_that_do_not_chain_are_refused():
    first, second = _layers(3, 4)[0], _layers(5, 2)[0]
    document = _plain(_document([first, second]))
    with pytest.raises(DataError, match="does not fit"):
        load_network(document, SPEC, OneStep(_box(3), _box(2)))


def _shorten(layer):
    layer["weights"] = layer["weights"][:-8]


def _garble(layer):
    layer["biases"] = "?" + layer["biases"][1:]


def _poison(layer):
    layer["biases"] = (
        Layer(np.zeros((2, 1), np.float32), np.full(2, np.nan, np.float32))
        .document()
        .biases
    )


@pytest.mark.parametrize("damage", [_shorten, _garble, _poison])
def test_damaged_numbers_are_refused(damage):
    document = _plain(_document(_layers(3, 2)))
    damage(document["layers"][0])
    with pytest.raises(DataError, match="damaged"):
        load_network(document, SPEC, OneStep(_box(3), _box(2)))


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"format": "other"}, {"activation": "gelu"}, {"x": 1}]
)
def test_other_documents_are_refused(change):
    document = {**_plain(_document(_layers(3, 2))), **change}
    with pytest.raises(DataError, match="does not fit this version"):
        load_network(document, SPEC, OneStep(_box(3), _box(2)))
