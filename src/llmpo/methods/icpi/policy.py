"""A trained ICPI agent as a document, and playing it again.

The document holds the settings and every training episode; the agent is rebuilt from
them, as all that it has learned is its experience. In held-out episodes it always
decides for itself where it can. A language model cannot be asked in an evaluation, so
an agent that needs one plays the latest decision it took in the same state.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from llmpo.envs.icpi_rules import State, as_state
from llmpo.envs.icpi_text import TextCodec
from llmpo.envs.spec import EnvSpec
from llmpo.errors import DataError
from llmpo.llm.predictors import Predictor
from llmpo.methods.icpi.agents import make_agent
from llmpo.methods.icpi.algorithm import Agent
from llmpo.methods.icpi.models import predictor_model
from llmpo.methods.icpi.prediction import Predictions
from llmpo.methods.icpi.prompts import Trajectory
from llmpo.methods.icpi.settings import AnySettings, ICPISettings, codec_of
from llmpo.rollout import Actor
from llmpo.seeds import generator, stable_hash

# Raised whenever a rebuilt agent acts differently.
FORMAT_VERSION = 1


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    environment: str
    settings: AnySettings
    trajectories: tuple[Trajectory, ...]


def icpi_document(
    settings: AnySettings, spec: EnvSpec, trajectories: Sequence[Trajectory]
) -> dict[str, Any]:
    """Returns the document of an agent after some training episodes."""
    plain = TypeAdapter(tuple[Trajectory, ...]).dump_python(
        tuple(trajectories), mode="json"
    )
    return {
        "version": FORMAT_VERSION,
        "environment": spec.id,
        "settings": settings.model_dump(mode="json"),
        "trajectories": plain,
    }


def load_icpi(
    document: dict[str, Any], spec: EnvSpec, env: "gymnasium.Env[Any, Any]"
) -> Actor:
    """Returns the actor that a document describes.

    Raises:
        DataError: The document is damaged, or not for this environment.
    """
    try:
        found = _Document.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _error(spec, f"{where}: {first['msg']}") from None
    if found.version != FORMAT_VERSION:
        raise _error(spec, f"it has version {found.version}, not {FORMAT_VERSION}")
    if found.environment != spec.id or spec.text is None:
        raise _error(spec, f"it is for {found.environment}")
    width = env.observation_space.shape
    for trajectory in found.trajectories:
        _check(trajectory, spec, len(spec.text.actions), width)
    codec = codec_of(found.settings, spec.text)
    if isinstance(found.settings, ICPISettings):
        return ICPIActor(found.settings, codec, found.trajectories)
    return DecisionsActor(codec, found.trajectories)


class ICPIActor:
    """A trained agent with a predictor, as it was after its last training episode.

    Args:
        settings: The agent's settings.
        codec: The domain, with the values that the settings override.
        trajectories: Its training episodes.
    """

    def __init__(
        self,
        settings: ICPISettings,
        codec: TextCodec,
        trajectories: Sequence[Trajectory],
    ) -> None:
        self._settings = settings
        self._codec = codec
        self._trajectories = trajectories
        self._predictor = Predictor(settings.model)
        self._agent: Agent
        self._chance: np.random.Generator
        self.begin_episode(0)

    def begin_episode(self, seed: int) -> None:
        """Rebuilds the agent, so that an episode depends on its seed alone."""
        model = predictor_model(
            self._settings,
            run="evaluation",
            seed=stable_hash("icpi policy", seed) % 2**31,
            predictor=self._predictor,
        )
        self._chance = generator("icpi policy", "chance", seed)
        self._agent = make_agent(
            self._settings,
            self._codec,
            model,
            Predictions(self._codec, self._settings, "icpi/evaluation@1"),
            lambda name: generator("icpi policy", name, seed),
        )
        for trajectory in self._trajectories:
            _relive(self._agent, trajectory)

    def act(self, observation: Any) -> int:
        """Returns the agent's action; a random one before it can have any."""
        if self._agent.trust > 0:
            return self._agent.act(as_state(observation))
        return int(self._chance.integers(len(self._codec.actions)))


class DecisionsActor:
    """The latest decision an agent took in the same state, elsewhere a random action.

    Args:
        codec: The domain.
        trajectories: Training episodes of the agent.
    """

    def __init__(self, codec: TextCodec, trajectories: Sequence[Trajectory]) -> None:
        self._actions = len(codec.actions)
        self._chance = np.random.default_rng(0)
        self._decisions: Mapping[State, int] = {
            state: action
            for trajectory in trajectories
            for state, action, decided in zip(
                trajectory.states,
                trajectory.actions,
                trajectory.decided,
                # The final state has no action.
                strict=False,
            )
            if decided
        }

    def begin_episode(self, seed: int) -> None:
        """Seeds the random actions."""
        self._chance = generator("icpi policy", "chance", seed)

    def act(self, observation: Any) -> int:
        """Returns the decision for the state."""
        decision = self._decisions.get(as_state(observation))
        return (
            int(self._chance.integers(self._actions)) if decision is None else decision
        )


def _relive(agent: Agent, trajectory: Trajectory) -> None:
    for time, action in enumerate(trajectory.actions):
        state, following = trajectory.states[time : time + 2]
        ended = trajectory.ends_at(time)
        agent.see(state, action, trajectory.rewards[time], following, ended)
    agent.learn(trajectory)


def _check(
    trajectory: Trajectory, spec: EnvSpec, actions: int, width: tuple[int, ...] | None
) -> None:
    steps = len(trajectory)
    fits = (
        steps > 0
        and len(trajectory.states) == steps + 1
        and len(trajectory.rewards) == len(trajectory.decided) == steps
        and all(0 <= action < actions for action in trajectory.actions)
        and all((len(state),) == width for state in trajectory.states)
    )
    if not fits:
        raise _error(spec, "an episode does not fit the environment")


def _error(spec: EnvSpec, problem: str) -> DataError:
    return DataError(
        f"Loading an icpi policy for {spec.label}: {problem}. The record that holds it "
        "is damaged, of another environment or of another version of llmpo; delete it "
        "and run again."
    )
