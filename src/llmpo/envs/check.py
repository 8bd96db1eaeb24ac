"""The environment checker: explains in plain words what is wrong with a spec.

It compares what the spec declares with what the environment does: its spaces, its
fields, its horizon, its rewards, its success flag, and above all that a seed decides
an episode completely, in any process and after any other episode.
"""

import math
from collections.abc import Iterator
from typing import Any

import gymnasium

from llmpo.envs.declaration import declaration_violations, prompt_violations
from llmpo.envs.instances import build_environment
from llmpo.envs.observation import ObservationReader, action_layout
from llmpo.envs.spec import EnvSpec
from llmpo.envs.transcript import (
    Step,
    TranscriptRequest,
    fresh_transcripts,
    play_transcript,
)
from llmpo.errors import ConfigError, DataError, PrerequisiteError

_SEED, _OTHER_SEED = 1, 2
_OTHER_STEPS = 20


def check_environment(spec: EnvSpec, *, fresh_process: bool = True) -> list[str]:
    """Returns every violation found, one sentence or two each; none is `[]`.

    Args:
        spec: The environment, with its options chosen.
        fresh_process: Whether to play an episode in another process as well, which
            needs the spec to be registered.

    Raises:
        PrerequisiteError: The simulator is not installed.
    """
    violations = declaration_violations(spec)
    try:
        env = build_environment(spec)
    except PrerequisiteError:
        raise
    # Whatever somebody else's environment raises is a finding, not our failure.
    except Exception as error:
        return [*violations, f"The environment cannot be built: {_said(error)}."]
    try:
        action = action_layout(env)
    except ConfigError as error:
        return [*violations, str(error)]
    violations += prompt_violations(spec, action)
    try:
        violations += _behaviour(spec, env, fresh_process)
    except Exception as error:
        violations.append(f"Playing an episode failed: {_said(error)}.")
    finally:
        env.close()
    return list(dict.fromkeys(violations))


def _behaviour(
    spec: EnvSpec, env: "gymnasium.Env[Any, Any]", fresh_process: bool
) -> Iterator[str]:
    inspector = _Inspector(spec, env)
    first = play_transcript(spec, env, _SEED, spec.horizon, inspector.inspect)
    yield from inspector.violations()

    play_transcript(spec, env, _OTHER_SEED, min(spec.horizon, _OTHER_STEPS))
    again = play_transcript(spec, env, _SEED, spec.horizon)
    yield from _difference(first, again, "when played again after another episode")

    if fresh_process:
        request = TranscriptRequest(spec.id, dict(spec.options), _SEED, spec.horizon)
        try:
            (fresh,) = fresh_transcripts([request])
        except DataError as error:
            yield f"The episode cannot be repeated elsewhere. {error}"
        else:
            yield from _difference(first, fresh, "in a fresh process")


def _difference(first: list[str], second: list[str], when: str) -> Iterator[str]:
    if first == second:
        return
    number = next(
        (
            index
            for index, (one, other) in enumerate(zip(first, second, strict=False))
            if one != other
        ),
        min(len(first), len(second)),
    )
    where = "its first observation" if number == 0 else f"step {number}"
    yield (
        f"The episode with seed {_SEED} is not the same {when}: it differs from "
        f"{where} on. `reset(seed=s)` alone must decide the episode."
    )


class _Inspector:
    """Compares each step of an episode with what the spec declares."""

    def __init__(self, spec: EnvSpec, env: "gymnasium.Env[Any, Any]") -> None:
        self._spec = spec
        self._space = env.observation_space
        self._reader = ObservationReader(spec, env)
        self._return = 0.0
        self._found: dict[str, None] = {}  # in order, without repetitions

    def inspect(self, step: Step) -> None:
        """Notes what is wrong with a step."""
        for sentence in self._reader.violations(step.observation):
            self._note(sentence)
        if not self._space.contains(step.observation):
            self._note(
                "An observation is not in the environment's observation space "
                f"{self._space}."
            )
        if step.number == 0:
            return
        self._return += step.reward
        if not math.isfinite(step.reward):
            self._note(f"A reward is not finite: {step.reward}.")
        if step.truncated and not step.terminated and step.number < self._spec.horizon:
            self._note(
                f"The environment cuts episodes after {step.number} steps, but the "
                f"spec's horizon is {self._spec.horizon}."
            )
        self._inspect_success(step)

    def violations(self) -> Iterator[str]:
        """Returns everything noted, and whether the return is within the bounds."""
        yield from self._found
        bounds = self._spec.bounds
        if not bounds.low <= self._return <= bounds.high:
            yield (
                f"The return {self._return:.6g} of an episode with random actions is "
                f"outside the declared bounds [{bounds.low:g}, {bounds.high:g}]."
            )

    def _inspect_success(self, step: Step) -> None:
        declared = self._spec.score == "success" or bool(self._spec.success_text)
        success = step.info.get("success")
        if declared and success is None:
            self._note(
                'The spec has a notion of success, but info["success"] is missing '
                "after a step."
            )
        elif not declared and success is not None:
            self._note(
                'The environment reports info["success"], but success_text does not '
                "say what counts as success."
            )
        elif success is not None and float(success) not in (0.0, 1.0):
            self._note(f'info["success"] must be 0 or 1, found {success!r}.')

    def _note(self, sentence: str) -> None:
        self._found.setdefault(sentence)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(". ")
