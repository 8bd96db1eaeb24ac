"""How many steps a run trains, and when it is evaluated."""

from llmpo.budgets import published_budget
from llmpo.envs.spec import EnvSpec
from llmpo.methods.deep_rl.engine import update_steps
from llmpo.methods.deep_rl.hyperparameters import resolve_hyperparameters
from llmpo.methods.deep_rl.settings import DeepRLSettings

# Parts of the first evaluation's steps after which there are early evaluations.
_EARLY = (1 / 8, 1 / 4, 1 / 2)


def training_steps(settings: DeepRLSettings, spec: EnvSpec) -> int:
    """Returns the steps of a run: the budget rounded down to whole updates."""
    budget = settings.steps
    if budget == "matched":
        budget = published_budget(spec)
    values = resolve_hyperparameters(settings, spec).values
    grain = update_steps(settings.algorithm, values)
    return max(budget // grain, 1) * grain


def evaluation_steps(steps: int, evaluations: int, grain: int) -> list[int]:
    """Returns the step counts at which a run is evaluated.

    Args:
        steps: Steps of the run.
        evaluations: Number of evenly spaced points.
        grain: Steps between two updates; every point is a multiple of it.
    """
    first = steps / evaluations
    points = [first * part for part in _EARLY]
    points += [steps * k / evaluations for k in range(1, evaluations + 1)]
    return sorted({max(int(point) // grain, 1) * grain for point in points})
