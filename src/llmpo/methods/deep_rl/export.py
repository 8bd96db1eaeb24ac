"""Exporting a trained policy as a document that needs no learning library."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np

from llmpo.methods.deep_rl.model_state import train_states
from llmpo.policies.network import (
    Activation,
    Layer,
    NetworkDocument,
    Normalization,
    NormalizationDocument,
    Output,
)


def export_policy(
    model: Any, normalize: Any, observation_keys: Sequence[str] = ()
) -> dict[str, Any]:
    """Returns the deterministic policy of a model as a network document.

    Args:
        model: The model, of either library.
        normalize: The `VecNormalize` it was trained with; None without one.
        observation_keys: Entries of the environment's dictionary observations in
            the order of the network's inputs.
    """
    if train_states(model):
        layers, activation, limit = _flax_layers(model)
    else:
        layers, activation, limit = _torch_layers(model)
    document = NetworkDocument(
        observation_keys=tuple(observation_keys),
        normalization=_normalization(normalize, observation_keys),
        layers=tuple(layer.document() for layer in layers),
        activation=activation,
        output=_output(model),
        pre_squash_limit=limit,
    )
    return document.model_dump(mode="json")


def _output(model: Any) -> Output:
    if isinstance(model.action_space, gymnasium.spaces.Discrete):
        return "argmax"
    # PPO clips its actions, SAC and TD3 squash them.
    return "clip" if hasattr(model, "rollout_buffer") else "tanh"


def _torch_layers(model: Any) -> tuple[list[Layer], Activation, float | None]:
    from torch import nn

    modules = _torch_modules(model)
    linear = [module for module in modules if isinstance(module, nn.Linear)]
    limits = [float(m.max_val) for m in modules if isinstance(m, nn.Hardtanh)]
    # What follows the last affine layer belongs to the output.
    hidden = modules[: modules.index(linear[-1])]
    kinds = {type(module) for module in hidden} - {nn.Linear}
    names: dict[Any, Activation] = {nn.ReLU: "relu", nn.Tanh: "tanh"}
    if len(kinds) > 1 or not kinds <= set(names):
        raise TypeError(f"cannot export a network with {kinds}")
    layers = [Layer(m.weight.detach().numpy(), m.bias.detach().numpy()) for m in linear]
    activation = names[kinds.pop()] if kinds else "relu"
    return layers, activation, limits[0] if limits else None


def _torch_modules(model: Any) -> list[Any]:
    """Returns the policy's modules in the order in which they are applied."""
    policy = model.policy
    if hasattr(policy, "q_net"):
        return list(policy.q_net.q_net)
    if hasattr(policy, "mlp_extractor"):
        return [*policy.mlp_extractor.policy_net, policy.action_net]
    ends = policy.actor.mu
    # A module or a chain of them, which only TD3 and state-dependent noise have.
    last = list(ends) if hasattr(ends, "__iter__") else [ends]
    return [*getattr(policy.actor, "latent_pi", ()), *last]


def _flax_layers(model: Any) -> tuple[list[Layer], Activation, float | None]:
    from flax import linen

    states = train_states(model)
    name = "actor_state" if "actor_state" in states else "qf_state"
    parameters = states[name].params["params"]
    names = [f"Dense_{number}" for number in range(len(parameters))]
    dense = [parameters[name] for name in names if name in parameters]
    # The last two of a SAC actor are parallel: means, then deviations.
    if hasattr(model, "ent_coef_state"):
        dense = dense[:-1]
    layers = [Layer(np.asarray(d["kernel"]).T, np.asarray(d["bias"])) for d in dense]
    function = model.policy.activation_fn
    return layers, "tanh" if function is linen.tanh else "relu", None


def _normalization(normalize: Any, keys: Sequence[str]) -> NormalizationDocument | None:
    if normalize is None or not normalize.norm_obs:
        return None
    statistics = normalize.obs_rms
    ordered = [statistics]
    if isinstance(statistics, dict):
        ordered = [statistics[key] for key in keys]
    return Normalization(
        mean=np.concatenate([np.ravel(entry.mean) for entry in ordered]),
        variance=np.concatenate([np.ravel(entry.var) for entry in ordered]),
        epsilon=float(normalize.epsilon),
        clip=float(normalize.clip_obs),
    ).document()
