"""The grid of the configuration, laid out over jobs."""


rule plan:
    input:
        [os.path.relpath(path) for path in workflow.configfiles],
    output:
        "results/plan.json",
    log:
        "logs/plan.log",
    resources:
        mem_mb=500,
        runtime=5,
    params:
        overrides=OVERRIDE_FILE,
    shell:
        "llmpo plan {input} {params.overrides} --out {output} > {log} 2>&1"
