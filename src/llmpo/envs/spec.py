"""`EnvSpec`: everything llmpo knows about one environment, as one value.

Nothing else in the project decides anything by an environment's name: prompts, the
wire format to the sandbox, scoring, planning and checks all read the spec.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from llmpo.errors import ConfigError

if TYPE_CHECKING:
    import gymnasium
    import numpy.typing as npt

    from llmpo.envs.icpi_text import TextCodec
    from llmpo.envs.tabular import TabularModel
    from llmpo.rollout import Actor


@dataclass(frozen=True)
class Field:
    """One named value that a policy sees in each observation.

    Attributes:
        name: Attribute name on the observation object.
        read: Maps (raw observation, unwrapped environment) to a number or array.
        meaning: What the value is, in words for the prompt, layout included.
        unit: Physical unit, or "" for a pure number.
        shape: Array shape; () for a plain float.
        in_prompt: False for a value that policies receive but no prompt names, as
            in tasks that hide key information.
        count: Name of a field of shape () that says how many leading entries of this
            one-dimensional array there are at present; policies get only those.
    """

    name: str
    read: "Callable[[Any, Any], npt.ArrayLike]"
    meaning: str
    unit: str = ""
    shape: tuple[int, ...] = ()
    in_prompt: bool = True
    count: str = ""


@dataclass(frozen=True)
class ScoreBounds:
    """Returns of an episode outside this interval mean a broken environment."""

    low: float
    high: float


@dataclass(frozen=True)
class EnvSpec:
    """One environment.

    Attributes:
        id: Unique lower-case id, e.g. `ant_v5`.
        version: Raised whenever behaviour changes; part of every record and key.
        family: Suite for grouping in figures, e.g. `MuJoCo`.
        build: Returns a new Gymnasium environment. `reset(seed=s)` alone decides the
            episode; `info["success"]` (0 or 1) is there after each step when the
            environment has a notion of success.
        horizon: Maximum number of steps of an episode.
        task: What the agent should achieve, a sentence or two for the prompt.
        action_text: Meaning of each action entry, ranges included.
        fields: The values a policy sees, in wire order.
        dynamics_text: Termination, control rate and whatever else is public.
        reward_text: The reward as shown to the LLM.
        score: What ranks policies: mean return or mean success.
        bounds: Sanity bounds for the return of one episode.
        class_base: Policies are called `<class_base>Policy`.
        reward_name: Name of the reward in prompts.
        observation_class: Name of the observation class in prompts and aliases.
        constants: Plain values every observation carries besides the fields.
        concatenations: Methods without arguments that join fields, by name.
        success_text: When an episode counts as success; "" without such a notion.
        variants: Option name -> value -> change of the spec; the first value is the
            default and must leave the spec as it is.
        options: The chosen option values, by name.
        extra: The llmpo extra that installs the simulator.
        release_modules: Further modules from which policies written for PromptPO's
            release import the observation class; they get a thin alias.
        release_source: Python source of what else those modules hold.
        published_seeds: Episode seeds that stand for the episodes which PromptPO's
            release plays with every candidate; None where it draws new ones.
        step_microseconds: Rough CPU time of one step, for planning job sizes only.
        expert: Returns a controller for a live instance of the environment, which it
            may look into as no policy can; None where there is none.
        expert_note: What the expert is and where it comes from.
        tabular: The environment as a finite one, for tabular methods; None where it
            is not finite.
        text: How states, actions and rewards are written as text; None where they
            are not.
    """

    id: str
    version: int
    family: str
    build: "Callable[[], gymnasium.Env[Any, Any]]"
    horizon: int
    task: str
    action_text: str
    fields: tuple[Field, ...]
    dynamics_text: str
    reward_text: str
    score: Literal["return", "success"]
    bounds: ScoreBounds
    class_base: str
    reward_name: str
    observation_class: str
    constants: Mapping[str, Any] = field(default_factory=dict)
    concatenations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    success_text: str = ""
    variants: "Mapping[str, Mapping[str, Callable[[EnvSpec], EnvSpec]]]" = field(
        default_factory=dict
    )
    options: Mapping[str, str] = field(default_factory=dict)
    extra: str = ""
    release_modules: tuple[str, ...] = ()
    release_source: str = ""
    published_seeds: tuple[int, ...] | None = None
    step_microseconds: float = 50.0
    expert: "Callable[[gymnasium.Env[Any, Any]], Actor] | None" = None
    expert_note: str = ""
    tabular: "TabularModel | None" = None
    text: "TextCodec | None" = None

    @property
    def policy_class(self) -> str:
        """Name of the class a generated policy must have."""
        return f"{self.class_base}Policy"

    @property
    def label(self) -> str:
        """The id with the non-default options, e.g. `x_v3[layout=shown]`."""
        chosen = [
            f"{name}={value}"
            for name, value in sorted(self.options.items())
            if value != next(iter(self.variants[name]))
        ]
        return f"{self.id}[{','.join(chosen)}]" if chosen else self.id

    def with_options(self, options: Mapping[str, str]) -> "EnvSpec":
        """Returns this spec with the given options chosen, all others at default.

        Raises:
            ConfigError: An option or a value does not exist.
        """
        spec = self
        for name, value in sorted(options.items()):
            if name not in self.variants:
                known = ", ".join(self.variants) or "none"
                raise ConfigError(
                    f"Environment {self.id} has no option {name!r}; it has: {known}."
                )
            if value not in self.variants[name]:
                known = ", ".join(self.variants[name])
                raise ConfigError(
                    f"Option {name!r} of environment {self.id} cannot be {value!r}; "
                    f"choose one of: {known}."
                )
            spec = self.variants[name][value](spec)
        return replace(spec, options=dict(options))
