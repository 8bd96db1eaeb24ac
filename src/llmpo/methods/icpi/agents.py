"""Putting an agent together from its settings."""

from collections.abc import Callable
from typing import Any

import numpy as np

from llmpo.envs.icpi_text import TextCodec
from llmpo.llm.predictors.completion import CompletionModel
from llmpo.methods.icpi.algorithm import ICPI, Agent
from llmpo.methods.icpi.baselines import NoArgmax, Optimal, Random, TabularQ
from llmpo.methods.icpi.prediction import Predictions
from llmpo.methods.icpi.prompts import Prompts
from llmpo.methods.icpi.settings import AnySettings, ICPISettings
from llmpo.methods.icpi.world_models import (
    MatchingWorld,
    Observer,
    OracleWorld,
    PredictedWorld,
    WorldModel,
)


def make_agent(
    settings: AnySettings,
    codec: TextCodec,
    model: CompletionModel,
    predictions: Predictions,
    stream: Callable[[str], np.random.Generator],
    observe: Observer = lambda kind, state, action, answer: None,
) -> Agent:
    """Returns a new agent.

    Args:
        settings: Which one.
        codec: The domain, with the values that the settings override.
        model: Answers questions.
        predictions: Asks and counts them.
        stream: Returns the random generator with a name.
        observe: Is told each valid prediction of the world model.
    """
    predicted = PredictedWorld(
        codec,
        settings,
        Prompts(codec, settings, stream("shuffling")),
        predictions,
        observe,
    )
    match settings.algorithm:
        case "icpi":
            return _icpi(settings, codec, model, stream, predicted)
        case "oracle_world_model":
            oracle = OracleWorld(codec, predicted, stream("dynamics"))
            return _icpi(settings, codec, model, stream, oracle)
        case "matching_model":
            matching = MatchingWorld(len(codec.actions), settings.recency)
            return _icpi(settings, codec, model, stream, matching)
        case "no_argmax":
            return NoArgmax(
                predicted,
                model,
                len(codec.actions),
                min_successes=settings.min_successes,
                fallback=stream("fallback"),
            )
        case "tabular_q":
            assert isinstance(settings, ICPISettings)
            return TabularQ(
                codec,
                learning_rate=settings.learning_rate,
                initial_value=settings.initial_value,
                bootstrap_through_termination=settings.bootstrap_through_termination,
                min_successes=settings.min_successes,
                ties=stream("ties"),
            )
        case "random":
            return Random()
        case "optimal":
            return Optimal(codec)


def _icpi(
    settings: AnySettings,
    codec: TextCodec,
    model: CompletionModel,
    stream: Callable[[str], np.random.Generator],
    world: WorldModel[Any],
) -> ICPI[Any]:
    return ICPI(
        world,
        model,
        codec,
        rollouts=settings.rollouts,
        min_successes=settings.min_successes,
        ties=stream("ties"),
        fallback=stream("fallback"),
    )
