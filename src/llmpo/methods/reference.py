"""Reference policies: what doing nothing, chance, an expert and the optimum are worth.

They neither search nor learn. What each one is: `docs/methods/reference.md`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from llmpo.envs.instances import shared_environment
from llmpo.envs.spec import EnvSpec
from llmpo.errors import ConfigError
from llmpo.llm.estimate import CallEstimate
from llmpo.methods.base import MethodSettings, Role, RunContext
from llmpo.methods.dynamic_programming import solve
from llmpo.policies.rules import load_rule, rule_document
from llmpo.policies.table import table_document
from llmpo.records import PolicyArtifact, PolicyKind
from llmpo.storage import canonical_json

ReferencePolicy = Literal["random", "zero", "expert", "optimal"]


class ReferenceSettings(MethodSettings):
    """Settings of a reference policy."""

    policy: ReferencePolicy = Field(
        description="`random`: uniform actions. `zero`: the neutral action. `expert`: "
        "a controller written for the environment, which may look into the simulator. "
        "`optimal`: dynamic programming on the exact dynamics."
    )


class Reference:
    """Reference policies as a method of the harness."""

    name: ClassVar[str] = "reference"
    version: ClassVar[int] = 1
    settings: ClassVar[type[ReferenceSettings]] = ReferenceSettings
    needs_llm: ClassVar[bool] = False
    role: ClassVar[Role] = "reference"

    def check(self, settings: ReferenceSettings, spec: EnvSpec) -> None:
        """Checks that the environment has what the policy needs.

        Raises:
            ConfigError: It has no expert, or is not finite.
        """
        offered = ["random", "zero"]
        offered += ["expert"] if spec.expert is not None else []
        offered += ["optimal"] if spec.tabular is not None else []
        if settings.policy not in offered:
            lacks = {
                "expert": "nobody has written an expert for it",
                "optimal": "its exact dynamics are not known as a finite table",
            }[settings.policy]
            raise ConfigError(
                f"There is no reference policy {settings.policy!r} for {spec.label}: "
                f"{lacks}. It offers: {', '.join(offered)}. Choose one of these, or "
                "restrict the method with `environments`."
            )

    def resolve(self, settings: ReferenceSettings, spec: EnvSpec) -> Mapping[str, Any]:
        """Returns the settings."""
        return settings.model_dump(mode="json")

    def run(self, settings: ReferenceSettings, context: RunContext) -> None:
        """Writes the policy down; see `llmpo.methods.base.Method.run`."""
        self.check(settings, context.spec)
        journal = context.journal
        kind: PolicyKind
        if settings.policy == "optimal":
            kind, document, notes = "table", *_optimal(context.spec)
        else:
            kind, document = "rule", rule_document(settings.policy)
            notes = (
                {"expert": context.spec.expert_note}
                if settings.policy == "expert"
                else {}
            )
            # Says now rather than in the evaluation that the rule does not fit.
            load_rule(document, context.spec, shared_environment(context.spec))
        journal.notes.update(notes)
        policy = PolicyArtifact(
            kind=kind,
            program=journal.keep(canonical_json(document)),
            lifetime="episode",
            round=0,
        )
        journal.policies.update(best=policy, last=policy)

    def max_env_steps(self, settings: ReferenceSettings, spec: EnvSpec) -> int:
        """Returns 0: nothing is tried out."""
        return 0

    def compute_seconds(self, settings: ReferenceSettings, spec: EnvSpec) -> float:
        """Returns nothing: there is nothing to work out."""
        return 0.0

    def estimate_calls(
        self, settings: ReferenceSettings, spec: EnvSpec
    ) -> list[CallEstimate]:
        """Returns no calls."""
        return []


def _optimal(spec: EnvSpec) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the optimal policy's document and what is known about it."""
    model = spec.tabular
    assert model is not None  # see `Reference.check`
    solution = solve(model.transitions(), spec.horizon)
    document = table_document(solution.actions, model)
    return document, {"expected_return": solution.expected_return}
