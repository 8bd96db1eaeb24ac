"""The plan: the grid of the configuration, laid out over jobs.

It is written once, before the first job starts, and not by a rule: Snakemake does not
look for changed parameters in anything downstream of a job that runs, so with a rule
that makes the plan, a changed configuration would not reach the runs it concerns.
Which jobs are out of date is told by their own fingerprints.
"""

from llmpo.locking import hold_lock
from llmpo.plan import write_plan


onstart:
    try:
        # Instead of Snakemake's lock (nolock in the profiles), which survives kill -9.
        hold_lock(Path(".snakemake/llmpo.lock"))
    except LlmpoError as error:
        raise WorkflowError(str(error))
    write_plan(Path("results/plan.json"), PLAN.plan)
