"""Building environments: once per process, with clear errors.

Some simulators take most of a second to build (Meta-World sets up 50 tasks), so all
episodes of a process share one instance per environment. This is sound because
`reset(seed=s)` alone decides an episode, which `llmpo.envs.check` verifies.
"""

from typing import Any

import gymnasium

from llmpo.envs.spec import EnvSpec
from llmpo.errors import PrerequisiteError

AnyEnv = gymnasium.Env[Any, Any]

_shared: dict[tuple[object, ...], AnyEnv] = {}


def build_environment(spec: EnvSpec) -> AnyEnv:
    """Builds a new instance of an environment.

    Raises:
        PrerequisiteError: The simulator is not installed.
    """
    try:
        return spec.build()
    except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
        remedy = (
            f"Install the simulator with: pip install 'llmpo[{spec.extra}]'."
            if spec.extra
            else "Install the missing package."
        )
        raise PrerequisiteError(
            f"Building environment {spec.id}: a package is missing ({error}). {remedy}"
        ) from error


def shared_environment(spec: EnvSpec) -> AnyEnv:
    """Returns this process's one instance of an environment, built on first use.

    Whoever uses it resets it first and finishes before anybody else resets it.
    """
    key = (spec.label, spec.version, spec.build)
    if key not in _shared:
        _shared[key] = build_environment(spec)
    return _shared[key]
