"""The one tidy table that all figures and tables are made from."""


rule aggregate:
    input:
        expand("results/runs/{job}.jsonl", job=PLAN.jobs),
        expand("results/assessments/{job}.jsonl", job=PLAN.jobs),
    output:
        report(
            "results/tidy.csv",
            caption="../report/tidy.rst",
            category="Data",
            labels={"what": "tidy table"},
        ),
    log:
        "logs/aggregate.log",
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        grid=grid_digest,
    shell:
        "llmpo aggregate results/plan.json --runs results/runs"
        " --assessments results/assessments --out {output} > {log} 2>&1"
