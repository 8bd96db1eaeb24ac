"""The runs of a job, and fresh-seed evaluation of what they produced."""


rule run:
    output:
        "results/runs/{job}.jsonl",
    log:
        "logs/runs/{job}.log",
    threads: run_threads
    resources:
        llm_calls=1,
        mem_mb=4000,
        runtime=720,
    params:
        fingerprint=run_fingerprint,
    shell:
        "llmpo run results/plan.json --job {wildcards.job} --out {output}"
        " --threads {threads} 2>&1 | tee {log} >&2"


rule assess:
    input:
        "results/runs/{job}.jsonl",
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
        "llmpo assess results/plan.json --job {wildcards.job} --runs {input}"
        " --out {output} --threads {threads} 2>&1 | tee {log} >&2"
