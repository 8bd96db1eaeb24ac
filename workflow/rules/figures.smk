"""All figures in one job, which pays for loading the plotting library once; tables."""


rule figures:
    input:
        "results/tidy.csv",
    output:
        report(
            "results/figures/learning_curves.png",
            caption="../report/learning_curves.rst",
            category="Figures",
            labels={"figure": "score against environment steps"},
        ),
        report(
            "results/figures/cost_calls.png",
            caption="../report/cost.rst",
            category="Figures",
            labels={"figure": "score against LLM calls"},
        ),
        report(
            "results/figures/cost_tokens.png",
            caption="../report/cost.rst",
            category="Figures",
            labels={"figure": "score against tokens"},
        ),
        report(
            "results/figures/outcomes.png",
            caption="../report/outcomes.rst",
            category="Figures",
            labels={"figure": "outcomes of candidates"},
        ),
        expand(
            "results/figures/{name}.{suffix}",
            name=["learning_curves", "cost_calls", "cost_tokens", "outcomes"],
            suffix=["svg", "provenance.json"],
        ),
    log:
        "logs/figures.log",
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "llmpo figures {input} --out results/figures > {log} 2>&1"


rule tables:
    input:
        "results/tidy.csv",
    output:
        report(
            "results/tables/results.csv",
            caption="../report/results.rst",
            category="Tables",
            labels={"table": "results"},
        ),
        "results/tables/results.md",
        "results/tables/results.provenance.json",
    log:
        "logs/tables.log",
    resources:
        mem_mb=1000,
        runtime=15,
    shell:
        "llmpo tables {input} --out results/tables > {log} 2>&1"
