"""Neural networks as policies: the document format and an actor in plain NumPy.

A trained network is stored as data and played without PyTorch or JAX, so evaluating
recorded policies needs neither. Numbers are little-endian arrays in base64.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import gymnasium
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from llmpo.errors import DataError

if TYPE_CHECKING:
    from llmpo.envs.spec import EnvSpec

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

Activation = Literal["tanh", "relu"]
Output = Literal["clip", "tanh", "argmax"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LayerDocument(_Part):
    """One affine layer: `outputs` x `inputs` weights, row by row, and the biases."""

    inputs: int
    outputs: int
    weights: str
    biases: str


class NormalizationDocument(_Part):
    """How inputs are centred and scaled: (x - mean) / sqrt(variance + epsilon)."""

    mean: str
    variance: str
    epsilon: float
    clip: float


class NetworkDocument(_Part):
    """A feed-forward policy.

    Attributes:
        observation_keys: Entries of a dictionary observation in input order; empty
            where observations are plain arrays.
        activation: What follows every layer but the last.
        output: What the last layer's values mean: actions to be clipped, values to be
            squashed by tanh and scaled to the action's range, or scores of actions of
            which the highest wins.
        pre_squash_limit: Limit on the absolute values before tanh; None for no limit.
    """

    format: Literal["llmpo-network"] = "llmpo-network"
    version: Literal[1] = 1
    observation_keys: tuple[str, ...] = ()
    normalization: NormalizationDocument | None = None
    layers: tuple[LayerDocument, ...]
    activation: Activation
    output: Output
    pre_squash_limit: float | None = None


@dataclass(frozen=True)
class Layer:
    """Weights (outputs, inputs) and biases of an affine layer."""

    weights: Float32Array
    biases: Float32Array

    def document(self) -> LayerDocument:
        """Returns the layer as plain data."""
        outputs, inputs = self.weights.shape
        return LayerDocument(
            inputs=inputs,
            outputs=outputs,
            weights=encode(self.weights, "<f4"),
            biases=encode(self.biases, "<f4"),
        )


@dataclass(frozen=True)
class Normalization:
    """Running mean and variance of each input, and the limits of the result."""

    mean: Float64Array
    variance: Float64Array
    epsilon: float
    clip: float

    def document(self) -> NormalizationDocument:
        """Returns the normalization as plain data."""
        return NormalizationDocument(
            mean=encode(self.mean, "<f8"),
            variance=encode(self.variance, "<f8"),
            epsilon=self.epsilon,
            clip=self.clip,
        )


class NetworkActor:
    """Plays a network's deterministic policy.

    Args:
        document: The network.
        action_space: The actions of the environment it plays in.
    """

    def __init__(
        self, document: NetworkDocument, action_space: "gymnasium.Space[Any]"
    ) -> None:
        self._keys = document.observation_keys
        self._layers = [_layer(layer) for layer in document.layers]
        self._inputs = document.layers[0].inputs
        self._relu = document.activation == "relu"
        self._output = document.output
        self._limit = document.pre_squash_limit
        self._space = action_space
        self._normalization = None
        if document.normalization is not None:
            given = document.normalization
            variance = decode(given.variance, "<f8", self._inputs)
            self._normalization = (
                decode(given.mean, "<f8", self._inputs),
                1.0 / np.sqrt(variance + given.epsilon),
                given.clip,
            )
        if isinstance(action_space, gymnasium.spaces.Box):
            self._low, self._high = action_space.low, action_space.high

    def begin_episode(self, seed: int) -> None:
        """Does nothing: the policy has neither memory nor randomness."""

    def act(self, observation: Any) -> Any:
        """Returns the action for a raw observation of the environment."""
        values = self._forward(self._flat(observation))
        if self._output == "argmax":
            return int(values.argmax())
        action = values.reshape(self._low.shape)
        if self._output == "tanh":
            if self._limit is not None:
                action = action.clip(-self._limit, self._limit)
            action = self._low + 0.5 * (np.tanh(action) + 1.0) * (
                self._high - self._low
            )
        # In the space's own precision, so that rounding cannot leave its bounds.
        action = action.astype(self._low.dtype)
        return np.minimum(np.maximum(action, self._low), self._high)

    def _flat(self, observation: Any) -> Float32Array:
        if self._keys:
            parts = [np.ravel(observation[key]) for key in self._keys]
            return np.concatenate(parts).astype(np.float32)
        return np.asarray(observation, dtype=np.float32).ravel()

    def _forward(self, values: Float32Array) -> Float32Array:
        if self._normalization is not None:
            mean, scale, clip = self._normalization
            scaled = (values - mean) * scale
            values = np.minimum(np.maximum(scaled, -clip), clip).astype(np.float32)
        last = len(self._layers) - 1
        for number, (weights, biases) in enumerate(self._layers):
            # Unlike BLAS, einsum rounds alike on all machines, and starts no threads.
            values = np.einsum("ji,j->i", weights, values)
            values += biases
            if number < last:
                if self._relu:
                    np.maximum(values, 0.0, out=values)
                else:
                    np.tanh(values, out=values)
        return values


def load_network(
    document: dict[str, Any], spec: "EnvSpec", env: "gymnasium.Env[Any, Any]"
) -> NetworkActor:
    """Returns the actor of a stored network.

    Raises:
        DataError: The document is not a network, or not one for this environment.
    """
    where = f"Loading a network policy for {spec.label}"
    try:
        network = NetworkDocument.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{where}: the document does not fit this version of llmpo "
            f"({field}: {first['msg']}). Record or train the policy again."
        ) from None
    _check_fit(network, env, where)
    try:
        return NetworkActor(network, env.action_space)
    except (ValueError, binascii.Error) as error:
        raise DataError(
            f"{where}: the document is damaged ({error}). Restore it and run again."
        ) from None


def _check_fit(
    network: NetworkDocument, env: "gymnasium.Env[Any, Any]", where: str
) -> None:
    space = env.observation_space
    keys = tuple(space.spaces) if isinstance(space, gymnasium.spaces.Dict) else ()
    inputs = gymnasium.spaces.flatdim(space)
    actions = gymnasium.spaces.flatdim(env.action_space)
    discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)
    chain = [inputs, *(layer.outputs for layer in network.layers)]
    fits = (
        network.observation_keys == keys
        and [layer.inputs for layer in network.layers] == chain[:-1]
        and chain[-1] == actions
        and (network.output == "argmax") == discrete
    )
    if not fits:
        raise DataError(
            f"{where}: the network does not fit the environment, which has {inputs} "
            f"observation values {f'under {list(keys)} ' if keys else ''}and {actions} "
            f"{'discrete actions' if discrete else 'action values'}. Use it in the "
            "environment it was trained in."
        )


def _layer(document: LayerDocument) -> tuple[Float32Array, Float32Array]:
    """Returns the weights as (inputs, outputs), and the biases."""
    inputs, outputs = document.inputs, document.outputs
    weights = decode(document.weights, "<f4", inputs * outputs)
    biases = decode(document.biases, "<f4", outputs)
    columns = np.ascontiguousarray(weights.reshape(outputs, inputs).T, np.float32)
    return columns, biases.astype(np.float32)


def encode(array: npt.ArrayLike, dtype: str) -> str:
    """Returns the numbers of an array, row by row, as base64 text."""
    data = np.ascontiguousarray(array, dtype=dtype).tobytes()
    return base64.b64encode(data).decode("ascii")


def decode(text: str, dtype: str, size: int) -> npt.NDArray[Any]:
    """Returns the numbers of a base64 text.

    Raises:
        ValueError: It does not hold exactly `size` finite numbers.
    """
    array = np.frombuffer(base64.b64decode(text, validate=True), dtype=dtype)
    if array.size != size:
        raise ValueError(f"{array.size} numbers where {size} are expected")
    if not np.isfinite(array).all():
        raise ValueError("a number that is not finite")
    return array
