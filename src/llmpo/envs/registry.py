"""The registry: every installed environment, found through Python entry points.

A package adds environments by declaring an entry point in the group
`llmpo.environments` that names an `EnvSpec` or an iterable of them.
"""

import difflib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from llmpo.envs.spec import EnvSpec
from llmpo.errors import ConfigError

GROUP = "llmpo.environments"

_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Registry:
    """What the entry points gave.

    Attributes:
        specs: The environments by id.
        broken: One sentence for each entry point that could not be loaded.
    """

    specs: Mapping[str, EnvSpec]
    broken: tuple[str, ...]


def environment(env_id: str, options: Mapping[str, str] = _NO_OPTIONS) -> EnvSpec:
    """Returns the spec of an environment with the given options chosen.

    Raises:
        ConfigError: The id, an option or a value is unknown, or two packages claim
            the same id.
    """
    registry = _registry()
    if env_id not in registry.specs:
        raise ConfigError(_unknown(env_id, registry))
    return registry.specs[env_id].with_options(options)


def environment_ids() -> list[str]:
    """Returns the ids of all installed environments, sorted.

    Raises:
        ConfigError: Two packages claim the same id.
    """
    return sorted(_registry().specs)


def forget_environments() -> None:
    """Makes the next look-up read the entry points again."""
    _registry.cache_clear()


@cache
def _registry() -> _Registry:
    specs: dict[str, EnvSpec] = {}
    origins: dict[str, str] = {}
    broken: list[str] = []
    for entry_point in entry_points(group=GROUP):
        origin = _origin(entry_point)
        try:
            found = _load(entry_point)
        # Third-party code runs here: whatever it raises must not take the other
        # environments down with it.
        except Exception as error:
            broken.append(f"{origin} ({type(error).__name__}: {error})")
            _logger.warning("Environments of %s cannot be loaded: %s", origin, error)
            continue
        for spec in found:
            if spec.id in specs:
                raise ConfigError(
                    f"Collecting environments: the id {spec.id!r} is claimed by both "
                    f"{origins[spec.id]} and {origin}. Uninstall one of them or "
                    "rename its environment."
                )
            specs[spec.id] = spec
            origins[spec.id] = origin
    return _Registry(MappingProxyType(specs), tuple(broken))


def _load(entry_point: EntryPoint) -> tuple[EnvSpec, ...]:
    value = entry_point.load()
    specs = (value,) if isinstance(value, EnvSpec) else value
    if not isinstance(specs, Iterable):
        raise TypeError(f"expected an EnvSpec or several, found {type(value).__name__}")
    specs = tuple(specs)
    for spec in specs:
        if not isinstance(spec, EnvSpec):
            raise TypeError(f"expected an EnvSpec, found {type(spec).__name__}")
    return specs


def _origin(entry_point: EntryPoint) -> str:
    package = entry_point.dist.name if entry_point.dist else "an unknown package"
    return f"entry point {entry_point.name!r} of {package}"


def _unknown(env_id: str, registry: _Registry) -> str:
    matches = difflib.get_close_matches(env_id, registry.specs, n=3, cutoff=0.5)
    hint = (
        f"Did you mean {', '.join(matches)}?"
        if matches
        else f"Known are: {', '.join(sorted(registry.specs)) or 'none'}."
    )
    broken = (
        f" These could not be loaded: {'; '.join(registry.broken)}."
        if registry.broken
        else ""
    )
    return f"Environment {env_id!r} does not exist. {hint}{broken}"
