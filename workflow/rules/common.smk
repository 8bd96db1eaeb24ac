"""What the rules share: the validated configuration and the plan made from it."""

import os
import sys
from pathlib import Path

from snakemake.utils import validate

try:
    from llmpo.errors import LlmpoError
    from llmpo.plan import load_plan_for_workflow
    from llmpo.provenance import file_digest
    from llmpo.storage import digest
except ImportError as error:
    raise WorkflowError(
        f"The llmpo package cannot be imported ({error}). Install it beside the "
        "snakemake that you started, in the repository's folder: "
        f"{sys.executable} -m pip install -c constraints.txt -e '.[sims,workflow,paper]'"
    )

# The `llmpo` command beside this snakemake, activated environment or not.
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])
)

# First the package, whose messages are made to be read; then the schema.
try:
    PLAN = load_plan_for_workflow(config, Path())
except LlmpoError as error:
    raise WorkflowError(str(error))
validate(config, "../schemas/config.schema.json", set_default=False)


wildcard_constraints:
    job=r"[^/]+",


def run_fingerprint(wildcards):
    """Digest of all that makes the results of a job's runs out of date."""
    return PLAN.fingerprint(wildcards.job)


def run_threads(wildcards):
    """How many threads a job can use."""
    return PLAN.threads(wildcards.job)


def report_settings(wildcards):
    """What decides about reporting episodes, besides the policies."""
    own = {name: one.episodes for name, one in PLAN.config.experiments.items()}
    return PLAN.config.model_dump(mode="json", include={"evaluation", "sandbox"}) | (
        {"episodes": own} if any(value is not None for value in own.values()) else {}
    )


def grid_digest(wildcards):
    """Digest of all cells, for what is made from all of them."""
    return digest([cell.model_dump(mode="json") for cell in PLAN.plan.cells])


def claims_digest(wildcards):
    """Digest of the claims to be judged."""
    return digest(PLAN.config.model_dump(mode="json", include={"claims"}))


def configuration_digest(wildcards):
    """Digest of the configuration, for what speaks of all of it."""
    return digest(PLAN.config.model_dump(mode="json", exclude={"workflow"}))


def recorded_digest(wildcards):
    """Digest of recorded answers and trainings, which the paper counts."""
    folder = Path("workflow/resources")
    files = [*folder.glob("exchanges/**/*.jsonl"), *folder.glob("training/**/*.xz")]
    return digest([[str(path), file_digest(path)] for path in sorted(files)])
