"""What a model has learned and collected, as nested arrays and tensors.

stable-baselines3 keeps its parameters in PyTorch modules, sbx in flax train states.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

_COUNTERS = ("num_timesteps", "_n_updates", "_episode_num", "_n_calls")

# Where sbx keeps parameters and optimizers; each algorithm has some of these.
_TRAIN_STATES = (
    ("policy", "actor_state"),
    ("policy", "qf_state"),
    ("policy", "vf_state"),
    ("", "ent_coef_state"),
)


def model_state(model: Any) -> dict[str, Any]:
    """Returns all that training goes on from, except for the replay buffer."""
    counters = {
        name: getattr(model, name) for name in _COUNTERS if hasattr(model, name)
    }
    states = train_states(model)
    if states:
        from flax.serialization import to_state_dict

        learned = {name: _plain(to_state_dict(s)) for name, s in states.items()}
        return {"counters": counters, "train_states": learned}
    _, variables = model._get_torch_save_params()
    return {
        "counters": counters,
        "parameters": model.get_parameters(),
        "variables": {name: getattr(model, name) for name in variables},
    }


def restore_model_state(model: Any, state: Mapping[str, Any]) -> None:
    """Puts back what `model_state` returned."""
    for name, count in state["counters"].items():
        setattr(model, name, count)
    if "train_states" in state:
        from flax.serialization import from_state_dict

        for (owner, name), target in zip(
            _present(model), train_states(model).values(), strict=True
        ):
            restored = from_state_dict(target, state["train_states"][name])
            setattr(_owner(model, owner), name, restored)
        return
    model.set_parameters(state["parameters"], exact_match=True, device="cpu")
    for name, value in state["variables"].items():
        if value is not None:
            getattr(model, name).data.copy_(value)


def buffer_state(model: Any) -> dict[str, Any]:
    """Returns the filled part of the replay buffer."""
    buffer = model.replay_buffer
    length = buffer.buffer_size if buffer.full else buffer.pos
    arrays = {
        name: _filled(value, buffer.buffer_size, length)
        for name, value in vars(buffer).items()
        # Infos are empty, see `TrainingView`.
        if _has_arrays(value) and name != "infos"
    }
    return {"arrays": arrays, "position": buffer.pos, "full": buffer.full}


def restore_buffer(model: Any, state: Mapping[str, Any]) -> None:
    """Puts back what `buffer_state` returned."""
    buffer = model.replay_buffer
    buffer.pos, buffer.full = state["position"], state["full"]
    for name, value in state["arrays"].items():
        _fill(getattr(buffer, name), value)


def is_finite(model: Any) -> bool:
    """Whether all parameters of the policy are finite numbers."""
    return all(bool(np.isfinite(array).all()) for array in _parameters(model))


def parameter_count(model: Any) -> int:
    """Returns the number of trained parameters, critics included, targets not."""
    return sum(array.size for array in _parameters(model))


def train_states(model: Any) -> dict[str, Any]:
    """Returns the flax train states of an sbx model by name; none for PyTorch."""
    return {
        name: getattr(_owner(model, owner), name) for owner, name in _present(model)
    }


def _present(model: Any) -> list[tuple[str, str]]:
    return [
        (owner, name)
        for owner, name in _TRAIN_STATES
        if hasattr(_owner(model, owner), name)
    ]


def _owner(model: Any, name: str) -> Any:
    return getattr(model, name) if name else model


def _parameters(model: Any) -> "list[np.ndarray[Any, Any]]":
    states = train_states(model)
    if states:
        import jax

        return [
            np.asarray(leaf)
            for state in states.values()
            for leaf in jax.tree_util.tree_leaves(state.params)
        ]
    return [
        parameter.detach().numpy()
        for parameter in model.policy.parameters()
        if parameter.requires_grad
    ]


def _plain(tree: Any) -> Any:
    """Returns a nested dictionary of arrays with NumPy arrays as leaves."""
    if isinstance(tree, Mapping):
        return {key: _plain(value) for key, value in tree.items()}
    return None if tree is None else np.asarray(tree)


def _has_arrays(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(isinstance(v, np.ndarray) for v in value.values())
    return isinstance(value, np.ndarray)


def _filled(value: Any, size: int, length: int) -> Any:
    if isinstance(value, dict):
        return {key: _filled(entry, size, length) for key, entry in value.items()}
    return value[:length] if len(value) == size else value


def _fill(target: Any, value: Any) -> None:
    if isinstance(value, Mapping):
        for key, entry in value.items():
            _fill(target[key], entry)
    else:
        target[: len(value)] = value
