"""The workflow, from a configuration to figures, tables and the paper.

    snakemake --cores 4                                          # the shipped default
    snakemake --cores 4 --configfile workflow/config/smoke.yaml  # another one

What is computed is in the package, src/llmpo; the rules only say what depends on what.
How it runs (cores, cluster, limits) is in profiles/.
"""

from snakemake.utils import min_version

min_version("9.27")


report: "workflow/report/workflow.rst"


# Two configurations would be merged key by key, which nobody means.
if not workflow.overwrite_configfiles:

    configfile: "workflow/config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/plan.smk"
include: "workflow/rules/runs.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/paper.smk"


rule all:
    default_target: True
    input:
        rules.figures.output,
        rules.tables.output,
        rules.paper.output,


localrules:
    all,
