"""The runs of a job, and fresh-seed evaluation of what they produced.

The plan is ancient(): it is written anew whenever any cell changes, but only those
jobs are to run again whose own fingerprint has changed.
"""


rule run:
    input:
        plan=ancient("results/plan.json"),
    output:
        "results/runs/{job}.jsonl",
    log:
        "logs/runs/{job}.log",
    threads: 2
    resources:
        llm_calls=1,
        mem_mb=4000,
        runtime=720,
    params:
        fingerprint=run_fingerprint,
    shell:
        "llmpo run {input.plan} --job {wildcards.job} --out {output}"
        " --threads {threads} 2>&1 | tee {log} >&2"


rule assess:
    input:
        plan=ancient("results/plan.json"),
        runs="results/runs/{job}.jsonl",
    output:
        "results/assessments/{job}.jsonl",
    log:
        "logs/assessments/{job}.log",
    threads: 2
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        settings=report_settings,
    shell:
        "llmpo assess {input.plan} --job {wildcards.job} --runs {input.runs}"
        " --out {output} --threads {threads} 2>&1 | tee {log} >&2"
