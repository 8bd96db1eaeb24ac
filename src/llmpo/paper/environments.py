"""The paper's table of environments, from the registry."""

import math

from llmpo.analysis.text import environment_name
from llmpo.budgets import published_settings
from llmpo.envs.instances import shared_environment
from llmpo.envs.observation import action_layout
from llmpo.envs.registry import environment, environment_ids
from llmpo.envs.spec import EnvSpec
from llmpo.errors import PrerequisiteError
from llmpo.paper.tables import PaperTable
from llmpo.paper.text import NOTHING, count, listing, span, whole
from llmpo.plan import Plan

_HEADER = (
    *("Environment", "Family", "Horizon", "Actions", "Values seen", "Score"),
    *("Published R × N", "In this build"),
)


def environment_values() -> dict[str, str]:
    """Returns the numbers of environments that are registered."""
    specs = [environment(name) for name in environment_ids()]
    families = list(dict.fromkeys(spec.family for spec in specs))
    return {
        "environments_registered": count(len(specs), "environment"),
        "families_registered": listing(sorted(families)),
        "horizons": span(spec.horizon for spec in specs),
    }


def environment_table(plan: Plan) -> PaperTable:
    """Returns one row for each registered environment, by family."""
    used = {cell.environment for cell in plan.cells}
    specs = [environment(name) for name in environment_ids()]
    return PaperTable(
        header=_HEADER,
        rows=tuple(
            (
                environment_name(spec.id),
                spec.family,
                whole(spec.horizon),
                _actions(spec),
                whole(sum(math.prod(field.shape) for field in spec.fields)),
                spec.score,
                _published(spec),
                "yes" if spec.id in used else "",
            )
            for spec in sorted(specs, key=lambda spec: spec.family)
        ),
        numeric=(False, False, True, False, True, False, True, False),
    )


def _actions(spec: EnvSpec) -> str:
    """Says which actions there are; a dash without the simulator to ask."""
    try:
        layout = action_layout(shared_environment(spec))
    except PrerequisiteError:
        return NOTHING
    if layout.kind == "discrete":
        return f"{layout.n} discrete"
    return f"{math.prod(layout.shape)} continuous"


def _published(spec: EnvSpec) -> str:
    run = published_settings(spec)
    return f"{run.rounds} × {run.candidates}"
