"""Hyper-parameters as data: tuned values per algorithm and environment.

`hyperparameters.yaml` names the values and where they are from; what neither it nor the
settings give is left at the library's own default.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from llmpo.envs.spec import EnvSpec
from llmpo.errors import ConfigError
from llmpo.methods.deep_rl.settings import Algorithm, DeepRLSettings

# What every algorithm takes: the library's own arguments and those of the harness.
_COMMON = {
    "batch_size",
    "gamma",
    "learning_rate",
    "n_envs",
    "n_steps",
    "normalize",
    "policy_kwargs",
}
_OFF_POLICY = _COMMON | {
    "buffer_size",
    "gradient_steps",
    "learning_starts",
    "tau",
    "train_freq",
}
_SAC = _OFF_POLICY | {
    "action_noise_std",
    "ent_coef",
    "sde_sample_freq",
    "target_entropy",
    "target_update_interval",
    "use_sde",
    "use_sde_at_warmup",
}
NAMES: Mapping[Algorithm, Set[str]] = {
    "ppo": _COMMON
    | {
        "clip_range",
        "clip_range_vf",
        "ent_coef",
        "gae_lambda",
        "max_grad_norm",
        "n_epochs",
        "normalize_advantage",
        "sde_sample_freq",
        "target_kl",
        "use_sde",
        "vf_coef",
    },
    "sac": _SAC,
    "sac_her": (_SAC - {"n_steps"}) | {"replay_buffer_kwargs"},
    "td3": _OFF_POLICY
    | {
        "action_noise_std",
        "policy_delay",
        "target_noise_clip",
        "target_policy_noise",
    },
    "dqn": _OFF_POLICY
    | {
        "exploration_final_eps",
        "exploration_fraction",
        "exploration_initial_eps",
        "max_grad_norm",
        "target_update_interval",
    },
}
# Of these the harness makes something before the library gets the rest.
HARNESS_NAMES = frozenset({"action_noise_std", "n_envs", "normalize"})
NORMALIZE_NAMES = frozenset(
    {"clip_obs", "clip_reward", "epsilon", "norm_obs", "norm_reward"}
)


class TunedValues(BaseModel):
    """One entry of the file.

    Attributes:
        environments: Environments it is for, by id.
        families: Families it is for, unless an entry names the environment.
        source: Where the values are from, and why they differ from there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    environments: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    values: dict[str, Any]
    source: str


@dataclass(frozen=True)
class Hyperparameters:
    """The values of one run, and where they are from."""

    values: Mapping[str, Any]
    source: str


def resolve_hyperparameters(settings: DeepRLSettings, spec: EnvSpec) -> Hyperparameters:
    """Returns the values for an environment: tuned ones, then those of the settings.

    A null in the settings takes a tuned value away.

    Raises:
        ConfigError: The settings name a hyper-parameter that does not exist.
    """
    given = settings.hyperparameters
    _check(settings.algorithm, given)
    entry = _entry(settings.algorithm, spec)
    source = entry.source.strip()
    if given:
        source += f" Set in the configuration: {', '.join(sorted(given))}."
    values = {**entry.values, **given}
    return Hyperparameters({k: v for k, v in values.items() if v is not None}, source)


@cache
def tuned_values() -> Mapping[Algorithm, tuple[TunedValues, ...]]:
    """Returns all entries of the file, in order."""
    text = files(__package__).joinpath("hyperparameters.yaml").read_text("utf-8")
    return TypeAdapter(dict[Algorithm, tuple[TunedValues, ...]]).validate_python(
        yaml.safe_load(text)
    )


def _entry(algorithm: Algorithm, spec: EnvSpec) -> TunedValues:
    entries = tuned_values()[algorithm]
    by_id = [entry for entry in entries if spec.id in entry.environments]
    by_family = [entry for entry in entries if spec.family in entry.families]
    rest = [entry for entry in entries if not (entry.environments or entry.families)]
    return [*by_id, *by_family, *rest][0]


def _check(algorithm: Algorithm, given: Mapping[str, Any]) -> None:
    where = f"Hyper-parameters of {algorithm}"
    _check_names(where, given, NAMES[algorithm])
    normalize = given.get("normalize")
    if isinstance(normalize, Mapping):
        _check_names(f"{where}, normalize", normalize, NORMALIZE_NAMES)
    elif not isinstance(normalize, bool | None):
        raise ConfigError(
            f"{where}: normalize is {normalize!r}; give true, false or a mapping."
        )
    for name in ("n_envs", "n_steps", "train_freq"):
        value = given.get(name, 1)
        if value is not None and (not isinstance(value, int) or value < 1):
            raise ConfigError(
                f"{where}: {name} is {value!r}; give a whole number from 1."
            )


def _check_names(where: str, given: Mapping[str, Any], known: Set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise ConfigError(
            f"{where}: there is no {unknown[0]!r}; there are: "
            f"{', '.join(sorted(known))}."
        )
